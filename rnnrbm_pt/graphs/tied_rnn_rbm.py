"""The tied RNN-RBM: an RNN-RBM whose recurrent network has the same weights for all notes.

    u_t[n]  = RNN(around_n(v_t), u_tm1[n])      the state of note n: GRU, LSTM or tanh
    bv_t[n] = bv[n] + u_tm1[n] Wuv
    bh_t[n] = bh[n] + u_tm1[n] Wuh              the biases of the hidden units of note n

The RBM has the same number of hidden units for each note. Its own weights W are free: every hidden unit reads all
notes. Only the recurrent network, `graphs.tied`, is shared. It has far fewer parameters than that of an RNN-RBM and
knows in every key what it learned in one, so it overfits less.
"""

from typing import Unpack

import numpy as np

from rnnrbm_pt.graphs.builders import RbmCommon, rbm_builder
from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.parameters import shared_glorot, shared_normal, shared_zeros
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.tied import WINDOW, TiedRnn
from rnnrbm_pt.graphs.types import Params
from rnnrbm_pt.roles import moving_hidden, of_rbm


def tied_rnn_rbm_cell(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    params: Params | None = None,
    recurrence: str = "gru",
    nonlinearity: str = "tanh",
    window: int = WINDOW,
    learn_initial: bool = False,
) -> Cell:
    """The recurrence of the tied RNN-RBM.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, recurrence, nonlinearity, window, learn_initial
        See `build_tied_rnn_rbm`.
    random_state, params
        See `rnnrbm_cell`.

    Returns
    -------
    Cell
        Its params are W, bv, bh, Wuh, Wuv, and those of `TiedRnn.params`.
    """
    tied = TiedRnn(n_visible, n_hidden_recurrent, recurrence, nonlinearity, window, learn_initial)
    if params is None:
        W = shared_normal(n_visible, n_visible * n_hidden, 0.01, random_state=random_state, name="W")
        bv, bh = shared_zeros(n_visible, name="bv"), shared_zeros(n_visible * n_hidden, name="bh")
        Wuh = shared_glorot(n_hidden_recurrent, n_hidden, random_state=random_state, name="Wuh")
        Wuv = shared_glorot(n_hidden_recurrent, 1, random_state=random_state, name="Wuv")
        of_rbm(W, bv, bh)
        moving_hidden(Wuh)
        params = W, bv, bh, Wuh, Wuv, *tied.params(random_state)
    return tied.cell(params, params[2], random_state)


def build_tied_rnn_rbm(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    recurrence: str = "gru",
    nonlinearity: str = "tanh",
    window: int = WINDOW,
    learn_initial: bool = False,
    **common: Unpack[RbmCommon],
) -> SequenceGraphs:
    """Construct a tied RNN-RBM: its parameters, the training graph and the generation graph.

    Parameters
    ----------
    n_visible : int
        Number of notes: the width of a frame.
    n_hidden : int
        Number of hidden units of the RBM per note.
    n_hidden_recurrent, recurrence, nonlinearity, window, learn_initial
        See `TiedRnn`.
    **common
        random_state, streams, k, k_generate, n_steps, u_init, batched, carried, visible, particles, params, dropout and
        generate: see `build_rnnrbm`. Dropout of hidden units drops units of the recurrent network, where the biases
        read them.

    Returns
    -------
    SequenceGraphs
        As `build_rnnrbm` returns it. The params are those of `tied_rnn_rbm_cell`. Each state and each bh_t holds the
        numbers of all notes, note by note.
    """
    return rbm_builder(tied_rnn_rbm_cell)(
        n_visible,
        n_hidden,
        n_hidden_recurrent,
        recurrence=recurrence,
        nonlinearity=nonlinearity,
        window=window,
        learn_initial=learn_initial,
        **common,
    )
