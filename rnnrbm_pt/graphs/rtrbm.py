"""The RTRBM: an RBM at every time step, whose own expected hidden units give the next one its biases.

    bv_t = bv  (+ u_tm1 Wuv, as an option)
    bh_t = bh + u_tm1 Wuh, and bh + bh0 at the first step
    u_t  = sigmoid(v_t W + bh_t), which is E[h_t | v_1, ..., v_t]

Sutskever, Hinton and Taylor, The recurrent temporal restricted Boltzmann machine, NIPS 2008. It is the RNN-RBM whose
RNN has a sigmoid, Wvu = W, Wuu = Wuh, bu = bh and Wuv = 0.
"""

from dataclasses import replace
from typing import Unpack

import numpy as np
import pytensor.tensor as pt

from rnnrbm_pt.graphs.builders import RbmCommon, rbm_builder
from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.parameters import shared_normal, shared_zeros
from rnnrbm_pt.graphs.rbm import mean_hidden
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Params
from rnnrbm_pt.roles import moving_hidden, of_rbm


def rtrbm_cell(
    n_visible: int,
    n_hidden: int,
    *,
    random_state: np.random.RandomState,
    params: Params | None = None,
    dynamic_visible_bias: bool = False,
    learn_initial: bool = False,
) -> Cell:
    """The recurrence of the RTRBM. Its state is u and u Wuh, which two equations need.

    Parameters
    ----------
    n_visible, n_hidden : int
        Numbers of visible units and of hidden units.
    random_state : numpy.random.RandomState
        What the initial parameters are drawn from.
    params : tuple of shared variables, optional
        Parameters of another graph. Without them, new ones.
    dynamic_visible_bias, learn_initial
        As `build_rtrbm` takes them.

    Returns
    -------
    Cell
        Its params are (W, bv, bh, Wuh), then Wuv and bh0 where they are asked for.
    """
    if params is None:
        W = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="W")
        bv = shared_zeros(n_visible, name="bv")
        bh = shared_zeros(n_hidden, name="bh")
        Wuh = shared_normal(n_hidden, n_hidden, 0.0001, random_state=random_state, name="Wuh")
        params = W, bv, bh, Wuh
        of_rbm(W, bv, bh)
        moving_hidden(Wuh)
        if dynamic_visible_bias:
            params += (shared_normal(n_hidden, n_visible, 0.0001, random_state=random_state, name="Wuv"),)
        if learn_initial:
            params += (shared_zeros(n_hidden, name="bh0"),)
            moving_hidden(params[-1])
    named = {p.name: p for p in params}
    W, bv, bh, Wuh = params[:4]

    u0 = pt.zeros((bh.shape[0],))
    bh0 = named.get("bh0", u0)

    def biases(u_tm1, shift):
        """The time-dependent biases of the RBM; shift is u_tm1 Wuh, or bh0 at the first step."""
        return bv + pt.dot(u_tm1, named["Wuv"]) if dynamic_visible_bias else bv, bh + shift

    def next_state(v_t, u_tm1, shift):
        """The expected hidden units given v_t, and what they add to the next hidden biases."""
        u_t = mean_hidden(v_t, W, bh + shift)
        return u_t, pt.dot(u_t, Wuh)

    return Cell(params, biases, next_state, (u0, bh0))


def build_rtrbm(
    n_visible: int,
    n_hidden: int,
    *,
    dynamic_visible_bias: bool = False,
    learn_initial: bool = False,
    **common: Unpack[RbmCommon],
) -> SequenceGraphs:
    """Construct an RTRBM: its parameters, the graph that trains it and the graph that generates from it.

    Parameters
    ----------
    n_visible : int
        Number of visible units: the width of a frame.
    n_hidden : int
        Number of hidden units, which are the recurrent ones too.
    dynamic_visible_bias : bool
        Whether the visible biases move with u too, by one more matrix Wuv.
    learn_initial : bool
        Whether the hidden units of the first step have biases of their own, bh + bh0, as in the paper (whose b_init
        this is). Otherwise those are bh.
    u_init : tuple of two vectors, shape (n_hidden,), optional
        Before the first generated frame: the expected hidden units u and what they add to the hidden biases, u Wuh.
    **common
        As `build_rnnrbm` takes them: random_state, streams, k, k_generate, n_steps, batched, carried, params, visible.

    Returns
    -------
    SequenceGraphs
        Unpacks as the tutorial's eight, where params is (W, bv, bh, Wuh), then Wuv and bh0 where they are asked for.
    """
    graphs = rbm_builder(rtrbm_cell)(
        n_visible, n_hidden, dynamic_visible_bias=dynamic_visible_bias, learn_initial=learn_initial, **common
    )
    return replace(graphs, features=graphs.states[:1])  # which is mean_h
