"""Open and unpack untrusted zip files. The whole archive is checked before anything is unpacked."""

import re
import stat
import zipfile
from pathlib import Path
from typing import BinaryIO

from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.quoting import printable

# These limits are far above the paper's data sets: the largest has 783 files and a few MB.
MAX_FILE = 256 * 2**20  # bytes of a zip file that is read from a path
MAX_ENTRIES = 100_000
MAX_RATIO = 30  # unpacked size divided by packed size; MIDI files reach about 5
SMALL = 2 * 2**20  # bytes unpacked, below which the ratio is not checked

DIRECTORY_ENTRY = b"PK\1\2"
PIECE = 2**20  # bytes
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # other methods may need gigabytes to unpack a few bytes


def open_archive(source: FilePath | BinaryIO, label: object = None) -> zipfile.ZipFile:
    """Open a zip file after checking all of its entries.

    Parameters
    ----------
    source : path-like, or seekable binary file object
    label : object, optional
        Name of the file for error messages; by default its path.

    Returns
    -------
    zipfile.ZipFile
        The open archive. The caller closes it.

    Raises
    ------
    ValueError
        If the file is not a zip file or is damaged; if it has too many entries; if an entry's name is absolute, occurs
        twice, or contains a drive letter, `..`, a backslash or an unprintable character; or if an entry is a link,
        a device or encrypted. The message names the file.
    OSError
        If the file cannot be read.
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
    except Exception as error:  # zipfile raises many kinds of errors for a damaged file
        raise ValueError(f"{label}: not a zip file, or a damaged one ({printable(str(error))})") from error
    try:
        _check_entries(archive.infolist(), label)
    except ValueError:
        archive.close()
        raise
    return archive


def check_unpacked(archive: zipfile.ZipFile, size: int, label: object) -> None:
    """Check that the unpacked size of an archive is within bounds.

    Parameters
    ----------
    archive : zipfile.ZipFile
    size : int
        Size of the zip file in bytes.
    label : object
        Name of the file for error messages.

    Raises
    ------
    ValueError
        If the entries would together unpack to more than 2 MiB and to more than 30 times the size of the file.
    """
    # zipfile never unpacks more than the size that an entry declares, so the declared sizes suffice.
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > max(SMALL, MAX_RATIO * size):
        raise ValueError(
            f"{label}: expected to unpack to {MAX_RATIO} times its {size:,} bytes at most, found {unpacked:,} bytes"
        )


def unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, label: object) -> bytes:
    """Unpack an entry into memory.

    Parameters
    ----------
    archive : zipfile.ZipFile
    entry : zipfile.ZipInfo
    most : int
        Maximum unpacked size in bytes.
    label : object
        Name of the entry for error messages.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If the entry is too large, is damaged or cannot be unpacked.
    """
    if entry.file_size > most:
        raise ValueError(f"{label}: expected {most:,} bytes at most, found {entry.file_size:,}")
    try:
        content = archive.read(entry)
    except Exception as error:  # zipfile raises many kinds of errors for a damaged file
        raise ValueError(f"{label}: cannot be unpacked ({printable(str(error))})") from error
    if len(content) != entry.file_size:
        raise ValueError(f"{label}: expected {entry.file_size:,} bytes as declared, found {len(content):,}")
    return content


def _count_entries(file):
    """Count the signatures of directory entries in a file: an upper bound for the number of entries."""
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
            fault = "each name once, found this name twice"
        if fault is not None:
            raise ValueError(f"{label}/{printable(entry.orig_filename)}: expected {fault}")
        seen.add(entry.filename)


def _fault(entry):
    """Describe why an entry is refused ("..., found ..."). Return None if it is accepted."""
    name = entry.orig_filename  # the name in the file: zipfile cuts `filename` at a NUL
    if not name.isprintable():
        return f"a file name, found {'a NUL' if chr(0) in name else 'a character that cannot be printed'} in it"
    if "\\" in name:
        return "a file name, found a backslash in it"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "a path within the zip file, found an absolute path"
    if ".." in name.split("/"):
        return "a path within the zip file, found '..' in it"
    kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 if the entry was not written by a Unix program
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"a file or a folder, found {'a symbolic link' if kind == stat.S_IFLNK else 'a special file'}"
    if entry.flag_bits & 1:
        return "an unencrypted file, found an encrypted file"
    if entry.compress_type not in METHODS:
        return f"a stored or deflated file, found compression method {entry.compress_type}"
    return None
