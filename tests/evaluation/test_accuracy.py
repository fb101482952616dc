"""Tests of accuracies from samples with known expectations, and of the length of the chains."""

import numpy as np
import pytest

from rnnrbm_pt.evaluation.accuracy import accuracy_and_precision, settle
from rnnrbm_pt.evaluation.estimate import Estimate

RNG = np.random.default_rng(0)
BH = RNG.normal(size=(7, 2))


@pytest.mark.parametrize("padded", [False, True])
def test_accuracy_and_precision_of_samples_without_noise(padded, monkeypatch):
    monkeypatch.setattr("rnnrbm_pt.evaluation.frames.ROWS", 8)  # blocks of four frames; the last block is not full
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


def test_chains_grow_until_both_starts_agree():
    """The accuracy of chains from silence is too low by what they still remember after n steps."""
    calls = []

    def measure(n_steps, start):
        calls.append((n_steps, start))
        return Estimate(0.6 - (0.5 * 0.99**n_steps if start == "zeros" else 0), 0.001)

    assert settle(measure, 3200)[:2] == (400, True)  # 0.5 * 0.99^200 = 0.067; 0.5 * 0.99^400 = 0.009
    assert calls[:3] == [(25, "zeros"), (25, "previous"), (50, "zeros")]
    n_steps, agrees, one, other = settle(measure, 399)
    assert (n_steps, agrees) == (200, False) and other - one == pytest.approx(0.5 * 0.99**200)
