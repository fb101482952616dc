"""Data sets: the paper's four sets, your own MIDI files, and the Bach chorales in music21."""

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
    """One of the paper's data sets.

    Attributes
    ----------
    train, valid, test : list
        Kind "rolls": uint8 arrays of 0 and 1, shape (n_steps, 88), time first. Kind "midi": paths and ZipMembers, as
        `midi_files` returns and `read_rolls` accepts them.
    name, kind : str
    source : str
        The file or folder that the set was read from.
    steps_per_quarter : int or None
        Frames per quarter note: 2, or 1 for the JSB chorales. None for MIDI files, which you sample yourself.
    r : (int, int) or None
        Half-open range of the columns' MIDI note numbers; None for MIDI files.
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
    """Result of comparing a data set with the manifest.

    Attributes
    ----------
    name, kind, source : str
    counts : dict
        {split: (number of sequences, number of frames)}. The number of frames is None for MIDI files.
    faults : list of str
        One sentence per difference; empty if there are none.
    known : bool
        Whether the manifest covers this set. It covers everything except the MIDI files of sets other than Nottingham.
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
    """Load one of the four data sets of Boulanger-Lewandowski, Bengio and Vincent (2012), with the paper's split.

    The two kinds are two different benchmarks. The rolls are the data behind the paper's table: transposed to C major
    or C minor, and sampled every eighth note (JSB chorales: every quarter note). The MIDI files keep their keys and
    tempos. The tutorial reads the MIDI files of Nottingham at dt = 0.3 s.

    Parameters
    ----------
    name : {"nottingham", "jsb_chorales", "musedata", "piano_midi"}
    kind : {"rolls", "midi"}
    folder : path-like, optional
        Folder that holds the data; if given, nothing is downloaded. Files have the authors' name or the name above.
        Rolls: "JSB Chorales.pickle", or jsb_chorales with .npz, .pickle, .pkl or .json. MIDI files: "Nottingham.zip",
        nottingham_midi.zip, or a folder Nottingham with the folders train, valid and test. Default: the folder that
        the environment variable RNNRBM_DATA names, or `data` in the user's cache folder.
    download : bool
        Whether to download a missing set from the authors' sites; see `fetch`.
    progress : bool
        Whether to show a progress bar on stderr for a long download. It appears only on a terminal.

    Returns
    -------
    PaperData

    Raises
    ------
    FileNotFoundError
        If the set is missing and must not be downloaded.
    FetchError
        If it cannot be downloaded. A FetchError is an OSError.
    ValueError
        If there is no such set or kind, or its file cannot be read; the message names the file.
    """
    wanted = paper_set(name, kind)
    source = find(name, kind, folder)
    if source is None:
        if folder is not None or not download:
            where = Path(folder).expanduser() if folder is not None else data_folder()
            found = "no such file" if where.is_dir() else "no such folder"
            raise FileNotFoundError(
                f"{where}: expected {wanted.file_name(kind)} in it, or {name} under another name, found {found}; "
                f"`rnnrbm data fetch {name} --kind {kind}` downloads it"
            )
        source = fetch(name, kind, progress=progress)
    steps, r = (wanted.steps_per_quarter, R) if kind == "rolls" else (None, None)
    return PaperData(**_read(source, kind), name=name, kind=kind, source=str(source), steps_per_quarter=steps, r=r)


def find(name: str, kind: Kind = "rolls", folder: FilePath | None = None) -> Path | None:
    """Find the file or folder of a data set.

    Parameters
    ----------
    name, kind, folder
        As for `load`.

    Returns
    -------
    pathlib.Path or None
        None if the set is not there.

    Raises
    ------
    ValueError
        If there is no such set or kind, or `folder` is a file.
    """
    wanted = paper_set(name, kind)
    where = data_folder() if folder is None else Path(folder).expanduser()
    if where.exists() and not where.is_dir():
        raise ValueError(f"{where}: expected a folder, found a file")
    if not where.is_dir():
        return None
    stems = {_normalised(wanted.name), _normalised(wanted.title)}
    paths = sorted(where.iterdir())
    if kind == "rolls":
        files = [path for path in paths if _normalised(path.stem) in stems and path.is_file()]
        return next((path for suffix in SUFFIXES for path in files if path.suffix.lower() == suffix), None)
    stems |= {f"{stem}_midi" for stem in stems}
    if _normalised(where.resolve().name) in stems and _has_splits(where):
        return where
    zips = [p for p in paths if p.suffix.lower() == ".zip" and _normalised(p.stem) in stems and p.is_file()]
    folders = [p for p in paths if p.is_dir() and _normalised(p.name) in stems and _has_splits(p)]
    return next(iter([*folders, *zips]), None)


