"""Backends: their names, compilation for a backend, and limits on threads."""

import ctypes.util
import logging
import shlex
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytensor
from pytensor.compile.mode import Mode, get_mode
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable

from rnnrbm_pt.compile.calls import COMPILING
from rnnrbm_pt.compile.devices import OneDevice
from rnnrbm_pt.compile.rewriting.own_scans import LAST, own_scans
from rnnrbm_pt.ours import MANY_THREADS

BACKENDS = {"numba": "NUMBA", "c": "CVM", "jax": "JAX"}
"""The name of each backend, and PyTensor's name for its mode."""

LIBRARIES = "openblas", "flexiblas", "mkl_rt", "blas"
"""BLAS libraries for the C backend, in order of preference. They are tried if PyTensor finds no BLAS."""


def backend_mode(backend: str) -> Mode:
    """Prepare a backend and return PyTensor's mode for it.

    Parameters
    ----------
    backend : {"numba", "c", "jax"}
        "numba" compiles with LLVM, "c" with the C++ compiler of the machine, and "jax" with XLA, which can also compile
        for a GPU. Preparing "jax" allows float64 in JAX for the whole process. Preparing "c" looks for a BLAS.

    Returns
    -------
    pytensor.compile.mode.Mode

    Raises
    ------
    ValueError
        If the backend is unknown.
    ImportError
        If the backend is not installed.
    OSError
        If the folder for compiled code is not writable.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend: expected one of {', '.join(BACKENDS)}, found {backend!r}")
    check_cache()
    if backend == "c":
        link_blas()
    if backend == "jax":
        from rnnrbm_pt.compile.jax_functions import prepare_jax

        prepare_jax()
    return own_scans_mode() if backend == "c" else get_mode(BACKENDS[backend])


@cache
def own_scans_mode() -> Mode:
    """The mode of the C backend, in which no two functions share scans; see `compile.rewriting.own_scans`."""
    return get_mode(BACKENDS["c"]).register((own_scans, LAST))


def with_threads(mode: Mode) -> Mode:
    """The Numba mode in which threads share the frames of an operation, as far as it can divide them."""
    import numba

    numba.get_num_threads()  # starts the threads: compiled code from the cache would find none and crash
    return mode.including(MANY_THREADS)


@cache
def check_cache() -> None:
    """Raise OSError if the folder for compiled code is not writable. A good folder is checked once per process."""
    folder = Path(pytensor.config.base_compiledir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = "choose another folder with PYTENSOR_FLAGS=base_compiledir=FOLDER in the environment"
        raise OSError(f"{folder}: cannot write compiled code there ({error.strerror}); {advice}") from error


@contextmanager
def no_blas_warnings() -> Iterator[None]:
    """Within the block, silence PyTensor's warnings about a missing BLAS. `rnnrbm info` reports it instead."""
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


def compile_function(
    inputs: Sequence[Variable],
    outputs: Variable | Sequence[Variable],
    updates: Mapping[SharedVariable, Variable] | None = None,
    *,
    mode: Mode,
    floatX: str,
    place: OneDevice | None = None,
) -> Callable[..., Any]:
    """Compile a function: with `pytensor.function`, or as a `JaxFunction` for JAX.

    Inputs are cast to the types of their variables, so a float32 function accepts rolls of any type, and lists.

    Parameters
    ----------
    inputs : list of variables
    outputs : variable or list of variables
    updates : dict {shared variable: variable}, optional
    mode : pytensor.compile.mode.Mode
        The result of `backend_mode`.
    floatX : {"float64", "float32"}
        PyTensor's float type during the compilation.
    place : OneDevice, optional
        Where a `JaxFunction` runs; see `compile.devices`.

    Returns
    -------
    callable
    """
    if mode is get_mode("JAX"):
        from rnnrbm_pt.compile.jax_functions import JaxFunction

        return JaxFunction(inputs, outputs, updates, floatX=floatX, place=place)
    pairs = list((updates or {}).items())
    with COMPILING, no_blas_warnings(), pytensor.config.change_flags(floatX=floatX):
        return pytensor.function(inputs, outputs, updates=pairs, mode=mode, allow_input_downcast=True)


def c_blas() -> str:
    """The linker flags for the BLAS of the C backend; an empty string if it found none."""
    link_blas()
    return pytensor.config.blas__ldflags


