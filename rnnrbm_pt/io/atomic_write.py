"""Atomic writes: after an error, a kill or a power failure, a file is either complete or unchanged."""

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

FilePath = str | os.PathLike[str]


def read_bytes(path: Path, expected: str, most: int | None = None) -> bytes:
    """Read a whole file, up to a maximum size.

    Parameters
    ----------
    path : pathlib.Path
    expected : str
        What the file should be, for error messages ("a checkpoint").
    most : int, optional
        Maximum size in bytes. The default is the size that the system reports, which excludes devices and pipes.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If the file is too large, or is a folder or, without `most`, a device or a pipe.
    FileNotFoundError
        If the file does not exist.
    """
    if path.is_dir():
        raise ValueError(f"{path}: expected {expected}, found a folder")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if most is None and not path.is_file():
        raise ValueError(f"{path}: expected {expected}, found a device or a pipe")
    with open(path, "rb") as file:  # take the size of the open file: another writer may replace the path meanwhile
        limit = os.fstat(file.fileno()).st_size if most is None else most
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path}: expected {expected} of {limit:,} bytes at most, found more")
    return content


@contextmanager
def replacing(path: FilePath) -> Iterator[Path]:
    """Context manager: write a temporary file that replaces `path` once it is complete and on disk.

    Parameters
    ----------
    path : str or path-like
        File to write. Its folder is created if it is missing. If `path` is a symbolic link, the target of the link is
        written, whether or not it exists.

    Yields
    ------
    pathlib.Path
        A temporary file in the same folder, with the same suffix. At the end of the block, it replaces `path` in one
        step. If the block raises, the temporary file is removed and `path` is unchanged. The new file keeps the
        permissions of the file that it replaces, or gets the default permissions of `open`.

    Raises
    ------
    ValueError
        If `path` is a folder, a device, a socket, a pipe or a circular link.
    OSError
        If the folder is not writable or the disk is full. The error names `path`.
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
    """Context manager: claim files, so that no other process can claim them until the block ends.

    A claim is a lock on an empty hidden file in the same folder. The system releases the lock when the process ends,
    even if it is killed. A killed process leaves the empty file behind; the next claim reuses and removes it. Where
    locks do not exist, as on Windows and some network drives, a claim always succeeds.

    Parameters
    ----------
    *paths : str or path-like
        Files to write, whether or not they exist. Their folders are created if they are missing.

    Raises
    ------
    ValueError
        If another process has claimed one of the files.
    """
    with ExitStack() as stack:
        for place in sorted({_place(path) for path in paths}):
            stack.enter_context(_claim(place))
        yield


@contextmanager
def _claim(place):
    place.parent.mkdir(parents=True, exist_ok=True)
    name = place.with_name(f".{place.stem}-{'0' * 16}.part{place.suffix}")  # matched by `remove_leftovers`
    descriptor = None if fcntl is None else _locked(name, place)
    try:
        yield
    finally:
        if descriptor is not None:
            name.unlink(missing_ok=True)
            os.close(descriptor)


def _locked(name, place):
    """Open and lock a new or abandoned file and return its descriptor, or None on a system without locks."""
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
        os.close(descriptor)  # its owner removed it after we opened it and before we locked it


def remove_leftovers(path: FilePath) -> None:
    """Remove temporary files that killed writers of a path have left in its folder.

    Each writer holds a lock on its temporary file, and the system releases the lock when the process ends. A temporary
    file that can be locked therefore has no writer and is removed. On systems without locks, nothing is removed.

    Parameters
    ----------
    path : str or path-like
        Path that was given to `replacing`.
    """
    place = _place(path)
    own = re.compile(re.escape(f".{place.stem}-") + "[0-9a-f]{16}" + re.escape(f".part{place.suffix}"))
    if fcntl is None:
        return
    with suppress(OSError):  # a file that cannot be removed does no harm
        with os.scandir(place.parent) as entries:
            found = [entry.path for entry in entries if own.fullmatch(entry.name)]
        for name in found:
            with suppress(OSError), open(name, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(name)


def _place(path: FilePath) -> Path:
    """Resolve a symbolic link, so that its target is replaced and not the link itself."""
    path = Path(path)
    if not path.is_symlink():
        return path
    place = Path(os.path.realpath(path))
    if place.is_symlink():
        raise ValueError(f"{path}: expected a file to write, found a circular link")
    return place


def _create_beside(path, rights):
    """Create a temporary file. Return its path and the descriptor of its lock (None on a system without locks)."""
    while True:
        temporary = path.with_name(f".{path.stem}-{secrets.token_hex(8)}.part{path.suffix}")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, rights)
        if fcntl is None:
            os.close(descriptor)
            return temporary, None
        with suppress(OSError):  # some file systems have no locks, so no other process can take one either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # another process removed it after we created it and before we locked it


@contextmanager
def _named_by(path, temporary=None):
    """Context manager: make an OSError name the file to write if it names no file or the temporary file."""
    try:
        yield
    except OSError as error:
        foreign = temporary is not None and error.filename not in (None, str(temporary))
        if error.errno is None or foreign:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _flush_file(path):
    """Flush a file to disk. Otherwise, a power failure could leave an empty file under the new name."""
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _flush_folder(folder):
    """Flush the names in a folder to disk, on systems that support it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):  # the file is already in place, and some file systems cannot flush a folder
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
