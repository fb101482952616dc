"""Predictions and accuracies from samples, with samplers whose expectations are known."""

import numpy as np
import pytest

from rnnrbm_pt.evaluation.accuracy import accuracy_and_precision
from rnnrbm_pt.evaluation.prediction import averaging_weights, predict_next

RNG = np.random.default_rng(0)
BV, BH = RNG.normal(size=(7, 3)), RNG.normal(size=(7, 2))


def test_weights_of_a_chain():
    weights = averaging_weights(2, 4, "float32")
    assert weights.dtype == np.float32 and weights.tolist() == [0, 0, 0.25, 0.25, 0.25, 0.25]


def test_the_prediction_is_the_mean_over_samples():
    calls = iter(range(100))

    def expect(bv, bh, weights, start):
        assert not start.any() and bv.shape == (5 * 7, 3) and bh.shape == (5 * 7, 2) and weights.tolist() == [1]
        noise = np.repeat([-2.0, -1.0, 0.0, 1.0, 2.0], 7)  # the samples of one step do not stand together
        next(calls)
        return bv + noise[:, None]

    np.testing.assert_allclose(predict_next(expect, BV, BH, np.ones(1), 5), BV, rtol=1e-12)
    assert next(calls) == 1


@pytest.mark.parametrize("padded", [False, True])
def test_accuracy_and_precision_of_samples_without_noise(padded, monkeypatch):
    monkeypatch.setattr("rnnrbm_pt.evaluation.frames.ROWS", 8)  # blocks of four frames, of which the last is not full
    p, v = RNG.uniform(size=(7, 3)), RNG.integers(2, size=(7, 3))
    start = RNG.normal(size=(7, 3))
    observed = [tuple(x[part] for x in (p - start, BH, v, start)) for part in (slice(2), slice(2, None))]
    settings = {"n_samples": 2, "dtype": "float64", "padded": padded}
    accuracy, precision = accuracy_and_precision(
        lambda bv, bh, weights, start: bv + start, observed, np.ones(1), 7, **settings
    )
    hits = (v * p).sum()
    assert accuracy == pytest.approx(hits / (v + p - v * p).sum(), rel=1e-12)
    assert precision == pytest.approx(hits / p.sum(), rel=1e-12)
    assert accuracy.standard_error == 0 and accuracy.n_frames == 7 and not accuracy.exact