@cache
def link_blas() -> None:
    """Find an installed BLAS for the C backend, unless PyTensor's flags name one. Runs once per process.

    PyTensor itself tries few libraries, and OpenBLAS only together with gfortran's library. This function also loads
    the library, because `bounded_threads` only limits loaded libraries.
    """
    from pytensor.link.c.cmodule import try_blas_flag

    with no_blas_warnings():
        found = pytensor.config.blas__ldflags
    parameter = vars(type(pytensor.config))["blas__ldflags"]
    if not found and parameter.is_default and pytensor.config.cxx:
        candidates = (f"-l{name}" for name in LIBRARIES if ctypes.util.find_library(name))
        pytensor.config.blas__ldflags = next((flag for flag in candidates if try_blas_flag([flag])), "")
    for flag in shlex.split(pytensor.config.blas__ldflags):
        if flag.startswith("-l") and (library := ctypes.util.find_library(flag[2:])):
            ctypes.CDLL(library)


def describe_backends() -> dict[str, list[str]]:
    """Describe the state of each backend, and what it lacks.

    Returns
    -------
    dict {backend: list of str}
        Lines of text for `rnnrbm info`.
    """
    return {"numba": _describe_numba(), "c": _describe_c(), "jax": _describe_jax()}


def _describe_numba() -> list[str]:
    if find_spec("numba") is None:
        return ["not installed: pip install numba"]
    import numba
    import scipy.linalg  # noqa: F401  (loads the BLAS that Numba calls)
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    pools = [pool for pool in pools if "scipy.libs" in pool["filepath"]] or pools  # NumPy may have its own BLAS
    blas = "; ".join(f"{pool['internal_api']} {pool['version']}" for pool in pools) or "SciPy's"
    n = numba.config.NUMBA_NUM_THREADS
    return [f"ready (BLAS: {blas}; up to {n} thread{'s' * (n != 1)})"]


def _describe_c() -> list[str]:
    compiler = pytensor.config.cxx
    if not compiler:
        return ["no C++ compiler found: install g++"]
    if blas := c_blas():
        return [f"ready ({compiler}; BLAS: {blas})"]
    return [
        f"ready ({compiler}), but several times slower than numba, for lack of a BLAS;",
        "install one with its headers (such as libopenblas-dev), or name one with",
        "PYTENSOR_FLAGS=blas__ldflags=...",
    ]


def _describe_jax() -> list[str]:
    if find_spec("jax") is None:
        return ['not installed: pip install "rnnrbm-pt[jax]"']
    import jax

    devices = jax.devices()
    lines = [f"ready (jax {jax.__version__}; {len(devices)} device{'s' * (len(devices) != 1)})"]
    lines += [f"{device.platform} {device.id}: {device.device_kind}" for device in devices]
    if {device.platform for device in devices} == {"cpu"}:
        lines.append('for an NVIDIA GPU: pip install "jax[cuda13]"')
    return lines


@contextmanager
def bounded_threads(n: int = 1) -> Iterator[None]:
    """Within the block, limit BLAS to one thread, and Numba to n threads if it is loaded.

    The matrices of these models are small. On a machine with two cores, two BLAS threads made an update four to ten
    times slower than one thread. So additional threads only divide the rows of a layer of an RBM with Philox streams,
    and the frames of a NADE. JAX uses as many threads as there are cores, and cannot be limited once it runs.

    Parameters
    ----------
    n : int
        Number of Numba threads, at least 1. Numba never uses more threads than the machine has cores.
    """
    with ONE_BLAS_THREAD, _bounded_numba_threads(n):
        yield


class BlasLimit:
    """Limits BLAS to one thread while any thread is inside a block. The limit holds for the whole process."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._limits: AbstractContextManager = nullcontext()

    def __enter__(self) -> None:
        import scipy.linalg  # noqa: F401  (the BLAS that Numba calls; only loaded libraries can be limited)
        from threadpoolctl import threadpool_limits

        with self._lock:
            if not self._inside:
                self._limits = threadpool_limits(1, user_api="blas")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._limits.__exit__(None, None, None)


ONE_BLAS_THREAD = BlasLimit()
"""The limit that `bounded_threads` uses in all threads of the process."""


@contextmanager
def _bounded_numba_threads(n: int) -> Iterator[None]:
    if "numba" not in sys.modules and (n == 1 or find_spec("numba") is None):
        yield  # no Numba code runs yet, and later code uses one thread by default
        return
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))
    try:
        yield
    finally:
        numba.set_num_threads(before)
