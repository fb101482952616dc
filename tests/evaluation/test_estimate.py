"""Tests of estimates and their standard errors."""

import copy
import json

import numpy as np
import pytest

from rnnrbm_pt.evaluation.estimate import Estimate, error_of_mean, log_mean_exp


def test_an_estimate_is_a_float_that_knows_its_error():
    x = Estimate(-1.5, 0.25, 10, False)
    assert x == -1.5 and f"{x:.2f}" == "-1.50" and json.dumps({"x": x}) == '{"x": -1.5}' and type(-x) is float
    assert repr(x) == "Estimate(-1.5, standard_error=0.25, n_frames=10, exact=False)"
    low = Estimate(-1.5, 0.25, 10, False, 3)
    assert repr(low) == "Estimate(-1.5, standard_error=0.25, n_frames=10, exact=False, n_low_ess=3)"
    assert repr(copy.deepcopy(x)) == repr(x)


def test_the_logarithm_of_a_mean_and_its_error():
    rng = np.random.default_rng(0)
    log_w = rng.normal(-0.125, 0.5, size=(20_000, 20)) + 1000  # log E[w] = 1000
    found, errors = log_mean_exp(log_w)
    assert abs(found.mean() - 1000) < 0.004  # the bias is 0.002 instead of 0.008; the standard error is 0.0008
    assert errors.mean() == pytest.approx(found.std(), rel=0.06)


def test_errors_of_means_by_simulation():
    rng = np.random.default_rng(0)
    values, noise = rng.normal(size=40), rng.uniform(0.2, 1, size=40)
    means, errors = [], []
    for _ in range(4000):
        some = rng.choice(40, 30, replace=False)
        seen = values[some] + noise[some] * rng.normal(size=30)
        means.append(seen.mean())
        errors.append(error_of_mean(seen, noise[some], 40))
    assert np.mean(np.square(errors)) == pytest.approx(np.var(means), rel=0.08)  # 3.5 / sqrt(2000)
    assert error_of_mean(values, noise, 40) == pytest.approx(np.sqrt((noise**2).sum()) / 40, rel=1e-12)
