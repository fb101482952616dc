"""How the functions of a model are compiled and run. None of it decides what the model is."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar, cast

import pytensor
from pytensor.compile.mode import Mode

from rnnrbm_pt.checks import choice, integer, seed_number
from rnnrbm_pt.compile.calls import COMPILING, ModelLock, SafeFunction, pieces
from rnnrbm_pt.compile.devices import (
    ManyDevices,
    check_processes,
    check_shares,
    count_devices,
    is_first_process,
    of_first_process,
)
from rnnrbm_pt.compile.modes import backend_mode, bounded_threads, compile_function
from rnnrbm_pt.compile.rewriting.as_written import LAST, scans_as_written
from rnnrbm_pt.streams.registry import STREAMS

AS_WRITTEN = Mode(linker="py", optimizer="fast_compile").register((scans_as_written, LAST))
"""Runs a graph operation by operation in Python. For a function that is called seldom, compiling takes longer."""

STEPS_OF_JAX = 25
"""Steps of chains in one call of a function of JAX. The other backends find out how many fit into a moment."""

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
    devices : int
        Number of JAX's devices that share the sequences of an update.
    lock : ModelLock
        Whoever uses the functions and variables of the model holds it: a method that sets the streams and then draws
        from them, for as long as it runs. A second thread waits meanwhile.
    """

    backend: str
    threads: int
    floatX: str
    mode: Mode
    devices: int = 1
    lock: ModelLock = field(default_factory=ModelLock, compare=False, repr=False)

    @classmethod
    def checked(cls, backend, threads=1, floatX=None, mode=None, devices=1):
        """Check the settings as `RnnRbm` takes them.

        Parameters
        ----------
        backend, threads, floatX, mode, devices
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
        mode = default if mode is None else mode
        if devices == "all" or integer("devices", devices, 1) > 1:
            if backend != "jax" or mode is not default:
                found = "another mode" if backend == "jax" else repr(backend)
                raise ValueError(f"devices: expected the backend jax with its own mode, found {found}")
            devices = count_devices(devices)
        return cls(backend, threads, floatX, mode, int(devices))

    def function(self, inputs, outputs, updates=None, axes=None):
        """Compile a function; see `compile.modes.compile_function`. Any thread may call it, and be interrupted.

        With `axes`, the devices share the sequences of its arrays; see `compile.devices.ManyDevices`.
        """
        place = ManyDevices(self.devices, axes) if axes and self.devices > 1 else None
        function = compile_function(inputs, outputs, updates, mode=self.mode, floatX=self.floatX, place=place)
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

    def check_shares(self, n_sequences, optimizer):
        """Check that the devices can share the sequences of an update; a ValueError otherwise."""
        if self.devices > 1:
            if optimizer == "hf":
                raise ValueError(f"devices: expected 1 with the optimizer hf, found {self.devices}")
            check_shares(n_sequences, self.devices)

    @property
    def writes_files(self):
        """Whether this process is the one that writes files, of those that train a model together."""
        return self.devices == 1 or is_first_process()

    def check_start(self, state):
        """Check that a run can start, or go on, on these devices, and from the same state in all processes.

        Parameters
        ----------
        state : TrainState
            Its `progress` is that of the run.

        Raises
        ------
        ValueError
        """
        if self.devices > 1:
            self.check_shares(state.progress.run.n_sequences, state.learning.optimizer)
            check_processes(state.arrays(), state.progress.data)

    def of_first_process(self, record):
        """A record as the first process has it; see `compile.devices.of_first_process`."""
        return of_first_process(record) if self.devices > 1 else record

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

    def rbm_streams(self, kind, seed):
        """The streams of one RBM, or of one NADE: the first ones of a kind and a seed.

        Parameters
        ----------
        kind, seed
            As `streams` takes them; the seed is checked.

        Returns
        -------
        tuple of shared variables
        """
        return self.streams(kind, seed_number(seed)).rbm()

    def restart(self, streams, kind, seed):
        """Set streams to where new ones of a kind and a seed begin; see `rbm_streams`."""
        for stream, new in zip(streams, self.rbm_streams(kind, seed), strict=True):
            stream.set_value(new.get_value())
