"""Dropout: which units are on and off in the graphs, and the gradient of the cost with these masks."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import AS_WRITTEN, finite_differences, states
from scipy.special import expit

from rnnrbm_pt.graphs.dropout import Dropout, kept_units
from rnnrbm_pt.graphs.rbm import free_energy
from rnnrbm_pt.graphs.rnn_nade import build_rnn_nade
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.streams.srs import RandomStreams

V = np.array([[1.0, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1]])


def randomise(params):
    values = np.random.default_rng(1)
    for param in params:
        param.set_value(values.normal(scale=0.7, size=param.get_value().shape))


def built_with(build, recurrent=None, hidden=None):
    """Graphs with dropout, and the masks of the same draws as outputs."""
    rngs = RandomStreams(7).rbm()[:2]
    built = build(3, 4, 2, dropout=Dropout(rngs, recurrent, hidden))
    randomise(built.params)
    return built, rngs


def test_masks_are_as_frequent_as_asked_for():
    rng, *_ = RandomStreams(3).rbm()
    kept, updates = kept_units(rng, pt.zeros((200, 300)), 0.3)
    draw = pytensor.function([], kept, updates=updates, mode=AS_WRITTEN)
    one, other = draw(), draw()
    assert set(np.unique(one)) == {0, 1} and (one != other).any()
    assert one.mean() == pytest.approx(0.7, abs=0.01)  # five standard errors


@pytest.mark.parametrize("build", [build_rnnrbm, build_rnn_nade])
def test_the_network_reads_what_is_kept_and_hidden_units_are_off(build):
    built, rngs = built_with(build, 0.5, 0.4)
    masks = [kept_units(rngs[0], built.v, 0.5)[0], kept_units(rngs[1], built.bh_t, 0.4)[0]]
    u_t, bh_t, mean_h, kept_v, kept_h = pytensor.function(
        [built.v], [built.u_t, built.bh_t, built.mean_h, *masks], mode=AS_WRITTEN, on_unused_input="ignore"
    )(V)
    p = {param.name: param.get_value() for param in built.params}
    u = np.zeros(2)
    for t, v in enumerate(V):
        expected = p["bh"] + u @ p["Wuh"]
        np.testing.assert_allclose(bh_t[t], np.where(kept_h[t] > 0, expected, -1e4), rtol=1e-12)
        np.testing.assert_allclose(mean_h[t], expit(v @ p["W"] + expected), rtol=1e-12, err_msg="without dropout")
        u = np.tanh(p["bu"] + (v * kept_v[t] / 0.5) @ p["Wvu"] + u @ p["Wuu"])
        np.testing.assert_allclose(u_t[t], u, rtol=1e-12)
    assert 0 < kept_h.mean() < 1
    assert set(rngs) <= set(built.updates_train)


@pytest.mark.parametrize("build", [build_rnnrbm, build_rnn_nade])
def test_the_gradient_is_that_of_the_cost_with_these_masks(build):
    built, _ = built_with(build, 0.5, 0.4)
    given = pt.matrix("given")
    gradients = pt.grad(built.cost, list(built.params), consider_constant=[built.v_sample])
    givens = {built.v_sample: given} if build is build_rnnrbm else {}
    outputs = [built.cost, *gradients]
    f = pytensor.function([built.v, given], outputs, givens=givens, mode=AS_WRITTEN, on_unused_input="ignore")
    before = [(rng, rng.get_value()) for rng in built.updates_train]

    def with_the_same_masks():
        for rng, value in before:
            rng.set_value(value)
        return f(V, 1 - V)

    _, *found = with_the_same_masks()
    for param, gradient in zip(built.params, found, strict=True):
        value = param.get_value()

        def cost(x, param=param):
            param.set_value(x)
            return with_the_same_masks()[0]

        np.testing.assert_allclose(gradient, finite_differences(cost, value), atol=1e-8, err_msg=param.name)
        param.set_value(value)


def test_an_rbm_without_the_units_that_are_off():
    """The free energy is that of an RBM of the remaining units, with scaled weights."""
    W, bv, bh = (np.random.default_rng(2).normal(size=shape) for shape in ((3, 4), (3,), (4,)))
    kept, v = np.array([1, 0, 0, 1]), pt.matrix("v")
    off = free_energy(v, pt.constant(W / 0.6), pt.constant(bv), pt.constant(np.where(kept, bh, -1e4)))
    left = free_energy(v, pt.constant(W[:, kept > 0] / 0.6), pt.constant(bv), pt.constant(bh[kept > 0]))
    one, other = pytensor.function([v], [off, left], mode=AS_WRITTEN)(states(3))
    np.testing.assert_allclose(one, other, rtol=1e-14)


def test_without_dropout_nothing_is_drawn_for_it():
    plain, other = build_rnnrbm(3, 4, 2), build_rnnrbm(3, 4, 2, dropout=Dropout(RandomStreams(7).rbm()[:2]))
    assert [rng.name for rng in plain.updates_train] == [rng.name for rng in other.updates_train]
