"""Names, addresses, counts and hashes of the paper's four data sets; the data themselves are not needed.

N. Boulanger-Lewandowski, Y. Bengio, P. Vincent: Modeling temporal dependencies in high-dimensional sequences:
application to polyphonic music generation and transcription (ICML 2012).
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

SPLITS = ("train", "valid", "test")
KINDS = ("rolls", "midi")
R = (21, 109)  # half-open range of the rolls' MIDI note numbers
SHORT = 20  # hexadecimal digits (80 bits) of the hash of one sequence

HOME = "http://www-etud.iro.umontreal.ca/~boulanni/"
TUTORIAL = "http://www.iro.umontreal.ca/~lisa/deep/data/"


class PaperSet(NamedTuple):
    """One of the four data sets.

    Attributes
    ----------
    name : str
        Its name in this library.
    title : str
        The authors' name for it.
    description : str
    steps_per_quarter : int
        Steps per quarter note of its rolls.
    """

    name: str
    title: str
    description: str
    steps_per_quarter: int

    def file_name(self, kind: str) -> str:
        """The authors' file name: "JSB Chorales.pickle" for rolls, "JSB Chorales.zip" for MIDI files."""
        return self.title + {"rolls": ".pickle", "midi": ".zip"}[kind]

    def addresses(self, kind: str) -> tuple[str, ...]:
        """Addresses of the folders that its file is published in, in the order to try them."""
        return (TUTORIAL, HOME) if (self.name, kind) == ("nottingham", "midi") else (HOME,)


SETS = {
    one.name: one
    for one in (
        PaperSet("nottingham", "Nottingham", "folk tunes with chords", 2),
        PaperSet("jsb_chorales", "JSB Chorales", "four-part chorales by J. S. Bach", 1),
        PaperSet("musedata", "MuseData", "orchestral and piano music from the library of CCARH", 2),
        PaperSet("piano_midi", "Piano-midi.de", "piano music", 2),
    )
}


CORPUS = "bach_chorales"
"""Name of the chorales of music21, which commands accept like a data set of the paper. They keep their keys, so their
rolls differ from those of jsb_chorales."""


def paper_set(name: str, kind: str = "rolls") -> PaperSet:
    """Return the data set with this name, after a check of the name and the kind.

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
    """Recorded number of sequences, number of frames (None for MIDI files) and hash of a split."""

    n_sequences: int
    n_frames: int | None
    digest: str


class Manifest(NamedTuple):
    """Recorded counts and hashes of the data sets.

    Attributes
    ----------
    splits : dict
        {(name, kind, split): KnownSplit}, for the rolls of all four sets and the MIDI files of Nottingham.
    rolls : dict
        {(name, split): list of the sequences' short hashes}, for Nottingham only.
    midi : dict
        {(name, split): {file name: short hash}}, for Nottingham only.
    """

    splits: dict[tuple[str, str, str], KnownSplit]
    rolls: dict[tuple[str, str], list[str]]
    midi: dict[tuple[str, str], dict[str, str]]


def short_digest(content: bytes) -> str:
    """First 20 hexadecimal digits of the SHA-256 of a roll's packed frames or of a whole MIDI file."""
    return hashlib.sha256(content).hexdigest()[:SHORT]


def digest_of_all(lines: Iterable[str]) -> str:
    """SHA-256 of the short hashes of a split, each followed by a newline."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


@cache
def manifest() -> Manifest:
    """Read the manifest that comes with the package. The file itself describes its format.

    Returns
    -------
    Manifest
    """
    text = files("rnnrbm_pt.music").joinpath("manifest.txt").read_text(encoding="ascii")
    known = Manifest({}, {}, {})
    target: list[str] | dict[str, str]
    for line in text.splitlines():
        words = line.split()
        if words[:1] in (["rolls"], ["midi"]):
            kind, name, split, n_sequences, n_frames, digest = words
            frames = None if n_frames == "-" else int(n_frames)
            known.splits[name, kind, split] = KnownSplit(int(n_sequences), frames, digest)
        elif words[:1] == ["in-order"]:
            target = known.rolls.setdefault((words[1], words[2]), [])
        elif words[:1] == ["by-name"]:
            target = known.midi.setdefault((words[1], words[2]), {})
            pattern = words[3]
        elif words and words[0] != "#":
            if isinstance(target, list):
                target += words
            else:
                pairs = (word.split(":") for word in words)
                target.update((pattern.replace("*", number), digest) for number, digest in pairs)
    return known
