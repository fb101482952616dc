"""Keys under which Numba's disk cache keeps the compiled operations of this package."""

from hashlib import sha256


def cache_key(*what: str | int | bool) -> str:
    """A key for `register_funcify_and_cache_key`.

    Parameters
    ----------
    *what : str, int or bool
        The operation's family, the version of its code, and everything that the code depends on.

    Notes
    -----
    What Numba keeps names the modules that it came from, and cannot be loaded once they have moved. So the key has the
    name of this package too.

    Returns
    -------
    str
    """
    return sha256(repr((__package__, *what)).encode()).hexdigest()
