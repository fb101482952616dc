"""What the models of sequences share: the graphs they return, and the two loops around an RBM whose biases move.

A model of the RNN-RBM family says which biases its state gives the RBM of a step, and how a frame changes that state.
`sequence_of_rbms` puts these two equations into the recurrence that trains it and into the loop that generates from it.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor import scan

from rnnrbm_pt.graphs.prediction import expected_visible_of_rbm
from rnnrbm_pt.graphs.rbm import build_rbm, free_energy, mean_hidden, mean_visible
from rnnrbm_pt.ours import ours
from rnnrbm_pt.streams.srs import SEED, RandomStreams, stream_seed

NONLINEARITIES = {"tanh": pt.tanh, "sigmoid": pt.sigmoid, "relu": lambda x: pt.maximum(x, 0)}
"""What an RNN may apply to its sums; the tutorial's is tanh."""


class _Eight(NamedTuple):
    v: Any
    """Matrix (n_steps, n_visible): the sequence to train on."""
    v_sample: Any
    """Matrix like v: the negative particles; to be held constant in the gradient."""
    cost: Any
    """Scalar whose gradient, with v_sample constant, is the CD-k estimate. Averaged over frames."""
    monitor: Any
    """Scalar: log pseudo-likelihood, averaged over frames."""
    params: tuple
    """The shared variables to learn."""
    updates_train: dict
    """{random generator: next}: for a function that computes any of v_sample, cost, monitor."""
    v_t: Any
    """Matrix (n_steps, n_visible): a sequence drawn from the model."""
    updates_generate: dict
    """{random generator: next}: for a function that computes v_t."""


class SequenceGraphs(_Eight):
    """What a ``build_*`` function of a sequence model returns; it unpacks as the tutorial's eight.

    Attributes
    ----------
    u_t : matrix, shape (n_steps, n_hidden_recurrent)
        Beside the eight: the states of the RNN after each frame of v.
    mask : matrix, shape (n_steps, n_sequences), or None
        Where v has several sequences, (n_steps, n_sequences, n_visible): 1 for a frame, 0 behind the end of a sequence.
        The second axis of what follows v is then that of the sequences too.
    states : tuple of matrices
        All that the model carries from frame to frame, after each frame of v; u_t is the first of them.
    bv_t, bh_t : matrices, shape (n_steps, n_visible) and (n_steps, n_hidden)
        The biases of each step.
    mean_h : matrix, shape (n_steps, n_hidden)
        The expected hidden units of each step, given its frame and those before.
    reconstruction : matrix like v
        What the model makes of each frame, given those before: for an RBM E[v | mean_h].
    features : tuple of matrices, shape (n_steps, ...)
        What the model knows after each frame: the expected hidden units and the states of its RNN.
    free_energy : vector, shape (n_steps,), or None
        F(v_t) of each step's RBM, in nats.
    log_likelihood : vector, shape (n_steps,), or None
        log p(v_t | v_1, ..., v_{t-1}) in nats, where the model has it exactly.
    expected_visible : callable
        expected_visible(bv=, bh=, weights=, rngs=) -> mean, updates: E[v] under given biases, estimated; see
        `graphs.prediction`.
    initial : tuple of vectors
        The states before the first frame.
    """

    u_t = None
    mask = None
    states = ()
    bv_t = bh_t = None
    mean_h = reconstruction = free_energy = log_likelihood = expected_visible = None
    features = initial = ()


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


def recurrence(v, params, biases, next_state, initial, carried=None):
    """Run the recurrence over given frames: it is deterministic, so all biases are known before any RBM is asked.

    Parameters
    ----------
    v : matrix or tensor3, shape (n_steps, n_visible) or (n_steps, n_sequences, n_visible)
    params : tuple of shared variables
        All that `biases` and `next_state` use.
    biases : callable
        biases(*state) -> bv_t, bh_t.
    next_state : callable
        next_state(v_t, *state) -> tuple of the states after v_t.
    initial : tuple of vectors
        The states before the first frame.
    carried : Carried, optional
        The states of sequences that go on, where v is several of them. Their past is constant in the gradient.

    Returns
    -------
    states : tuple of tensors, shape (n_steps, ..., n)
        After each frame.
    bv_t, bh_t : tensors, shape (n_steps, ..., n_visible) and (n_steps, ..., n_hidden)
    """
    v = ours(v)
    if v.type.ndim == 3:
        initial = [pt.zeros((v.shape[1], state.shape[0])) + state for state in initial]
    if carried is not None:
        initial = carried.first_states(initial)

    def step(v_t, *rest):
        state = rest[: len(initial)]
        bv_t, bh_t = biases(*state)
        if bv_t.type.ndim < v_t.type.ndim:  # one for all sequences
            bv_t = bv_t + pt.zeros_like(v_t)
        return *next_state(v_t, *state), bv_t, bh_t

    *states, bv_t, bh_t = scan(
        step,
        sequences=v,
        outputs_info=[*initial, None, None],
        non_sequences=params,
        strict=True,
        return_updates=False,
        name="recurrence",
    )
    return tuple(states), bv_t, bh_t


