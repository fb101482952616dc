"""What tells Numba's disk cache one compiled operation of this package from another."""

from hashlib import sha256


def cache_key(*what):
    """A key for `register_funcify_and_cache_key`: of the operation's family, its version, and all that its code is for.

    Returns
    -------
    str
    """
    return sha256(repr(("rnnrbm_pt", *what)).encode()).hexdigest()
