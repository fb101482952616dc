"""The RBM compared with sums over all its states in NumPy."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import (
    MODES,
    counts_of,
    distribution,
    doubles_ahead,
    finite_differences,
    free_energy_by_sum,
    same_state,
    states,
)
from scipy.stats import chisquare

from rnnrbm_pt.graphs import rbm
from rnnrbm_pt.streams.srs import RandomStreams, mersenne_twister

# A wrong chain is much further off, as the test of two biases shows. The streams are seeded, so a test that passes
# once always passes.
P_VALUE = 1e-3

W = np.array([[1.2, -0.7, 0.3], [-0.4, 0.9, 0.8], [0.5, 0.2, -1.1], [0.6, -1.3, 0.7]])
BV = np.array([0.2, -0.5, 0.3, -0.1])
BH = np.array([-0.3, 0.4, 0.1])
OTHER_BV, OTHER_BH = np.array([-1.0, 0.8, 0.0, 1.1]), np.array([0.9, -0.8, 0.5])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def evaluate(expression, *inputs):
    """The value of a graph with named inputs, computed in Python without compilation."""
    variables, values = zip(*inputs, strict=True)
    return pytensor.function(variables, expression, mode=MODES["python"], on_unused_input="ignore")(*values)


@pytest.mark.parametrize("n_visible, n_hidden", [(1, 1), (4, 3), (6, 5)])
def test_free_energy_is_minus_the_log_of_the_sum_over_h(n_visible, n_hidden):
    values = np.random.default_rng(n_visible)
    weights = values.normal(size=(n_visible, n_hidden))
    all_v = states(n_visible)
    bv, bh = values.normal(size=(len(all_v), n_visible)), values.normal(size=(len(all_v), n_hidden))
    v_, W_ = pt.matrix("v"), pt.matrix("W")
    for bias, bvs, bhs in (("matrix", bv, bh), ("vector", bv[0], bh[0])):
        bv_, bh_ = getattr(pt, bias)("bv"), getattr(pt, bias)("bh")
        found = evaluate(rbm.free_energy(v_, W_, bv_, bh_), (v_, all_v), (W_, weights), (bv_, bvs), (bh_, bhs))
        one_each = zip(all_v, np.broadcast_to(bvs, bv.shape), np.broadcast_to(bhs, bh.shape), strict=True)
        expected = [free_energy_by_sum(v, weights, b, c) for v, b, c in one_each]
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)

    v_, bv_, bh_ = pt.vector("v"), pt.vector("bv"), pt.vector("bh")
    energy = rbm.free_energy(v_, W_, bv_, bh_)
    assert energy.ndim == 0
    found = evaluate(energy, (v_, all_v[1]), (W_, weights), (bv_, bv[0]), (bh_, bh[0]))
    np.testing.assert_allclose(found, free_energy_by_sum(all_v[1], weights, bv[0], bh[0]), rtol=1e-13)


def test_free_energy_does_not_overflow():
    v_, W_, b_ = pt.vector("v"), pt.matrix("W"), pt.vector("b")
    energy = evaluate(rbm.free_energy(v_, W_, b_, b_), (v_, [1.0]), (W_, [[1e4]]), (b_, [0.0]))
    assert energy == -1e4


def test_means_are_those_of_the_joint_distribution():
    all_v, all_h = states(4), states(3)
    joint = np.exp(all_v @ W @ all_h.T + (all_v @ BV)[:, None] + all_h @ BH)
    x, weights, b = pt.matrix("x"), pt.matrix("W"), pt.vector("b")
    mean_h = evaluate(rbm.mean_hidden(x, weights, b), (x, all_v), (weights, W), (b, BH))
    np.testing.assert_allclose(mean_h, joint @ all_h / joint.sum(1)[:, None], rtol=1e-13)
    mean_v = evaluate(rbm.mean_visible(x, weights, b), (x, all_h), (weights, W), (b, BV))
    np.testing.assert_allclose(mean_v, joint.T @ all_v / joint.sum(0)[:, None], rtol=1e-13)


def test_the_gradient_with_the_exact_negative_phase_is_that_of_the_log_likelihood():
    data = states(4)[[1, 3, 3, 8, 15]]
    v, every_v, p = pt.matrix("v"), pt.matrix("every_v"), pt.vector("p")
    params = weights, bv, bh = pt.matrix("W"), pt.vector("bv"), pt.vector("bh")
    # Instead of a sample from the model, use the mean over the model, with constant probabilities.
    positive = rbm.free_energy(v, weights, bv, bh).mean()
    cost = positive - (p * rbm.free_energy(every_v, weights, bv, bh)).sum()
    gradients = pytensor.function([v, every_v, p, *params], pt.grad(cost, params), mode=MODES["python"])(
        data, states(4), distribution(W, BV, BH), W, BV, BH
    )

    def minus_log_likelihood(*values):
        return -np.log(distribution(*values))[[1, 3, 3, 8, 15]].mean()

    for found, value, i in zip(gradients, (W, BV, BH), range(3), strict=True):

        def along(x, i=i):
            return minus_log_likelihood(*((W, BV, BH)[:i]), x, *((W, BV, BH)[i + 1 :]))

        np.testing.assert_allclose(found, finite_differences(along, value), atol=1e-8)


@pytest.mark.parametrize("bias", ["vector", "matrix"])
def test_the_gradient_of_the_cost_is_contrastive_divergence(bias):
    values = np.random.default_rng(3)
    data, negative = (values.integers(2, size=(6, 4)).astype(float) for _ in range(2))
    bvs, bhs = (BV, BH) if bias == "vector" else (values.normal(size=(6, 4)), values.normal(size=(6, 3)))
    v, given = pt.matrix("v"), pt.matrix("given")
    params = pt.matrix("W"), getattr(pt, bias)("bv"), getattr(pt, bias)("bh")
    v_sample, cost, _, _ = rbm.build_rbm(v, *params, 15, rngs=RandomStreams().rbm())
    function = pytensor.function(
        [v, given, *params],
        [cost, *pt.grad(cost, params, consider_constant=[v_sample])],
        givens={v_sample: given},
        mode=MODES["python"],
    )
    found_cost, dW, dbv, dbh = function(data, negative, W, bvs, bhs)

    mean_h, mean_h_negative = sigmoid(data @ W + bhs), sigmoid(negative @ W + bhs)
    np.testing.assert_allclose(dW, -(data.T @ mean_h - negative.T @ mean_h_negative) / 6, atol=1e-14)
    by_frame = -(data - negative) / 6, -(mean_h - mean_h_negative) / 6
    for found, frames in zip((dbv, dbh), by_frame, strict=True):
        np.testing.assert_allclose(found, frames.sum(0) if bias == "vector" else frames, atol=1e-14)

    bvs, bhs = np.broadcast_to(bvs, (6, 4)), np.broadcast_to(bhs, (6, 3))
    energies = [[free_energy_by_sum(v, W, b, c) for v, b, c in zip(x, bvs, bhs, strict=True)] for x in (data, negative)]
    np.testing.assert_allclose(found_cost, np.mean(energies[0]) - np.mean(energies[1]), atol=1e-13)


def log_pseudo_likelihood(v, logit):
    v_, logit_ = (pt.tensor(name, shape=(None,) * np.ndim(v)) for name in ("v", "logit"))
    return evaluate(rbm.log_pseudo_likelihood(v_, logit_), (v_, v), (logit_, logit))


def test_the_monitor_is_the_tutorials_wherever_that_is_finite():
    values = np.random.default_rng(4)
    v, logit = values.integers(2, size=(50, 6)).astype(float), values.normal(scale=5, size=(50, 6))
    mean_v = sigmoid(logit)
    tutorial = v * np.log(mean_v) + (1 - v) * np.log(1 - mean_v)
    np.testing.assert_allclose(log_pseudo_likelihood(v, logit), tutorial.sum(1), rtol=1e-9)
    np.testing.assert_allclose(log_pseudo_likelihood(v[0], logit[0]), tutorial[0].sum(), rtol=1e-9)


def test_the_monitor_is_finite_where_a_unit_is_saturated():
    found = log_pseudo_likelihood(np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([[800.0], [800], [-800], [-800]]))
    assert found.tolist() == [-800, 0, 0, -800]


@pytest.mark.parametrize("mode", ["numba", "c"])
def test_rows_are_chains_of_their_own_from_the_exact_distribution(compiled_rbm, mode):
    built = compiled_rbm(mode)
    v_sample, _, _ = built.function(np.zeros((20_000, 4)), W, BV, BH, 50)
    assert set(np.unique(v_sample)) == {0, 1}
    assert chisquare(counts_of(v_sample), 20_000 * distribution(W, BV, BH)).pvalue > P_VALUE


def test_rows_whose_biases_differ_have_distributions_that_differ(compiled_rbm):
    n = 20_000
    bv, bh = np.repeat([BV, OTHER_BV], n, axis=0), np.repeat([BH, OTHER_BH], n, axis=0)
    v_sample, _, _ = compiled_rbm("numba", ndim_bias=2, k=50).function(np.zeros((2 * n, 4)), W, bv, bh)
    expected = distribution(W, BV, BH), distribution(W, OTHER_BV, OTHER_BH)
    for rows, p, other in zip((v_sample[:n], v_sample[n:]), expected, reversed(expected), strict=True):
        assert chisquare(counts_of(rows), n * p).pvalue > P_VALUE
        assert chisquare(counts_of(rows), n * other).pvalue < 1e-100


def test_a_vector_is_one_chain(compiled_rbm):
    function = compiled_rbm("numba", ndim_v=1).function
    samples = np.zeros((8000, 4))
    for i in range(1, len(samples)):
        samples[i], _, _ = function(samples[i - 1], W, BV, BH, 15)  # continues the chain of the last call
    assert chisquare(counts_of(samples), len(samples) * distribution(W, BV, BH)).pvalue > P_VALUE


@pytest.mark.parametrize("mode", ["numba", "c"])
def test_each_draw_is_the_streams_and_cost_and_monitor_are_means_over_frames(compiled_rbm, mode):
    """`build_rbm`, written out in NumPy."""
    built = compiled_rbm(mode)
    data = np.random.default_rng(6).integers(2, size=(9, 4)).astype(float)
    generators = [rng.get_value() for rng in built.rngs]
    v_sample, cost, monitor = built.function(data, W, BV, BH, 3)

    def draw(i, p):
        return generators[i].binomial(1, p).astype(float)

    v = data
    for _ in range(3):
        v = draw(1, sigmoid(draw(0, sigmoid(v @ W + BH)) @ W.T + BV))
    np.testing.assert_array_equal(v_sample, v)
    mean_v = sigmoid(draw(2, sigmoid(v @ W + BH)) @ W.T + BV)
    expected = (data * np.log(mean_v) + (1 - data) * np.log(1 - mean_v)).sum(axis=1).mean()
    np.testing.assert_allclose(monitor, expected, rtol=1e-12)
    energies = [[free_energy_by_sum(v, W, BV, BH) for v in x] for x in (data, v_sample)]
    np.testing.assert_allclose(cost, np.mean(energies[0]) - np.mean(energies[1]), rtol=1e-12, atol=1e-13)
    for rng, generator in zip(built.rngs, generators, strict=True):
        assert same_state(rng.get_value(), generator)


def test_a_vector_is_one_frame_and_not_divided_by_anything(compiled_rbm):
    built = compiled_rbm("numba", ndim_v=1)
    v = np.array([1.0, 0, 1, 1])
    ahead = built.rngs[2].get_value()
    v_sample, cost, monitor = built.function(v, W, BV, BH, 2)
    energies = [free_energy_by_sum(x, W, BV, BH) for x in (v, v_sample)]
    np.testing.assert_allclose(cost, energies[0] - energies[1], rtol=1e-12, atol=1e-13)
    h = ahead.binomial(1, sigmoid(v_sample @ W + BH))
    mean_v = sigmoid(h @ W.T + BV)
    expected = (v * np.log(mean_v) + (1 - v) * np.log(1 - mean_v)).sum()
    np.testing.assert_allclose(monitor, expected, rtol=1e-12)


def test_a_number_of_steps_as_a_number_or_a_symbol_draws_the_same(compiled_rbm):
    bv, bh = np.tile(BV, (5, 1)), np.tile(BH, (5, 1))
    by_number, by_symbol = compiled_rbm("numba", ndim_bias=2, k=50), compiled_rbm("numba")
    for built in (by_number, by_symbol):
        for seed, rng in enumerate(built.rngs):
            rng.set_value(mersenne_twister(seed))
    found = by_number.function(np.ones((5, 4)), W, bv, bh)
    expected = by_symbol.function(np.ones((5, 4)), W, BV, BH, 50)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1:], expected[1:], rtol=1e-12, atol=1e-14)


def test_the_updates_are_of_the_streams_that_are_drawn_from():
    v, weights, bv, bh = pt.matrix("v"), pt.matrix("W"), pt.vector("bv"), pt.vector("bh")
    streams = RandomStreams(3)
    rng_h, rng_v, rng_h_monitor, _ = rngs = streams.rbm()
    *_, updates = rbm.build_rbm(v, weights, bv, bh, 2, rngs=rngs)
    assert list(updates) == [rng_h, rng_v, rng_h_monitor]
    assert all(rng.type == next_rng.type for rng, next_rng in updates.items())


@pytest.mark.filterwarnings("ignore:build_rbm. two calls without rngs")
def test_without_streams_the_tutorials_seed_is_used():
    v, weights, bv, bh = pt.matrix("v"), pt.matrix("W"), pt.vector("bv"), pt.vector("bh")
    *_, updates = rbm.build_rbm(v, weights, bv, bh, 2)
    for rng, expected in zip(updates, RandomStreams().rbm()[:3], strict=True):
        assert doubles_ahead(rng.get_value(), 5).tolist() == doubles_ahead(expected.get_value(), 5).tolist()
