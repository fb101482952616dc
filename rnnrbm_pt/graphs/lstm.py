"""The LSTM as the recurrent network of an RNN-RBM or an RNN-NADE: `recurrence="lstm"`.

    i_t, f_t, o_t = sigmoid(v_t Wv. + u_tm1 Wu. + b.)      each gate has its own weights
    g_t  = tanh(v_t Wvg + u_tm1 Wug + bg)
    c_t  = f_t c_tm1 + i_t g_t
    u_t  = o_t tanh(c_t)
    bv_t = bv + u_tm1 Wuv
    bh_t = bh + u_tm1 Wuh

Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9, 1997. The forget gate f is from Gers,
Schmidhuber and Cummins, Learning to forget, Neural Computation 12, 2000. There are no peephole connections.
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
"""Letters of the input, forget and output gates, and of the new input of the cells."""

FORGET_BIAS = 1.0
"""Initial bias of the forget gate. At 1, a new LSTM remembers (Gers et al. 2000; Jozefowicz et al., ICML 2015)."""


def lstm_step(x: TensorVariable, c_tm1: TensorVariable, n: int) -> tuple[TensorVariable, TensorVariable]:
    """The output and the cells c_t of an LSTM, given the sums x of its four gates side by side, shape (..., 4 n)."""
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
    """The recurrence of the RNN-RBM with an LSTM. Its states are the output u, which sets the biases, and the cells c.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, params, W, learn_initial
        See `rnnrbm_cell`.

    Returns
    -------
    Cell
        Its params are (W, bv, bh, Wuh, Wuv), (Wvi, Wui, bi) and likewise for f, o and g, and u0 and c0 if the initial
        states are learned.
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
    Wv, Wu = (pt.concatenate([named[f"W{x}{gate}"] for gate in GATES], axis=1) for x in "vu")  # one product, not four
    b = pt.concatenate([named[f"b{gate}"] for gate in GATES])

    zeros = pt.zeros((named["bi"].shape[0],))
    initial = named.get("u0", zeros), named.get("c0", zeros)

    def biases(u_tm1: TensorVariable, c_tm1: TensorVariable) -> Tensors:
        """The time-dependent biases of the RBM."""
        return moved_biases(u_tm1, bv, bh, Wuh, Wuv)

    def next_state(v_t: TensorVariable, u_tm1: TensorVariable, c_tm1: TensorVariable) -> Tensors:
        """The output and the cells of the LSTM after the frame v_t."""
        return lstm_step(b + pt.dot(v_t, Wv) + pt.dot(u_tm1, Wu), c_tm1, n_hidden_recurrent)

    return Cell(params, biases, next_state, initial, constants=(Wv, Wu, b))
