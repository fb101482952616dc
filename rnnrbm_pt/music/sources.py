"""Find and read MIDI files in folders, by patterns and in zip files."""

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

if TYPE_CHECKING:  # reading MIDI files needs more imports than listing them
    import numpy as np

    from rnnrbm_pt.music.midi import MidiRoll
    from rnnrbm_pt.music.midi_notes import TempoFrom, Unit
    from rnnrbm_pt.music.pianoroll import Range

MIDI_SUFFIXES = (".mid", ".midi")
LARGEST_MEMBER = 2**20  # bytes, the limit for all MIDI files; the Nottingham tunes have about 3,000


class ZipMember:
    """A file inside a zip file. It opens like a `pathlib.Path`: `member.open("rb")`.

    The archive stays open as long as any of its members is in use, so its table of contents is read only once.
    `str(member)` is `archive.zip/folder/name.mid`.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.archive = archive
        self.name = name

    def __str__(self) -> str:
        return f"{self.archive.filename}/{self.name}"

    def __repr__(self) -> str:
        return f"ZipMember({str(self)!r})"

    def open(self, mode: str = "rb") -> BinaryIO:
        """Open the whole content as a binary file in memory. Its `name` is `str(self)`.

        Raises
        ------
        ValueError
            If the member is larger than 1 MiB or damaged, or `mode` is not "rb".
        """
        if mode != "rb":
            raise ValueError(f"{self}: expected mode 'rb' for a file in a zip file, found {mode!r}")
        entry = self.archive.getinfo(self.name)
        content = io.BytesIO(unpack(self.archive, entry, LARGEST_MEMBER, self))
        content.name = str(self)
        return content


OnNotes = Callable[[FilePath | ZipMember, int], object]
OnBroken = Callable[[FilePath | ZipMember, Exception], object]


def midi_files(sources: FilePath | Iterable[FilePath]) -> list[Path | ZipMember]:
    """List the MIDI files in folders, zip files and the like.

    Parameters
    ----------
    sources : str, path-like, or list of them
        Each source is one of

        - a MIDI file, with any suffix;
        - a folder, searched with its subfolders for .mid and .midi, in upper or lower case;
        - a pattern such as `tunes/*.mid`, where `**` matches any subfolders;
        - a zip file, searched like a folder;
        - a file, a folder or a pattern inside a zip file, such as `nottingham_midi.zip/Nottingham/train`.

        Hidden files and folders and the `__MACOSX` folders of macOS are skipped, and so are zip files inside folders.
        Links to folders are followed, but each folder is searched only once.

    Returns
    -------
    list of pathlib.Path and ZipMember
        Each file once, sorted by `str` like `sorted(glob.glob(...))`. All have a method `open`.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or nothing matches a pattern.
    ValueError
        If a source contains no MIDI files, or is a zip file that is damaged or refused by `open_archive`.
    """
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    archives: dict[Path, zipfile.ZipFile] = {}
    files = [file for source in sources for file in _files_of(Path(source).expanduser(), archives)]
    return sorted(distinct(files), key=_posix)


def distinct(files: Iterable[Path | ZipMember]) -> list[Path | ZipMember]:
    """Return each file once, in the order of its first path."""
    found: dict[tuple[Path, str], Path | ZipMember] = {}
    for file in files:
        found.setdefault(_identity(file), file)
    return list(found.values())


def read_rolls(
    files: Iterable[FilePath | ZipMember],
    r: Range = (21, 109),
    dt: float = 0.3,
    progress: bool = False,
    on_outside: OnNotes | None = None,
    **options: Any,
) -> list[np.ndarray]:
    """Read MIDI files as piano-rolls.

    Parameters
    ----------
    files, r, dt, progress, on_outside, **options
        As for `read_midi_files`, with dt in seconds.

    Returns
    -------
    list of ndarray, shape (n_steps, r[1] - r[0])
        Arrays of 0 and 1, in the order of the files.

    Raises
    ------
    ValueError
        If a file cannot be read as MIDI. The message begins with its path.
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
    """Read MIDI files one by one with `midiread`.

    Parameters
    ----------
    files : list of path-like and ZipMember
        As returned by `midi_files`.
    r : (int, int)
        Half-open range of MIDI note numbers.
    dt : float
        Seconds per step, or quarter notes per step.
    progress : bool
        Whether to show a progress bar on stderr. It appears only on a terminal, after one second.
    on_outside : callable, optional
        Called as on_outside(file, n) for each file with n notes outside `r`. These notes are left out.
    unit : {"second", "quarter"}
        Unit of dt.
    drums : bool
        Whether to read the notes of channel 10 too; see `midiread`.
    on_drums : callable, optional
        Called as on_drums(file, n) for each file with n notes on channel 10, whether they are read or not.
    on_broken : callable, optional
        Called as on_broken(file, error) for each unreadable file, which is then skipped, unless the callable raises.
        The message of the error begins with the path of the file.
    tempo, pedal, keep_short
        See `midiread`.
    on_moved : callable, optional
        Called as on_moved(file, n) for each file with n notes whose times under the tutorial's rules differ from the
        file's tempo map.

    Yields
    ------
    MidiRoll
        One per file, in order.

    Raises
    ------
    ValueError
        If an argument is invalid; or if a file cannot be read as MIDI and there is no `on_broken`. The message then
        begins with the path of the file.
    OSError
        If a file cannot be opened and there is no `on_broken`.
    """
    from rnnrbm_pt.music.midi import check_dt, check_reading, midiread
    from rnnrbm_pt.music.pianoroll import check_range

    check_range(r)  # before any file is read, so that the error does not blame a file
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
            named = _with_path(file, error)
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


