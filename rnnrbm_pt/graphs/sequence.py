"""The loops of sequence models over frames, and the training and generation graphs of models with RBMs.

A model of the RNN-RBM family is a `Cell`: one function gives the biases of the RBM for a state, another gives the next
state for a frame. `train_graph` runs the cell over given frames, and `generate_graph` over the frames that it draws
itself. `graphs.nade_sequence` has the same two graphs for models with a NADE.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import pytensor.tensor as pt
from pytensor import scan
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.dropout import Dropout, dropped_frames, dropped_hidden, scaled_weights
from rnnrbm_pt.graphs.prediction import expected_visible_of_rbm
from rnnrbm_pt.graphs.rbm import build_rbm, free_energy, mean_hidden, mean_visible
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Count, Generate, InitialStates, Objective, Rngs, Tensors, Updates
from rnnrbm_pt.ours import ours
from rnnrbm_pt.streams.srs import RandomStreams, SameStreams

NONLINEARITIES = {"tanh": pt.tanh, "sigmoid": pt.sigmoid, "relu": lambda x: pt.maximum(x, 0)}
"""Activation functions of the simple RNN. The tutorial uses tanh."""


def nonlinear(name: str) -> Callable[[Variable], Variable]:
    """Look up an activation function by name; a ValueError lists the known names."""
    if name not in NONLINEARITIES:
        raise ValueError(f"nonlinearity: expected one of {', '.join(NONLINEARITIES)}, found {name!r}")
    return NONLINEARITIES[name]


def sequence_weights(mask: TensorVariable) -> TensorVariable:
    """The weight of each frame in a cost averaged first over the frames of each sequence, then over sequences.

    Parameters
    ----------
    mask : matrix, shape (n_steps, n_sequences)
        1 for a frame, 0 after the end of a sequence. A sequence may be empty.

    Returns
    -------
    matrix like mask
        The weights. They sum to 1 unless all sequences are empty.
    """
    lengths = mask.sum(axis=0)  # (n_sequences,)
    return mask / pt.maximum(lengths, 1) / pt.maximum(pt.gt(lengths, 0).sum(), 1).astype(mask.dtype)


class Carried(NamedTuple):
    """States to continue from, and a switch between them and the model's initial states.

    In training, each window of a sequence continues from the end of the window before it. In generation there is only
    one sequence, so the states are vectors and the switch is a scalar.
    """

    fresh: TensorVariable
    """Vector (n_sequences,), or scalar: 1 where a sequence begins, 0 where it continues."""
    states: Sequence[Variable]
    """Matrices (n_sequences, n), or vectors (n,): the states to continue from, one for each state of the model."""

    def first_states(self, initial: Sequence[Variable]) -> Tensors:
        """Select the states to start from.

        Parameters
        ----------
        initial : sequence of tensors
            The model's initial states, with the shapes of `states`.

        Returns
        -------
        tuple of tensors
            `initial` where a sequence begins, `states` where it continues.
        """
        fresh = pt.gt(self.fresh, 0)
        if fresh.type.ndim:
            fresh = fresh[:, None]  # (n_sequences, 1)
        return tuple(pt.switch(fresh, begun, state) for begun, state in zip(initial, self.states, strict=True))


def recurrence(
    cell: Cell, v: TensorVariable, carried: Carried | None = None
) -> tuple[Tensors, TensorVariable, TensorVariable]:
    """Run a cell over given frames. Nothing is drawn: all biases are known before the first Gibbs step.

    Parameters
    ----------
    cell : Cell
    v : matrix or tensor3, shape (n_steps, n_visible) or (n_steps, n_sequences, n_visible)
        Frames.
    carried : Carried, optional
        The states from which several sequences continue. They are constant in the gradient.

    Returns
    -------
    states : tuple of tensors, shape (n_steps, ..., n)
        The states after each frame.
    bv_t, bh_t : tensors, shape (n_steps, ..., n_visible) and (n_steps, ..., n_hidden)
        The biases of each step.
    """
    v, initial = ours(v), list(cell.initial)
    if v.type.ndim == 3:
        initial = [pt.zeros((v.shape[1], state.shape[0])) + state for state in initial]  # (n_sequences, n)
    if carried is not None:
        initial = list(carried.first_states(initial))

    def step(v_t, *rest):
        state = rest[: len(initial)]
        bv_t, bh_t = cell.biases(*state)
        if bv_t.type.ndim < v_t.type.ndim:  # all sequences share one bias
            bv_t = bv_t + pt.zeros_like(v_t)
        return *cell.next_state(v_t, *state), bv_t, bh_t

    *states, bv_t, bh_t = scan(
        step,
        sequences=v,
        outputs_info=[*initial, None, None],
        non_sequences=[*cell.params, *cell.constants],
        strict=True,
        return_updates=False,
        name="recurrence",
    )
    states[0].name, bv_t.name, bh_t.name = "u_t", "bv_t", "bh_t"
    return tuple(states), bv_t, bh_t


class Observed(NamedTuple):
    """The result of running a cell over given frames: what the training graphs of RBMs and NADEs start from."""

    v: TensorVariable
    """The frames: a matrix (n_steps, n_visible), or several sequences (n_steps, n_sequences, n_visible)."""
    mask: TensorVariable | None
    """Matrix (n_steps, n_sequences): 1 for a frame, 0 after the end of a sequence. None for a single sequence."""
    weights: TensorVariable | None
    """The weight of each frame in the cost; see `sequence_weights`. None for a single sequence."""
    states: Tensors
    """The states after each frame."""
    bv_t: TensorVariable
    """The visible biases of each step."""
    bh_t: TensorVariable
    """The hidden biases of each step, with those of dropped units; see `graphs.dropout`."""
    undropped_bh_t: TensorVariable
    """The hidden biases of each step before hidden units are dropped."""
    updates: Updates
    """Updates of the random generators of dropout masks."""


def observed(
    cell: Cell, batched: bool = False, carried: Carried | None = None, dropout: Dropout | None = None
) -> Observed:
    """Make a variable for the frames, and run a cell over it.

    Parameters
    ----------
    cell, carried
        See `recurrence`.
    batched : bool
        Whether there are several sequences, with a mask.
    dropout : Dropout, optional
        Which units to drop.

    Returns
    -------
    Observed
    """
    # (n_steps, n_visible), or (n_steps, n_sequences, n_visible) and (n_steps, n_sequences)
    v, mask = (pt.tensor3("v"), pt.matrix("mask")) if batched else (pt.matrix("v"), None)
    if cell.over_frames is not None:
        states, bv_t, bh_t, updates = cell.over_frames(v, carried, dropout)
        undropped_bh_t = bh_t
    else:
        read, updates = dropped_frames(v, dropout)
        states, bv_t, undropped_bh_t = recurrence(cell, read, carried)
        bh_t, more = dropped_hidden(undropped_bh_t, dropout)
        updates |= more
    weights = None if mask is None else sequence_weights(mask)
    return Observed(v, mask, weights, states, bv_t, bh_t, undropped_bh_t, updates)


def training_graphs(cell: Cell, seen: Observed, objective: Objective, mean_h: TensorVariable) -> SequenceGraphs:
    """Fill in the fields of `SequenceGraphs` that models with RBMs and models with NADEs have in common.

    Parameters
    ----------
    cell : Cell
    seen : Observed
        The result of running the cell.
    objective : tuple
        (v_sample, cost, monitor, updates), as returned by `build_rbm` or `build_nade`.
    mean_h : tensor
        The expected hidden units of each step.

    Returns
    -------
    SequenceGraphs
    """
    v_sample, cost, monitor, updates_train = objective
    return SequenceGraphs(
        seen.v,
        v_sample,
        cost,
        monitor,
        cell.params,
        updates_train | seen.updates,
        mask=seen.mask,
        initial=cell.initial,
        states=seen.states,
        u_t=seen.states[0],
        bv_t=seen.bv_t,
        bh_t=seen.bh_t,
        mean_h=mean_h,
        features=(mean_h, seen.states[0]),
    )


def first_states(initial: Sequence[Variable], u_init: InitialStates) -> Sequence[Variable]:
    """The states before the first generated frame: from `u_init` if given, else the initial states of training."""
    if u_init is None:
        return initial
    if callable(u_init):
        return u_init(initial)
    return u_init if isinstance(u_init, (tuple, list)) else (u_init,)


def generation(
    cell: Cell, draw: Callable[..., Any], *, rngs: Rngs, n_steps: Count, u_init: InitialStates = None
) -> tuple[TensorVariable, Tensors, Updates]:
    """Generate a sequence: each step draws a frame given its biases, then feeds the frame to the cell.

    Parameters
    ----------
    cell : Cell
    draw : callable
        ``draw(bv_t, bh_t, *rngs) -> v_t, *next_rngs``: draws one frame, a vector (n_visible,).
    rngs : sequence of random generators
        The generators that `draw` uses.
    n_steps : int or integer scalar
        Number of frames to generate.
    u_init : vector, tuple of vectors or callable, optional
        The states before the first frame. A callable computes them from the initial states of the cell. By default, the
        initial states of the cell.

    Returns
    -------
    v_t : matrix, shape (n_steps, n_visible)
        The frames.
    states : tuple of matrices, shape (n_steps, n)
        The states after each frame.
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
        non_sequences=[*cell.params, *cell.constants],
        n_steps=n_steps,
        strict=True,
        return_updates=False,
        name="generation",
    )
    v_t.name = "v_t"
    return v_t, tuple(rest[: len(initial)]), dict(zip(rngs, rest[len(initial) :], strict=True))


