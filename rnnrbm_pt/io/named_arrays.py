"""Named arrays as files of other programs: .npz for NumPy's, .mat for MATLAB's and Octave's."""

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
    """Write arrays, all or nothing, in the form that the suffix says.

    Parameters
    ----------
    path : path
        .npz or .mat. In a .mat file vectors are rows.
    arrays : dict {str: array}

    Raises
    ------
    ValueError
        If the suffix is another one.
    """
    content, suffix = io.BytesIO(), Path(path).suffix.lower()
    if suffix == ".npz":
        np.savez(content, **dict[str, Any](arrays))
    elif suffix == ".mat":
        from scipy.io import savemat

        savemat(content, dict(arrays))
    else:
        raise ValueError(f"{path}: expected a file of {' or '.join(SUFFIXES)}, found {quoted(suffix or 'no suffix')}")
    with replacing(path) as temporary:
        temporary.write_bytes(content.getvalue())


def read_named_arrays(path: FilePath) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, which is not trusted.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict {str: array}
        In the order of the file.

    Raises
    ------
    ValueError
        If it is no such file, or holds anything but arrays of numbers and texts.
    OSError
        If it cannot be read.
    """
    with open_archive(path) as archive:
        check_unpacked(archive, Path(path).stat().st_size, path)
        names = [entry.filename.removesuffix(".npy") for entry in archive.infolist()]
        return {name: read_array(archive, name, path, MAX_BYTES) for name in names}
