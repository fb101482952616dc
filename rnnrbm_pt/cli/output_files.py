"""Check the names of a command's output files before any work starts."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of output file.

    Attributes
    ----------
    what : str
        Name of the kind, for error messages ("a picture").
    suffixes : tuple of str
        Allowed suffixes, in lower case. Error messages recommend the first one.
    bare : bool
        Whether the suffix may be left out. Other programs need the suffix, so this is True only for text files and for
        files that only this program reads.
    related : tuple of str
        Suffixes of similar files that cannot be written.
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
    """An option that names a file to write: the option, the path (None if not given) and the kind of file."""

    option: str
    path: str | None
    kind: Kind


def check_outputs(*outputs):
    """Check that each output file has a suitable suffix and that no two outputs are the same file.

    Parameters
    ----------
    *outputs : Output
        All outputs of a command, so that the error can recommend the right option for a suffix.

    Raises
    ------
    ValueError
        If a name is unsuitable. The message recommends the options to use instead.
    """
    given = [output for output in outputs if output.path]
    for output in given:
        suffix = suffix_of(output.path)
        if suffix in output.kind.suffixes or (not suffix and output.kind.bare):
            continue
        expected = ", ".join([*output.kind.suffixes, *(["or no suffix"] if output.kind.bare else [])])
        raise ValueError(
            f"{output.option} {output.path}: expected {output.kind.what} ({expected}), found {suffix or 'no suffix'}; "
            f"use {_instead(output, outputs)}"
        )
    seen = {}
    for output in given:
        first = seen.setdefault(Path(output.path).resolve(), output)
        if first is not output:
            raise ValueError(
                f"{first.option} {first.path} and {output.option} {output.path}: expected two files, found one"
            )


def suffix_of(path):
    """Return the suffix of a name in lower case, or "" if it begins with a digit, as in `lr0.01`."""
    suffix = Path(path).suffix.lower()
    return suffix if re.match(r"\.[a-z]", suffix) else ""


def _instead(output, outputs):
    """Recommend options that write the kind of file that the name suggests."""
    suffix = suffix_of(output.path)
    other = next((o for o in outputs if suffix in o.kind.suffixes + o.kind.related and o.option != "-o"), None)
    here = _option(output, output.path)
    if other is None:
        return here
    there = _option(other, output.path)
    return f"{here} {there}" if output.option == "-o" else there


def _option(output, path):
    """Return an option followed by the path with a suitable suffix."""
    path, suffix = Path(path), suffix_of(path)
    if suffix not in output.kind.suffixes:
        path = path.with_suffix(output.kind.suffixes[0]) if suffix else Path(f"{path}{output.kind.suffixes[0]}")
    return f"{output.option} {shlex.quote(str(path))}"