def train_graph(
    cell: Cell,
    *,
    k: Count,
    rngs: Rngs,
    batched: bool = False,
    carried: Carried | None = None,
    visible: str = "binary",
    particles: TensorVariable | None = None,
    dropout: Dropout | None = None,
) -> SequenceGraphs:
    """Construct the training graph of a cell whose biases are those of an RBM.

    The frames are given, so the recurrence is deterministic and comes first. The RBMs of all steps then form one batch.

    Parameters
    ----------
    cell : Cell
        Its first parameter is W, shape (n_visible, n_hidden).
    k : int or integer scalar
        Number of Gibbs steps.
    rngs : sequence of four random generators
        See `build_rbm`.
    batched : bool
        Whether v holds several sequences; see `build_rnnrbm`.
    carried : Carried, optional
        The states from which several sequences continue.
    visible : {"binary", "gaussian"}
        Kind of the visible units; see `build_rbm`.
    particles : tensor like v, optional
        Where the Gibbs chains start, if not at the frames; see `build_rbm`.
    dropout : Dropout, optional
        Which units to drop; see `graphs.dropout`.

    Returns
    -------
    SequenceGraphs
        Without `v_t` and `updates_generate`, which `generate_graph` constructs.
    """
    W = cell.params[0] if cell.over_frames is not None else scaled_weights(cell.params[0], dropout)
    seen = observed(cell, batched, carried, dropout)
    v, bv_t, bh_t, weights = seen.v, seen.bv_t, seen.bh_t, seen.weights
    v_sample, cost, monitor, updates_train = build_rbm(
        v, W, bv_t, bh_t, k, rngs=rngs, weights=weights, visible=visible, particles=particles
    )
    mean_h = mean_hidden(v, cell.params[0], seen.undropped_bh_t)
    graphs = training_graphs(cell, seen, (v_sample, cost, monitor, updates_train), mean_h)
    return replace(
        graphs,
        reconstruction=mean_visible(graphs.mean_h, cell.params[0], bv_t, visible),
        free_energy=free_energy(v, W, bv_t, bh_t, visible),
        expected_visible=partial(expected_visible_of_rbm, W=W, visible=visible),
    )


