"""The RTRBM: an RBM at every time step, whose expected hidden units set the biases of the next RBM.

    bv_t = bv  (+ u_tm1 Wuv, as an option)
    bh_t = bh + u_tm1 Wuh, and bh + bh0 at the first step
    u_t  = sigmoid(v_t W + bh_t), which is E[h_t | v_1, ..., v_t]

Sutskever, Hinton and Taylor, The recurrent temporal restricted Boltzmann machine, NIPS 2008. The RTRBM is the RNN-RBM
with a sigmoid RNN, Wvu = W, Wuu = Wuh, bu = bh and Wuv = 0.
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
    """The recurrence of the RTRBM. Its states are u and u Wuh; the product is a state because two equations use it.

    Parameters
    ----------
    n_visible, n_hidden : int
        Numbers of visible units and of hidden units.
    random_state : numpy.random.RandomState
        Source of the initial parameters.
    params : tuple of shared variables, optional
        Parameters of another graph to share. By default, new parameters.
    dynamic_visible_bias, learn_initial
        See `build_rtrbm`.

    Returns
    -------
    Cell
        Its params are (W, bv, bh, Wuh), then Wuv with `dynamic_visible_bias` and bh0 with `learn_initial`.
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
        """The time-dependent biases of the RBM. shift is u_tm1 Wuh, or bh0 at the first step."""
        return bv + pt.dot(u_tm1, named["Wuv"]) if dynamic_visible_bias else bv, bh + shift

    def next_state(v_t, u_tm1, shift):
        """The states after v_t: the expected hidden units, and their shift of the next hidden biases."""
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
    """Construct an RTRBM: its parameters, the training graph and the generation graph.

    Parameters
    ----------
    n_visible : int
        Number of visible units: the width of a frame.
    n_hidden : int
        Number of hidden units, which are also the recurrent units.
    dynamic_visible_bias : bool
        Whether the visible biases also depend on u, by one more matrix Wuv.
    learn_initial : bool
        Whether to learn bh0: the hidden biases of the first step are bh + bh0, which the paper calls b_init. By default
        bh0 is zero.
    u_init : tuple of two vectors, shape (n_hidden,), optional
        The states before the first generated frame: the expected hidden units u, and their shift of the hidden biases,
        u Wuh.
    **common
        random_state, streams, k, k_generate, n_steps, batched, carried, params and visible: see `build_rnnrbm`.

    Returns
    -------
    SequenceGraphs
        Unpacks as the tutorial's eight values. The params are those of `rtrbm_cell`.
    """
    graphs = rbm_builder(rtrbm_cell)(
        n_visible, n_hidden, dynamic_visible_bias=dynamic_visible_bias, learn_initial=learn_initial, **common
    )
    return replace(graphs, features=graphs.states[:1])  # the first state equals mean_h
