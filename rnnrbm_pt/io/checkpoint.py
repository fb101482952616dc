"""Checkpoint files: arrays and one JSON text, protected by a checksum.

A checkpoint is a NumPy archive that ``np.load`` opens. Each array is an uncompressed ``.npy`` entry. The JSON text is
the array ``about``, the only compressed entry: compression saves little on parameters. The file ends with the comment
of the archive:

    rnnrbm_pt checkpoint 1 sha256:<64 hexadecimal digits>

Here 1 is the version of the format, and the digits are the SHA-256 digest of all bytes before them. Any changed byte is
therefore detected. A checkpoint contains no pickles, and reading it executes nothing.

Equal arrays and texts give equal files, byte for byte.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.io.archives import open_archive
from rnnrbm_pt.io.arrays import check_stored, read_array
from rnnrbm_pt.io.atomic_write import FilePath, read_bytes, remove_leftovers, replacing
from rnnrbm_pt.io.json_text import parse_json
from rnnrbm_pt.quoting import printable, quoted

VERSION = 1
ABOUT = "about"
TRAILER = b"rnnrbm_pt checkpoint %d sha256:" % VERSION
N_DIGITS = 64
NAME = re.compile(r"\w[\w.-]*")
MAX_TEXT = 64 * 2**20
"""Maximum size of the JSON text in bytes, at four bytes per character. It suffices for the log of 30,000 epochs."""


def write_checkpoint(path: FilePath, arrays: Mapping[str, ArrayLike], metadata: object) -> None:
    """Write a checkpoint atomically.

    The checkpoint is written to a temporary file in the same folder, flushed to disk and renamed. If the process or the
    machine dies, `path` is either the old file or the new file. Temporary files that killed writers of `path` left
    behind are removed first, to free disk space.

    Parameters
    ----------
    path : str or path-like
        File to write.
    arrays : dict {str: array}
        Arrays of any shape, and of any type except objects and records. Names consist of letters, digits, ``_``, ``.``
        and ``-``.
    metadata : object
        Any JSON value. Numbers may be infinite or NaN.

    Raises
    ------
    ValueError
        If an array, a name or the metadata is invalid. Nothing is written.
    OSError
        If the disk is full or the folder is not writable. The error names `path`, and an old file stays in place.
    """
    content = _sealed(_archive(path, arrays, metadata))
    remove_leftovers(path)
    with replacing(path) as temporary, open(temporary, "wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:  # a nearly full disk accepts a part of the bytes; the next write raises the error
            rest = rest[file.write(rest) :]


def read_checkpoint(path: FilePath) -> tuple[dict[str, np.ndarray], Any]:
    """Read a checkpoint.

    Parameters
    ----------
    path : str or path-like
        File that `write_checkpoint` wrote.

    Returns
    -------
    arrays : dict {str: array}
        Arrays by name.
    metadata : object
        The JSON value.

    Raises
    ------
    ValueError
        If the file is cut short, damaged, of another version, or not a checkpoint. The message begins with `path`.
    FileNotFoundError
        If the file does not exist.
    """
    path = Path(path)
    content = read_bytes(path, "a checkpoint")
    _check_seal(path, content)
    try:
        with open_archive(io.BytesIO(content), "the archive") as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name != f"{ABOUT}.npy"]
            check_stored(archive, names, len(content), "the archive")
            return {name: read_array(archive, name, "the archive") for name in names}, read_text(archive, "the archive")
    except (ValueError, KeyError) as error:  # KeyError: an entry of the archive is not an array
        found = printable(str(error), 200)
        raise ValueError(
            f"{path}: expected arrays and a JSON text in the checkpoint, found something else ({found})"
        ) from error


def read_text(archive: zipfile.ZipFile, label: object) -> Any:
    """Read only the JSON text of a checkpoint.

    Parameters
    ----------
    archive : zipfile.ZipFile
        Archive from `open_archive`.
    label : object
        Name of the file for error messages.

    Returns
    -------
    object
        The JSON value.

    Raises
    ------
    ValueError
        If the text is missing or invalid.
    """
    text = read_array(archive, ABOUT, label, MAX_TEXT)
    if text.shape != () or text.dtype.kind != "U":
        raise ValueError(f"{label}: {ABOUT}: expected a text, found {text.dtype} of shape {text.shape}")
    try:
        return parse_json(str(text))
    except ValueError as error:
        raise ValueError(f"{label}: {ABOUT}: expected JSON, found other text ({error})") from error


def _archive(path, arrays, metadata):
    """Make the archive in memory. Its comment has 64 zeros as a placeholder for the digest."""
    try:
        text = np.array(json.dumps(metadata))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected metadata of JSON types, found something else ({error})") from error
    if text.nbytes > MAX_TEXT:
        raise ValueError(
            f"{path}: expected a JSON text of {MAX_TEXT // 4:,} characters at most, found {text.nbytes // 4:,}"
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            if name == ABOUT or not NAME.fullmatch(name) or name.endswith(".npy"):
                raise ValueError(
                    f"{path}: expected an array's name of letters, digits, _ . and -, found {quoted(name)}"
                )
            _write_array(path, archive, name, np.asarray(array), zipfile.ZIP_STORED)
        _write_array(path, archive, ABOUT, text, zipfile.ZIP_DEFLATED)
        archive.comment = TRAILER + b"0" * N_DIGITS
    return buffer.getvalue()  # not a view: Python 3.12 crashes if an error keeps a view longer than its buffer


def _write_array(path, archive, name, array, compression):
    if array.dtype.hasobject or array.dtype.names is not None:
        found = "objects" if array.dtype.hasobject else "records"
        raise ValueError(f"{path}: expected numbers or strings in the array {name}, found {found}")
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = compression
    with archive.open(member, "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _sealed(content):
    """Replace the placeholder by the digest of the bytes before it."""
    return content[:-N_DIGITS] + _digest(content)


def _digest(content):
    return hashlib.sha256(memoryview(content)[:-N_DIGITS]).hexdigest().encode()


def _check_seal(path, content):
    """Check by its last bytes that a file is a complete and undamaged checkpoint of this version."""
    version = re.search(rb"rnnrbm_pt checkpoint (\d+) [^\0]*\Z", content[-200:])
    if version and int(version[1]) != VERSION:
        found = f"version {version[1].decode()} (update rnnrbm_pt)"
        raise ValueError(f"{path}: expected version {VERSION} of the checkpoint format, found {found}")
    if not content[:-N_DIGITS].endswith(TRAILER):
        whole = _ends_as_archive(content)
        if content.startswith(b"PK\3\4") and not whole:
            raise ValueError(f"{path}: expected a complete checkpoint, found a file that is cut short or damaged")
        found = "an archive without a checksum" if whole else f"another kind of file, of {len(content)} bytes"
        raise ValueError(f"{path}: expected a checkpoint, found {found}")
    if content[-N_DIGITS:] != _digest(content):
        raise ValueError(f"{path}: expected an intact checkpoint, found a damaged file: its checksum differs")


def _ends_as_archive(content):
    """Return whether a zip archive is complete: its end record exists and is followed by the whole comment."""
    start = content.rfind(b"PK\5\6")
    return start >= 0 and len(content) == start + 22 + int.from_bytes(content[start + 20 : start + 22], "little")
