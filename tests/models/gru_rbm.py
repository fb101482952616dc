"""The GRU-RBM: an RBM whose biases are moved by a gated recurrent unit (Cho et al. 2014)."""

import pytensor.tensor as pt

from rnnrbm_pt.graphs.builders import rbm_builder
from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.parameters import shared_normal, shared_zeros
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.roles import moving_hidden, of_rbm


def gru_cell(n_visible, n_hidden, n_hidden_recurrent, *, random_state, params=None):
    if params is None:
        n_v, n_h, n_u = n_visible, n_hidden, n_hidden_recurrent
        shapes = {"W": (n_v, n_h), "bv": (n_v,), "bh": (n_h,), "Wuh": (n_u, n_h), "Wuv": (n_u, n_v)}
        for gate in "zru":  # update, reset, and the new state
            shapes |= {f"Wv{gate}": (n_v, n_u), f"Wu{gate}": (n_u, n_u), f"b{gate}": (n_u,)}
        params = tuple(
            shared_normal(*shape, 0.01, random_state=random_state, name=name)
            if len(shape) == 2
            else shared_zeros(*shape, name=name)
            for name, shape in shapes.items()
        )
    W, bv, bh, Wuh, Wuv, Wvz, Wuz, bz, Wvr, Wur, br, Wvu, Wuu, bu = params
    of_rbm(W, bv, bh)
    moving_hidden(Wuh)

    def biases(u_tm1):
        return bv + pt.dot(u_tm1, Wuv), bh + pt.dot(u_tm1, Wuh)  # (..., n_visible), (..., n_hidden)

    def next_state(v_t, u_tm1):
        z_t = pt.sigmoid(bz + pt.dot(v_t, Wvz) + pt.dot(u_tm1, Wuz))
        r_t = pt.sigmoid(br + pt.dot(v_t, Wvr) + pt.dot(u_tm1, Wur))
        new = pt.tanh(bu + pt.dot(v_t, Wvu) + pt.dot(r_t * u_tm1, Wuu))
        return ((1 - z_t) * u_tm1 + z_t * new,)  # (..., n_hidden_recurrent)

    return Cell(params, biases, next_state, initial=(pt.zeros((bu.shape[0],)),))


class GruRbm(SequenceModel):
    builder = rbm_builder(gru_cell)
