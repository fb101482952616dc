"""Collections of music: the paper's four data sets, MIDI files wherever they lie, and Bach's chorales of music21."""

import os
import re
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from rnnrbm_pt.io.atomic_write import FilePath, read_bytes
from rnnrbm_pt.music.chorales import Chorales, chorales
from rnnrbm_pt.music.fetching import FetchError, fetch_file, join
from rnnrbm_pt.music.folders import cache_folder, data_folder
from rnnrbm_pt.music.paper_sets import SPLITS, R, digest_of_all, manifest, paper_set, short_digest
from rnnrbm_pt.music.roll_files import SUFFIXES, read_roll_file
from rnnrbm_pt.music.sources import ZipMember, midi_files, read_midi_files, read_rolls

__all__ = [
    "Chorales",
    "FetchError",
    "PaperData",
    "Verified",
    "ZipMember",
    "cache_folder",
    "chorales",
    "data_folder",
    "fetch",
    "find",
    "load",
    "midi_files",
    "read_midi_files",
    "read_rolls",
    "verify",
]


Kind = Literal["rolls", "midi"]


class PaperData(NamedTuple):
    """One of the paper's sets, and what is known of it.

    Attributes
    ----------
    train, valid, test : list
        Of kind "rolls": uint8 arrays, shape (n_steps, 88), 0/1, time first. Of kind "midi": paths and ZipMembers, as
        `midi_files` gives them and `read_rolls` takes them.
    name, kind : str
    source : str
        The file or folder that it was read from.
    steps_per_quarter : int or None
        Frames a quarter note: 2, in the JSB chorales 1. None for MIDI files, which are sampled as their reader likes.
    r : (int, int) or None
        MIDI note numbers of the columns, half open; None for MIDI files.
    """

    train: list
    valid: list
    test: list
    name: str
    kind: str
    source: str
    steps_per_quarter: int | None
    r: tuple[int, int] | None


class Verified(NamedTuple):
    """What was found of a set when it was held against what is recorded.

    Attributes
    ----------
    name, kind, source : str
    counts : dict
        By split: (number of sequences, number of frames); the latter None for MIDI files.
    faults : list of str
        What differs, a sentence each; none if nothing does.
    known : bool
        Whether anything is recorded to hold it against. It is, but for MIDI files of sets other than Nottingham.
    """

    name: str
    kind: str
    source: str
    counts: dict[str, tuple[int, int | None]]
    faults: list[str]
    known: bool


def load(
    name: str,
    kind: Kind = "rolls",
    folder: FilePath | None = None,
    *,
    download: bool = True,
    progress: bool = False,
) -> PaperData:
    """One of the four data sets of Boulanger-Lewandowski, Bengio and Vincent (2012), in the paper's split.

    Its two kinds are two benchmarks. The rolls are transposed to C major or C minor and sampled every eighth note (the
    JSB chorales: every quarter note): the paper's table is about them. The MIDI files are in their own keys and times:
    the tutorial reads Nottingham's at dt = 0.3 s.

    Parameters
    ----------
    name : {"nottingham", "jsb_chorales", "musedata", "piano_midi"}
    kind : {"rolls", "midi"}
    folder : path-like, optional
        Where it lies, under the authors' name or the name above: "JSB Chorales.pickle" or jsb_chorales.npz, .pickle,
        .pkl or .json of rolls; "Nottingham.zip", nottingham_midi.zip or a folder Nottingham of MIDI files, with train,
        valid and test in it. Nothing is downloaded then. By default the folder that the environment variable
        RNNRBM_DATA names, or `data` in the user's cache folder.
    download : bool
        Whether to download what is not there, from the authors' addresses: see `fetch`.
    progress : bool
        Whether to draw a bar on stderr for a long download, when that is a terminal.

    Returns
    -------
    PaperData

    Raises
    ------
    FileNotFoundError
        If it is not there and nothing is to be downloaded.
    FetchError
        If it cannot be downloaded; an OSError.
    ValueError
        If there is no such set or kind, or its file cannot be read; the sentence names the file.
    """
    one = paper_set(name, kind)
    source = find(name, kind, folder)
    if source is None:
        if folder is not None or not download:
            where = Path(folder).expanduser() if folder is not None else data_folder()
            found = "nothing of the kind" if where.is_dir() else "no such folder"
            raise FileNotFoundError(
                f"{where}: expected {one.file_name(kind)} in it, or {name} by another name, found {found}; "
                f"`rnnrbm data fetch {name} --kind {kind}` downloads it"
            )
        source = fetch(name, kind, progress=progress)
    steps, r = (one.steps_per_quarter, R) if kind == "rolls" else (None, None)
    return PaperData(**_read(source, kind), name=name, kind=kind, source=str(source), steps_per_quarter=steps, r=r)


