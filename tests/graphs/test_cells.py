"""Cells: what the two graphs use of a cell, and what a builder returns."""

from dataclasses import FrozenInstanceError
from functools import partial

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from rnnrbm_pt.graphs.builders import rbm_builder
from rnnrbm_pt.graphs.gru import gru_cell
from rnnrbm_pt.graphs.lstm import lstm_cell
from rnnrbm_pt.graphs.lstm_rtrbm import build_lstm_rtrbm, lstm_rtrbm_cell
from rnnrbm_pt.graphs.rnn_nade import build_rnn_nade, rnn_nade_cell
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm, rnnrbm_cell
from rnnrbm_pt.graphs.rtrbm import build_rtrbm, rtrbm_cell
from rnnrbm_pt.graphs.sequence import generate_graph, rbm_graphs, train_graph
from rnnrbm_pt.graphs.sequence_graphs import EIGHT
from rnnrbm_pt.streams.srs import RandomStreams

CELLS = {
    rnnrbm_cell: (build_rnnrbm, (4, 3, 2)),
    lstm_cell: (partial(build_rnnrbm, recurrence="lstm"), (4, 3, 2)),
    gru_cell: (partial(build_rnnrbm, recurrence="gru"), (4, 3, 2)),
    rtrbm_cell: (build_rtrbm, (4, 3)),
    lstm_rtrbm_cell: (build_lstm_rtrbm, (4, 3, 2)),
    rnn_nade_cell: (build_rnn_nade, (4, 3, 2)),
}


@pytest.mark.parametrize("cell_function", CELLS, ids=lambda f: f.__name__)
def test_a_cell_draws_its_parameters_as_its_builder_does(cell_function):
    build, sizes = CELLS[cell_function]
    cell = cell_function(*sizes, random_state=np.random.RandomState(5))
    graphs = build(*sizes, random_state=np.random.RandomState(5), streams=RandomStreams(1))
    assert [p.name for p in cell.params] == [p.name for p in graphs.params]
    for one, other in zip(cell.params, graphs.params, strict=True):
        np.testing.assert_array_equal(one.get_value(), other.get_value())
    again = cell_function(*sizes, random_state=None, params=cell.params)
    assert again.params == cell.params and len(again.initial) == len(cell.initial)


def test_the_builder_of_a_cell_takes_the_tutorials_streams():
    build = rbm_builder(rnnrbm_cell)
    ours, theirs = build(4, 3, 2, k=2, learn_initial=True), build_rnnrbm(4, 3, 2, k=2, learn_initial=True)
    pairs = zip([*ours.params, *ours.updates_train], [*theirs.params, *theirs.updates_train], strict=True)
    assert all(one.name == other.name for one, other in pairs)
    np.testing.assert_array_equal(ours.params[3].get_value(), theirs.params[3].get_value())
    for graphs in (ours, theirs):
        assert [rng.name for rng in graphs.updates_generate] == ["rng_h_generate", "rng_v_generate"]


def test_each_graph_can_be_made_alone():
    cell, streams = rnnrbm_cell(4, 3, 2, random_state=np.random.RandomState(5)), RandomStreams(1)
    training = train_graph(cell, k=2, rngs=streams.rbm())
    assert training.v_t is None and training.updates_generate is None
    v_t, _, updates = generate_graph(cell, k=2, rngs=streams.rbm(), n_steps=3)
    assert v_t.type.ndim == 2 and len(updates) == 2


def test_a_parameter_that_is_missing_from_the_cell_is_an_error():
    cell = rnnrbm_cell(4, 3, 2, random_state=np.random.RandomState(5))
    with pytest.raises(Exception, match="bu"):
        rbm_graphs(cell._replace(params=cell.params[:-1]), streams=RandomStreams(1))


@pytest.mark.parametrize("cell_function", CELLS, ids=lambda f: f.__name__)
def test_what_a_builder_returns(cell_function):
    build, sizes = CELLS[cell_function]
    graphs = build(*sizes)
    assert list(map(id, graphs)) == [id(getattr(graphs, name)) for name in EIGHT]
    with pytest.raises(FrozenInstanceError):
        graphs.cost = None
    names = ["v_sample", "cost", "monitor", "u_t", "bv_t", "bh_t", "v_t"]
    assert [getattr(graphs, name).name for name in names] == names
    gradient = pt.grad(graphs.cost, graphs.params[0], consider_constant=[graphs.v_sample])
    printed = pytensor.dprint([graphs.cost, graphs.monitor, graphs.u_t, graphs.v_t, gradient], file="str")
    assert {f"'{name}'" for name in ("cost", "monitor", "u_t", "bv_t", "bh_t", "v_t")} <= set(printed.split())
