"""The RNN-NADE: a recurrent network whose output, at every time step, is the biases of a NADE.

    bv_t = bv + u_tm1 Wuv
    bh_t = bh + u_tm1 Wuh
    u_t  = tanh(bu + v_t Wvu + u_tm1 Wuu)

Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional sequences, ICML 2012,
section 4.2. Its likelihood and its gradient are exact, and so are its samples.
"""

from functools import partial

import pytensor.tensor as pt
from pytensor import scan

from rnnrbm_pt.graphs.nade import build_nade, nade_logits, sample_nade
from rnnrbm_pt.graphs.parameters import shared_normal, shared_zeros
from rnnrbm_pt.graphs.prediction import expected_visible_of_nade
from rnnrbm_pt.graphs.rbm import log_pseudo_likelihood, mean_hidden
from rnnrbm_pt.graphs.sequence import (
    SequenceGraphs,
    first_states,
    nonlinear,
    observed_frames,
    recurrence,
    sequence_weights,
    sources_of_randomness,
)


def build_rnn_nade(
    n_visible,
    n_hidden,
    n_hidden_recurrent,
    *,
    random_state=None,
    streams=None,
    n_steps=200,
    u_init=None,
    batched=False,
    carried=None,
    params=None,
    nonlinearity="tanh",
    learn_initial=False,
):
    """Construct an RNN-NADE: its parameters, the graph that trains it and the graph that generates from it.

    Parameters
    ----------
    n_visible : int
        Number of visible units: the width of a frame.
    n_hidden : int
        Number of hidden units of the conditional NADEs.
    n_hidden_recurrent : int
        Number of hidden units of the RNN.
    random_state, streams, n_steps, u_init, batched, carried, params, nonlinearity, learn_initial
        As `build_rnnrbm` takes them.

    Returns
    -------
    SequenceGraphs
        Unpacks as the tutorial's eight, where params is (W, V, bv, bh, Wuh, Wuv, Wvu, Wuu, bu), then u0 where it is
        asked for; cost is the negative log-likelihood a frame, monitor the log-likelihood, v_sample as `build_nade` has
        it, and updates_train empty. Beside the eight, `log_likelihood` has that of each frame given those before it.
    """
    random_state, streams = sources_of_randomness(random_state, streams)
    f = nonlinear(nonlinearity)
    if params is None:
        W = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="W")
        V = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="V")
        bv = shared_zeros(n_visible, name="bv")
        bh = shared_zeros(n_hidden, name="bh")
        Wuh = shared_normal(n_hidden_recurrent, n_hidden, 0.0001, random_state=random_state, name="Wuh")
        Wuv = shared_normal(n_hidden_recurrent, n_visible, 0.0001, random_state=random_state, name="Wuv")
        Wvu = shared_normal(n_visible, n_hidden_recurrent, 0.0001, random_state=random_state, name="Wvu")
        Wuu = shared_normal(n_hidden_recurrent, n_hidden_recurrent, 0.0001, random_state=random_state, name="Wuu")
        bu = shared_zeros(n_hidden_recurrent, name="bu")
        params = W, V, bv, bh, Wuh, Wuv, Wvu, Wuu, bu
        if learn_initial:
            params += (shared_zeros(n_hidden_recurrent, name="u0"),)
    W, V, bv, bh, Wuh, Wuv, Wvu, Wuu, bu, *learned = params

    u0 = learned[0] if learned else pt.zeros((bu.shape[0],))
    u0.name = "u0"

    def biases(u_tm1):
        """The time-dependent biases of the NADE."""
        return bv + pt.dot(u_tm1, Wuv), bh + pt.dot(u_tm1, Wuh)

    def next_state(v_t, u_tm1):
        """The state of the RNN after v_t."""
        return (f(bu + pt.dot(v_t, Wvu) + pt.dot(u_tm1, Wuu)),)

    v, mask = observed_frames(batched)
    (u_t,), bv_t, bh_t = recurrence(v, params, biases, next_state, (u0,), carried)
    weights = sequence_weights(mask) if batched else None
    v_sample, cost, monitor, updates_train = build_nade(v, W, V, bv_t, bh_t, weights=weights)

    _, rng_v, *_ = streams.rbm("_generate")

    def generation(u_tm1, rng_v, *_):
        v_t, _, next_rng_v = sample_nade(rng_v, 1, W, V, *biases(u_tm1))
        return v_t[0], *next_state(v_t[0], u_tm1), next_rng_v

    v_t, _, next_rng_v = scan(
        generation,
        outputs_info=[None, *first_states((u0,), u_init), rng_v],
        non_sequences=params,
        n_steps=n_steps,
        strict=True,
        return_updates=False,
        name="generation",
    )

    graphs = SequenceGraphs(v, v_sample, cost, monitor, params, updates_train, v_t, {rng_v: next_rng_v})
    graphs.u_t, graphs.states, graphs.mask, graphs.initial = u_t, (u_t,), mask, (u0,)
    graphs.bv_t, graphs.bh_t = bv_t, bh_t
    graphs.mean_h = mean_hidden(v, W, bh_t)
    graphs.features = graphs.mean_h, u_t
    graphs.reconstruction = v_sample
    graphs.expected_visible = partial(expected_visible_of_nade, W=W, V=V)
    graphs.log_likelihood = log_pseudo_likelihood(v, nade_logits(v, W, V, bv_t, bh_t))
    return graphs