def find(name: str, kind: Kind = "rolls", folder: FilePath | None = None) -> Path | None:
    """Where a set lies, if it does.

    Parameters
    ----------
    name, kind, folder
        As for `load`.

    Returns
    -------
    pathlib.Path or None

    Raises
    ------
    ValueError
        If there is no such set or kind, or `folder` is a file.
    """
    one = paper_set(name, kind)
    where = data_folder() if folder is None else Path(folder).expanduser()
    if where.exists() and not where.is_dir():
        raise ValueError(f"{where}: expected a folder, found a file")
    if not where.is_dir():
        return None
    stems = {_plain(one.name), _plain(one.title)}
    if kind == "rolls":
        places = [path for path in sorted(where.iterdir()) if _plain(path.stem) in stems and path.is_file()]
        return next((path for suffix in SUFFIXES for path in places if path.suffix.lower() == suffix), None)
    stems |= {f"{stem}_midi" for stem in stems}
    if _plain(where.resolve().name) in stems and _has_splits(where):
        return where
    places = sorted(where.iterdir())
    zips = [path for path in places if path.suffix.lower() == ".zip" and _plain(path.stem) in stems and path.is_file()]
    folders = [path for path in places if path.is_dir() and _plain(path.name) in stems and _has_splits(path)]
    return next(iter([*folders, *zips]), None)