def _normalised(name):
    """The name in small letters and underscores: "JSB Chorales" and "jsb-chorales" become jsb_chorales."""
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
    """Download a data set from the authors' sites, unless it is there already.

    The download is read and compared with the manifest (see `verify`) before it is saved under its name. A failed
    download leaves nothing behind. The manifest was made from other copies of the data than the authors' own.

    Parameters
    ----------
    name, kind
        As for `load`.
    folder : path-like, optional
        Folder to save it in; created if it is missing. The default is that of `load`.
    base_url : str, optional
        http or https address of a folder with the authors' files under their own names, to use instead of the authors'
        sites. Default: the environment variable RNNRBM_DATA_URL.
    check : bool
        Whether to refuse data that differ from the manifest. Unreadable data are always refused.
    again : bool
        Whether to download even if the set is there.
    progress : bool
        As for `load`.

    Returns
    -------
    pathlib.Path
        The file, or the existing folder of MIDI files.

    Raises
    ------
    FetchError
        If the file cannot be downloaded from any address. The message says where to put a copy by hand. A FetchError is
        an OSError.
    ValueError
        If there is no such set or kind, or the download is unreadable or differs from the manifest.
    OSError
        If the file cannot be written.
    """
    wanted = paper_set(name, kind)
    where = data_folder() if folder is None else Path(folder).expanduser()
    found = None if again else find(name, kind, where)
    if found is not None:
        return found
    base_url = base_url or os.environ.get("RNNRBM_DATA_URL")
    bases = [base_url] if base_url else wanted.addresses(kind)
    path = where / wanted.file_name(kind)

    def check_file(temporary):
        verified = _verify(name, kind, temporary)
        if check and verified.faults:
            more = len(verified.faults) - 1
            raise ValueError(
                f"{temporary}: the data differ from the manifest: {verified.faults[0]}"
                + (f" (and {more} more)" if more else "")
                + "; check=False, or --unchecked, accepts them anyway"
            )

    try:
        fetch_file([join(base, path.name) for base in bases], path, check_file, progress)
    except FetchError as err:
        raise FetchError(f"{err}; you can put a copy of {path.name} into {where} by hand") from err
    return path


def _read(source, kind):
    return read_roll_file(source) if kind == "rolls" else _midi_splits(source)


def _midi_splits(source):
    """{split: list of MIDI files} in a zip file or a folder."""
    splits = {split: [] for split in SPLITS}
    for file in midi_files(source):
        parts = file.name.split("/") if isinstance(file, ZipMember) else file.relative_to(source).parts
        split = [part for part in parts[:-1] if part in SPLITS]
        if len(split) != 1:
            raise ValueError(f"{file}: expected a MIDI file in one of the folders {', '.join(SPLITS)}")
        splits[split[0]].append(file)
    empty = [split for split, found in splits.items() if not found]
    if empty:
        raise ValueError(f"{source}: expected MIDI files in train, valid and test, found none in {empty[0]}")
    return splits


# ---------------------------------------------------------------------------------------------------
# Comparison with the manifest


def verify(name: str, kind: Kind = "rolls", folder: FilePath | None = None) -> Verified:
    """Compare a data set with the manifest, which has counts and hashes of all rolls and of Nottingham's MIDI files.

    For Nottingham there is a hash of each sequence and each file; for the other sets, of each split.

    Parameters
    ----------
    name, kind, folder
        As for `load`. Nothing is downloaded.

    Returns
    -------
    Verified

    Raises
    ------
    FileNotFoundError
        If the set is missing.
    ValueError
        If there is no such set or kind, or its file cannot be read.
    """
    source = find(name, kind, folder)
    if source is None:
        load(name, kind, folder, download=False)  # raises FileNotFoundError
    return _verify(name, kind, source)


def _verify(name, kind, source):
    counts, faults = {}, []
    for split, items in _read(source, kind).items():
        if kind == "rolls":
            counts[split] = len(items), sum(map(len, items))
            faults += _roll_faults(name, split, [short_digest(np.packbits(roll, axis=1).tobytes()) for roll in items])
        else:
            counts[split] = len(items), None
            # Read every file, even if the manifest does not cover it, so that a damaged file is found.
            faults += _midi_faults(name, split, {_base_name(file): short_digest(_content(file)) for file in items})
    return Verified(name, kind, str(source), counts, faults, (name, kind, SPLITS[0]) in manifest().splits)


def _roll_faults(name, split, digests):
    recorded = manifest().splits[name, "rolls", split]
    if len(digests) != recorded.n_sequences:
        return [f"{split}: expected {recorded.n_sequences:,} sequences, found {len(digests):,}"]
    if digest_of_all(digests) == recorded.digest:
        return []
    expected = manifest().rolls.get((name, split))
    if expected is None:
        return [f"{split}: the sequences differ"]
    if sorted(digests) == sorted(expected):
        return [f"{split}: the sequences are in another order"]
    pairs = enumerate(zip(digests, expected, strict=True))
    return [f"{split}: sequence {i} differs" for i, (found, digest) in pairs if found != digest]


def _midi_faults(name, split, digests):
    expected = manifest().midi.get((name, split))
    if expected is None:
        return []
    faults = [f"{split}/{file} is missing" for file in expected if file not in digests]
    faults += [f"{split}/{file} does not belong to the set" for file in digests if file not in expected]
    differing = [file for file, digest in expected.items() if digests.get(file, digest) != digest]
    return faults + [f"{split}/{file} differs" for file in differing]


def _base_name(file):
    return file.name.rpartition("/")[2]


def _content(file):
    if not isinstance(file, ZipMember):
        return read_bytes(file, "a MIDI file")
    with file.open("rb") as stream:
        return stream.read()
