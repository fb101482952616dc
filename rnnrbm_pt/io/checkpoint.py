"""Checkpoints: arrays and one JSON text in a file that is whole, or is refused.

The file is a NumPy archive, which ``np.load`` opens: one ``.npy`` an array, as it is in memory, and the text as the
array ``about``, which alone is compressed: of random numbers little would be saved. The comment of the archive ends it:

    rnnrbm_pt checkpoint 1 sha256:<64 hexadecimal digits>

1 is the version of this format, and the digits are the SHA-256 digest of all bytes before them, so that no byte of the
file can change unnoticed. Nothing in it is ever executed: there are no pickles.

Equal arrays and texts give equal bytes.
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
"""Bytes of the text, of which a character takes four: the log of 30,000 epochs."""


def write_checkpoint(path: FilePath, arrays: Mapping[str, ArrayLike], metadata: object) -> None:
    """Write arrays and a JSON text, all or nothing.

    The file is written beside its place, flushed to the disk and moved there: whenever the process or the machine
    dies, `path` is the older file or the new one. What writers of this path that were killed have left beside it is
    removed first, as its room may be what the new file lacks.

    Parameters
    ----------
    path : str or path-like
    arrays : dict {str: array}
        Of any shapes, and of any types but objects and records. Names are of letters, digits, ``_``, ``.`` and ``-``.
    metadata : object
        What JSON can hold, and numbers that are not finite.

    Raises
    ------
    ValueError
        If something cannot be written so; nothing is then.
    OSError
        If the disk is full, or the folder cannot be written to. It names `path`, where the older file stays.
    """
    content = _sealed(_archive(path, arrays, metadata))
    remove_leftovers(path)
    with replacing(path) as temporary, open(temporary, "wb", buffering=0) as file:
        rest = memoryview(content)
        while rest:  # a disk that is nearly full takes a part, and says why at the next attempt
            rest = rest[file.write(rest) :]


def read_checkpoint(path: FilePath) -> tuple[dict[str, np.ndarray], Any]:
    """Read what `write_checkpoint` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    arrays : dict {str: array}
    metadata : object

    Raises
    ------
    ValueError
        If the file is cut short, damaged, of another version, or not a checkpoint at all. Its sentence begins with
        `path`.
    FileNotFoundError
    """
    path = Path(path)
    content = read_bytes(path, "a checkpoint")
    _check_seal(path, content)
    try:
        with open_archive(io.BytesIO(content), "the archive") as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name != f"{ABOUT}.npy"]
            check_stored(archive, names, len(content), "the archive")
            return {name: read_array(archive, name, "the archive") for name in names}, read_text(archive, "the archive")
    except (ValueError, KeyError) as error:  # KeyError: a file in the archive is no array
        found = printable(str(error), 200)
        raise ValueError(
            f"{path}: expected arrays and a JSON text in the checkpoint, found others ({found})"
        ) from error


def read_text(archive: zipfile.ZipFile, label: object) -> Any:
    """What the JSON text of a checkpoint says; nothing else in the archive is looked at.

    Parameters
    ----------
    archive : zipfile.ZipFile
        As `open_archive` gives it.
    label : object
        What to call the file in an error.

    Returns
    -------
    object

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
        raise ValueError(f"{label}: {ABOUT}: expected JSON, found another text ({error})") from error


def _archive(path, arrays, metadata):
    """A NumPy archive in memory, its comment that of a checkpoint up to the digits, which are 0."""
    try:
        text = np.array(json.dumps(metadata))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected what JSON can hold, found something else ({error})") from error
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
    return buffer.getvalue()  # not a view: Python 3.12 crashes where one outlives its buffer in an error


def _write_array(path, archive, name, array, compression):
    if array.dtype.hasobject or array.dtype.names is not None:
        found = "objects" if array.dtype.hasobject else "records"
        raise ValueError(f"{path}: expected numbers or texts in the array {name}, found {found}")
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = compression
    with archive.open(member, "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _sealed(content):
    """Put in the digest of the bytes before it."""
    return content[:-N_DIGITS] + _digest(content)


def _digest(content):
    return hashlib.sha256(memoryview(content)[:-N_DIGITS]).hexdigest().encode()


def _check_seal(path, content):
    """Refuse, by its last bytes, what is not the whole of a checkpoint of this version, as it was written."""
    version = re.search(rb"rnnrbm_pt checkpoint (\d+) [^\0]*\Z", content[-200:])
    if version and int(version[1]) != VERSION:
        found = f"version {version[1].decode()} (update rnnrbm_pt)"
        raise ValueError(f"{path}: expected version {VERSION} of the checkpoint format, found {found}")
    if not content[:-N_DIGITS].endswith(TRAILER):
        whole = _ends_as_archive(content)
        if content.startswith(b"PK\3\4") and not whole:
            raise ValueError(f"{path}: expected a whole checkpoint, found one that is cut short or damaged")
        found = "an archive without the checksum of one" if whole else f"another file, of {len(content)} bytes"
        raise ValueError(f"{path}: expected a checkpoint, found {found}")
    if content[-N_DIGITS:] != _digest(content):
        raise ValueError(f"{path}: expected a checkpoint as it was written, found a damaged one: its checksum differs")


def _ends_as_archive(content):
    """Whether the record that ends a zip archive is there, and all of the comment that it announces."""
    start = content.rfind(b"PK\5\6")
    return start >= 0 and len(content) == start + 22 + int.from_bytes(content[start + 20 : start + 22], "little")