def _plain(name):
    """ "JSB Chorales" and "jsb-chorales" as jsb_chorales."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())


def _has_splits(folder):
    return all((folder / split).is_dir() for split in SPLITS)


def fetch(
    name: str,
    kind: Kind = "rolls",
    folder: FilePath | None = None,
    *,
    base_url: str | None = None,
    check: bool = True,
    again: bool = False,
    progress: bool = False,
) -> Path:
    """Download a set from the authors' addresses, unless it is there.

    The file is read, and held against what is recorded of it (see `verify`), before it is put in its place; a download
    that fails leaves nothing. What is recorded comes from other copies of the data than the authors' own.

    Parameters
    ----------
    name, kind
        As for `load`.
    folder : path-like, optional
        Where to put it; made if it is missing. By default as for `load`.
    base_url : str, optional
        Where the authors' files lie under their names, instead of their addresses; by default what the environment
        variable RNNRBM_DATA_URL has. http or https.
    check : bool
        Whether to refuse what differs from what is recorded. What cannot be read is refused in any case.
    again : bool
        Whether to download it also if it is there.
    progress : bool
        As for `load`.

    Returns
    -------
    pathlib.Path
        The file, or the folder of MIDI files that was there.

    Raises
    ------
    FetchError
        If no address gives the file; an OSError. The sentence says where a copy can be put by hand.
    ValueError
        If there is no such set or kind, or what came is not what it should be.
    OSError
        If the file cannot be written.
    """
    one = paper_set(name, kind)
    where = data_folder() if folder is None else Path(folder).expanduser()
    found = None if again else find(name, kind, where)
    if found is not None:
        return found
    base_url = base_url or os.environ.get("RNNRBM_DATA_URL")
    bases = [base_url] if base_url else one.addresses(kind)
    path = where / one.file_name(kind)

    def check_file(temporary):
        verified = _verify(name, kind, temporary)
        if check and verified.faults:
            more = len(verified.faults) - 1
            raise ValueError(
                f"{temporary}: not the data that is recorded: {verified.faults[0]}"
                + (f" (and {more} more)" if more else "")
                + "; check=False, or --unchecked, takes it all the same"
            )

    try:
        fetch_file([join(base, path.name) for base in bases], path, check_file, progress)
    except FetchError as err:
        raise FetchError(f"{err}; a copy of {path.name} can be put into {where} by hand") from err
    return path


def _read(source, kind):
    return read_roll_file(source) if kind == "rolls" else _midi_splits(source)


def _midi_splits(source):
    """Lists of MIDI files by split, of a zip file or a folder."""
    splits = {split: [] for split in SPLITS}
    for file in midi_files(source):
        parts = file.name.split("/") if isinstance(file, ZipMember) else file.relative_to(source).parts
        within = [part for part in parts[:-1] if part in SPLITS]
        if len(within) != 1:
            raise ValueError(f"{file}: expected a MIDI file in one of the folders {', '.join(SPLITS)}")
        splits[within[0]].append(file)
    empty = [split for split, found in splits.items() if not found]
    if empty:
        raise ValueError(f"{source}: expected MIDI files in train, valid and test, found none in {empty[0]}")
    return splits


# ---------------------------------------------------------------------------------------------------
# Against the manifest


def verify(name: str, kind: Kind = "rolls", folder: FilePath | None = None) -> Verified:
    """Hold a set against what is recorded: counts and hashes of the rolls of all four, and of Nottingham's MIDI files.

    Of Nottingham each sequence and each file has a hash of its own, of the others each split.

    Parameters
    ----------
    name, kind, folder
        As for `load`; nothing is downloaded.

    Returns
    -------
    Verified

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If there is no such set or kind, or its file cannot be read.
    """
    source = find(name, kind, folder)
    if source is None:
        load(name, kind, folder, download=False)  # says so
    return _verify(name, kind, source)


def _verify(name, kind, source):
    counts, faults = {}, []
    for split, items in _read(source, kind).items():
        if kind == "rolls":
            counts[split] = len(items), sum(map(len, items))
            faults += _roll_faults(name, split, [short_digest(np.packbits(roll, axis=1).tobytes()) for roll in items])
        else:
            counts[split] = len(items), None
            # Read in any case: a damaged file is found by that.
            faults += _midi_faults(name, split, {_base_name(file): short_digest(_content(file)) for file in items})
    return Verified(name, kind, str(source), counts, faults, (name, kind, SPLITS[0]) in manifest().splits)


def _roll_faults(name, split, digests):
    known = manifest().splits[name, "rolls", split]
    if len(digests) != known.n_sequences:
        return [f"{split}: expected {known.n_sequences:,} sequences, found {len(digests):,}"]
    if digest_of_all(digests) == known.digest:
        return []
    wanted = manifest().rolls.get((name, split))
    if wanted is None:
        return [f"{split}: the sequences differ"]
    if sorted(digests) == sorted(wanted):
        return [f"{split}: the sequences are in another order"]
    differing = [i for i, (found, known) in enumerate(zip(digests, wanted, strict=True)) if found != known]
    return [f"{split}: sequence {i} differs" for i in differing]


def _midi_faults(name, split, digests):
    wanted = manifest().midi.get((name, split))
    if wanted is None:
        return []
    faults = [f"{split}/{file} is missing" for file in wanted if file not in digests]
    faults += [f"{split}/{file} is not one of the set" for file in digests if file not in wanted]
    return faults + [f"{split}/{file} differs" for file in wanted if digests.get(file, wanted[file]) != wanted[file]]


def _base_name(file):
    return file.name.rpartition("/")[2]


def _content(file):
    if not isinstance(file, ZipMember):
        return read_bytes(file, "a MIDI file")
    with file.open("rb") as stream:
        return stream.read()
