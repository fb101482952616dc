"""The programs to measure. To add a program, add a `Program` to `programs`.

Libraries are imported when a program is made, so that the table can report a missing library.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from benchmarks.timing import Run


@dataclass(frozen=True)
class Sizes:
    """Sizes of the model and of the data of one update. The defaults are the tutorial's."""

    n_visible: int = 88
    n_hidden: int = 150
    n_hidden_recurrent: int = 100
    k: int = 15
    n_steps: int = 100
    n_sequences: int = 1
    lr: float = 0.001
    threads: int = 1


@dataclass(frozen=True)
class Program:
    """A row of the table: a name, and a function that makes a `Run` for given `Sizes`.

    `make` raises ImportError if a library is missing, and ValueError or TypeError for sizes that the program does not
    support.
    """

    name: str
    make: Callable[[Sizes], Run]


def frames_and_mask(sizes, dtype):
    """The frames and the mask that all programs use."""
    import numpy as np

    from benchmarks.by_hand.initial import random_frames

    v = random_frames(sizes.n_steps, sizes.n_sequences, sizes.n_visible, dtype)
    return v, np.ones(v.shape[:-1], dtype)


def given(sizes, dtype, model):
    """Initial parameters, frames and frame weights for the handwritten programs."""
    from benchmarks.by_hand.initial import PARAMS, frame_weights

    params = PARAMS[model](sizes.n_visible, sizes.n_hidden, sizes.n_hidden_recurrent, dtype)
    v, mask = frames_and_mask(sizes, dtype)
    return params, v, frame_weights(mask)


# This project

MOST_NOTES = 128
"""Number of notes in MIDI."""


def this_project(sizes, *, backend, floatX, streams, kind="RnnRbm"):
    """An update of a model of this library, on one window or on a batch of sequences. JAX always uses a batch.

    `kind` is the model class. It is called with the sizes that it accepts.
    """
    from inspect import signature

    import numpy as np

    import rnnrbm_pt

    if sizes.n_visible > MOST_NOTES:
        return nade_of_any_width(sizes, backend=backend, floatX=floatX, kind=kind)
    model_class = getattr(rnnrbm_pt, kind)
    own = {name: size for name, size in vars(sizes).items() if name in signature(model_class).parameters}
    r = 0, sizes.n_visible
    model = model_class(**own, r=r, backend=backend, floatX=floatX, streams=streams, threads=sizes.threads)
    v, mask = frames_and_mask(sizes, floatX)
    if sizes.n_sequences == 1 and backend != "jax":
        return Run(partial(model.train_function, v), model)
    shape = sizes.n_steps, sizes.n_sequences
    v, mask, function = v.reshape(*shape, -1), mask.reshape(shape), model.batch_function
    return Run(lambda: np.asarray(function(v, mask)), model)  # reading the monitor waits for JAX


def nade_of_any_width(sizes, *, backend, floatX, kind):
    """An update of an RNN-NADE built from its graphs, since the model classes support only MIDI notes."""
    import pytensor
    import pytensor.tensor as pt

    from rnnrbm_pt import build_rnn_nade
    from rnnrbm_pt.compile.modes import backend_mode, compile_function

    if kind != "RnnNade" or sizes.n_sequences > 1:
        raise ValueError(f"more than {MOST_NOTES} visible units: only for the RNN-NADE and one sequence")
    with pytensor.config.change_flags(floatX=floatX):
        graphs = build_rnn_nade(sizes.n_visible, sizes.n_hidden, sizes.n_hidden_recurrent)
        gradients = pt.grad(graphs.cost, graphs.params)
        updates = {
            p: p - pt.constant(sizes.lr, dtype=floatX) * g for p, g in zip(graphs.params, gradients, strict=True)
        }
    function = compile_function([graphs.v], graphs.monitor, updates, mode=backend_mode(backend), floatX=floatX)
    return Run(partial(function, frames_and_mask(sizes, floatX)[0]))


# By hand


