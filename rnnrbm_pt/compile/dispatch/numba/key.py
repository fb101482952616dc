"""Keys of this package's compiled operations in Numba's disk cache."""

from collections.abc import Callable
from hashlib import sha256

Kernel = tuple[Callable, str]
"""A Numba function and its cache key."""


def cache_key(*what: str | int | bool) -> str:
    """Make a key for `register_funcify_and_cache_key`.

    Parameters
    ----------
    *what : str, int or bool
        The operation's family, the version of its code, and everything that the code depends on.

    Returns
    -------
    str

    Notes
    -----
    Compiled code refers to the modules that it came from, and cannot be loaded after they have moved. So the name of
    this package is part of the key.
    """
    return sha256(repr((__package__, *what)).encode()).hexdigest()
