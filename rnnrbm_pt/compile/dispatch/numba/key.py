"""Keys under which Numba's disk cache keeps the compiled operations of this package."""

from hashlib import sha256


def cache_key(*what):
    """A key for `register_funcify_and_cache_key`.

    Parameters
    ----------
    *what : str, int or bool
        The operation's family, the version of its code, and everything that the code depends on.

    Returns
    -------
    str
    """
    return sha256(repr(("rnnrbm_pt", *what)).encode()).hexdigest()