def by_hand(library, model):
    """The handwritten module for a library and a model: "step" (the RNN-RBM), "lstm_rtrbm" or "rnn_nade"."""
    return import_module(f"benchmarks.by_hand.{library}_{model}")


def numpy_by_hand(sizes, *, floatX, model="step"):
    """A handwritten update in NumPy."""
    import numpy as np

    step = by_hand("numpy", model).step
    params, v, weights = given(sizes, floatX, model)
    if model == "rnn_nade":
        return Run(lambda: step(params, v, weights, sizes.lr))
    rng = np.random.default_rng(0)
    return Run(lambda: step(params, v, weights, rng, sizes.k, sizes.lr))


def jax_by_hand(sizes, *, floatX, model="step"):
    """A handwritten update in JAX. Each update copies the frames from NumPy, as in training."""
    import jax

    if floatX == "float64":
        jax.config.update("jax_enable_x64", True)
    step = by_hand("jax", model).step
    params, v, weights = given(sizes, floatX, model)
    state = [jax.numpy.asarray(p) for p in params], jax.random.key(0)
    most_notes = int(v.sum(axis=-1).max())

    def update():
        nonlocal state
        params, key = state
        if model == "rnn_nade":
            params, monitor = step(params, v, weights, sizes.lr, most_notes)
        else:
            params, key, monitor = step(params, v, weights, key, sizes.k, sizes.lr)
        state = params, key
        return jax.block_until_ready((params, monitor))[1]

    return Run(update)


def torch_by_hand(sizes, *, floatX, model="step", compiled=False):
    """A handwritten update in PyTorch. With `compiled`, only the Gibbs chain is compiled."""
    import torch

    module = by_hand("torch", model)
    torch.set_num_threads(sizes.threads)
    params, v, weights = given(sizes, floatX, model)
    params = [torch.tensor(p, requires_grad=True) for p in params]
    v, weights = torch.from_numpy(v), torch.from_numpy(weights)
    if model == "rnn_nade":
        return Run(lambda: module.step(params, v, weights, sizes.lr))
    rng, options = torch.Generator().manual_seed(0), {}
    if compiled:
        # Compiled code can only draw from PyTorch's default generator.
        rng, options = None, {"negative": torch.compile(module.negative)}
    return Run(lambda: module.step(params, v, weights, rng, sizes.k, sizes.lr, **options))


class TheanoRun(Run):
    """The tutorial's program in Theano, in a process that measures its own time."""

    def __init__(self, process):
        super().__init__(lambda: process.ask("run")["monitor"])
        self.versions = process.versions
        self._process = process

    def timed(self):
        answer = self._process.ask("run")
        return answer["seconds"], answer["cpu_seconds"]

    def close(self):
        self._process.close()


def theano_program(sizes, *, python, floatX, streams):
    """The tutorial's program in Theano, run by another Python interpreter."""
    import tempfile
    from pathlib import Path

    import numpy as np

    from rnnrbm_pt.reference.theano_process import TheanoProcess

    if python is None:
        raise ImportError("needs --theano PYTHON")
    if sizes.n_sequences > 1:
        raise ValueError("the tutorial's program supports only one sequence")
    settings = {name: getattr(sizes, name) for name in ("n_visible", "n_hidden", "n_hidden_recurrent", "k", "lr")}
    process = TheanoProcess(python, threads=sizes.threads, floatX=floatX, streams=streams, **settings)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "window.npy"
        np.save(path, frames_and_mask(sizes, floatX)[0])
        process.ask("window", path)
    return TheanoRun(process)


