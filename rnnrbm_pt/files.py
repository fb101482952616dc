"""Files that are whole or absent, never half written."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path):
    """Write a file beside its final place and move it there once it is complete.

    Parameters
    ----------
    path : str or path-like
        Where the file shall be. Its folder is made if it is missing.

    Yields
    ------
    pathlib.Path
        A temporary file in the same folder, with the same suffix. When the block ends it replaces
        `path` in one step; when the block raises it is removed and `path` is left as it was.

    Raises
    ------
    ValueError
        If `path` is a folder.
    OSError
        If the folder cannot be written to.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: expected a file to write, found a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private; a finished file has the rights that open() would have given it.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
