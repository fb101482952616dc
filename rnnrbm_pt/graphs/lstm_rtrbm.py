"""The LSTM-RTRBM: an RTRBM with an LSTM that reads the frames and adds to the biases of the RBMs.

    i_t, f_t, o_t = sigmoid(v_t Wv. + s_tm1 Ws. + b.)      each gate has its own weights
    g_t  = tanh(v_t Wvg + s_tm1 Wsg + bg)
    c_t  = f_t c_tm1 + i_t g_t
    s_t  = o_t tanh(c_t)
    bv_t = bv  (+ u_tm1 Wuv + s_tm1 Wsv, as an option)
    bh_t = bh + u_tm1 Wuh + s_tm1 Wsh
    u_t  = sigmoid(v_t W + bh_t)

This is a reconstruction of the model of Lyu, Wu, Zhu and Meng, Modelling high-dimensional sequences with LSTM-RTRBM:
application to polyphonic music generation, IJCAI 2015. It follows the idea of the paper, an LSTM that bypasses the
recurrence of the RTRBM. It was written without the text of the paper, whose equations may differ. With Wsh = 0 (and
Wsv = 0) it is the RTRBM.
"""

from dataclasses import replace
from typing import Unpack

import numpy as np
import pytensor.tensor as pt

from rnnrbm_pt.graphs.builders import RbmCommon, rbm_builder
from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.lstm import GATES, lstm_step
from rnnrbm_pt.graphs.parameters import shared_normal, shared_zeros
from rnnrbm_pt.graphs.rbm import mean_hidden
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Params
from rnnrbm_pt.roles import moving_hidden, of_rbm


def lstm_rtrbm_cell(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    params: Params | None = None,
    dynamic_visible_bias: bool = False,
    learn_initial: bool = False,
) -> Cell:
    """The recurrence of the LSTM-RTRBM. Its states are u, the shift of the hidden biases, s and c.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent : int
        Numbers of visible units, of hidden units and of LSTM cells.
    random_state : numpy.random.RandomState
        Source of the initial parameters.
    params : tuple of shared variables, optional
        Parameters of another graph to share. By default, new parameters.
    dynamic_visible_bias, learn_initial
        See `build_lstm_rtrbm`.

    Returns
    -------
    Cell
        Its params are those of `build_lstm_rtrbm`.
    """
    if params is None:

        def normal(rows, columns, scale, name):
            return shared_normal(rows, columns, scale, random_state=random_state, name=name)

        n_s = n_hidden_recurrent
        W = normal(n_visible, n_hidden, 0.01, "W")
        bv, bh = shared_zeros(n_visible, name="bv"), shared_zeros(n_hidden, name="bh")
        Wuh, Wsh = normal(n_hidden, n_hidden, 0.0001, "Wuh"), normal(n_s, n_hidden, 0.01, "Wsh")
        params = W, bv, bh, Wuh, Wsh
        of_rbm(W, bv, bh)
        moving_hidden(Wuh, Wsh)
        for g in GATES:
            params += normal(n_visible, n_s, 0.01, f"Wv{g}"), normal(n_s, n_s, 0.01, f"Ws{g}")
            params += (shared_zeros(n_s, name=f"b{g}"),)
        if dynamic_visible_bias:
            params += normal(n_hidden, n_visible, 0.0001, "Wuv"), normal(n_s, n_visible, 0.01, "Wsv")
        if learn_initial:
            bh0 = shared_zeros(n_hidden, name="bh0")
            params += bh0, shared_zeros(n_s, name="s0"), shared_zeros(n_s, name="c0")
            moving_hidden(bh0)
    named = {p.name: p for p in params}
    W, bv, bh, Wuh, Wsh = params[:5]

    u0 = pt.zeros((bh.shape[0],))
    s0 = pt.zeros((named["bi"].shape[0],))
    initial = u0, named.get("bh0", u0), named.get("s0", s0), named.get("c0", s0)
    Wv, Ws = (pt.concatenate([named[f"W{x}{g}"] for g in GATES], axis=1) for x in "vs")  # one product, not four
    b = pt.concatenate([named[f"b{g}"] for g in GATES])

    def biases(u_tm1, shift, s_tm1, c_tm1):
        """The time-dependent biases of the RBM. shift is u_tm1 Wuh + s_tm1 Wsh, or bh0 at the first step."""
        if not dynamic_visible_bias:
            return bv, bh + shift
        return bv + pt.dot(u_tm1, named["Wuv"]) + pt.dot(s_tm1, named["Wsv"]), bh + shift

    def next_state(v_t, u_tm1, shift, s_tm1, c_tm1):
        """The states after v_t: expected hidden units, shift of the next hidden biases, LSTM output, LSTM cells."""
        u_t = mean_hidden(v_t, W, bh + shift)
        s_t, c_t = lstm_step(b + pt.dot(v_t, Wv) + pt.dot(s_tm1, Ws), c_tm1, n_hidden_recurrent)
        return u_t, pt.dot(u_t, Wuh) + pt.dot(s_t, Wsh), s_t, c_t

    return Cell(params, biases, next_state, initial, constants=(Wv, Ws, b))


def build_lstm_rtrbm(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    dynamic_visible_bias: bool = False,
    learn_initial: bool = False,
    **common: Unpack[RbmCommon],
) -> SequenceGraphs:
    """Construct an LSTM-RTRBM: its parameters, the training graph and the generation graph.

    Parameters
    ----------
    n_visible : int
        Number of visible units: the width of a frame.
    n_hidden : int
        Number of hidden units of the conditional RBMs.
    n_hidden_recurrent : int
        Number of cells of the LSTM.
    dynamic_visible_bias : bool
        Whether the visible biases also depend on u and s, by two more matrices Wuv and Wsv.
    learn_initial : bool
        Whether to learn bh0, s0 and c0. The hidden biases of the first step are bh + bh0, and the LSTM starts from s0
        and c0. By default bh0, s0 and c0 are zero.
    u_init : tuple of four vectors, optional
        The states before the first generated frame: the expected hidden units u, the shift of the hidden biases, the
        output s of the LSTM and its cells c.
    **common
        random_state, streams, k, k_generate, n_steps, batched, carried, params and visible: see `build_rnnrbm`.

    Returns
    -------
    SequenceGraphs
        Unpacks as the tutorial's eight values. The params are (W, bv, bh, Wuh, Wsh), (Wvi, Wsi, bi) and likewise for f,
        o and g, then Wuv and Wsv with `dynamic_visible_bias`, and bh0, s0 and c0 with `learn_initial`.
    """
    graphs = rbm_builder(lstm_rtrbm_cell)(
        n_visible,
        n_hidden,
        n_hidden_recurrent,
        dynamic_visible_bias=dynamic_visible_bias,
        learn_initial=learn_initial,
        **common,
    )
    u_t, _, s_t, _ = graphs.states
    return replace(graphs, features=(u_t, s_t))  # u_t is mean_h
