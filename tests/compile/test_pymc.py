"""PyMC models in the same process as this library, or with its graphs inside, give the numbers of NumPy.

PyMC 6 works with PyTensor 3, and needs Python 3.12 or newer. The extra `pymc` installs both.
"""

import math

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from rnnrbm_pt import build_rbm
from rnnrbm_pt.graphs.rbm import free_energy

pm = pytest.importorskip("pymc", reason="PyMC is not installed: the extra pymc, on Python 3.12 or newer")

RNG = np.random.RandomState(0)
V = RNG.randint(2, size=(6, 5)).astype(float)  # frames
W = RNG.normal(size=(5, 3))


def softplus(x):
    return np.logaddexp(0, x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_normal(x):
    """The log density of independent standard normal variables."""
    return -(x**2).sum() / 2 - x.size * np.log(2 * np.pi) / 2


def test_a_potential_of_free_energies():
    """An RBM with normal priors for its parameters, and with -F(v) of some frames as a potential."""
    with pm.Model() as model:
        weights, bv, bh = pm.Normal("W", shape=(5, 3)), pm.Normal("bv", shape=5), pm.Normal("bh", shape=3)
        energies = pm.Deterministic("F", free_energy(pt.as_tensor(V), weights, bv, bh))
        pm.Potential("minus_F", -energies.sum())
    point = {"W": W, "bv": RNG.normal(size=5), "bh": RNG.normal(size=3)}
    x = V @ W + point["bh"]
    F = -V @ point["bv"] - softplus(x).sum(axis=1)
    expected = sum(map(log_normal, point.values())) - F.sum()
    assert model.compile_logp()(point) == pytest.approx(expected, rel=1e-12)
    slopes = V.T @ sigmoid(x) - W, V.sum(axis=0) - point["bv"], sigmoid(x).sum(axis=0) - point["bh"]
    found = model.compile_dlogp()(point)
    np.testing.assert_allclose(found, np.concatenate([slope.ravel() for slope in slopes]), rtol=1e-10)


def test_binomials_and_a_product_of_a_model_of_its_own():
    """A logistic regression without anything of this library, which is only imported."""
    X, n, y = RNG.normal(size=(7, 4)), np.arange(1, 8), np.array([0, 1, 3, 2, 5, 0, 7])
    z = RNG.randint(2, size=7)
    with pm.Model() as model:
        w = pm.Normal("w", shape=(4, 2))
        logits = pt.as_tensor(X) @ w
        pm.Binomial("y", n=n, logit_p=logits[:, 0], observed=y)
        pm.Bernoulli("z", p=pm.math.sigmoid(logits[:, 1]), observed=z)
    at = RNG.normal(size=(4, 2))
    x, t = (X @ at).T
    choices = np.log([math.comb(*pair) for pair in zip(n.tolist(), y.tolist(), strict=True)])
    likelihood = (choices + y * x - n * softplus(x)).sum() + (z * t - softplus(t)).sum()
    assert model.compile_logp()({"w": at}) == pytest.approx(log_normal(at) + likelihood, rel=1e-10)
    slope = np.stack([X.T @ (y - n * sigmoid(x)), X.T @ (z - sigmoid(t))], axis=1) - at
    np.testing.assert_allclose(model.compile_dlogp()({"w": at}), slope.ravel(), rtol=1e-9)


def test_prior_predictive_sampling():
    """Coins with free energies of an RBM as log-odds: NumPy confirms each draw of p, and the mean of y is that of p."""
    with pm.Model():
        bh = pm.Normal("bh", shape=3)
        p = pm.Deterministic("p", pm.math.sigmoid(free_energy(pt.as_tensor(V), pt.as_tensor(W), np.zeros(5), bh)))
        pm.Bernoulli("y", p=p, shape=6)
        pm.Binomial("n", n=20, p=p @ np.full(6, 1 / 6))
        drawn = pm.sample_prior_predictive(500, random_seed=1).prior
    bh, p, y, n = (drawn[name].values[0] for name in ("bh", "p", "y", "n"))
    F = -softplus(V @ W + bh[:, None]).sum(axis=-1)  # (500, 6)
    np.testing.assert_allclose(p, sigmoid(F), rtol=1e-9)
    assert set(np.unique(y)) == {0, 1} and np.abs(y - p).mean() > 0
    assert abs((y - p).mean()) < 4 * 0.5 / np.sqrt(y.size)  # four standard errors, at most
    assert abs((n - 20 * p.mean(axis=1)).mean()) < 4 * np.sqrt(20) / 2 / np.sqrt(500)


def test_a_gibbs_chain_and_then_a_model():
    """An RBM of this library and then a PyMC model are compiled in one process."""
    v = pt.matrix("v")
    v_sample, _, monitor, updates = build_rbm(v, pt.as_tensor(W), pt.zeros(5), pt.zeros(3), k=2)
    frames, value = pytensor.function([v], [v_sample, monitor], updates=updates)(V)
    assert frames.shape == V.shape and set(np.unique(frames)) <= {0, 1} and value < 0
    with pm.Model() as model:
        pm.Bernoulli("y", p=0.3, observed=[1, 0, 0])
    assert model.compile_logp()({}) == pytest.approx(np.log(0.3 * 0.7 * 0.7))
