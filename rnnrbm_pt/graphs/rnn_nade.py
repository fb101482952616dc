"""The RNN-NADE: a recurrent network whose output, at every time step, is the biases of a NADE.

    bv_t = bv + u_tm1 Wuv
    bh_t = bh + u_tm1 Wuh
    u_t  = tanh(bu + v_t Wvu + u_tm1 Wuu)

Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional sequences, ICML 2012,
section 4.2. Its likelihood and its gradient are exact, and so are its samples.
"""

from dataclasses import replace
from functools import partial

from rnnrbm_pt.graphs.nade import build_nade, nade_logits, sample_nade
from rnnrbm_pt.graphs.parameters import shared_normal
from rnnrbm_pt.graphs.prediction import expected_visible_of_nade
from rnnrbm_pt.graphs.rbm import log_pseudo_likelihood, mean_hidden
from rnnrbm_pt.graphs.rnnrbm import rnnrbm_cell
from rnnrbm_pt.graphs.sequence import (
    SequenceGraphs,
    generation,
    observed_frames,
    recurrence,
    sequence_weights,
    sources_of_randomness,
)
from rnnrbm_pt.roles import of_rbm


def rnn_nade_cell(n_visible, n_hidden, n_hidden_recurrent, *, random_state, params=None, **settings):
    """The recurrence of the RNN-NADE: that of the RNN-RBM, with the parameter V of a NADE after W.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, params, **settings
        As `rnnrbm_cell` takes them.

    Returns
    -------
    Cell
        Its params are (W, V, bv, bh, Wuh, Wuv, Wvu, Wuu, bu), then u0 if it is learned.
    """
    if params is None:
        W = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="W")
        V = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="V")
        settings["W"] = W
        of_rbm(V)
    else:
        W, V, *rest = params
        params = W, *rest
    cell = rnnrbm_cell(n_visible, n_hidden, n_hidden_recurrent, random_state=random_state, params=params, **settings)
    return cell._replace(params=(W, V, *cell.params[1:]))


def train_graph(cell, *, batched=False, carried=None):
    """Construct the graph that trains a cell whose biases are those of a NADE. Nothing is drawn.

    Parameters
    ----------
    cell : Cell
        The first of its parameters are W and V, shape (n_visible, n_hidden).
    batched, carried
        As `sequence.train_graph` takes them.

    Returns
    -------
    SequenceGraphs
        Without `v_t` and `updates_generate`, which `generate_graph` makes.
    """
    W, V, *_ = cell.params
    v, mask = observed_frames(batched)
    states, bv_t, bh_t = recurrence(cell, v, carried)
    weights = sequence_weights(mask) if batched else None
    v_sample, cost, monitor, updates_train = build_nade(v, W, V, bv_t, bh_t, weights=weights)

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
        reconstruction=v_sample,
        features=(mean_h, states[0]),
        log_likelihood=log_pseudo_likelihood(v, nade_logits(v, W, V, bv_t, bh_t)),
        expected_visible=partial(expected_visible_of_nade, W=W, V=V),
    )


def generate_graph(cell, *, rngs, n_steps, u_init=None):
    """Construct the graph that generates from a cell whose biases are those of a NADE: each frame is an exact sample.

    Parameters
    ----------
    cell : Cell
        The first of its parameters are W and V, shape (n_visible, n_hidden).
    rngs : sequence of random generators
        As an RBM has them; only the second, rng_v, is used.
    n_steps, u_init
        As `sequence.generate_graph` takes them.

    Returns
    -------
    v_t : matrix, shape (n_steps, n_visible)
    updates : dict {random generator: next random generator}
    """
    W, V, *_ = cell.params
    _, rng_v, *_ = rngs

    def draw(bv_t, bh_t, rng_v):
        v_t, _, next_rng_v = sample_nade(rng_v, 1, W, V, bv_t, bh_t)
        return v_t[0], next_rng_v

    return generation(cell, draw, rngs=(rng_v,), n_steps=n_steps, u_init=u_init)


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
    cell = rnn_nade_cell(
        n_visible,
        n_hidden,
        n_hidden_recurrent,
        random_state=random_state,
        params=params,
        nonlinearity=nonlinearity,
        learn_initial=learn_initial,
    )
    training = train_graph(cell, batched=batched, carried=carried)
    v_t, updates = generate_graph(cell, rngs=streams.rbm("_generate"), n_steps=n_steps, u_init=u_init)
    return replace(training, v_t=v_t, updates_generate=updates)
