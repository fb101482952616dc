"""MIDI files that are named on the command line: reading them, and what is said on stderr of what was found.

Broken files are skipped and named, drums are counted, and a set that was given whole is pointed out.
"""

import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from rnnrbm_pt.cli.stores import check_frames, store_of
from rnnrbm_pt.interrupts import deferred_interrupts
from rnnrbm_pt.models.pretrained import find, names, verified_file
from rnnrbm_pt.music.paper_sets import SETS
from rnnrbm_pt.quoting import printable

LONGEST_LINE = 1000  # characters of a warning, which may name a file of any name
FILES = "MIDI files, folders, patterns, zip files (or x.zip/folder)"

PARTS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "validate", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""What the folders of the parts of a data set are called, in lower case."""


class Read(NamedTuple):
    """Piano-rolls that a command has read.

    Attributes
    ----------
    rolls : list of arrays, shape (n_steps, n_visible), or RollStore
    outside : list of int
        Numbers of notes outside the model's range, of each file that has such notes.
    step : str
        What a frame is: "0.3 s", "a quarter note, transposed to C".
    """

    rolls: list
    outside: list
    step: str


def load_model(path, args):
    """The model in a file, or a pretrained one, for the backend and the threads that the options ask for.

    Parameters
    ----------
    path : str
        As `model_file` takes it.
    args : argparse.Namespace

    Returns
    -------
    SequenceModel
    """
    return load_file(model_file(path), args)


def load_file(path, args):
    """The model in a file; see `load_model`."""
    with deferred_interrupts():  # libraries in C may crash where their import is interrupted
        from rnnrbm_pt.models.base import SequenceModel

    devices = getattr(args, "devices", None) or 1
    model = SequenceModel.load(path, backend=args.backend, threads=args.threads, devices=devices)
    if getattr(args, "averages", False):
        try:
            model.use_averages()
        except ValueError as error:
            raise ValueError(f"{path}: --averages: {error}") from error
    return model


def add_averages_option(parser):
    """Add the option that takes the averages of the parameters, where a model has them."""
    parser.add_argument(
        "--averages", action="store_true", help="use the averages of the parameters, of a model trained with --average"
    )


def model_file(path):
    """The file of a model that a command is given.

    Parameters
    ----------
    path : str
        A file, or the name of a pretrained model where there is no file of this name.

    Returns
    -------
    str or path-like

    Raises
    ------
    FileNotFoundError
        If it is neither.
    ValueError
        If the file of a pretrained model is damaged.
    """
    if Path(path).exists() and not Path(path).is_dir():
        return path
    if path in names():
        return verified_file(find(path))
    if not Path(path).exists() and Path(path).name == str(path) and not Path(path).suffix:
        raise FileNotFoundError(f"{path}: no such file; pretrained models are {', '.join(names())}")
    return path  # loading it says what is wrong


def add_reading_options(parser):
    """Add the options that say how MIDI files are read."""
    parser.add_argument(
        "--strict",
        action="store_true",
        help="end with an error at the first broken file; without it, broken files in folders, patterns and zip files "
        "are skipped with a warning (one that is named itself is always an error)",
    )


def read_files(model, sources, strict=False):
    """Read MIDI files as a model's `preprocess` says, and say on stderr what is odd about them; or open a store.

    Parameters
    ----------
    model : SequenceModel
    sources : list of str, path-like and ZipMember
        As for `midi_files`, in the order in which they are wanted; or a store of `rnnrbm prepare` alone.
    strict : bool
        Whether any broken file is an error. A file that is named itself is one in any case.

    Returns
    -------
    Read

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If a broken file is an error, or no file can be read.
    OSError
        The same of a file that cannot be opened.
    """
    store = store_of(sources)
    if store is not None:
        check_frames(store, model)
        return Read(store, [], f"{model.step_seconds:g} s")
    from rnnrbm_pt.music.sources import ZipMember, midi_files

    files, named = [], set()
    for source in sources:
        try:
            found = [source] if isinstance(source, ZipMember) else midi_files(source)
        except FileNotFoundError as error:
            if Path(source).name != str(source) or Path(source).suffix:
                raise
            raise FileNotFoundError(f"{error}; data sets are {', '.join(SETS)}") from error
        files += found
        if isinstance(source, str):
            if [str(file) for file in found] == [str(Path(source).expanduser())]:
                named.add(str(found[0]))
            warn_of_parts(source, found)
    outside, drums, broken, moved = [], [], [], []

    def on_broken(file, error):
        if strict or str(file) in named:
            raise error
        broken.append(error)

    rolls = model.read(
        files,
        progress=True,
        on_outside=lambda file, n: outside.append(n),
        on_drums=lambda file, n: drums.append(n),
        on_broken=on_broken,
        on_moved=lambda file, n: moved.append((file, n)),
    )
    if not rolls:
        places = " ".join(map(str, sources))
        raise ValueError(
            f"{places}: expected MIDI files, found {len(files)}, none of which can be read, the first since {broken[0]}"
        )
    if broken:
        some = f"skipped {len(broken):,} of {plural(len(files), 'file')}, which cannot be read"
        warn("\n  ".join([f"{some} (with --strict this is an error):", *map(str, broken)]))
    warn_of_drums(model, drums, len(rolls))
    warn_of_moved(moved, len(rolls))
    return Read(rolls, outside, f"{model.step_seconds:g} s")


def warn_of_drums(model, drums, n_files):
    """Say how many notes of channel 10 the files have, and what was done with them.

    Parameters
    ----------
    model : SequenceModel
    drums : list of int
        Numbers of notes, of each file that has some.
    n_files : int
        How many files were read.
    """
    if not drums:
        return
    done, other = (
        ("read as notes", "`train --no-drums` leaves them out")
        if model.preprocess.drums
        else ("left out", "`train --drums` reads them as notes")
    )
    were = "was" if sum(drums) == 1 else "were"
    warn(
        f"{plural(sum(drums), 'note')} of channel 10 (drums) in {len(drums):,} of {plural(n_files, 'file')} "
        f"{were} {done} ({other})"
    )


def warn_of_moved(moved, n_files):
    """Say how many notes the tutorial's rule puts at other times than the files do, and what reads them right.

    Parameters
    ----------
    moved : list of (file, int)
        Files that have such notes, and how many.
    n_files : int
        How many files were read.
    """
    if not moved:
        return
    total = sum(n for _, n in moved)
    files = f"{len(moved):,} of {plural(n_files, 'file')}"
    warn(
        f"{plural(total, 'note')} in {files} {'is' if total == 1 else 'are'} moved in time or lost, such as in "
        f"{moved[0][0]}: the tutorial's reader carries the tempo of one track into the next "
        "(`train --tempo-from file` reads the files' own tempo maps)"
    )


def warn_of_parts(source, files):
    """Say so if a source was given whole that holds a training part and others.

    Parameters
    ----------
    source : str
        What was named: a folder, a pattern or a zip file.
    files : list of pathlib.Path and ZipMember
        What it stands for.
    """
    found = {}  # by part: the paths of its folders, once for each file
    for file in files:
        part, folder = _part_of(str(file), source)
        if part is not None:
            found.setdefault(part, []).append(folder)
    if len(found) < 2:
        return
    folders = [found[part] for part in PARTS if part in found]
    parts = [f"{Path(of[0]).name} ({plural(len(of), 'file')})" for of in folders]
    warn(
        f"{source} holds parts, of which all are read: {', '.join(parts[:-1])} and {parts[-1]}; "
        f"to read one alone, write {shlex.quote(folders[0][0])}"
    )


def _part_of(path, source):
    """The part of a set that a file belongs to and the folder of that part; None if the source names the folder."""
    named, folders = Path(source).expanduser().parts, Path(path).parts[:-1]
    for i, folder in enumerate(folders):
        part = next((part for part, names in PARTS.items() if folder.lower() in names), None)
        if part is not None and named[i : i + 1] != (folder,):
            return part, str(Path(*folders[: i + 1]))
    return None, None


def warn(sentence):
    """Say something on stderr."""
    lines = (printable(line, LONGEST_LINE) for line in sentence.split("\n"))
    print("rnnrbm: warning: " + "\n".join(lines), file=sys.stderr, flush=True)


def plural(n, noun):
    """ "1 file", "2 files"."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def n_frames(rolls):
    """ "12 sequences, 3,456 frames", for a line of output."""
    return f"{plural(len(rolls), 'sequence')}, {sum(map(len, rolls)):,} frames"


def left_out(n, r):
    """ "3 notes outside 21 to 108 were left out", for a line of output."""
    return f"{plural(n, 'note')} outside {r[0]} to {r[1] - 1} {'were' if n != 1 else 'was'} left out"
