"""The gated recurrent unit (GRU) as the recurrent network of an RNN-RBM or an RNN-NADE: `recurrence="gru"`.

    z_t  = sigmoid(v_t Wvz + u_tm1 Wuz + bz)               how much of the state to keep
    r_t  = sigmoid(v_t Wvr + u_tm1 Wur + br)               how much of the state to use for the new state
    g_t  = tanh(v_t Wvg + (r_t u_tm1) Wug + bg)
    u_t  = z_t u_tm1 + (1 - z_t) g_t
    bv_t = bv + u_tm1 Wuv
    bh_t = bh + u_tm1 Wuh

These are equations 5 to 8 of Cho et al., Learning phrase representations using RNN encoder-decoder for statistical
machine translation, EMNLP 2014, with added biases. r_t multiplies the state before the product with Wug, and z_t = 1
keeps the state. Chung et al. (2014) exchange z_t and 1 - z_t. By default cuDNN, PyTorch and Keras multiply by r_t after
the product with Wug. That is a different function, so their parameters cannot be used here.
"""

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.moved_biases import gate_params, moved_biases, moved_params
from rnnrbm_pt.graphs.parameters import shared_zeros
from rnnrbm_pt.graphs.types import Params, Tensors

GATES = "zrg"
"""Letters of the update gate, the reset gate and the new state."""


def gru_cell(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    params: Params | None = None,
    W: TensorSharedVariable | None = None,
    learn_initial: bool = False,
) -> Cell:
    """The recurrence of the RNN-RBM with a GRU. Its only state is u, as in the tutorial's RNN.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, params, W, learn_initial
        See `rnnrbm_cell`.

    Returns
    -------
    Cell
        Its params are (W, bv, bh, Wuh, Wuv), (Wvz, Wuz, bz) and likewise for r and g, and u0 if the initial state is
        learned.
    """
    if params is None:
        params = moved_params(n_visible, n_hidden, n_hidden_recurrent, random_state=random_state, W=W)
        for gate in GATES:
            params += gate_params(gate, n_visible, n_hidden_recurrent, random_state=random_state)
        if learn_initial:
            params += (shared_zeros(n_hidden_recurrent, name="u0"),)
    named = {p.name: p for p in params}
    bv, bh, Wuh, Wuv = params[1:5]
    Wv = pt.concatenate([named[f"Wv{gate}"] for gate in GATES], axis=1)  # one product, not three
    Wu = pt.concatenate([named["Wuz"], named["Wur"]], axis=1)
    b = pt.concatenate([named[f"b{gate}"] for gate in GATES])
    Wug, n = named["Wug"], n_hidden_recurrent

    u0 = named.get("u0", pt.zeros((named["bz"].shape[0],)))

    def biases(u_tm1: TensorVariable) -> Tensors:
        """The time-dependent biases of the RBM."""
        return moved_biases(u_tm1, bv, bh, Wuh, Wuv)

    def next_state(v_t: TensorVariable, u_tm1: TensorVariable) -> Tensors:
        """The state of the GRU after the frame v_t."""
        x_z, x_r, x_g = pt.split(b + pt.dot(v_t, Wv), [n, n, n], axis=-1)
        u_z, u_r = pt.split(pt.dot(u_tm1, Wu), [n, n], axis=-1)
        z_t, r_t = pt.sigmoid(x_z + u_z), pt.sigmoid(x_r + u_r)
        g_t = pt.tanh(x_g + pt.dot(r_t * u_tm1, Wug))
        return (z_t * u_tm1 + (1 - z_t) * g_t,)

    return Cell(params, biases, next_state, (u0,), constants=(Wv, Wu, b))
