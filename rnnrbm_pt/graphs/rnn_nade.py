"""The RNN-NADE: a recurrent network whose output, at every time step, is the biases of a NADE.

    bv_t = bv + u_tm1 Wuv
    bh_t = bh + u_tm1 Wuh
    u_t  = tanh(bu + v_t Wvu + u_tm1 Wuu)

Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional sequences, ICML 2012,
section 4.2. Its likelihood and its gradient are exact, and so are its samples. Instead of the last equation it may have
an LSTM or a GRU; see `graphs.lstm` and `graphs.gru`.
"""

from typing import Any, Unpack

import numpy as np

from rnnrbm_pt.graphs.builders import NadeCommon, nade_builder
from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.parameters import shared_normal
from rnnrbm_pt.graphs.rnnrbm import recurrent_cell
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Params
from rnnrbm_pt.roles import of_rbm


def rnn_nade_cell(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    params: Params | None = None,
    **settings: Any,
) -> Cell:
    """The recurrence of the RNN-NADE: that of the RNN-RBM, with the parameter V of a NADE after W.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, params, **settings
        As `recurrent_cell` takes them.

    Returns
    -------
    Cell
        Its params are (W, V, bv, bh, Wuh, Wuv, Wvu, Wuu, bu), then u0 if it is learned; or those of an LSTM or a GRU.
    """
    if params is None:
        W = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="W")
        V = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="V")
        settings["W"] = W
        of_rbm(V)
    else:
        W, V, *rest = params
        params = W, *rest
    cell = recurrent_cell(n_visible, n_hidden, n_hidden_recurrent, random_state=random_state, params=params, **settings)
    return cell._replace(params=(W, V, *cell.params[1:]))


def build_rnn_nade(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    recurrence: str = "tanh",
    nonlinearity: str = "tanh",
    learn_initial: bool = False,
    **common: Unpack[NadeCommon],
) -> SequenceGraphs:
    """Construct an RNN-NADE: its parameters, the graph that trains it and the graph that generates from it.

    Parameters
    ----------
    n_visible : int
        Number of visible units: the width of a frame.
    n_hidden : int
        Number of hidden units of the conditional NADEs.
    n_hidden_recurrent : int
        Number of hidden units of the RNN.
    recurrence, nonlinearity, learn_initial, **common
        As `build_rnnrbm` takes them: random_state, streams, n_steps, u_init, batched, carried, params.

    Returns
    -------
    SequenceGraphs
        Unpacks as the tutorial's eight, where params is (W, V, bv, bh, Wuh, Wuv, Wvu, Wuu, bu), then u0 where it is
        asked for; cost is the negative log-likelihood a frame, monitor the log-likelihood, v_sample as `build_nade` has
        it, and updates_train empty. Beside the eight, `log_likelihood` has that of each frame given those before it.
    """
    settings = {"recurrence": recurrence, "nonlinearity": nonlinearity, "learn_initial": learn_initial}
    return nade_builder(rnn_nade_cell)(n_visible, n_hidden, n_hidden_recurrent, **settings, **common)
