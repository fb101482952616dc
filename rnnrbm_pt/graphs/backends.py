"""What compiles a graph: one word for it, and a bound on the threads it takes."""

import logging
import warnings
from contextlib import contextmanager

import pytensor
from pytensor.compile.mode import get_mode

BACKENDS = {"numba": "NUMBA", "c": "CVM"}
"""The word for each backend, and PyTensor's name of the mode that compiles for it."""


def backend_mode(backend):
    """PyTensor's mode for a backend.

    Parameters
    ----------
    backend : {"numba", "c"}
        "numba" compiles to machine code by LLVM, "c" by the C compiler of the machine.

    Returns
    -------
    pytensor.compile.mode.Mode

    Raises
    ------
    ValueError
        For any other word.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend: expected one of {', '.join(BACKENDS)}, found {backend!r}")
    return get_mode(BACKENDS[backend])


@contextmanager
def no_blas_warnings():
    """Keep PyTensor from warning, within the block, that its C backend found no BLAS: `rnnrbm info` says so."""
    loggers = [logging.getLogger(f"pytensor.{name}") for name in ("tensor.blas", "tensor.blas_headers")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS", category=UserWarning)
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def compile_function(inputs, outputs, updates=None, *, mode, floatX):
    """`pytensor.function` under a float type, without the warnings of `no_blas_warnings`."""
    with no_blas_warnings(), pytensor.config.change_flags(floatX=floatX):
        return pytensor.function(inputs, outputs, updates=updates, mode=mode)


def c_blas():
    """The linker flags of the BLAS that the C backend uses; an empty string where it found none."""
    with no_blas_warnings():
        return pytensor.config.blas__ldflags


@contextmanager
def bounded_threads(n=1):
    """Hold BLAS to n threads within the block.

    The matrices of this model are small: on a busy machine of two cores, two threads made an update ten times
    slower than one.
    """
    import scipy.linalg  # noqa: F401  (the BLAS that Numba calls; a library has to be loaded to be bounded)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(n, user_api="blas"):
        yield
