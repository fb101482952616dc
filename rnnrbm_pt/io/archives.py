"""Untrusted zip files: checked as a whole before anything in them is unpacked."""

import re
import stat
import zipfile
from pathlib import Path
from typing import BinaryIO

from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.quoting import printable

# Far above the paper's sets, of which the largest has 783 files and a few MB.
MAX_FILE = 256 * 2**20  # bytes of a zip file that is read from a path
MAX_ENTRIES = 100_000
MAX_RATIO = 30  # unpacked to packed; MIDI files reach about 5
SMALL = 2 * 2**20  # bytes unpacked: below it the ratio says nothing

DIRECTORY_ENTRY = b"PK\1\2"
PIECE = 2**20  # bytes
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may take gigabytes to unpack a few bytes


def open_archive(source: FilePath | BinaryIO, label: object = None) -> zipfile.ZipFile:
    """Open a zip file, once nothing in it would lead out of it.

    Parameters
    ----------
    source : path-like, or seekable binary file object
    label : object, optional
        What to call it in an error; by default its path.

    Returns
    -------
    zipfile.ZipFile
        To be closed by the caller.

    Raises
    ------
    ValueError
        If it is no zip file or a damaged one; if a name in it is absolute, has a drive letter, a `..`, a backslash or
        what cannot be printed, or stands there twice; if an entry is a link or a device, or encrypted; if there are
        too many entries. The sentence names the file.
    OSError
        If it cannot be read.
    """
    label = source if label is None else label
    if not hasattr(source, "read"):
        path = Path(source)
        size = path.stat().st_size
        if not path.is_file():
            raise ValueError(f"{label}: expected a zip file, found a folder, a device or a pipe")
        if size > MAX_FILE:
            raise ValueError(f"{label}: expected a zip file of {MAX_FILE:,} bytes at most, found {size:,}")
        with open(path, "rb") as file:
            n_entries = _count_entries(file)
    else:
        n_entries = _count_entries(source)
    if n_entries > MAX_ENTRIES:
        raise ValueError(f"{label}: expected {MAX_ENTRIES:,} files at most in a zip file, found {n_entries:,}")
    try:
        archive = zipfile.ZipFile(source)
    except Exception as error:  # zipfile has no error of its own for this: it raises many kinds
        raise ValueError(f"{label}: not a zip file, or a damaged one ({printable(str(error))})") from error
    try:
        _check_entries(archive.infolist(), label)
    except ValueError:
        archive.close()
        raise
    return archive


def check_unpacked(archive: zipfile.ZipFile, size: int, label: object) -> None:
    """Check that what an archive holds would not swell beyond bounds.

    Parameters
    ----------
    archive : zipfile.ZipFile
    size : int
        Bytes of the zip file.
    label : object
        What to call it in an error.

    Raises
    ------
    ValueError
        If its entries together would unpack to more than 2 MiB and than 30 times its size.
    """
    # zipfile unpacks no more than an entry announces, so the announcements are all there is to add up.
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > max(SMALL, MAX_RATIO * size):
        raise ValueError(
            f"{label}: expected to unpack to {MAX_RATIO} times its {size:,} bytes at most, found {unpacked:,} bytes"
        )


def unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, label: object) -> bytes:
    """The whole content of an entry.

    Parameters
    ----------
    archive : zipfile.ZipFile
    entry : zipfile.ZipInfo
    most : int
        Bytes that it may have.
    label : object
        What to call the entry in an error.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If it has more, is damaged, or cannot be unpacked.
    """
    if entry.file_size > most:
        raise ValueError(f"{label}: expected {most:,} bytes at most, found {entry.file_size:,}")
    try:
        content = archive.read(entry)
    except Exception as error:  # as above
        raise ValueError(f"{label}: cannot be unpacked ({printable(str(error))})") from error
    if len(content) != entry.file_size:
        raise ValueError(f"{label}: expected {entry.file_size:,} bytes, by its entry, found {len(content):,}")
    return content


def _count_entries(file):
    """How often the mark of an entry of the directory stands in a file: there are no more entries than that."""
    file.seek(0)
    count, before = 0, b""
    while piece := file.read(PIECE):
        count += (before + piece).count(DIRECTORY_ENTRY)
        before = piece[-len(DIRECTORY_ENTRY) + 1 :]
    file.seek(0)
    return count


def _check_entries(entries, label):
    seen = set()
    for entry in entries:
        fault = _fault(entry)
        if fault is None and entry.filename in seen:
            fault = "each name once, found this one twice"
        if fault is not None:
            raise ValueError(f"{label}/{printable(entry.orig_filename)}: expected {fault}")
        seen.add(entry.filename)


def _fault(entry):
    """What was expected and what was found of an entry that is refused; None of the others."""
    name = entry.orig_filename  # as it stands in the file: zipfile cuts a name at a NUL
    if not name.isprintable():
        return f"a name of a file, found {'a NUL' if chr(0) in name else 'a character that cannot be printed'} in it"
    if "\\" in name:
        return "a name of a file, found a backslash in it"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "a name below the zip file, found an absolute one"
    if ".." in name.split("/"):
        return "a name below the zip file, found '..' in it"
    kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the entry was not written by a Unix program
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"a file or a folder, found {'a symbolic link' if kind == stat.S_IFLNK else 'a special file'}"
    if entry.flag_bits & 1:
        return "a file that is not encrypted, found an encrypted one"
    if entry.compress_type not in METHODS:
        return f"a file that is stored or deflated, found compression method {entry.compress_type}"
    return None
