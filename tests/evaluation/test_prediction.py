"""Tests of predictions from samplers with known expectations."""

import numpy as np

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
        noise = np.repeat([-2.0, -1.0, 0.0, 1.0, 2.0], 7)  # samples of one step are not adjacent
        next(calls)
        return bv + noise[:, None]

    np.testing.assert_allclose(predict_next(expect, BV, BH, np.ones(1), 5), BV, rtol=1e-12)
    assert next(calls) == 1