def sequence_of_rbms(
    params,
    biases,
    next_state,
    initial,
    *,
    streams,
    k,
    k_generate,
    n_steps,
    u_init=None,
    batched=False,
    carried=None,
    visible="binary",
):
    """Construct the graphs of a model whose state gives each step an RBM with biases of its own.

    Parameters
    ----------
    params : tuple of shared variables
        The first is W, shape (n_visible, n_hidden); all that `biases` and `next_state` use is among them.
    biases : callable
        biases(*state) -> bv_t, bh_t, shapes (..., n_visible) and (..., n_hidden): the time-dependent biases.
    next_state : callable
        next_state(v_t, *state) -> tuple of the states after v_t.
    initial : tuple of vectors
        The states before the first frame.
    streams : RandomStreams
    k, k_generate : int or integer scalar
        Gibbs steps in training and in generation.
    n_steps : int or integer scalar
        Length of the generated sequence.
    u_init : vector, tuple of vectors or Carried, optional
        The states before the first generated frame, if not `initial`; a `Carried` switches between the two.
    batched : bool
        Whether v is several sequences at once; see `build_rnnrbm`.
    carried : Carried, optional
        The states of sequences that go on, where v is several of them.
    visible : {"binary", "gaussian"}
        Kind of the visible units; see `build_rbm`.

    Returns
    -------
    SequenceGraphs
    """
    W = params[0]
    v, mask = observed_frames(batched)

    # Training: v is given, so the recurrence is deterministic, and the RBMs of all steps are one batch.
    states, bv_t, bh_t = recurrence(v, params, biases, next_state, initial, carried)
    weights = sequence_weights(mask) if batched else None
    v_sample, cost, monitor, updates_train = build_rbm(
        v, W, bv_t, bh_t, k, rngs=streams.rbm(), weights=weights, visible=visible
    )

    # Generation: each step draws its frame from the RBM of that step, then feeds it to the RNN.
    rng_h, rng_v, *rngs_monitor = streams.rbm("_generate")

    def generation(*args):
        state, (rng_h, rng_v) = args[: len(initial)], args[len(initial) : len(initial) + 2]
        bv_t, bh_t = biases(*state)
        v_t, _, _, updates = build_rbm(
            pt.zeros((W.shape[0],)), W, bv_t, bh_t, k_generate, rngs=(rng_h, rng_v, *rngs_monitor), visible=visible
        )
        return v_t, *next_state(v_t, *state), updates[rng_h], updates[rng_v]

    v_t, *_, next_rng_h, next_rng_v = scan(
        generation,
        outputs_info=[None, *first_states(initial, u_init), rng_h, rng_v],
        non_sequences=params,
        n_steps=n_steps,
        strict=True,
        return_updates=False,
        name="generation",
    )
    updates_generate = {rng_h: next_rng_h, rng_v: next_rng_v}

    graphs = SequenceGraphs(v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate)
    graphs.u_t, graphs.states, graphs.mask, graphs.initial = states[0], states, mask, initial
    graphs.bv_t, graphs.bh_t = bv_t, bh_t
    graphs.mean_h = mean_hidden(v, W, bh_t)
    graphs.features = graphs.mean_h, graphs.u_t
    graphs.reconstruction = mean_visible(graphs.mean_h, W, bv_t, visible)
    graphs.free_energy = free_energy(v, W, bv_t, bh_t, visible)
    graphs.expected_visible = partial(expected_visible_of_rbm, W=W, visible=visible)
    return graphs


def first_states(initial, u_init):
    """The states before the first generated frame: those that are given, or else those of training."""
    if u_init is None:
        return initial
    if isinstance(u_init, Carried):
        return u_init.first_states(initial)
    return u_init if isinstance(u_init, (tuple, list)) else (u_init,)
