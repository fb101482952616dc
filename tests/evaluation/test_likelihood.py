"""Tests of likelihoods with given functions: their arithmetic, and annealing with exact weights."""

import numpy as np
import pytest

from rnnrbm_pt.evaluation.exact import log_partition
from rnnrbm_pt.evaluation.likelihood import annealed_log_partition, log_likelihoods, mean_log_likelihood

RNG = np.random.default_rng(0)
W, BV, BH = RNG.normal(size=(3, 2)), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))


def observed(first):
    v = np.zeros((5, 3))
    return [(first[:2], BV[:2], BH[:2], v[:2]), (first[2:], BV[2:], BH[2:], v[2:])]


def test_log_likelihoods_are_those_of_the_rbms():
    def partition(bv, bh):
        return log_partition(W, bv, bh), np.full(len(bv), 0.25)

    free_energy = -(BV.sum(axis=1) + np.logaddexp(0, W.sum(axis=0) + BH).sum(axis=1))  # for v = 1
    h = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    v = np.array(np.meshgrid(*[[0, 1]] * 3)).reshape(3, -1).T
    energies = (v @ BV.T)[:, None] + (h @ BH.T)[None] + (v @ W @ h.T)[:, :, None]  # (2^3, 2^2, n_frames)
    joint = np.exp(energies)
    exact = np.log(joint[v.all(axis=1)].sum(axis=(0, 1)) / joint.sum(axis=(0, 1)))
    found, errors = log_likelihoods(observed(free_energy), partition, block=3)
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    assert errors.tolist() == [0.25] * 5


def test_log_probabilities_are_taken_as_they_are():
    log_p = np.arange(-5.0, 0)
    found = log_likelihoods(observed(log_p), block=2)
    assert found.tolist() == [log_p.tolist(), [0] * 5]
    assert log_likelihoods([], block=2).shape == (2, 0)


@pytest.mark.parametrize("reverse", [False, True])
def test_annealing_puts_chains_and_signs_together(reverse):
    def anneal(bv, bh, betas, v):
        assert len(bv) == len(bh) == len(v) == 5 * 4
        base = np.full(len(bv), 3 * np.log(2) + 2 * np.log(2))  # an RBM without weights and biases
        ratio = log_partition(W, bv, bh) - base
        steps = betas[-1] - betas[0]  # 1 upwards, -1 downwards, 0 at rest
        return steps * ratio, v, base

    settings = {"n_chains": 4, "n_temperatures": 6, "dtype": "float64", "padded": False}
    log_z, errors = annealed_log_partition(anneal, BV, BH, reverse=reverse, **settings)
    np.testing.assert_allclose(log_z, log_partition(W, BV, BH), rtol=1e-12)
    np.testing.assert_allclose(errors, 0, atol=1e-12)


def test_the_mean_counts_frames_of_low_ess():
    log_p, errors = np.array([-1.0, -2.0, -6.0]), np.array([0.1, 0.51, 0.6])
    found = mean_log_likelihood(log_p, errors, 3, n_chains=4, exact=False)
    assert found == -3 and found.n_low_ess == 2 and found.n_frames == 3 and not found.exact
    assert found.standard_error == pytest.approx(np.sqrt((errors**2).sum()) / 3, rel=1e-12)


def test_effective_chains():
    """Equal weights count as all chains. If half of the weights are 0 and half are 2, half of the chains count."""
    weights = np.array([[1.0, 1, 1, 1], [0, 2, 0, 2]])
    errors = weights.std(axis=1) / np.sqrt(4) / weights.mean(axis=1)
    found = mean_log_likelihood(np.zeros(2), errors, 2, n_chains=4, exact=False)
    assert found.effective_chains == pytest.approx((4 + 2) / 2, rel=1e-15)
    assert mean_log_likelihood(np.zeros(2), np.zeros(2), 2, n_chains=4, exact=True).effective_chains == 0
