"""The RNN-NADE: a recurrent network that sets the biases of a NADE at every time step.

    bv_t = bv + u_tm1 Wuv
    bh_t = bh + u_tm1 Wuh
    u_t  = tanh(bu + v_t Wvu + u_tm1 Wuu)

Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional sequences, ICML 2012,
section 4.2. The likelihood, its gradient and samples are exact. An LSTM or a GRU may replace the last equation; see
`graphs.lstm` and `graphs.gru`.
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
    """The recurrence of the RNN-NADE: the RNN-RBM's recurrence, with the NADE's parameter V after W.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, params, **settings
        See `recurrent_cell`.

    Returns
    -------
    Cell
        Its params are (W, V, bv, bh, Wuh, Wuv, Wvu, Wuu, bu), or those of an LSTM or a GRU with V after W. If the
        initial state is learned, it follows.
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
    """Construct an RNN-NADE: its parameters, the training graph and the generation graph.

    Parameters
    ----------
    n_visible : int
        Number of visible units: the width of a frame.
    n_hidden : int
        Number of hidden units of the conditional NADEs.
    n_hidden_recurrent : int
        Number of hidden units of the RNN.
    recurrence, nonlinearity, learn_initial, **common
        random_state, streams, n_steps, u_init, batched, carried and params: see `build_rnnrbm`.

    Returns
    -------
    SequenceGraphs
        Unpacks as the tutorial's eight values. The params are those of `rnn_nade_cell`. The cost is the negative
        log-likelihood per frame, the monitor is the log-likelihood per frame, v_sample is that of `build_nade`, and
        updates_train is empty. The field `log_likelihood` has the log-likelihood of each frame given the earlier ones.
    """
    settings = {"recurrence": recurrence, "nonlinearity": nonlinearity, "learn_initial": learn_initial}
    return nade_builder(rnn_nade_cell)(n_visible, n_hidden, n_hidden_recurrent, **settings, **common)
