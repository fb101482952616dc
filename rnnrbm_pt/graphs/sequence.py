"""What the models of sequences share: the graphs they return, and the two loops around an RBM whose biases move.

A model of the RNN-RBM family is a `Cell`: it says which biases its state gives the RBM of a step, and how a frame
changes that state. `train_graph` runs it over given frames, `generate_graph` over frames of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor import scan
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.prediction import expected_visible_of_rbm
from rnnrbm_pt.graphs.rbm import build_rbm, free_energy, mean_hidden, mean_visible
from rnnrbm_pt.ours import ours
from rnnrbm_pt.streams.srs import SEED, RandomStreams, stream_seed

NONLINEARITIES = {"tanh": pt.tanh, "sigmoid": pt.sigmoid, "relu": lambda x: pt.maximum(x, 0)}
"""What an RNN may apply to its sums; the tutorial's is tanh."""

EIGHT = "v", "v_sample", "cost", "monitor", "params", "updates_train", "v_t", "updates_generate"
"""What the tutorial's ``build_rnnrbm`` returns, in its order."""


@dataclass(frozen=True, eq=False)
class SequenceGraphs:
    """What a ``build_*`` function of a sequence model returns. It unpacks as the tutorial's eight, its first fields.

    `train_graph` alone leaves `v_t` and `updates_generate` at None.
    """

    v: TensorVariable
    """Matrix (n_steps, n_visible): the sequence to train on. With a `mask`, (n_steps, n_sequences, n_visible)."""
    v_sample: TensorVariable
    """Matrix like v, one frame per row: the negative particles, to be held constant in the gradient."""
    cost: TensorVariable
    """Scalar whose gradient, with v_sample constant, is the CD-k estimate. Averaged over frames."""
    monitor: TensorVariable
    """Scalar: log pseudo-likelihood, averaged over frames."""
    params: tuple
    """The shared variables to learn."""
    updates_train: dict
    """{random generator: next}: for a function that computes any of v_sample, cost, monitor."""
    v_t: TensorVariable | None = None
    """Matrix (n_steps, n_visible): a sequence drawn from the model."""
    updates_generate: dict | None = None
    """{random generator: next}: for a function that computes v_t."""

    mask: TensorVariable | None = None
    """Matrix (n_steps, n_sequences), where v has several sequences: 1 for a frame, 0 after the end of a sequence. All
    fields with a time axis then have the axis of the sequences after it."""
    initial: tuple = ()
    """Vectors: the states before the first frame."""
    states: tuple = ()
    """Matrices (n_steps, n): all that the model carries from frame to frame, after each frame of v."""
    u_t: TensorVariable | None = None
    """Matrix (n_steps, n_hidden_recurrent): the first of `states`."""
    bv_t: TensorVariable | None = None
    """Matrix (n_steps, n_visible): the visible biases of each step."""
    bh_t: TensorVariable | None = None
    """Matrix (n_steps, n_hidden): the hidden biases of each step."""
    mean_h: TensorVariable | None = None
    """Matrix (n_steps, n_hidden): the expected hidden units of each step, given its frame and those before."""
    reconstruction: TensorVariable | None = None
    """Matrix like v: each frame as the model sees it, given those before. For an RBM, E[v | mean_h]."""
    features: tuple = ()
    """Matrices (n_steps, n): what the model knows after each frame, by default `mean_h` and `u_t`."""
    free_energy: TensorVariable | None = None
    """Vector (n_steps,): F(v_t) of each step's RBM, in nats. None for a model without RBMs."""
    log_likelihood: TensorVariable | None = None
    """Vector (n_steps,): log p(v_t | v_1, ..., v_{t-1}) in nats, if the model has it exactly."""
    expected_visible: Callable | None = None
    """expected_visible(bv=, bh=, weights=, rngs=) -> mean, updates: an estimate of E[v] under given biases; see
    `graphs.prediction`."""

    def __iter__(self):
        return (getattr(self, name) for name in EIGHT)


def nonlinear(name):
    """The function of that name; a ValueError says which there are."""
    if name not in NONLINEARITIES:
        raise ValueError(f"nonlinearity: expected one of {', '.join(NONLINEARITIES)}, found {name!r}")
    return NONLINEARITIES[name]


def sources_of_randomness(random_state=None, streams=None):
    """What parameters and graphs are drawn from where the caller does not say: the tutorial's, in its order.

    Parameters
    ----------
    random_state : numpy.random.RandomState, optional
        Without it ``RandomState(0xbeef)``.
    streams : RandomStreams, optional
        Without it, those whose seed is the next draw of `random_state`.

    Returns
    -------
    random_state, streams
    """
    if random_state is None:
        random_state = np.random.RandomState(SEED)
    if streams is None:
        streams = RandomStreams(stream_seed(random_state))
    return random_state, streams


def sequence_weights(mask):
    """The weight of each frame where the cost is the mean over sequences of the mean over the frames of each.

    Parameters
    ----------
    mask : matrix, shape (n_steps, n_sequences)
        1 for a frame, 0 behind the end of a sequence. A sequence may be empty.

    Returns
    -------
    matrix like mask
        They sum to 1.
    """
    lengths = mask.sum(axis=0)  # (n_sequences,)
    return mask / pt.maximum(lengths, 1) / pt.maximum(pt.gt(lengths, 0).sum(), 1).astype(mask.dtype)


