"""Read arrays from untrusted NumPy archives (.npz).

`np.load` trusts an array's header: it evaluates the header as a Python expression and allocates whatever size the
header declares. This module accepts only headers in the form that NumPy writes, and compares the declared size with
the bytes in the file before it allocates memory.
"""

import math
import re
import zipfile
import zlib
from collections.abc import Iterable

import numpy as np

from rnnrbm_pt.quoting import printable

HEADER = re.compile(
    rb"\{'descr': '(?P<descr>[<>|][biufcSUMm]\d{1,9}(?:\[\d{0,9}[A-Za-z]{1,2}\])?)', "
    rb"'fortran_order': (?P<fortran_order>True|False), "
    rb"'shape': \((?P<shape>(?:\d{1,18}, ?){0,31}(?:\d{1,18},?)?)\), \} *\n"
)
PIECE = 2**20  # bytes
LONGEST_HEADER = 2**12  # bytes


def read_array(archive: zipfile.ZipFile, name: str, label: object, most: int | None = None) -> np.ndarray:
    """Read an array from a NumPy archive.

    Parameters
    ----------
    archive : zipfile.ZipFile
        Archive from `open_archive`.
    name : str
        Name of the array, without the suffix .npy.
    label : object
        Name of the file for error messages.
    most : int, optional
        Maximum size in bytes. Without a maximum, the array must be stored uncompressed.

    Returns
    -------
    ndarray
        Writable array of numbers, strings or times.

    Raises
    ------
    ValueError
        If the array is missing, too large or damaged.
    """
    try:
        entry = archive.getinfo(f"{name}.npy")
    except KeyError:
        there = printable(", ".join(entry.filename for entry in archive.infolist()[:20]))
        raise ValueError(f"{label}: expected the array {name}, found {there or 'none'}") from None
    if most is None and entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{label}: {name}: expected an uncompressed array, found a compressed array")
    if most is not None and entry.file_size > most + LONGEST_HEADER:
        raise ValueError(f"{label}: {name}: expected {most:,} bytes at most, found {entry.file_size:,}")
    try:
        with archive.open(entry) as file:
            return _array(file, entry.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        raise ValueError(f"{label}: {name}.npy cannot be unpacked ({printable(str(error))})") from error
    except (ValueError, TypeError, OverflowError) as error:
        found = printable(str(error))
        raise ValueError(f"{label}: {name}: expected an array of numbers, found a damaged one ({found})") from error


def check_stored(archive: zipfile.ZipFile, names: Iterable[str], size: int, label: object) -> None:
    """Check that the uncompressed arrays of a file are together no larger than the file.

    Parameters
    ----------
    archive : zipfile.ZipFile
    names : iterable of str
        Names of the arrays, without the suffix .npy.
    size : int
        Size of the file in bytes.
    label : object
        Name of the file for error messages.

    Raises
    ------
    ValueError
        If the arrays are larger, which means that entries of the archive share bytes.
    """
    claimed = sum(archive.getinfo(f"{name}.npy").file_size for name in names)
    if claimed > size:
        raise ValueError(f"{label}: expected arrays of {size:,} bytes at most, found {claimed:,} declared")


def _array(file, size):
    start = file.read(10)
    if start[:8] != b"\x93NUMPY\1\0" or len(start) < 10:
        raise ValueError("not version 1.0 of the format")
    text = file.read(min(int.from_bytes(start[8:], "little"), LONGEST_HEADER))
    header = HEADER.fullmatch(text)
    if header is None:
        raise ValueError(f"the header is {printable(repr(text), 60)}")
    dtype = np.dtype(header["descr"].decode())
    shape = tuple(int(length) for length in re.findall(rb"\d+", header["shape"]))
    left = size - len(start) - len(text)
    if dtype.itemsize == 0 or math.prod(shape) * dtype.itemsize != left:
        raise ValueError(f"{dtype} of shape {shape} in {left:,} bytes")
    content, filled = bytearray(left), 0
    while piece := file.read(PIECE):  # zipfile compares the checksum at the end
        content[filled : filled + len(piece)] = piece
        filled += len(piece)
    if filled != left:
        raise ValueError(f"expected {left:,} bytes, found {filled:,}")
    array = np.frombuffer(content, dtype) if left else np.empty(0, dtype)
    return array.reshape(shape, order="F" if header["fortran_order"] == b"True" else "C")
