"""Data sets that commands accept by name instead of files: the paper's four, and the chorales of music21."""

from pathlib import Path
from typing import NamedTuple

from rnnrbm_pt.cli.input_files import Read, read_files, warn
from rnnrbm_pt.music.paper_sets import CORPUS, KINDS, SETS, R

FRAMES = {1: "a quarter note", 2: "an eighth note"}
"""Duration of a frame of a data set's rolls, by the number of frames per quarter note."""


class Rolls(NamedTuple):
    """How the rolls of a data set were made: fields of `Preprocessing`."""

    tonality: str | None
    steps_per_quarter: int

    def frame(self):
        """Describe a frame."""
        return FRAMES[self.steps_per_quarter] + (", transposed to C" if self.tonality else "")


KNOWN = {name: Rolls("parallel", found.steps_per_quarter) for name, found in SETS.items()} | {CORPUS: Rolls(None, 1)}
NAMES = ", ".join(KNOWN)


def add_set_options(parser):
    """Add the options for the kind and the folder of a data set."""
    parser.add_argument("--kind", choices=KINDS, help="piano-rolls, as in the paper, or MIDI files [default: rolls]")
    parser.add_argument(
        "--folder", metavar="FOLDER", help="folder of the data sets [default: $RNNRBM_DATA, or the user's cache]"
    )


def named_set(sources):
    """Return the name of the data set that a command was given, if any.

    Parameters
    ----------
    sources : list of str
        The command's arguments: files or one data set.

    Returns
    -------
    str or None

    Raises
    ------
    ValueError
        If a data set is given together with other names.
    """
    if len(sources) == 1 and sources[0] in KNOWN:
        return sources[0]
    for source in sources:
        if source in KNOWN and not Path(source).exists():
            raise ValueError(f"{source}: expected a data set without other names, found {len(sources)} names")
    return None


def load_set(name, args):
    """Load a data set, as the options --kind and --folder say. Download it if necessary.

    Parameters
    ----------
    name : str
    args : argparse.Namespace

    Returns
    -------
    PaperData

    Raises
    ------
    ValueError
        If --kind midi or --folder is given for the chorales of music21.
    """
    from rnnrbm_pt.music.datasets import PaperData, chorales, load

    if Path(name).exists():
        warn(f"{name} means the data set; for the file or folder of that name, write ./{name}")
    if name == CORPUS:
        if args.kind == "midi" or args.folder:
            raise ValueError(f"--kind midi and --folder: {name} is a part of music21 and has piano-rolls only")
        found = chorales(progress=True)
        steps = KNOWN[name].steps_per_quarter
        return PaperData(*found[:3], name=name, kind="rolls", source="music21", steps_per_quarter=steps, r=R)
    return load(name, args.kind or "rolls", args.folder, progress=True)


def read_split(model, found, split, strict=False):
    """Read a split of a data set in the form that a model takes.

    Parameters
    ----------
    model : SequenceModel
    found : PaperData
    split : {"train", "valid", "test"}
    strict : bool
        Whether a broken MIDI file is an error; see `read_files`.

    Returns
    -------
    Read

    Raises
    ------
    ValueError
        If a roll has notes outside the model's range, or a broken MIDI file is an error.
    """
    if found.kind == "midi":
        return read_files(model, getattr(found, split), strict)
    rolls = cut(getattr(found, split), found.r, model.r, f"{found.name}, {split}")
    return Read(rolls, [], KNOWN[found.name].frame())


def cut(rolls, r, new_r, name):
    """Change the range of notes of rolls.

    Parameters
    ----------
    rolls : list of arrays, shape (n_steps, r[1] - r[0])
    r, new_r : pairs of int
        Old and new range: (low, high), MIDI note numbers, half open.
    name : str
        Name of the rolls, for error messages.

    Returns
    -------
    list of arrays, shape (n_steps, new_r[1] - new_r[0])

    Raises
    ------
    ValueError
        If notes lie outside `new_r`. Dropping them would flatter the model.
    """
    import numpy as np

    from rnnrbm_pt.music.pianoroll import change_range

    changed = [change_range(roll, r, new_r) for roll in rolls]
    if any(n_lost for _, n_lost in changed):
        used = r[0] + np.flatnonzero(np.any([roll.any(axis=0) for roll in rolls], axis=0))
        raise ValueError(
            f"{name}: expected notes {new_r[0]} to {new_r[1] - 1}, the model's range, found {used[0]} to {used[-1]}"
        )
    return [roll for roll, _ in changed]


# ---------------------------------------------------------------------------------------------------
# Training on a data set


def preprocessing_of_rolls(name, args):
    """Return the preprocessing of a data set's rolls, which the model needs for the tempo and for primers.

    Parameters
    ----------
    name : str
    args : argparse.Namespace
        Options of `rnnrbm train`.

    Returns
    -------
    dict
        Keywords of `Preprocessing`.

    Raises
    ------
    ValueError
        If an option contradicts the frames of the rolls.
    """
    known = KNOWN[name]
    for option, given, fixed in (
        ("--dt", args.dt, None),
        ("--steps-per-quarter", args.steps_per_quarter, known.steps_per_quarter),
        ("--transpose", args.transpose, known.tonality),
    ):
        if given not in (None, fixed):
            other = ", or read the set's MIDI files with --kind midi" if name in SETS else ""
            raise ValueError(f"{option} {given}: a frame of {name} is {known.frame()}; leave the option out{other}")
    return {**known._asdict(), "key_from": args.key_from or "auto"}


def read_music(model, sources, split, args):
    """Read training, validation or test music: a split of a data set, or MIDI files.

    Parameters
    ----------
    model : SequenceModel
    sources : list of str
        The name of one data set, or the sources of `read_files`.
    split : {"train", "valid", "test"}
        Split of a data set. Ignored for files.
    args : argparse.Namespace

    Returns
    -------
    Read

    Raises
    ------
    ValueError
        If the frames of the data set differ from the model's, or `read_split` or `read_files` raises an error.
    FileNotFoundError or FetchError
        If a file does not exist, or the data set is missing and cannot be downloaded.
    """
    name = named_set(sources)
    if name is None:
        return read_files(model, sources, args.strict)
    found = load_set(name, args)
    steps = found.steps_per_quarter  # None for MIDI files, which are read with the model's own frames
    if steps is not None and steps != model.preprocess.steps_per_quarter:
        raise ValueError(
            f"{name}: expected frames of {model.step_seconds:g} s, as in the model, found frames of {FRAMES[steps]} "
            f"(to train on such frames of MIDI files, use --steps-per-quarter {steps})"
        )
    return read_split(model, found, split, args.strict)
