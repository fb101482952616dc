"""What is known of the paper's four data sets without having them: names, addresses, counts, hashes.

N. Boulanger-Lewandowski, Y. Bengio, P. Vincent: Modeling temporal dependencies in high-dimensional sequences:
application to polyphonic music generation and transcription (ICML 2012). Imports nothing heavy.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

SPLITS = ("train", "valid", "test")
KINDS = ("rolls", "midi")
R = (21, 109)  # of the rolls' columns, MIDI note numbers, half open
SHORT = 20  # hexadecimal digits, 80 bits, of the hash of one sequence

HOME = "http://www-etud.iro.umontreal.ca/~boulanni/"
TUTORIAL = "http://www.iro.umontreal.ca/~lisa/deep/data/"


class PaperSet(NamedTuple):
    """One of the four: its name here, the authors' name for it, what it is, and steps a quarter note of its rolls."""

    name: str
    title: str
    about: str
    steps_per_quarter: int

    def file_name(self, kind: str) -> str:
        """The authors' name for its file: "JSB Chorales.pickle" of rolls, "JSB Chorales.zip" of MIDI files."""
        return self.title + {"rolls": ".pickle", "midi": ".zip"}[kind]

    def addresses(self, kind: str) -> tuple[str, ...]:
        """Bases of the addresses that its file is published under, in the order they are tried."""
        return (TUTORIAL, HOME) if (self.name, kind) == ("nottingham", "midi") else (HOME,)


SETS = {
    one.name: one
    for one in (
        PaperSet("nottingham", "Nottingham", "folk tunes with chords", 2),
        PaperSet("jsb_chorales", "JSB Chorales", "four-part chorales by J. S. Bach", 1),
        PaperSet("musedata", "MuseData", "orchestral and piano music from CCARH's library", 2),
        PaperSet("piano_midi", "Piano-midi.de", "piano music", 2),
    )
}


def paper_set(name: str, kind: str = "rolls") -> PaperSet:
    """The set of that name, once the name and the kind have been looked at.

    Raises
    ------
    ValueError
        If there is no such set or kind.
    """
    if name not in SETS:
        raise ValueError(f"data set: expected one of {', '.join(SETS)}, found {name!r}")
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, found {kind!r}")
    return SETS[name]


class KnownSplit(NamedTuple):
    """What is known of a split: how many sequences, frames of them (None for MIDI files), and the hash of all."""

    n_sequences: int
    n_frames: int | None
    digest: str


class Manifest(NamedTuple):
    """What is known of the sets.

    Attributes
    ----------
    splits : dict
        KnownSplit by (name, kind, split): of all four sets' rolls, and of Nottingham's MIDI files.
    rolls : dict
        Lists of short hashes, in the order of the sequences, by (name, split): of Nottingham.
    midi : dict
        Dicts of file name to short hash, by (name, split): of Nottingham.
    """

    splits: dict[tuple[str, str, str], KnownSplit]
    rolls: dict[tuple[str, str], list[str]]
    midi: dict[tuple[str, str], dict[str, str]]


def short_digest(content: bytes) -> str:
    """The first 20 hexadecimal digits of the SHA-256 of some bytes: a roll's packed frames or a whole MIDI file."""
    return hashlib.sha256(content).hexdigest()[:SHORT]


def digest_of_all(lines: Iterable[str]) -> str:
    """SHA-256 of some lines of text, each ended by a newline: the short hashes of a split."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


@cache
def manifest() -> Manifest:
    """The manifest that comes with the package; the file itself says how it is written.

    Returns
    -------
    Manifest
    """
    text = files("rnnrbm_pt.music").joinpath("manifest.txt").read_text(encoding="ascii")
    known = Manifest({}, {}, {})
    into: list[str] | dict[str, str]
    for line in text.splitlines():
        words = line.split()
        if words[:1] in (["rolls"], ["midi"]):
            kind, name, split, n_sequences, n_frames, digest = words
            frames = None if n_frames == "-" else int(n_frames)
            known.splits[name, kind, split] = KnownSplit(int(n_sequences), frames, digest)
        elif words[:1] == ["in-order"]:
            into = known.rolls.setdefault((words[1], words[2]), [])
        elif words[:1] == ["by-name"]:
            into = known.midi.setdefault((words[1], words[2]), {})
            pattern = words[3]
        elif words and words[0] != "#":
            if isinstance(into, list):
                into += words
            else:
                into.update((pattern.replace("*", number), digest) for number, digest in map(_halves, words))
    return known


def _halves(word):
    return word.split(":")
