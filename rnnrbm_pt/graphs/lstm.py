"""The RNN-RBM whose recurrent network is an LSTM, `recurrence="lstm"` of `build_rnnrbm` and `build_rnn_nade`.

    i_t, f_t, o_t = sigmoid(v_t Wv. + u_tm1 Wu. + b.)      one row of weights for each gate
    g_t  = tanh(v_t Wvg + u_tm1 Wug + bg)
    c_t  = f_t c_tm1 + i_t g_t
    u_t  = o_t tanh(c_t)
    bv_t = bv + u_tm1 Wuv
    bh_t = bh + u_tm1 Wuh

Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9, 1997; the forget gate f is that of Gers,
Schmidhuber and Cummins, Learning to forget, Neural Computation 12, 2000. There are no peepholes.
"""

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.moved_biases import gate_params, moved_biases, moved_params
from rnnrbm_pt.graphs.parameters import shared_zeros
from rnnrbm_pt.graphs.types import Params, Tensors

GATES = "ifog"
"""The input, forget and output gates, and what is put into the cell."""

FORGET_BIAS = 1.0
"""First bias of the forget gate, so that a new LSTM remembers (Gers et al. 2000; Jozefowicz et al., ICML 2015)."""


def lstm_step(x: TensorVariable, c_tm1: TensorVariable, n: int) -> tuple[TensorVariable, TensorVariable]:
    """The output and the cells c_t of an LSTM, from the sums x of its four gates side by side, shape (..., 4 n)."""
    i, f, o, g = pt.split(x, [n] * len(GATES), axis=-1)
    c_t = pt.sigmoid(f) * c_tm1 + pt.sigmoid(i) * pt.tanh(g)
    return pt.sigmoid(o) * pt.tanh(c_t), c_t


def lstm_cell(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    params: Params | None = None,
    W: TensorSharedVariable | None = None,
    learn_initial: bool = False,
) -> Cell:
    """The recurrence of the RNN-RBM with an LSTM. Its state is the output u, which moves the biases, and the cells c.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, params, W, learn_initial
        As `rnnrbm_cell` takes them.

    Returns
    -------
    Cell
        Its params are (W, bv, bh, Wuh, Wuv), then (Wvi, Wui, bi) and so on of the gates i, f, o and g, then u0 and c0
        if they are learned.
    """
    if params is None:
        sizes = n_visible, n_hidden, n_hidden_recurrent
        params = moved_params(*sizes, random_state=random_state, W=W)
        for gate in GATES:
            bias = FORGET_BIAS if gate == "f" else 0.0
            params += gate_params(gate, n_visible, n_hidden_recurrent, random_state=random_state, bias=bias)
        if learn_initial:
            params += shared_zeros(n_hidden_recurrent, name="u0"), shared_zeros(n_hidden_recurrent, name="c0")
    named = {p.name: p for p in params}
    bv, bh, Wuh, Wuv = params[1:5]
    Wv, Wu = (pt.concatenate([named[f"W{x}{gate}"] for gate in GATES], axis=1) for x in "vu")  # one product for four
    b = pt.concatenate([named[f"b{gate}"] for gate in GATES])

    zeros = pt.zeros((named["bi"].shape[0],))
    initial = named.get("u0", zeros), named.get("c0", zeros)

    def biases(u_tm1: TensorVariable, c_tm1: TensorVariable) -> Tensors:
        """The time-dependent biases of the RBM."""
        return moved_biases(u_tm1, bv, bh, Wuh, Wuv)

    def next_state(v_t: TensorVariable, u_tm1: TensorVariable, c_tm1: TensorVariable) -> Tensors:
        """The output and the cells of the LSTM after v_t."""
        return lstm_step(b + pt.dot(v_t, Wv) + pt.dot(u_tm1, Wu), c_tm1, n_hidden_recurrent)

    return Cell(params, biases, next_state, initial, constants=(Wv, Wu, b))
