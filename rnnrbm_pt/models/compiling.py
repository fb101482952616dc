"""How the functions of a model are compiled and run. None of it decides what the model is."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar, cast

import pytensor
from pytensor.compile.mode import Mode

from rnnrbm_pt.checks import choice, integer
from rnnrbm_pt.compile.calls import COMPILING, ModelLock, SafeFunction, pieces
from rnnrbm_pt.compile.modes import backend_mode, bounded_threads, compile_function
from rnnrbm_pt.compile.rewriting.as_written import LAST, scans_as_written
from rnnrbm_pt.streams.registry import STREAMS

AS_WRITTEN = Mode(linker="py", optimizer="fast_compile").register((scans_as_written, LAST))
"""Runs a graph operation by operation in Python. For a function that is called seldom, compiling takes longer."""

F = TypeVar("F", bound=Callable[..., Any])


def locked(method: F) -> F:
    """Decorator of a method of what has `compiling`, or a function of a model: one thread at a time is in them.

    Another thread waits until the method is over: during `fit`, until the run is.
    """

    @wraps(method)
    def run(owner: Any, *arguments: Any, **keywords: Any) -> Any:
        with owner.compiling.lock:
            return method(owner, *arguments, **keywords)

    return cast(F, run)


@dataclass(frozen=True)
class CompileSettings:
    """What compiles and runs the functions of a model.

    Attributes
    ----------
    backend : {"numba", "c", "jax"}
    threads : int
        Number of Numba threads.
    floatX : {"float64", "float32"}
    mode : pytensor.compile.mode.Mode
    lock : ModelLock
        Whoever uses the functions and variables of the model holds it: a method that sets the streams and then draws
        from them, for as long as it runs. A second thread waits meanwhile.
    """

    backend: str
    threads: int
    floatX: str
    mode: Mode
    lock: ModelLock = field(default_factory=ModelLock, compare=False, repr=False)

    @classmethod
    def checked(cls, backend, threads=1, floatX=None, mode=None):
        """Check the settings as `RnnRbm` takes them.

        Parameters
        ----------
        backend, threads, floatX, mode
            As `RnnRbm` takes them: without `floatX` it is PyTensor's, without `mode` the backend's.

        Returns
        -------
        CompileSettings

        Raises
        ------
        ValueError
            If one of them is not valid.
        ImportError
            If the backend needs a package that is not installed.
        """
        floatX = choice("floatX", pytensor.config.floatX if floatX is None else floatX, ("float64", "float32"))
        threads = integer("threads", threads, 1)
        default = backend_mode(backend)
        if mode is not None and not isinstance(mode, Mode):
            raise ValueError(f"mode: expected a Mode of PyTensor, found {mode!r}")
        return cls(backend, threads, floatX, default if mode is None else mode)

    def function(self, inputs, outputs, updates=None):
        """Compile a function; see `compile.modes.compile_function`. Any thread may call it, and be interrupted."""
        function = compile_function(inputs, outputs, updates, mode=self.mode, floatX=self.floatX)
        return SafeFunction(function, self.lock)

    def function_as_written(self, inputs, outputs):
        """A function that runs its graph step by step in Python; call it by `on_host`."""
        return SafeFunction(
            compile_function(inputs, outputs, mode=AS_WRITTEN, floatX=self.floatX), self.lock, deferred=False
        )

    @contextmanager
    def float_variables(self):
        """Context in which new variables of a graph have the model's float type. One thread at a time is in it."""
        with COMPILING, pytensor.config.change_flags(floatX=self.floatX):
            yield

    def bounded_threads(self):
        """Context in which BLAS has one thread and Numba has `threads`."""
        return bounded_threads(self.threads)

    def on_host(self, params, function, *arguments):
        """Call a function that runs in Python and reads `params`, which JAX may hold on the graphics card.

        Parameters
        ----------
        params : sequence of shared variables
        function : callable
        *arguments

        Returns
        -------
        What the function returns.
        """
        with self.lock, self.bounded_threads():
            if self.backend == "jax":
                from rnnrbm_pt.compile.jax_functions import to_host

                to_host(params)
            return function(*arguments)

    def pieces(self, n_steps, at_most):
        """Slices of a long calculation; see `compile.calls.pieces`. `at_most` is for JAX alone."""
        return pieces(n_steps, at_most=at_most if self.backend == "jax" else None)

    def streams(self, kind, seed):
        """New random streams of a kind.

        Parameters
        ----------
        kind : str
            A name of `streams.registry.STREAMS`. Only Philox streams draw on several threads.
        seed : int

        Returns
        -------
        RandomStreams, MRGStreams or PhiloxStreams
        """
        parallel = {"parallel": True} if kind == "philox" and self.threads > 1 else {}
        return STREAMS[kind](seed, **parallel)
