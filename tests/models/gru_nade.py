"""The GRU-NADE: a NADE whose biases depend on a gated recurrent unit."""

from models.gru_rbm import gru_cell

from rnnrbm_pt.graphs.builders import nade_builder
from rnnrbm_pt.graphs.parameters import shared_normal
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.roles import of_rbm


def gru_nade_cell(n_visible, n_hidden, n_hidden_recurrent, *, random_state, params=None):
    if params is None:
        V = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="V")
        of_rbm(V)
        rest = None
    else:
        W, V, *rest = params
        rest = W, *rest
    cell = gru_cell(n_visible, n_hidden, n_hidden_recurrent, random_state=random_state, params=rest)
    W, *rest = cell.params
    return cell._replace(params=(W, V, *rest))


class GruNade(SequenceModel):
    builder = nade_builder(gru_nade_cell)
