"""The paper's data sets by name, as `rnnrbm train` and `rnnrbm evaluate` take them instead of files."""

from pathlib import Path

from rnnrbm_pt.cli.input_files import Read, read_files, warn
from rnnrbm_pt.music.paper_sets import KINDS, SETS

NAMES = ", ".join(SETS)
FRAMES = {1: "a quarter note", 2: "an eighth note"}
"""What a frame of a set's rolls is, by the number of frames of a quarter note."""


def add_set_options(parser):
    """Add the options that say which of a set's two kinds is meant, and where it lies."""
    parser.add_argument("--kind", choices=KINDS, help="piano-rolls, as in the paper, or MIDI files (rolls)")
    parser.add_argument("--folder", metavar="FOLDER", help="where sets lie (RNNRBM_DATA, or the user's cache)")


def named_set(sources):
    """The name of the set, if that is what a command was given.

    Parameters
    ----------
    sources : list of str

    Returns
    -------
    str or None

    Raises
    ------
    ValueError
        If a set is named beside something else.
    """
    if len(sources) == 1 and sources[0] in SETS:
        return sources[0]
    for source in sources:
        if source in SETS and not Path(source).exists():
            raise ValueError(f"{source}: a data set is named alone, found {len(sources)} names")
    return None


def load_set(name, args):
    """A set, by the options --kind and --folder; it is looked for, and fetched, as `rnnrbm data` does it.

    Parameters
    ----------
    name : str
    args : argparse.Namespace

    Returns
    -------
    PaperData
    """
    from rnnrbm_pt.music.datasets import load

    if Path(name).exists():
        warn(f"{name} is taken as the data set; for what is here under that name, write ./{name}")
    return load(name, args.kind or "rolls", args.folder, progress=True)


def read_split(model, found, split, strict=False):
    """A part of a set as a model can take it.

    Parameters
    ----------
    model : SequenceModel
    found : PaperData
    split : {"train", "valid", "test"}
    strict : bool
        As for `read_files`.

    Returns
    -------
    Read

    Raises
    ------
    ValueError
        If notes of the rolls lie outside the model's range, or a MIDI file is broken and that is an error.
    """
    if found.kind == "midi":
        return read_files(model, getattr(found, split), strict)
    rolls = cut(getattr(found, split), found.r, model.r, f"{found.name}, {split}")
    return Read(rolls, [], FRAMES[found.steps_per_quarter] + ", transposed to C")


def cut(rolls, r, new_r, name):
    """Rolls of the notes `r` as rolls of `new_r`.

    Parameters
    ----------
    rolls : list of arrays, shape (n_steps, r[1] - r[0])
    r, new_r : pairs of int
    name : str
        What to call them in an error.

    Returns
    -------
    list of arrays, shape (n_steps, new_r[1] - new_r[0])

    Raises
    ------
    ValueError
        If notes lie outside `new_r`: without them the model would be flattered.
    """
    import numpy as np

    from rnnrbm_pt.music.pianoroll import change_range

    changed = [change_range(roll, r, new_r) for roll in rolls]
    if any(n_lost for _, n_lost in changed):
        used = r[0] + np.flatnonzero(np.any([roll.any(axis=0) for roll in rolls], axis=0))
        raise ValueError(
            f"{name}: expected notes {new_r[0]} to {new_r[1] - 1}, those of the model, found {used[0]} to {used[-1]}"
        )
    return [roll for roll, _ in changed]


# ---------------------------------------------------------------------------------------------------
# Training on them


def preprocessing_of_rolls(name, args):
    """What was done to the pieces of a set's rolls: so a model of them writes their tempo, and reads a primer.

    Parameters
    ----------
    name : str
    args : argparse.Namespace
        Those of `rnnrbm train`.

    Returns
    -------
    dict
        As `Preprocessing` takes it.

    Raises
    ------
    ValueError
        If an option asks for other frames than the rolls have.
    """
    known = {"tonality": "parallel", "steps_per_quarter": SETS[name].steps_per_quarter}
    for option, given, fixed in (
        ("--dt", args.dt, None),
        ("--steps-per-quarter", args.steps_per_quarter, known["steps_per_quarter"]),
        ("--transpose", args.transpose, known["tonality"]),
    ):
        if given not in (None, fixed):
            raise ValueError(
                f"{option} {given}: the frames of {name} are {FRAMES[known['steps_per_quarter']]}, transposed to C; "
                f"leave the option out, or read the set's MIDI files with --kind midi"
            )
    return {**known, "key_from": args.key_from or "auto"}


def read_music(model, sources, split, args):
    """What `rnnrbm train` learns from, or validates on: a set's part, or MIDI files.

    Parameters
    ----------
    model : SequenceModel
    sources : list of str
        The name of a set alone, or what `read_files` takes.
    split : {"train", "valid"}
        Of a set.
    args : argparse.Namespace

    Returns
    -------
    Read

    Raises
    ------
    ValueError
        If the frames of a set's rolls are not the model's; or as `read_split` and `read_files`.
    FileNotFoundError or FetchError
        If there is no such file, or the set is not there and cannot be fetched.
    """
    name = named_set(sources)
    if name is None:
        return read_files(model, sources, args.strict)
    found = load_set(name, args)
    steps = found.steps_per_quarter  # None of MIDI files, which are read as the model likes
    if steps is not None and steps != model.preprocess.steps_per_quarter:
        raise ValueError(
            f"{name}: expected frames of {model.step_seconds:g} s, those of the model, found frames of {FRAMES[steps]} "
            f"(--steps-per-quarter {steps} reads MIDI files so)"
        )
    return read_split(model, found, split, args.strict)