def floor(sizes, *, floatX):
    """The unavoidable work of an update, in NumPy: matrix products, exponentials and random numbers of its Gibbs steps.

    Results are written to preallocated memory. The recurrence and the gradient are left out. A program can be faster
    than this floor if its exponentials or random numbers are faster than NumPy's.
    """
    import numpy as np

    n_frames, dtype = sizes.n_steps * sizes.n_sequences, np.dtype(floatX)
    rng = np.random.default_rng(0)
    W = np.full((sizes.n_visible, sizes.n_hidden), 0.01, dtype)
    v, h = (np.full((n_frames, n), 0.5, dtype) for n in W.shape)
    x_v, x_h = np.empty_like(v), np.empty_like(h)

    def layer(given, weights, x):
        np.dot(given, weights, out=x)
        np.exp(x, out=x)
        rng.random(out=x, dtype=dtype)

    def update():
        for _ in range(sizes.k):
            layer(v, W, x_h)
            layer(h, W.T, x_v)
        layer(v, W, x_h)
        np.dot(h, W.T, out=x_v)

    return Run(update)


def programs(theano=None):
    """All programs, in the order of the table.

    Parameters
    ----------
    theano : path, optional
        A Python interpreter with Theano 1.0.5.

    Returns
    -------
    list of Program
    """
    rows = []

    def add(name, make, **options):
        rows.append(Program(name, partial(make, **options)))

    for backend in ("numba", "c", "jax"):
        for streams in ("philox",) if backend == "jax" else ("srs", "mrg", "philox"):
            for floatX in ("float64", "float32"):
                name = f"rnnrbm_pt {backend}, {streams}, {floatX}"
                add(name, this_project, backend=backend, floatX=floatX, streams=streams)
    for kind, backends in (("Rtrbm", ["numba"]), ("LstmRtrbm", ["numba", "jax"]), ("RnnNade", ["numba", "jax"])):
        for backend in backends:
            for floatX in ("float64", "float32"):
                options = {"backend": backend, "floatX": floatX, "streams": "philox", "kind": kind}
                add(f"rnnrbm_pt {kind}, {backend}, philox, {floatX}", this_project, **options)
    for streams in ("srs", "mrg"):
        for floatX in ("float64", "float32"):
            add(f"Theano 1.0.5, {streams}, {floatX}", theano_program, python=theano, floatX=floatX, streams=streams)
    for name, make, options in (
        ("NumPy by hand", numpy_by_hand, {}),
        ("JAX by hand", jax_by_hand, {}),
        ("PyTorch by hand", torch_by_hand, {}),
        ("PyTorch by hand, chain compiled", torch_by_hand, {"compiled": True}),
        ("floor", floor, {}),
    ):
        for floatX in ("float64", "float32"):
            add(f"{name}, {floatX}", make, floatX=floatX, **options)
    for title, model in (("LSTM-RTRBM", "lstm_rtrbm"), ("RNN-NADE", "rnn_nade")):
        for library, make in (("NumPy", numpy_by_hand), ("JAX", jax_by_hand), ("PyTorch", torch_by_hand)):
            for floatX in ("float64", "float32"):
                add(f"{title}, {library} by hand, {floatX}", make, floatX=floatX, model=model)
    return rows


def chosen(rows, pattern):
    """The programs whose names match a regular expression, ignoring case. Without a pattern, all programs.

    Raises
    ------
    ValueError
        If no name matches.
    """
    found = [row for row in rows if pattern is None or re.search(pattern, row.name, re.IGNORECASE)]
    if not found:
        names = ", ".join(row.name for row in rows)
        raise ValueError(f"--only: expected a pattern that matches one of {names}; found {pattern!r}")
    return found


def first_line(error):
    """First line of an error's message, for a cell of the table."""
    return next(iter(str(error).splitlines()), type(error).__name__).replace("|", "/")


def stand_ready(rows, sizes, say=print):
    """Make the programs, and compile each by doing one update.

    Returns
    -------
    runs : dict {name: Run}
    absent : dict {name: str}
        Reasons why the other programs cannot run.
    """
    runs, absent = {}, {}
    for row in rows:
        say(f"{row.name} ...")
        try:
            run = row.make(sizes)
            run.timed()
        except ImportError as error:
            absent[row.name] = f"not installed: {first_line(error)}"
        except (TypeError, ValueError) as error:
            absent[row.name] = f"not supported: {first_line(error)}"
        else:
            runs[row.name] = run
    return runs, absent