def observed_frames(batched):
    """The variables v, one sequence or several, and mask, which is None for one."""
    # (n_steps, n_visible), or (n_steps, n_sequences, n_visible) and (n_steps, n_sequences)
    return (pt.tensor3("v"), pt.matrix("mask")) if batched else (pt.matrix("v"), None)


class Carried(NamedTuple):
    """States to go on from, and the switch between them and the model's own initial states.

    In training, windows of several sequences go on from where the windows before them ended. In generation, there is
    one sequence: without the second axis, and with a scalar switch.
    """

    fresh: Any
    """Vector (n_sequences,), or scalar: 1 where a sequence begins, 0 where it goes on."""
    states: tuple
    """Matrices (n_sequences, n), or vectors (n,): the states to go on from, one for each of the model's."""

    def first_states(self, initial):
        """The states to start from.

        Parameters
        ----------
        initial : sequence of tensors
            The model's own initial states, of the same shapes as `states`.

        Returns
        -------
        tuple of tensors
        """
        fresh = pt.gt(self.fresh, 0)
        if fresh.type.ndim:
            fresh = fresh[:, None]  # (n_sequences, 1)
        return tuple(pt.switch(fresh, begun, state) for begun, state in zip(initial, self.states, strict=True))


def recurrence(cell, v, carried=None):
    """Run a cell over given frames. Nothing is drawn: all biases are known before the first Gibbs step.

    Parameters
    ----------
    cell : Cell
    v : matrix or tensor3, shape (n_steps, n_visible) or (n_steps, n_sequences, n_visible)
    carried : Carried, optional
        The states that sequences go on from, if v is several of them. Their past is constant in the gradient.

    Returns
    -------
    states : tuple of tensors, shape (n_steps, ..., n)
        After each frame.
    bv_t, bh_t : tensors, shape (n_steps, ..., n_visible) and (n_steps, ..., n_hidden)
    """
    v, initial = ours(v), cell.initial
    if v.type.ndim == 3:
        initial = [pt.zeros((v.shape[1], state.shape[0])) + state for state in initial]  # (n_sequences, n)
    if carried is not None:
        initial = carried.first_states(initial)

    def step(v_t, *rest):
        state = rest[: len(initial)]
        bv_t, bh_t = cell.biases(*state)
        if bv_t.type.ndim < v_t.type.ndim:  # one for all sequences
            bv_t = bv_t + pt.zeros_like(v_t)
        return *cell.next_state(v_t, *state), bv_t, bh_t

    *states, bv_t, bh_t = scan(
        step,
        sequences=v,
        outputs_info=[*initial, None, None],
        non_sequences=cell.params,
        strict=True,
        return_updates=False,
        name="recurrence",
    )
    states[0].name, bv_t.name, bh_t.name = "u_t", "bv_t", "bh_t"
    return tuple(states), bv_t, bh_t


def generation(cell, draw, *, rngs, n_steps, u_init=None):
    """Run a cell over its own frames: each step draws a frame from the biases of that step, then feeds it to the cell.

    Parameters
    ----------
    cell : Cell
    draw : callable
        draw(bv_t, bh_t, *rngs) -> v_t, *next_rngs: one frame, a vector (n_visible,).
    rngs : sequence of random generators
        What `draw` draws from.
    n_steps : int or integer scalar
    u_init : vector, tuple of vectors or callable, optional
        The states before the first frame, if not the cell's own; or u_init(initial), which gives them from the cell's.

    Returns
    -------
    v_t : matrix, shape (n_steps, n_visible)
    updates : dict {random generator: next random generator}
    """
    initial = first_states(cell.initial, u_init)

    def step(*args):
        state, rngs_t = args[: len(initial)], args[len(initial) : len(initial) + len(rngs)]
        v_t, *next_rngs = draw(*cell.biases(*state), *rngs_t)
        return v_t, *cell.next_state(v_t, *state), *next_rngs

    v_t, *rest = scan(
        step,
        outputs_info=[None, *initial, *rngs],
        non_sequences=cell.params,
        n_steps=n_steps,
        strict=True,
        return_updates=False,
        name="generation",
    )
    v_t.name = "v_t"
    return v_t, dict(zip(rngs, rest[len(initial) :], strict=True))