def generate_graph(
    cell: Cell, *, k: Count, rngs: Rngs, n_steps: Count, u_init: InitialStates = None, visible: str = "binary"
) -> tuple[TensorVariable, Tensors, Updates]:
    """Construct the generation graph of a cell whose biases are those of an RBM.

    Parameters
    ----------
    cell : Cell
        Its first parameter is W, shape (n_visible, n_hidden).
    k : int or integer scalar
        Number of Gibbs steps per frame. The chain starts at an empty frame.
    rngs : sequence of four random generators
        See `build_rbm`. The last two, for the monitor, are not used.
    n_steps, u_init
        See `generation`.
    visible : {"binary", "gaussian"}
        Kind of the visible units; see `build_rbm`.

    Returns
    -------
    v_t, states, updates
        See `generation`.
    """
    W = cell.params[0]
    rng_h, rng_v, *rngs_monitor = rngs

    def draw(bv_t, bh_t, rng_h, rng_v):
        empty = pt.zeros((W.shape[0],))
        v_t, _, _, updates = build_rbm(empty, W, bv_t, bh_t, k, rngs=(rng_h, rng_v, *rngs_monitor), visible=visible)
        return v_t, updates[rng_h], updates[rng_v]

    return generation(cell, draw, rngs=(rng_h, rng_v), n_steps=n_steps, u_init=u_init)


def rbm_graphs(
    cell: Cell,
    *,
    streams: RandomStreams | SameStreams,
    k: Count = 15,
    k_generate: Count = 25,
    n_steps: Count = 200,
    u_init: InitialStates = None,
    batched: bool = False,
    carried: Carried | None = None,
    visible: str = "binary",
    particles: TensorVariable | None = None,
    dropout: Dropout | None = None,
    generate: Generate = generate_graph,
) -> SequenceGraphs:
    """Construct the training graph and the generation graph of a cell.

    Parameters
    ----------
    cell : Cell
    streams : RandomStreams
        Source of the random streams: four for the training graph, then four for the generation graph.
    k, k_generate : int or integer scalar
        Numbers of Gibbs steps in training and in generation.
    n_steps, u_init
        See `generation`.
    batched, carried, visible, particles, dropout
        See `train_graph`.
    generate : callable
        Function that constructs the generation graph, such as `dials.generate_by_rbm` with its dials.

    Returns
    -------
    SequenceGraphs
    """
    training = train_graph(
        cell,
        k=k,
        rngs=streams.rbm(),
        batched=batched,
        carried=carried,
        visible=visible,
        particles=particles,
        dropout=dropout,
    )
    rngs = streams.rbm("_generate")
    v_t, states, updates = generate(cell, k=k_generate, rngs=rngs, n_steps=n_steps, u_init=u_init, visible=visible)
    return replace(training, v_t=v_t, states_generate=states, updates_generate=updates)
