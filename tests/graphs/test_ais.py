"""Annealed importance sampling compared with sums over all states, for RBMs with 10 to 20 hidden units."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import STEP_BY_STEP, distribution, free_energy_by_sum, states

from rnnrbm_pt.evaluation.estimate import log_mean_exp
from rnnrbm_pt.evaluation.exact import log_partition
from rnnrbm_pt.graphs.ais import annealed_importance, log_partition_of_base
from rnnrbm_pt.streams.srs import RandomStreams


def compiled(visible, floatx):
    with pytensor.config.change_flags(floatX=floatx):
        W, bv, bh, v, betas = (*map(pt.matrix, ("W", "bv", "bh", "v")), pt.vector("betas"))
        log_w, end, updates = annealed_importance(W, bv, bh, betas, v, RandomStreams(1).rbm(), visible)
        outputs = [log_w, end, log_partition_of_base(bv, bh, visible)]
        return pytensor.function([W, bv, bh, betas, v], outputs, updates=updates, mode=STEP_BY_STEP)


@pytest.fixture(scope="module")
def anneal():
    """anneal(rbm, betas, n_chains, v=zeros, visible="binary", floatx="float64") -> log-weights (n_frames, n_chains)."""
    functions = {}

    def anneal(rbm, betas, n_chains, v=None, visible="binary", floatx="float64"):
        if (visible, floatx) not in functions:
            functions[visible, floatx] = compiled(visible, floatx)
        W, bv, bh = (np.asarray(x, floatx) for x in rbm)
        bv, bh = (np.repeat(x, n_chains, axis=0) for x in (bv, bh))
        start = np.zeros_like(bv) if v is None else np.asarray(v, floatx)
        log_w, end, log_z_base = functions[visible, floatx](W, bv, bh, np.asarray(betas, floatx), start)
        return log_w.reshape(-1, n_chains), end, log_z_base[::n_chains]

    return anneal


def random_rbm(n_visible, n_hidden, n_frames, scale=0.4, seed=0):
    """Biases and weights that are normally distributed."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(scale=scale, size=(n, m)) for n, m in ((n_visible, n_hidden), (n_frames, n_visible))) + (
        rng.normal(scale=scale, size=(n_frames, n_hidden)),
    )


def trained_like_rbm(n_visible, n_hidden, n_frames, seed=0):
    """Parameters as after training on chorales: units are rarely on, biases vary by step, few weights are large."""
    rng = np.random.default_rng(seed)
    W = 0.15 * rng.normal(size=(n_visible, n_hidden))
    W[rng.random(W.shape) < 0.08] += 1.5
    bv = -3 + rng.normal(size=n_visible) + rng.normal(size=(n_frames, n_visible))
    return W, bv, -0.4 + 0.5 * rng.normal(size=(n_frames, n_hidden))


@pytest.mark.parametrize("make, n_hidden", [(random_rbm, 10), (trained_like_rbm, 16), (trained_like_rbm, 20)])
def test_log_z_lies_within_its_error_of_the_sum_over_all_states(anneal, make, n_hidden):
    rbm = make(24, n_hidden, 8 if n_hidden < 20 else 2)
    log_w, _, log_z_base = anneal(rbm, np.linspace(0, 1, 60), 50)
    assert log_w.dtype == log_z_base.dtype == np.float64
    ratio, errors = log_mean_exp(log_w)
    z = (log_z_base + ratio - log_partition(*rbm)) / errors
    assert errors.max() < 0.2
    assert np.abs(z).max() < 3.5 and np.abs(z.mean()) < 3.5 / np.sqrt(len(z))


