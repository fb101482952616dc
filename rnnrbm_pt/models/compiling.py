"""Compile settings of a model: how its functions are compiled and run. They do not change what the model is."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar, cast

import pytensor
from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery

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
from rnnrbm_pt.compile.modes import backend_mode, bounded_threads, compile_function, with_threads
from rnnrbm_pt.compile.rewriting.own_scans import LAST, scans_as_written
from rnnrbm_pt.streams.registry import STREAMS

NAMED_GRAPHS = RewriteDatabaseQuery(include=("inline_ofg_expansion", "rnnrbm_inner_graph"))
AS_WRITTEN = Mode(linker="py", optimizer=NAMED_GRAPHS).register((scans_as_written, LAST))
"""Mode that runs a graph operation by operation in Python. Compiling a rarely called function would take longer.

It makes no rewrites, which would take longer too, except to insert named graphs and to keep scans from compiling.
"""

STEPS_OF_JAX = 25
"""Steps of Gibbs chains per call of a JAX function. The other backends choose the number by timing."""

F = TypeVar("F", bound=Callable[..., Any])


def locked(method: F) -> F:
    """Decorator: let only one thread at a time run the methods or functions of a model.

    Other threads wait until the call ends; in the case of `fit`, until the run ends. The first argument of the
    decorated function must have an attribute `compiling`.
    """

    @wraps(method)
    def run(owner: Any, *arguments: Any, **keywords: Any) -> Any:
        with owner.compiling.lock:
            return method(owner, *arguments, **keywords)

    return cast(F, run)


@dataclass(frozen=True)
class CompileSettings:
    """Settings of how the functions of a model are compiled and run.

    Attributes
    ----------
    backend : {"numba", "c", "jax"}
        Compiler of the functions.
    threads : int
        Number of Numba threads.
    floatX : {"float64", "float32"}
        Float type of the parameters.
    mode : pytensor.compile.mode.Mode
        PyTensor mode that compiles the functions.
    devices : int
        Number of JAX devices that share the sequences of an update.
    lock : ModelLock
        Lock of the model. A method holds it while it uses the model's functions and variables, for example while it
        sets the streams and draws from them. Other threads wait.
    """

    backend: str
    threads: int
    floatX: str
    mode: Mode
    devices: int = 1
    lock: ModelLock = field(default_factory=ModelLock, compare=False, repr=False)

    @classmethod
    def checked(cls, backend, threads=1, floatX=None, mode=None, devices=1):
        """Check the settings and fill in the defaults.

        Parameters
        ----------
        backend, threads, floatX, mode, devices
            See `SequenceModel`. `floatX` defaults to PyTensor's, `mode` to the backend's.

        Returns
        -------
        CompileSettings

        Raises
        ------
        ValueError
            If a setting is invalid.
        ImportError
            If the backend needs a package that is not installed.
        """
        floatX = choice("floatX", pytensor.config.floatX if floatX is None else floatX, ("float64", "float32"))
        threads = integer("threads", threads, 1)
        default = backend_mode(backend)
        if mode is not None and not isinstance(mode, Mode):
            raise ValueError(f"mode: expected a PyTensor Mode, found {mode!r}")
        mode = (with_threads(default) if threads > 1 and backend == "numba" else default) if mode is None else mode
        if devices == "all" or integer("devices", devices, 1) > 1:
            if backend != "jax" or mode is not default:
                found = "another mode" if backend == "jax" else repr(backend)
                raise ValueError(f"devices: expected the backend jax with its default mode, found {found}")
            devices = count_devices(devices)
        return cls(backend, threads, floatX, mode, int(devices))

    def function(self, inputs, outputs, updates=None, axes=None):
        """Compile a function that any thread may call and interrupt; see `compile.modes.compile_function`.

        With `axes`, the devices share the sequences of its arrays; see `compile.devices.ManyDevices`.
        """
        place = ManyDevices(self.devices, axes) if axes and self.devices > 1 else None
        function = compile_function(inputs, outputs, updates, mode=self.mode, floatX=self.floatX, place=place)
        return SafeFunction(function, self.lock)

    def function_as_written(self, inputs, outputs):
        """Make a function that runs its graph step by step in Python. Call it through `on_host`."""
        return SafeFunction(
            compile_function(inputs, outputs, mode=AS_WRITTEN, floatX=self.floatX), self.lock, deferred=False
        )

    @contextmanager
    def float_variables(self):
        """Context in which new symbolic variables have the model's float type. One thread at a time can be in it."""
        with COMPILING, pytensor.config.change_flags(floatX=self.floatX):
            yield

    def bounded_threads(self):
        """Context in which BLAS uses one thread and Numba uses `threads`."""
        return bounded_threads(self.threads)

    def length_of_windows(self, n_frames):
        """The number of frames to pad all windows to, given that of the longest; None if they may differ.

        JAX compiles for each shape, so all windows get one length on JAX. It is at least 2: JAX cannot compile for a
        length of 1, which `jax_functions.static` does not fix.
        """
        return max(2, n_frames) if self.backend == "jax" else None

    def check_shares(self, n_sequences, optimizer):
        """Check that the devices can share the sequences of an update; a ValueError otherwise."""
        if self.devices > 1:
            if optimizer == "hf":
                raise ValueError(f"devices: expected 1 for the optimizer hf, found {self.devices}")
            check_shares(n_sequences, self.devices)

    @property
    def writes_files(self):
        """Whether this process writes the files, if several processes train a model together."""
        return self.devices == 1 or is_first_process()

    def check_start(self, state):
        """Check that a run can start or continue on these devices, and that all processes have the same state.

        Parameters
        ----------
        state : TrainState
            State of the model. Its `progress` is that of the run.

        Raises
        ------
        ValueError
            If the devices cannot share the sequences, or a process has another state.
        """
        if self.devices > 1:
            self.check_shares(state.progress.run.n_sequences, state.learning.optimizer)
            check_processes(state.arrays(), state.progress.data)

    def of_first_process(self, record):
        """The record of the first process; see `compile.devices.of_first_process`."""
        return of_first_process(record) if self.devices > 1 else record

    def on_host(self, function, *arguments):
        """Call a function that runs in Python. JAX may hold its shared variables on a graphics card.

        Parameters
        ----------
        function : SafeFunction
        *arguments
            Arguments of the function.

        Returns
        -------
        object
            The result of the function.
        """
        with self.lock, self.bounded_threads():
            if self.backend == "jax":
                from rnnrbm_pt.compile.jax_functions import to_host

                to_host(function.function.get_shared())
            return function(*arguments)

    def pieces(self, n_steps, at_most):
        """Divide a long calculation into slices; see `compile.calls.pieces`. Only JAX uses `at_most`."""
        return pieces(n_steps, at_most=at_most if self.backend == "jax" else None)

    def streams(self, kind, seed):
        """Make new random streams of a kind.

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
        """Make the streams of one RBM or NADE: the first streams of a kind and a seed.

        Parameters
        ----------
        kind, seed
            See `streams`. The seed is checked.

        Returns
        -------
        tuple of shared variables
        """
        return self.streams(kind, seed_number(seed)).rbm()

    def restart(self, streams, kind, seed):
        """Reset streams to the state of new ones of a kind and a seed; see `rbm_streams`."""
        for stream, new in zip(streams, self.rbm_streams(kind, seed), strict=True):
            stream.set_value(new.get_value())
