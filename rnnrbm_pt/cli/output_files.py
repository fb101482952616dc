"""The files that a command shall write: their names are checked before any work starts."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of file.

    Attributes
    ----------
    what : str
        What to call it in an error.
    suffixes : tuple of str
        Those that its name may have, in lower case; the first is the one to recommend.
    bare : bool
        Whether its name may have none. Other programs tell the kind of a file by its suffix, so that only files which
        this program alone reads, or which are text, can do without.
    related : tuple of str
        Suffixes of files that are meant for the same, but cannot be written.
    """

    what: str
    suffixes: tuple
    bare: bool = False
    related: tuple = ()


MIDI = Kind("a MIDI file", (".mid", ".midi"))
MODEL = Kind("a model file", (".npz",), bare=True)
PARAMETERS = Kind("a file of parameters", (".npz", ".mat"), related=(".npy", ".h5", ".hdf5", ".pickle", ".pkl"))
LOG = Kind("a log", (".jsonl", ".json", ".log", ".txt"), bare=True)
PICTURE = Kind("a picture", (".png", ".svg", ".pdf"), related=(".jpg", ".jpeg", ".gif", ".eps", ".webp"))
PAGE = Kind("a page", (".html", ".htm"))
JSON = Kind("a JSON file", (".json",))
SOUND = Kind("a sound", (".wav",), related=(".mp3", ".ogg", ".flac", ".m4a", ".aac", ".opus", ".aif", ".aiff"))


class Output(NamedTuple):
    """An option that names a file to write: the option, the path (None where it was not given), the kind of file."""

    option: str
    path: str | None
    kind: Kind


def check_outputs(*outputs):
    """Refuse names of files that say another kind of file than is written, and one name for two files.

    Parameters
    ----------
    *outputs : Output
        All of a command; an option beside `-o` can be recommended in its place.

    Raises
    ------
    ValueError
        The sentence says what to write instead.
    """
    given = [output for output in outputs if output.path]
    for output in given:
        suffix = suffix_of(output.path)
        if suffix in output.kind.suffixes or (not suffix and output.kind.bare):
            continue
        expected = ", ".join([*output.kind.suffixes, *(["or no suffix"] if output.kind.bare else [])])
        raise ValueError(
            f"{output.option} {output.path}: expected {output.kind.what} ({expected}), found {suffix or 'no suffix'}; "
            f"write {_instead(output, outputs)}"
        )
    seen = {}
    for output in given:
        first = seen.setdefault(Path(output.path).resolve(), output)
        if first is not output:
            raise ValueError(
                f"{first.option} {first.path} and {output.option} {output.path}: expected two files, found one name"
            )


def suffix_of(path):
    """The suffix of a name in lower case; one that begins with a digit, as in `lr0.01`, is none."""
    suffix = Path(path).suffix.lower()
    return suffix if re.match(r"\.[a-z]", suffix) else ""


def _instead(output, outputs):
    """The options that write what the name asks for."""
    suffix = suffix_of(output.path)
    other = next((o for o in outputs if suffix in o.kind.suffixes + o.kind.related and o.option != "-o"), None)
    here = _option(output, output.path)
    if other is None:
        return here
    there = _option(other, output.path)
    return f"{here} {there}" if output.option == "-o" else there


def _option(output, path):
    """The option with the name that it should have."""
    path, suffix = Path(path), suffix_of(path)
    if suffix not in output.kind.suffixes:
        path = path.with_suffix(output.kind.suffixes[0]) if suffix else Path(f"{path}{output.kind.suffixes[0]}")
    return f"{output.option} {shlex.quote(str(path))}"