@pytest.mark.parametrize("make, n_hidden", [(random_rbm, 10), (trained_like_rbm, 10), (trained_like_rbm, 20)])
def test_two_standard_errors_hold_what_they_should(anneal, make, n_hidden):
    """400 estimates of one log Z. With 20 chains, a normal error is within two standard errors in 0.94 of all cases."""
    W, bv, bh = make(20, n_hidden, 1)
    rbm = W, np.repeat(bv, 400, axis=0), np.repeat(bh, 400, axis=0)
    log_w, _, log_z_base = anneal(rbm, np.linspace(0, 1, 40), 20)
    ratio, errors = log_mean_exp(log_w)
    off = log_z_base + ratio - log_partition(W, bv, bh)
    assert np.abs((np.abs(off) < 2 * errors).mean() - 0.94) < 0.04  # 3.5 sqrt(0.94 0.06 / 400)
    assert np.abs(off.mean()) < 3.5 * off.std() / np.sqrt(400), "nothing is left of the logarithm's bias"


def test_up_and_down_the_betas_enclose_log_z(anneal):
    """A single log-weight is too small on average in both directions, but the means of the weights are unbiased."""
    W, bv, bh = random_rbm(6, 10, 2, scale=0.8)
    rng, n_chains = np.random.default_rng(0), 400
    samples = [states(6)[rng.choice(64, n_chains, p=distribution(W, *b))] for b in zip(bv, bh, strict=True)]
    up, _, log_z_base = anneal((W, bv, bh), np.linspace(0, 1, 6), n_chains)
    down, _, _ = anneal((W, bv, bh), np.linspace(1, 0, 6), n_chains, np.concatenate(samples))
    log_z = log_partition(W, bv, bh) - log_z_base
    for found, sign in ((up, 1), (-down, -1)):
        assert (sign * (log_z - found.mean(axis=1)) > 3 * found.std(axis=1) / np.sqrt(n_chains)).all()
    for sign, log_w in ((1, up), (-1, down)):
        ratio, errors = log_mean_exp(log_w)
        assert (np.abs(sign * ratio - log_z) < 3.5 * errors).all()


def test_two_betas_are_plain_importance_sampling(anneal):
    """The chains end at samples of the base, and each weight is the ratio of unnormalised probabilities there."""
    W, bv, bh = random_rbm(3, 4, 2)
    log_w, v, _ = anneal((W, bv, bh), [0, 1], 500, v=np.ones((1000, 3)))
    biases = [(bv[i], bh[i]) for i in np.repeat([0, 1], 500)]
    expected = [
        free_energy_by_sum(v_i, 0 * W, *b) - free_energy_by_sum(v_i, W, *b) for v_i, b in zip(v, biases, strict=True)
    ]
    np.testing.assert_allclose(log_w.ravel(), expected, rtol=0, atol=1e-12)
    means = v.reshape(2, 500, 3).mean(axis=1)
    np.testing.assert_allclose(means, 1 / (1 + np.exp(-bv)), atol=3.5 * 0.5 / np.sqrt(500))


def test_a_betas_of_ones_is_a_gibbs_chain(anneal):
    W, bv, bh = random_rbm(3, 4, 1, scale=1)
    log_w, v, _ = anneal((W, bv, bh), np.ones(30), 4000)
    assert (log_w == 0).all()
    expected = distribution(W, bv[0], bh[0]) @ states(3)
    np.testing.assert_allclose(v.mean(axis=0), expected, atol=3.5 * 0.5 / np.sqrt(4000))


def test_real_valued_units(anneal):
    rbm = random_rbm(8, 10, 6, scale=0.25)
    log_w, _, log_z_base = anneal(rbm, np.linspace(0, 1, 60), 50, visible="gaussian")
    ratio, errors = log_mean_exp(log_w)
    assert errors.max() < 0.1
    assert (np.abs(log_z_base + ratio - log_partition(*rbm, "gaussian")) < 3.5 * errors).all()


def test_single_precision_adds_up_in_double(anneal):
    rbm = trained_like_rbm(24, 14, 6)
    log_w, v, log_z_base = anneal(rbm, np.linspace(0, 1, 60), 50, floatx="float32")
    assert log_w.dtype == log_z_base.dtype == np.float64 and v.dtype == np.float32
    ratio, errors = log_mean_exp(log_w)
    assert (np.abs(log_z_base + ratio - log_partition(*rbm)) < 3.5 * errors).all()
