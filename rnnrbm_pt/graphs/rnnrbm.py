"""The RNN-RBM: a recurrent network whose output, at every time step, is the biases of an RBM.

    bv_t = bv + u_tm1 Wuv
    bh_t = bh + u_tm1 Wuh
    u_t  = tanh(bu + v_t Wvu + u_tm1 Wuu)

Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional sequences, ICML 2012.
"""

from typing import Any, NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor import scan

from rnnrbm_pt.graphs.rbm import build_rbm
from rnnrbm_pt.graphs.streams import SEED, RandomStreams, shared_normal, shared_zeros, stream_seed


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
        The second axis of u_t is then that of the sequences too.
    """

    u_t = None
    mask = None


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


def build_rnnrbm(
    n_visible,
    n_hidden,
    n_hidden_recurrent,
    *,
    random_state=None,
    streams=None,
    k=15,
    k_generate=25,
    n_steps=200,
    u_init=None,
    batched=False,
    params=None,
):
    """Construct an RNN-RBM: its parameters, the graph that trains it and the graph that generates from it.

    Parameters
    ----------
    n_visible : int
        Number of visible units: the width of a frame.
    n_hidden : int
        Number of hidden units of the conditional RBMs.
    n_hidden_recurrent : int
        Number of hidden units of the RNN.
    random_state : numpy.random.RandomState, optional
        What the initial parameters are drawn from. Without it ``RandomState(0xbeef)``, the tutorial's seed.
    streams : RandomStreams, optional
        What gives the graph its random streams. Without it, a `RandomStreams` whose seed is the next draw of
        `random_state`, before the parameters, as in the tutorial.
    k, k_generate : int or integer scalar
        Gibbs steps in training and in generation.
    n_steps : int or integer scalar
        Length of the generated sequence.
    u_init : vector, shape (n_hidden_recurrent,), optional
        State of the RNN before the first generated frame. Without it, zeros, as in training.
    batched : bool
        Whether v is several sequences at once, (n_steps, n_sequences, n_visible), with a `mask`. The cost is then the
        mean over the sequences of what it is for each.
    params : tuple of shared variables, optional
        Those of another graph, to be learned by this one too. Without them, new ones.

    Returns
    -------
    SequenceGraphs
        Unpacks as (v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate), where params is
        (W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu).

    Examples
    --------
    >>> v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate = build_rnnrbm(88, 150, 100)
    >>> gradient = pt.grad(cost, params, consider_constant=[v_sample])
    """
    if random_state is None:
        random_state = np.random.RandomState(SEED)
    if streams is None:
        streams = RandomStreams(stream_seed(random_state))

    if params is None:
        W = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="W")
        bv = shared_zeros(n_visible, name="bv")
        bh = shared_zeros(n_hidden, name="bh")
        Wuh = shared_normal(n_hidden_recurrent, n_hidden, 0.0001, random_state=random_state, name="Wuh")
        Wuv = shared_normal(n_hidden_recurrent, n_visible, 0.0001, random_state=random_state, name="Wuv")
        Wvu = shared_normal(n_visible, n_hidden_recurrent, 0.0001, random_state=random_state, name="Wvu")
        Wuu = shared_normal(n_hidden_recurrent, n_hidden_recurrent, 0.0001, random_state=random_state, name="Wuu")
        bu = shared_zeros(n_hidden_recurrent, name="bu")
        params = W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu  # learned as shared variables
    W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu = params

    v = pt.tensor3("v") if batched else pt.matrix("v")  # (n_steps, n_visible), or sequences between the two
    mask = pt.matrix("mask") if batched else None
    # Sizes are asked of the parameters, not written as numbers: so compiled code fits models of any size.
    u0 = pt.zeros((bu.shape[0],))
    u0.name = "u0"

    def biases(u_tm1):
        """The time-dependent biases of the RBM."""
        return bv + pt.dot(u_tm1, Wuv), bh + pt.dot(u_tm1, Wuh)

    def next_state(v_t, u_tm1):
        """The state of the RNN after v_t."""
        return pt.tanh(bu + pt.dot(v_t, Wvu) + pt.dot(u_tm1, Wuu))

    # Training: v is given, so the recurrence is deterministic, and the RBMs of all steps are one batch.
    def recurrence(v_t, u_tm1, *_):
        bv_t, bh_t = biases(u_tm1)
        return next_state(v_t, u_tm1), bv_t, bh_t

    u_t, bv_t, bh_t = scan(
        recurrence,
        sequences=v,
        outputs_info=[pt.zeros((v.shape[1], bu.shape[0])) if batched else u0, None, None],
        non_sequences=params,
        strict=True,
        return_updates=False,
        name="recurrence",
    )
    weights = sequence_weights(mask) if batched else None
    v_sample, cost, monitor, updates_train = build_rbm(v, W, bv_t, bh_t, k, rngs=streams.rbm(), weights=weights)

    # Generation: each step draws its frame from the RBM of that step, then feeds it to the RNN.
    rng_h, rng_v, *rngs_monitor = streams.rbm("_generate")

    def generation(u_tm1, rng_h, rng_v, *_):
        bv_t, bh_t = biases(u_tm1)
        v_t, _, _, updates = build_rbm(
            pt.zeros((bv.shape[0],)), W, bv_t, bh_t, k_generate, rngs=(rng_h, rng_v, *rngs_monitor)
        )
        return v_t, next_state(v_t, u_tm1), updates[rng_h], updates[rng_v]

    v_t, _, next_rng_h, next_rng_v = scan(
        generation,
        outputs_info=[None, u0 if u_init is None else u_init, rng_h, rng_v],
        non_sequences=params,
        n_steps=n_steps,
        strict=True,
        return_updates=False,
        name="generation",
    )
    updates_generate = {rng_h: next_rng_h, rng_v: next_rng_v}

    graphs = SequenceGraphs(v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate)
    graphs.u_t, graphs.mask = u_t, mask
    return graphs
