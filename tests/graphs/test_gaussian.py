"""Gaussian visible units: the density by integration, the conditional by its moments, and streams without normals."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import STEP_BY_STEP, finite_differences, states
from scipy.integrate import dblquad
from scipy.stats import norm

from rnnrbm_pt.evaluation.exact import log_partition
from rnnrbm_pt.graphs.gaussian import gaussian_log_density
from rnnrbm_pt.graphs.rbm import build_rbm, free_energy
from rnnrbm_pt.graphs.rtrbm import build_rtrbm
from rnnrbm_pt.streams.mrg import MRGStreams
from rnnrbm_pt.streams.srs import RandomStreams

W = np.array([[0.8, -0.5, 0.3], [0.2, 0.9, -0.7]])
BV, BH = np.array([0.4, -0.3]), np.array([0.1, -0.2, 0.3])


def function(*args, **kwargs):
    with pytensor.config.change_flags(cxx=""):
        return pytensor.function(*args, mode=STEP_BY_STEP, **kwargs)


@pytest.fixture(scope="module")
def energy():
    """F(v), computed by the graph."""
    v = pt.vector("v")
    return function([v], free_energy(v, *map(pt.constant, (W, BV, BH)), "gaussian"))


def test_the_free_energy_is_the_sum_over_the_hidden_states(energy):
    v, h = np.array([0.7, -1.2]), states(3)
    expected = -np.logaddexp.reduce(h @ BH + h @ (v @ W)) + ((v - BV) ** 2).sum() / 2
    assert energy(v) == pytest.approx(expected, rel=1e-13)


def test_the_partition_function_is_the_integral(energy):
    integral, _ = dblquad(lambda y, x: np.exp(-energy([x, y])), -9, 9, -9, 9, epsabs=1e-4)
    assert log_partition(W, BV[None], BH[None], "gaussian")[0] == pytest.approx(np.log(integral), abs=1e-5)


def test_log_density_is_scipys():
    v, mean = np.array([[0.3, -2.0], [1.0, 0.5]]), np.array([[0.1, 0.2], [-1.0, 0.4]])
    found = gaussian_log_density(pt.constant(v), pt.constant(mean)).eval(mode=STEP_BY_STEP)
    np.testing.assert_allclose(found, norm.logpdf(v, mean).sum(axis=1), rtol=1e-13)


def test_the_chain_has_the_moments_of_the_model_and_the_gradient_is_that_of_the_cost():
    v, w = pt.matrix("v"), pt.matrix("W")
    rngs = RandomStreams(1).rbm()
    v_sample, cost, monitor, updates = build_rbm(
        v, w, pt.constant(BV), pt.constant(BH), 20, rngs=rngs, visible="gaussian"
    )
    given = pt.matrix("given")
    sample = function([v, w], [v_sample, monitor], updates=updates)
    found, monitor = sample(np.zeros((5000, 2)), W)
    assert found.dtype == pytensor.config.floatX and monitor < -np.log(2 * np.pi)  # a perfect reconstruction
    # p(v) is a mixture of normals at bv + h W'. The weight of each is its share of Z.
    h = states(3)
    means = BV + h @ W.T
    weights = np.exp(h @ BH + (means**2 - BV**2).sum(axis=1) / 2)
    weights /= weights.sum()
    mean = weights @ means
    cov = np.eye(2) + (means - mean).T @ np.diag(weights) @ (means - mean)
    np.testing.assert_allclose(found.mean(axis=0), mean, atol=0.1)  # the standard error is 0.02
    np.testing.assert_allclose(np.cov(found.T), cov, atol=0.15)

    gradient = pt.grad(cost, w, consider_constant=[v_sample])
    both = function([v, w, given], [cost, gradient], givens={v_sample: given})
    frames = np.random.default_rng(2).normal(size=(2, 5, 2))
    expected = finite_differences(lambda x: both(frames[0], x, frames[1])[0], W)
    np.testing.assert_allclose(both(frames[0], W, frames[1])[1], expected, atol=1e-8)


def test_streams_that_draw_bits_alone_are_refused():
    with pytest.raises(ValueError, match="expected streams of PyTensor's own generators, found MRG"):
        build_rtrbm(2, 3, visible="gaussian", streams=MRGStreams(3))
