"""Read the models and MIDI files that are named on the command line, and warn about oddities on stderr.

The warnings list broken files, which are skipped, count the notes of drums, and point out data sets that were given as
a whole.
"""

import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from rnnrbm_pt.cli.stores import check_frames, store_of
from rnnrbm_pt.interrupts import deferred_interrupts
from rnnrbm_pt.models.pretrained import find, names, verified_file
from rnnrbm_pt.music.paper_sets import CORPUS, SETS
from rnnrbm_pt.quoting import printable

LONGEST_LINE = 1000  # characters of a warning, since file names may be long
FILES = "MIDI files, folders, glob patterns or zip files (x.zip or x.zip/folder)"
MODEL_FILE = "model file, or name of a pretrained model (see `rnnrbm info`)"

PARTS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "validate", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""Usual names of the folders that hold the splits of a data set, in lower case."""


class Read(NamedTuple):
    """Piano-rolls that a command has read.

    Attributes
    ----------
    rolls : list of arrays, shape (n_steps, n_visible), or RollStore
    outside : list of int
        Number of notes outside the model's range, for each file that has such notes.
    step : str
        Duration of a frame in words: "0.3 s", "a quarter note, transposed to C".
    """

    rolls: list
    outside: list
    step: str


def load_model(path, args):
    """Load a model from a file or a pretrained model, with the backend and threads of the options.

    Parameters
    ----------
    path : str
        Path of a model file, or name of a pretrained model; see `model_file`.
    args : argparse.Namespace

    Returns
    -------
    SequenceModel
    """
    return load_file(model_file(path), args)


def load_notes_model(path, args):
    """Load a model like `load_model`; raise a ValueError if its visible units are not notes."""
    model = load_model(path, args)
    if model.real_valued:
        raise ValueError(f"{path}: expected a model of notes, found a model with Gaussian visible units")
    return model


def load_file(path, args):
    """Load a model from a file; see `load_model`."""
    with deferred_interrupts():  # a C library may crash if its import is interrupted
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
    """Add the option that uses the averages of the parameters."""
    parser.add_argument(
        "--averages",
        action="store_true",
        help="use the moving averages of the parameters; requires a model trained with --average",
    )


def model_file(path):
    """Find the model file that a command was given.

    Parameters
    ----------
    path : str
        Path of a file, or name of a pretrained model. A file takes precedence.

    Returns
    -------
    str or path-like

    Raises
    ------
    FileNotFoundError
        If there is neither a file nor a pretrained model of that name.
    ValueError
        If the file of a pretrained model is damaged.
    """
    if Path(path).exists() and not Path(path).is_dir():
        return path
    if path in names():
        return verified_file(find(path))
    if not Path(path).exists() and Path(path).name == str(path) and not Path(path).suffix:
        raise FileNotFoundError(f"{path}: no such file; pretrained models are {', '.join(names())}")
    return path  # loading the file raises the error


def add_reading_options(parser):
    """Add the option for broken MIDI files."""
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop at the first broken file; by default, broken files in folders, patterns and zip files are skipped "
        "with a warning, and only a file that is named directly is an error",
    )


def read_files(model, sources, strict=False):
    """Read MIDI files with a model's preprocessing and warn about oddities, or open a store.

    Parameters
    ----------
    model : SequenceModel
    sources : list of str, path-like and ZipMember
        Sources of `midi_files`, in the desired order; or the path of one store of `rnnrbm prepare`. A file that is in
        several sources is read once.
    strict : bool
        Whether every broken file is an error. A broken file that is named directly is always an error.

    Returns
    -------
    Read

    Raises
    ------
    FileNotFoundError
        If a file or folder does not exist.
    ValueError
        If a broken file is an error, or no file can be read.
    OSError
        If a file cannot be opened and that is an error.
    """
    store = store_of(sources)
    if store is not None:
        check_frames(store, model)
        return Read(store, [], f"{model.step_seconds:g} s")
    from rnnrbm_pt.music.sources import ZipMember, distinct, midi_files

    files, named = [], set()
    for source in sources:
        try:
            found = [source] if isinstance(source, ZipMember) else midi_files(source)
        except FileNotFoundError as error:
            if Path(source).name != str(source) or Path(source).suffix:
                raise
            raise FileNotFoundError(f"{error}; data sets are {', '.join([*SETS, CORPUS])}") from error
        files += found
        if isinstance(source, str):
            if [str(file) for file in found] == [str(Path(source).expanduser())]:
                named.add(str(found[0]))
            warn_of_parts(source, found)
    files = distinct(files)
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
            f"{places}: expected MIDI files, found {len(files)} that cannot be read; the first error: {broken[0]}"
        )
    if broken:
        some = f"skipped {len(broken):,} of {plural(len(files), 'file')} because of errors"
        warn("\n  ".join([f"{some} (use --strict to stop at the first error):", *map(str, broken)]))
    warn_of_drums(model.preprocess, drums, len(rolls))
    warn_of_moved(moved, len(rolls))
    return Read(rolls, outside, f"{model.step_seconds:g} s")


def warn_of_drums(preprocess, drums, n_files, command="train"):
    """Warn about notes of drums (channel 10), and say whether they were read or left out.

    Parameters
    ----------
    preprocess : Preprocessing
    drums : list of int
        Number of such notes, for each file that has them.
    n_files : int
        Number of files read.
    command : str
        The command that has an option to change it.
    """
    if not drums:
        return
    done, other = (
        ("read as notes", f"to leave them out, use `{command} --no-drums`")
        if preprocess.drums
        else ("left out", f"to read them as notes, use `{command} --drums`")
    )
    were = "was" if sum(drums) == 1 else "were"
    warn(
        f"{plural(sum(drums), 'note')} of channel 10 (drums) in {len(drums):,} of {plural(n_files, 'file')} "
        f"{were} {done} ({other})"
    )


def warn_of_moved(moved, n_files, command="train"):
    """Warn about notes that the rule of the tutorial's reader places at wrong times, and name the option that helps.

    Parameters
    ----------
    moved : list of (file, int)
        Files with such notes, and the number of such notes.
    n_files : int
        Number of files read.
    command : str
        The command that has the option.
    """
    if not moved:
        return
    total = sum(n for _, n in moved)
    files = f"{len(moved):,} of {plural(n_files, 'file')}"
    warn(
        f"{plural(total, 'note')} in {files} {'is' if total == 1 else 'are'} moved in time or lost, for example in "
        f"{moved[0][0]}: the tutorial's reader carries the tempo of one track into the next "
        f"(to use each file's own tempo map, use `{command} --tempo-from file`)"
    )


def warn_of_parts(source, files):
    """Warn if a source contains several splits of a data set.

    Parameters
    ----------
    source : str
        The source as given: a folder, a pattern or a zip file.
    files : list of pathlib.Path and ZipMember
        The files that the source stands for.
    """
    found = {}  # by split: the folder of each file
    for file in files:
        part, folder = _part_of(str(file), source)
        if part is not None:
            found.setdefault(part, []).append(folder)
    if len(found) < 2:
        return
    folders = [found[part] for part in PARTS if part in found]
    parts = [f"{Path(of[0]).name} ({plural(len(of), 'file')})" for of in folders]
    warn(
        f"{source} contains several splits, and all are read: {', '.join(parts[:-1])} and {parts[-1]}; "
        f"to read only one, write {shlex.quote(folders[0][0])}"
    )


def _part_of(path, source):
    """Return the split that a file belongs to and the folder of that split, or None if the source names the folder."""
    named, folders = Path(source).expanduser().parts, Path(path).parts[:-1]
    for i, folder in enumerate(folders):
        part = next((part for part, names in PARTS.items() if folder.lower() in names), None)
        if part is not None and named[i : i + 1] != (folder,):
            return part, str(Path(*folders[: i + 1]))
    return None, None


def warn(sentence):
    """Print a warning on stderr."""
    lines = (printable(line, LONGEST_LINE) for line in sentence.split("\n"))
    print("rnnrbm: warning: " + "\n".join(lines), file=sys.stderr, flush=True)


def plural(n, noun):
    """Format a count with a noun: "1 file", "2 files"."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def n_frames(rolls):
    """Format the size of a data set: "12 sequences, 3,456 frames"."""
    return f"{plural(len(rolls), 'sequence')}, {sum(map(len, rolls)):,} frames"


def left_out(n, r):
    """Format the number of notes that were left out: "3 notes outside 21 to 108 were left out"."""
    return f"{plural(n, 'note')} outside {r[0]} to {r[1] - 1} {'were' if n != 1 else 'was'} left out"