def train_graph(cell, *, k, rngs, batched=False, carried=None, visible="binary"):
    """Construct the graph that trains a cell whose biases are those of an RBM.

    The frames are given, so the recurrence is deterministic, and the RBMs of all steps are one batch.

    Parameters
    ----------
    cell : Cell
        The first of its parameters is W, shape (n_visible, n_hidden).
    k : int or integer scalar
        Gibbs steps.
    rngs : sequence of four random generators
        As `build_rbm` takes them.
    batched : bool
        Whether v is several sequences at once; see `build_rnnrbm`.
    carried : Carried, optional
        The states that sequences go on from, if v is several of them.
    visible : {"binary", "gaussian"}
        Kind of the visible units; see `build_rbm`.

    Returns
    -------
    SequenceGraphs
        Without `v_t` and `updates_generate`, which `generate_graph` makes.
    """
    W = cell.params[0]
    v, mask = observed_frames(batched)
    states, bv_t, bh_t = recurrence(cell, v, carried)
    weights = sequence_weights(mask) if batched else None
    v_sample, cost, monitor, updates_train = build_rbm(v, W, bv_t, bh_t, k, rngs=rngs, weights=weights, visible=visible)

    mean_h = mean_hidden(v, W, bh_t)
    return SequenceGraphs(
        v,
        v_sample,
        cost,
        monitor,
        cell.params,
        updates_train,
        mask=mask,
        initial=cell.initial,
        states=states,
        u_t=states[0],
        bv_t=bv_t,
        bh_t=bh_t,
        mean_h=mean_h,
        reconstruction=mean_visible(mean_h, W, bv_t, visible),
        features=(mean_h, states[0]),
        free_energy=free_energy(v, W, bv_t, bh_t, visible),
        expected_visible=partial(expected_visible_of_rbm, W=W, visible=visible),
    )


def generate_graph(cell, *, k, rngs, n_steps, u_init=None, visible="binary"):
    """Construct the graph that generates from a cell whose biases are those of an RBM.

    Parameters
    ----------
    cell : Cell
        The first of its parameters is W, shape (n_visible, n_hidden).
    k : int or integer scalar
        Gibbs steps for each frame. The chain starts at an empty frame.
    rngs : sequence of four random generators
        As `build_rbm` takes them. The last two, the monitor's, are not used.
    n_steps : int or integer scalar
        Length of the sequence.
    u_init : vector, tuple of vectors or callable, optional
        The states before the first frame, if not the cell's own; or u_init(initial), which gives them from the cell's.
    visible : {"binary", "gaussian"}

    Returns
    -------
    v_t : matrix, shape (n_steps, n_visible)
    updates : dict {random generator: next random generator}
    """
    W = cell.params[0]
    rng_h, rng_v, *rngs_monitor = rngs

    def draw(bv_t, bh_t, rng_h, rng_v):
        empty = pt.zeros((W.shape[0],))
        v_t, _, _, updates = build_rbm(empty, W, bv_t, bh_t, k, rngs=(rng_h, rng_v, *rngs_monitor), visible=visible)
        return v_t, updates[rng_h], updates[rng_v]

    return generation(cell, draw, rngs=(rng_h, rng_v), n_steps=n_steps, u_init=u_init)


def sequence_graphs(
    cell,
    *,
    streams,
    k=15,
    k_generate=25,
    n_steps=200,
    u_init=None,
    batched=False,
    carried=None,
    visible="binary",
):
    """Construct both graphs of a cell: `train_graph` takes four streams, then `generate_graph` takes four.

    Parameters
    ----------
    cell : Cell
    streams : RandomStreams
    k, k_generate : int or integer scalar
        Gibbs steps in training and in generation.
    n_steps, u_init
        As `generate_graph` takes them.
    batched, carried, visible
        As `train_graph` takes them.

    Returns
    -------
    SequenceGraphs
    """
    training = train_graph(cell, k=k, rngs=streams.rbm(), batched=batched, carried=carried, visible=visible)
    rngs = streams.rbm("_generate")
    v_t, updates = generate_graph(cell, k=k_generate, rngs=rngs, n_steps=n_steps, u_init=u_init, visible=visible)
    return replace(training, v_t=v_t, updates_generate=updates)


OPTIONS = {"k", "k_generate", "n_steps", "u_init", "batched", "carried", "visible"}
"""Keywords of `sequence_graphs`."""


def rbm_builder(cell_function):
    """Make the ``build_*`` function of a recurrence of your own.

    Parameters
    ----------
    cell_function : callable
        cell_function(n_visible, ..., random_state=, params=) -> Cell: makes its parameters from `random_state`, or uses
        those that are given. The first is W, shape (n_visible, n_hidden).

    Returns
    -------
    callable
        build(n_visible, ..., random_state=None, streams=None, params=None, **settings) -> SequenceGraphs. What
        `sequence_graphs` takes (k, k_generate, n_steps and so on) goes there; all else goes to `cell_function`.

    Examples
    --------
    >>> class GruRbm(SequenceModel):
    ...     builder = rbm_builder(gru_cell)
    """

    def build(n_visible, *sizes, random_state=None, streams=None, params=None, **settings):
        random_state, streams = sources_of_randomness(random_state, streams)
        options = {name: settings.pop(name) for name in OPTIONS & settings.keys()}
        cell = cell_function(n_visible, *sizes, random_state=random_state, params=params, **settings)
        return sequence_graphs(cell, streams=streams, **options)

    return build


def first_states(initial, u_init):
    """The states before the first generated frame: those that are given, or else those of training."""
    if u_init is None:
        return initial
    if callable(u_init):
        return u_init(initial)
    return u_init if isinstance(u_init, (tuple, list)) else (u_init,)
