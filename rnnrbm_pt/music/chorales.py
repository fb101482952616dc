"""The Bach chorales of the package music21."""

import contextlib
import importlib.metadata
import importlib.util
import re
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnnrbm_pt.io.archives import open_archive
from rnnrbm_pt.io.arrays import read_array
from rnnrbm_pt.io.atomic_write import replacing
from rnnrbm_pt.music.folders import cache_folder
from rnnrbm_pt.music.musicxml import quarter_roll, read_mxl
from rnnrbm_pt.music.pianoroll import Range
from rnnrbm_pt.music.sources import with_bar

LARGEST_ARRAY = 2**22  # bytes, of the file in the cache; its largest has some 400,000


class Chorales(NamedTuple):
    """Chorales in the three sets; `names` has three lists of the same lengths, as "bwv269"."""

    train: list[np.ndarray]
    valid: list[np.ndarray]
    test: list[np.ndarray]
    names: dict[str, list[str]]


def chorales(r: Range = (21, 109), progress: bool = False) -> Chorales:
    """Bach's four-part chorales, out of the installed package music21.

    The 364 scores with exactly four parts (soprano, alto, tenor, bass) among `corpus/bach/bwv*.mxl`, less
    three that stand there twice, a copy in another key included. One frame a quarter note, with what
    sounds on its beat (see `quarter_roll`); they keep the key they are written in; repeats are not played.

    The split is by name alone, three fifths to train and a fifth each to valid and test: a chorale stays in
    its set whichever machine and whichever version of music21. It is not the split of Boulanger-Lewandowski,
    Bengio and Vincent (2012), nor their very pieces, so likelihoods do not compare with their table.

    What is read is kept in a file of the user's cache folder, or of the folder that the environment
    variable RNNRBM_CACHE names.

    Parameters
    ----------
    r : (int, int)
        Range of MIDI note numbers, half open. The chorales have 36 to 81; notes outside `r` are left out.
    progress : bool
        Whether to draw a bar on stderr, when that is a terminal and the work takes more than a second.

    Returns
    -------
    Chorales
        train, valid, test: lists of uint8 arrays, shape (n_steps, r[1] - r[0]), 0/1, in the order of the
        works' numbers; and names, a dict of "train", "valid" and "test".

    Raises
    ------
    ImportError
        If music21 is not installed.
    FileNotFoundError
        If it is installed without its corpus.
    ValueError
        If `r` is no range of MIDI note numbers, or a score cannot be read.

    Notes
    -----
    The encodings come with music21 under its corpus' own terms (`corpus/license.txt` there): take them as not
    for commercial use. Nothing of them is part of this package. Nine pairs, bwv227.1 and bwv227.11 among
    them, are alike in most of their bars without being copies; they stay, and some stand in two sets.
    """
    low, high = r
    if not 0 <= low < high <= 128:
        raise ValueError(f"r={r}: expected (low, high) with 0 <= low < high <= 128")
    sets: dict[str, list[np.ndarray]] = {"train": [], "valid": [], "test": []}
    names: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for name, roll in _cached_chorales(_corpus_folder(), progress).items():
        into = _set_of(name)
        sets[into].append(roll[:, low:high].copy())
        names[into].append(name)
    return Chorales(**sets, names=names)


def _set_of(name):
    # A checksum of the name, not a place in the list: one chorale more or less moves no other.
    return ("train", "train", "train", "valid", "test")[zlib.crc32(name.encode()) % 5]


def _corpus_folder():
    # Importing music21 takes seconds; where it lies is known without.
    spec = importlib.util.find_spec("music21")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError('the chorales are read from the package music21: pip install "rnnrbm-pt[corpus]"')
    folder = Path(spec.submodule_search_locations[0], "corpus", "bach")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; this music21 is installed without its corpus")
    return folder


def _read_chorales(folder, progress):
    """Name to roll of shape (n_steps, 128), by the works' numbers, each chorale once."""
    rolls, seen = {}, set()
    files = sorted(folder.glob("bwv*.mxl"), key=_by_number)
    for file in with_bar(files, "reading chorales", progress):
        parts = read_mxl(file)
        if len(parts) != 4:
            continue
        roll = quarter_roll(parts)
        shape = np.roll(roll, -int(roll.any(axis=0).argmax()), axis=1).tobytes()  # the same in any key
        if shape not in seen:
            seen.add(shape)
            rolls[file.stem] = roll
    return rolls


def _by_number(file):
    return [(int(digits or -1), other) for digits, other in re.findall(r"(\d+)|(\D+)", file.stem)]


def _cached_chorales(folder, progress):
    try:
        version = importlib.metadata.version("music21")
    except importlib.metadata.PackageNotFoundError:  # a copy on the path: nothing tells its versions apart
        return _read_chorales(folder, progress)
    # The number at the end goes up whenever the same corpus would be read differently.
    cache = cache_folder() / f"chorales-music21-{version}-1.npz"
    rolls = _load_rolls(cache)
    if rolls is None:
        rolls = _read_chorales(folder, progress)
        with contextlib.suppress(OSError, ValueError):  # a cache saves time, no more
            _save_rolls(cache, rolls)
    return rolls


def _save_rolls(path, rolls):
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            names=np.array(list(rolls)),
            lengths=np.array([len(roll) for roll in rolls.values()]),
            frames=np.packbits(np.concatenate(list(rolls.values())), axis=1),
        )


def _load_rolls(path):
    """The rolls of a cache file; None when it is missing, damaged, or something else."""
    try:
        with open_archive(path) as archive:
            names, lengths, packed = (
                read_array(archive, name, path, LARGEST_ARRAY) for name in ("names", "lengths", "frames")
            )
        frames = np.unpackbits(packed, axis=1)
        if names.shape != lengths.shape or frames.shape != (lengths.sum(), 128) or lengths.min() < 1:
            return None
        pieces = np.split(frames, np.cumsum(lengths)[:-1])
        return {str(name): roll for name, roll in zip(names, pieces, strict=True)}
    except Exception:  # whatever stands there, it is not what was written, and the scores are still there
        return None