def _with_path(file, error):
    """The error, with a message that begins with the path of the file."""
    if str(error).startswith(str(file)):
        return error
    if isinstance(error, OSError):
        return OSError(f"{file}: {error.strerror or error}")
    return ValueError(f"{file}: {error}")


def with_bar(files: Iterable[Any], what: str, progress: bool) -> Iterable[Any]:
    """Iterate over files with a progress bar on stderr.

    Parameters
    ----------
    files : sequence
    what : str
        Text in front of the bar.
    progress : bool
        Whether to show the bar. It appears only on a terminal, after one second.

    Returns
    -------
    iterable
        The same files.
    """
    # disable=None shows the bar only on a terminal, and so keeps it out of log files.
    return tqdm(files, desc=what, unit="file", delay=1, disable=None if progress else True)


def _files_of(source, archives):
    """The MIDI files of one source, in any order. Opened zip files are kept in `archives` by path."""
    if source.is_dir():
        found = _in_folder(source)
    elif source.is_file() or source.is_symlink():  # a broken link is reported later, as an unreadable file
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
        raise ValueError(f"{source}: expected MIDI files ({', '.join(MIDI_SUFFIXES)}) in it, found none")
    return found


def _in_folder(folder):
    def stop(err):
        # By default os.walk skips an unreadable folder, so an incomplete data set would go unnoticed.
        raise err

    found, seen, waiting = [], set(), [folder]
    while waiting:
        for parent, subfolders, names in os.walk(waiting.pop(0), onerror=stop):
            real_path = os.path.realpath(parent)
            subfolders[:] = [] if real_path in seen else [name for name in subfolders if _is_visible(name)]
            if real_path not in seen:
                found.extend(Path(parent, name) for name in names if _is_midi(name) and _is_visible(name))
            seen.add(real_path)
            # os.walk lists links to folders without following them. They are searched last, to prefer real paths.
            links = [Path(parent, name) for name in subfolders if os.path.islink(os.path.join(parent, name))]
            waiting.extend(sorted(links))
    return found


def _matching(pattern, archives):
    matches = [Path(match) for match in glob.glob(str(pattern), recursive=True)]
    if not matches:
        raise FileNotFoundError(f"{pattern}: no file matches this pattern")
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
    """The MIDI files of a zip file at the path `inside`: a file, a folder, or a pattern for either."""
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


def _identity(file):
    """A key that is the same for all spellings of a file's path."""
    if isinstance(file, ZipMember):
        return Path(file.archive.filename).resolve(), file.name
    return file.resolve(), ""


def _posix(file):
    return str(file).replace(os.sep, "/")
