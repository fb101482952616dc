"""Files that are whole or absent, never half written: not after an error, nor a kill, nor a loss of power."""

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there a file that someone has open cannot be removed in any case
    fcntl = None  # type: ignore[assignment]

FilePath = str | os.PathLike[str]


def read_bytes(path: Path, expected: str, most: int | None = None) -> bytes:
    """Read a file whole.

    Parameters
    ----------
    path : pathlib.Path
    expected : str
        What it should be, for an error.
    most : int, optional
        Bytes that it may have. Without it they are those that the system says, so that it cannot be a pipe.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If it is larger, a folder or a device.
    FileNotFoundError
    """
    if path.is_dir():
        raise ValueError(f"{path}: expected {expected}, found a folder")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if most is None and not path.is_file():
        raise ValueError(f"{path}: expected {expected}, found a device or a pipe")
    with open(path, "rb") as file:  # of the open file: another writer may put a larger one in its place
        limit = os.fstat(file.fileno()).st_size if most is None else most
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path}: expected {expected} of {limit:,} bytes at most, found more")
    return content


@contextmanager
def replacing(path: FilePath) -> Iterator[Path]:
    """Write a file beside its final place and move it there once it is complete and on the disk.

    Parameters
    ----------
    path : str or path-like
        Where the file shall be. Its folder is made if it is missing. Of a symbolic link the file is meant that it leads
        to, there or not.

    Yields
    ------
    pathlib.Path
        A temporary file in the same folder, with the same suffix. When the block ends it replaces
        `path` in one step; when the block raises it is removed and `path` is left as it was. It has the rights
        that `open` would have given it, or those of the file that it replaces.

    Raises
    ------
    ValueError
        If `path` is a folder, or a device or the like, or a link that leads nowhere.
    OSError
        If the folder cannot be written to, or the disk is full. It names `path`.
    """
    path = _place(path)
    if path.is_dir():
        raise ValueError(f"{path}: expected a file to write, found a folder")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: expected a file to write, found a device, a socket or a pipe")
    path.parent.mkdir(parents=True, exist_ok=True)
    rights = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    with _named_by(path):
        temporary, lock = _create_beside(path, 0o666 if rights is None else rights | stat.S_IWUSR | stat.S_IRUSR)
    try:
        with _named_by(path, temporary):
            yield temporary
            if rights is not None:
                temporary.chmod(rights)
            _flush_file(temporary)
            temporary.replace(path)
        _flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


@contextmanager
def claimed(*paths: FilePath) -> Iterator[None]:
    """Within the block, no other process that claims one of these files can have it.

    The claim is a lock on an empty hidden file beside the file. The system takes the lock back when the process ends in
    whatever way. A process that is killed leaves the empty file, which the next claim takes over and removes. Where
    there are no locks, as on Windows and some network drives, nobody is refused.

    Parameters
    ----------
    *paths : str or path-like
        Files to write, there or not. Their folders are made if they are missing.

    Raises
    ------
    ValueError
        If another process has claimed one of them.
    """
    with ExitStack() as stack:
        for place in sorted({_place(path) for path in paths}):
            stack.enter_context(_claim(place))
        yield


@contextmanager
def _claim(place):
    place.parent.mkdir(parents=True, exist_ok=True)
    name = place.with_name(f".{place.stem}-{'0' * 16}.part{place.suffix}")  # `remove_leftovers` knows it too
    descriptor = None if fcntl is None else _locked(name, place)
    try:
        yield
    finally:
        if descriptor is not None:
            name.unlink(missing_ok=True)
            os.close(descriptor)


def _locked(name, place):
    """The descriptor of a new or an abandoned file, locked; None where there are no locks."""
    while True:
        with _named_by(place):
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise ValueError(f"{place}: another process is writing it") from None
        except OSError:
            os.close(descriptor)
            name.unlink(missing_ok=True)
            return None
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # its owner removed it between the opening and the locking


def remove_leftovers(path: FilePath) -> None:
    """Remove the temporary files that killed writers of a path have left beside it.

    A writer holds a lock on its temporary file, which the system takes back when the process ends in whatever way. So
    a file that can be locked has no writer any more; one that cannot, or where locks are unknown, is let be.

    Parameters
    ----------
    path : str or path-like
        What `replacing` was given.
    """
    place = _place(path)
    own = re.compile(re.escape(f".{place.stem}-") + "[0-9a-f]{16}" + re.escape(f".part{place.suffix}"))
    if fcntl is None:
        return
    with suppress(OSError):  # it tidies up: what it cannot remove does no harm
        with os.scandir(place.parent) as entries:
            found = [entry.path for entry in entries if own.fullmatch(entry.name)]
        for name in found:
            with suppress(OSError), open(name, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(name)


def _place(path: FilePath) -> Path:
    """Where a file is written: beside a link would be the wrong folder, and in its place the link would be lost."""
    path = Path(path)
    if not path.is_symlink():
        return path
    place = Path(os.path.realpath(path))
    if place.is_symlink():
        raise ValueError(f"{path}: expected a file to write, found a link that leads to itself")
    return place


def _create_beside(path, rights):
    """A new temporary file, and the descriptor that holds its lock (None where there are no locks)."""
    while True:
        temporary = path.with_name(f".{path.stem}-{secrets.token_hex(8)}.part{path.suffix}")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, rights)
        if fcntl is None:
            os.close(descriptor)
            return temporary, None
        with suppress(OSError):  # some file systems have no locks: then nobody else can take one there either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # someone tidied up between the making and the locking


@contextmanager
def _named_by(path, temporary=None):
    """Errors of the system that name no file, or the temporary one, shall name the file that was to be written."""
    try:
        yield
    except OSError as error:
        foreign = temporary is not None and error.filename not in (None, str(temporary))
        if error.errno is None or foreign:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _flush_file(path):
    """Return once the content is on the disk: else a loss of power could leave the new name and nothing in it."""
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(folder):
    """The same for the names in a folder, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):  # the file is in its place already; some file systems refuse this for folders
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
