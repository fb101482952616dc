"""Numba and JAX implementations of this package's Ops. Each backend is imported when a graph first needs it."""

from functools import cache
from importlib.util import find_spec


@cache
def register_numba() -> None:
    """Register the Numba code of this package's Ops, if Numba is installed. Importing Numba takes a second."""
    if find_spec("numba") is not None:  # the other backends do not need it
        import rnnrbm_pt.compile.dispatch.numba  # noqa: F401


@cache
def register_jax() -> None:
    """Register the JAX code of this package's Ops."""
    import rnnrbm_pt.compile.dispatch.jax  # noqa: F401
