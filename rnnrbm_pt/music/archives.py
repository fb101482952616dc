"""Zip files out of other hands: looked at as a whole before anything in them is unpacked."""

import re
import stat
import zipfile
from pathlib import Path

from rnnrbm_pt.io.atomic_write import FilePath

# Far above the paper's sets, of which the largest has 783 files and a few MB.
MAX_FILE = 256 * 2**20  # bytes of the zip file itself
MAX_ENTRIES = 20_000
MAX_UNPACKED = 512 * 2**20  # bytes, all entries together
MAX_RATIO = 100  # unpacked to packed; MIDI files reach about 5
SMALL = 16 * 2**20  # bytes unpacked: below it the ratio says nothing


def open_archive(path: FilePath) -> zipfile.ZipFile:
    """Open a zip file, once nothing in it would lead out of it or swell beyond bounds.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    zipfile.ZipFile
        To be closed by the caller.

    Raises
    ------
    ValueError
        If it is no zip file or a damaged one; if a name in it is absolute, has a drive letter, a `..`, a backslash or a
        NUL, or stands there twice; if an entry is a link or a device, or encrypted; if there are too many entries, or
        they would unpack to too much. The sentence names the file.
    OSError
        If it cannot be read.
    """
    size = Path(path).stat().st_size
    if size > MAX_FILE:
        raise ValueError(f"{path}: expected a zip file of {MAX_FILE:,} bytes at most, found {size:,}")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as err:
        raise ValueError(f"{path}: not a zip file, or a damaged one ({err})") from err
    try:
        _check_amounts(archive.infolist(), size, path)
        _check_entries(archive.infolist(), path)
    except ValueError:
        archive.close()
        raise
    return archive


def _check_amounts(entries, size, path):
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"{path}: expected {MAX_ENTRIES:,} files at most in a zip file, found {len(entries):,}")
    # zipfile unpacks no more than an entry announces, so the announcements are all there is to add up.
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED:
        raise ValueError(f"{path}: expected {MAX_UNPACKED:,} bytes at most when unpacked, found {unpacked:,}")
    if unpacked > max(SMALL, MAX_RATIO * size):
        raise ValueError(
            f"{path}: expected to unpack to {MAX_RATIO} times its {size:,} bytes at most, found {unpacked:,} bytes"
        )


def _check_entries(entries, path):
    seen = set()
    for entry in entries:
        fault = _fault(entry)
        if fault is None and entry.filename in seen:
            fault = "each name once, found this one twice"
        if fault is not None:
            raise ValueError(f"{path}/{printable(entry.orig_filename)}: expected {fault}")
        seen.add(entry.filename)


def _fault(entry):
    """What was expected and what was found of an entry that is refused; None of the others."""
    name = entry.orig_filename  # as it stands in the file: zipfile cuts a name at a NUL
    if "\0" in name:
        return "a name of a file, found a NUL in it"
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
    return None


def printable(name: str) -> str:
    """A name out of a file, for a sentence: without control characters, and not longer than a line."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return shown if len(shown) <= 100 else shown[:97] + "..."
