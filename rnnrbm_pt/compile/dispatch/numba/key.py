"""Keys under which Numba's disk cache keeps the compiled operations of this package."""

from collections.abc import Callable
from hashlib import sha256

Kernel = tuple[Callable, str]
"""A Numba function, and the key under which it is kept."""


def cache_key(*what: str | int | bool) -> str:
    """A key for `register_funcify_and_cache_key`.

    Parameters
    ----------
    *what : str, int or bool
        The operation's family, the version of its code, and everything that the code depends on.

    Notes
    -----
    Compiled code names the modules that it came from, and cannot be loaded after they have moved. So the key has the
    name of this package too.

    Returns
    -------
    str
    """
    return sha256(repr((__package__, *what)).encode()).hexdigest()
