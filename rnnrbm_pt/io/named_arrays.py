"""Named arrays in files for other programs: .npz for NumPy, .mat for MATLAB and Octave."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnrbm_pt.io.archives import check_unpacked, open_archive
from rnnrbm_pt.io.arrays import read_array
from rnnrbm_pt.io.atomic_write import FilePath, replacing
from rnnrbm_pt.quoting import quoted

MAX_BYTES = 256 * 2**20
SUFFIXES = ".npz", ".mat"


def write_named_arrays(path: FilePath, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays atomically, in the format of the file's suffix.

    Parameters
    ----------
    path : str or path-like
        File to write, with the suffix .npz or .mat. In a .mat file, vectors become rows.
    arrays : dict {str: array}
        Arrays by name.

    Raises
    ------
    ValueError
        If the suffix is neither .npz nor .mat.
    """
    content, suffix = io.BytesIO(), Path(path).suffix.lower()
    if suffix == ".npz":
        np.savez(content, **dict[str, Any](arrays))
    elif suffix == ".mat":
        from scipy.io import savemat

        savemat(content, dict(arrays))
    else:
        raise ValueError(f"{path}: expected a {' or '.join(SUFFIXES)} file, found {quoted(suffix or 'no suffix')}")
    with replacing(path) as temporary:
        temporary.write_bytes(content.getvalue())


def read_named_arrays(path: FilePath) -> dict[str, np.ndarray]:
    """Read the arrays of an untrusted .npz file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict {str: array}
        Arrays by name, in the order of the file.

    Raises
    ------
    ValueError
        If the file is not an .npz file, or contains anything but arrays of numbers and strings.
    OSError
        If the file cannot be read.
    """
    with open_archive(path) as archive:
        check_unpacked(archive, Path(path).stat().st_size, path)
        names = [entry.filename.removesuffix(".npy") for entry in archive.infolist()]
        return {name: read_array(archive, name, path, MAX_BYTES) for name in names}
