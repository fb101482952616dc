"""What tells Numba's disk cache one compiled operation of this package from another."""

from hashlib import sha256

LAYOUT = 2
"""To be raised when Numba code moves to another module: cached code imports the module that it was written in."""


def cache_key(*what):
    """A key for `register_funcify_and_cache_key`: of the operation's family, its version, and all that its code is for.

    Returns
    -------
    str
    """
    return sha256(repr(("rnnrbm_pt", LAYOUT, *what)).encode()).hexdigest()
