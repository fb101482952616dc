"""MIDI files wherever they lie: in folders, patterns and zip files."""

from __future__ import annotations

import fnmatch
import glob
import io
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tqdm import tqdm

from rnnrbm_pt.io.archives import check_unpacked, open_archive, unpack
from rnnrbm_pt.io.atomic_write import FilePath

if TYPE_CHECKING:  # reading a MIDI file takes more imports than listing it
    import numpy as np

    from rnnrbm_pt.music.midi import MidiRoll
    from rnnrbm_pt.music.midi_notes import TempoFrom, Unit
    from rnnrbm_pt.music.pianoroll import Range

MIDI_SUFFIXES = (".mid", ".midi")
LARGEST_MEMBER = 2**20  # bytes, as of any MIDI file; the Nottingham tunes have about 3,000


class ZipMember:
    """A file inside a zip file, opened as a `pathlib.Path` is: `member.open("rb")`.

    The archive stays open for as long as one of its members is kept: its table of contents is read once,
    not once a file. `str(member)` reads `archive.zip/folder/name.mid`.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.archive = archive
        self.name = name

    def __str__(self) -> str:
        return f"{self.archive.filename}/{self.name}"

    def __repr__(self) -> str:
        return f"ZipMember({str(self)!r})"

    def open(self, mode: str = "rb") -> BinaryIO:
        """The whole content as a binary file in memory, with `str(self)` for its `name`.

        Raises
        ------
        ValueError
            If the member is larger than 1 MiB or damaged; or if `mode` is not "rb".
        """
        if mode != "rb":
            raise ValueError(f"{self}: a file in a zip file can only be opened with mode 'rb', not {mode!r}")
        entry = self.archive.getinfo(self.name)
        content = io.BytesIO(unpack(self.archive, entry, LARGEST_MEMBER, self))
        content.name = str(self)
        return content


OnNotes = Callable[[FilePath | ZipMember, int], object]
OnBroken = Callable[[FilePath | ZipMember, Exception], object]


def midi_files(sources: FilePath | Iterable[FilePath]) -> list[Path | ZipMember]:
    """The MIDI files that some paths stand for.

    Parameters
    ----------
    sources : str, path-like, or list of them
        Each of them one of

        - a MIDI file, by whatever suffix;
        - a folder, searched with its subfolders for .mid and .midi (upper case too);
        - a pattern such as `tunes/*.mid` (`**` goes through subfolders);
        - a zip file, searched as a folder is;
        - a file, a folder or a pattern inside a zip file: `nottingham_midi.zip/Nottingham/train`.

        Hidden files and folders and macOS's `__MACOSX` are passed over, and zip files found in folders are
        not looked into. Links to folders are followed, each folder once.

    Returns
    -------
    list of pathlib.Path and ZipMember
        Each with `open("rb")`. Sorted by `str`, as `sorted(glob.glob(...))` would be, and each file once.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or nothing matches a pattern.
    ValueError
        If a source has no MIDI files in it, or is a zip file that is damaged or that `open_archive` refuses.
    """
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    files: dict[tuple[Path, str], Path | ZipMember] = {}
    archives: dict[Path, zipfile.ZipFile] = {}
    for source in sources:
        for file in _files_of(Path(source).expanduser(), archives):
            files.setdefault(_place(file), file)
    return sorted(files.values(), key=_posix)


def read_rolls(
    files: Iterable[FilePath | ZipMember],
    r: Range = (21, 109),
    dt: float = 0.3,
    progress: bool = False,
    on_outside: OnNotes | None = None,
    **options: Any,
) -> list[np.ndarray]:
    """Piano-rolls of many MIDI files.

    Parameters
    ----------
    files, r, dt, progress, on_outside, **options
        As for `read_midi_files`, with dt in seconds.

    Returns
    -------
    list of ndarray, shape (n_steps, r[1] - r[0])
        0/1, in the order of the files.

    Raises
    ------
    ValueError
        If a file is no readable MIDI file; the sentence begins with its path.
    """
    return [read.piano_roll for read in read_midi_files(files, r, dt, progress, on_outside, **options)]


def read_midi_files(
    files: Iterable[FilePath | ZipMember],
    r: Range = (21, 109),
    dt: float = 0.3,
    progress: bool = False,
    on_outside: OnNotes | None = None,
    *,
    unit: Unit = "second",
    drums: bool = True,
    on_drums: OnNotes | None = None,
    on_broken: OnBroken | None = None,
    tempo: TempoFrom = "tutorial",
    pedal: bool = False,
    keep_short: bool = False,
    on_moved: OnNotes | None = None,
) -> Iterator[MidiRoll]:
    """What `midiread` finds in many MIDI files, one by one.

    Parameters
    ----------
    files : list of path-like and ZipMember
        As `midi_files` gives them.
    r : (int, int)
        Range of MIDI note numbers, half open.
    dt : float
        Seconds a step, or quarter notes a step.
    progress : bool
        Whether to draw a bar on stderr, when that is a terminal and the work takes more than a second.
    on_outside : callable, optional
        Called as on_outside(file, n) for each file of which n notes, outside `r`, were left out.
    unit : {"second", "quarter"}
        What dt is counted in.
    drums : bool
        Whether to read the notes of channel 10 too; see `midiread`.
    on_drums : callable, optional
        Called as on_drums(file, n) for each file that has n notes on channel 10, read or left out.
    on_broken : callable, optional
        Called as on_broken(file, error) for each file that cannot be read, which is skipped then, unless the callable
        raises. The sentence of the error begins with the path of the file.
    tempo, pedal, keep_short
        See `midiread`.
    on_moved : callable, optional
        Called as on_moved(file, n) for each file of which the tutorial's rule puts n notes at another time than the
        file's tempo map does.

    Yields
    ------
    MidiRoll
        In the order of the files.

    Raises
    ------
    ValueError
        If an option makes no sense; or, without `on_broken`, if a file is no readable MIDI file: the sentence begins
        with its path.
    OSError
        Without `on_broken`, if a file cannot be opened.
    """
    from rnnrbm_pt.music.midi import check_dt, check_reading, midiread
    from rnnrbm_pt.music.pianoroll import check_range

    check_range(r)  # once and first: no file is to blame for it
    check_dt(dt, unit)
    check_reading(tempo, pedal)
    how: dict[str, Any] = {"unit": unit, "drums": drums, "tempo": tempo, "pedal": pedal, "keep_short": keep_short}
    for file in with_bar(files, "reading MIDI files", progress):
        try:
            if not isinstance(file, ZipMember) and os.path.exists(file) and not os.path.isfile(file):
                raise ValueError(f"{file}: expected a MIDI file, found a folder, a device or a pipe")
            with file.open("rb") if isinstance(file, ZipMember) else open(file, "rb") as stream:
                read = midiread(stream, r, dt, **how)
        except (ValueError, OSError) as error:
            named = _naming(file, error)
            if on_broken is not None:
                on_broken(file, named)
                continue
            if named is error or isinstance(error, OSError):
                raise
            raise named from error
        if read.n_outside and on_outside is not None:
            on_outside(file, read.n_outside)
        if read.n_drums and on_drums is not None:
            on_drums(file, read.n_drums)
        if read.n_moved and on_moved is not None:
            on_moved(file, read.n_moved)
        yield read


def _naming(file, error):
    """The error, or one of its kind, whose sentence begins with the file."""
    if str(error).startswith(str(file)):
        return error
    if isinstance(error, OSError):
        return OSError(f"{file}: {error.strerror or error}")
    return ValueError(f"{file}: {error}")


def with_bar(files: Iterable[Any], what: str, progress: bool) -> Iterable[Any]:
    """The same files one by one, with a bar on stderr where that is a terminal and the work takes a second.

    Parameters
    ----------
    files : sequence
    what : str
        What stands before the bar.
    progress : bool
        Whether to draw it.

    Returns
    -------
    iterable
    """
    # disable=None: drawn on a terminal only, so that no log fills up with it.
    return tqdm(files, desc=what, unit="file", delay=1, disable=None if progress else True)


def _files_of(source, archives):
    """MIDI files of one source, in any order. `archives` keeps the opened zip files by their path."""
    if source.is_dir():
        found = _in_folder(source)
    elif source.is_file() or source.is_symlink():  # a link to nothing is a broken file
        found = _in_zip(source, "", archives) if source.suffix.lower() == ".zip" else [source]
    else:
        archive = next((parent for parent in source.parents if parent.is_file()), None)
        if archive is not None and archive.suffix.lower() == ".zip":
            found = _in_zip(archive, source.relative_to(archive).as_posix(), archives)
        elif glob.has_magic(str(source)):
            found = _matching(source, archives)
        else:
            raise FileNotFoundError(f"{source}: no such file or folder")
    if not found:
        raise ValueError(f"{source}: no MIDI files ({', '.join(MIDI_SUFFIXES)}) in it")
    return found


def _in_folder(folder):
    def stop(err):
        # os.walk would pass over a folder that it may not read, and half a data set would look whole.
        raise err

    found, seen, waiting = [], set(), [folder]
    while waiting:
        for parent, subfolders, names in os.walk(waiting.pop(0), onerror=stop):
            place = os.path.realpath(parent)
            subfolders[:] = [] if place in seen else [name for name in subfolders if _is_visible(name)]
            if place not in seen:
                found.extend(Path(parent, name) for name in names if _is_midi(name) and _is_visible(name))
            seen.add(place)
            # os.walk lists links to folders and does not follow them. They come last: real names are preferred.
            links = [Path(parent, name) for name in subfolders if os.path.islink(os.path.join(parent, name))]
            waiting.extend(sorted(links))
    return found


def _matching(pattern, archives):
    matches = [Path(match) for match in glob.glob(str(pattern), recursive=True)]
    if not matches:
        raise FileNotFoundError(f"{pattern}: nothing matches this pattern")
    found = []
    for match in matches:
        if match.is_dir():
            found.extend(_in_folder(match))
        elif match.suffix.lower() == ".zip":
            found.extend(_in_zip(match, "", archives))
        elif _is_midi(match.name):
            found.append(match)
    return found


def _in_zip(path, inside, archives):
    """Members at `inside`: a member, a folder of them, or a pattern that names them part by part."""
    key = path.resolve()
    if key not in archives:
        archives[key] = open_archive(path)
        check_unpacked(archives[key], path.stat().st_size, path)
    archive = archives[key]
    wanted = inside.split("/") if inside else []
    there = [name for name in archive.namelist() if _starts_with(name.split("/"), wanted)]
    if wanted and not there:
        raise FileNotFoundError(f"{path}/{inside}: no such file or folder in {path.name}")
    found = []
    for name in there:
        below = name.split("/")[len(wanted) :]
        if name == inside or (_is_midi(name) and all(map(_is_visible, below))):
            found.append(ZipMember(archive, name))
    return found


def _starts_with(parts, wanted):
    if len(parts) < len(wanted):
        return False
    pairs = zip(parts, wanted, strict=False)
    return all(part == pattern or fnmatch.fnmatchcase(part, pattern) for part, pattern in pairs)


def _is_midi(name):
    return name.lower().endswith(MIDI_SUFFIXES)


def _is_visible(name):
    return not name.startswith(".") and name != "__MACOSX"


def _place(file):
    """What tells two files apart, however their paths are written."""
    if isinstance(file, ZipMember):
        return Path(file.archive.filename).resolve(), file.name
    return file.resolve(), ""


def _posix(file):
    return str(file).replace(os.sep, "/")
