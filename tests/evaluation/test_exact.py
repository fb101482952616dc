"""Tests of the exact partition function, compared with the sum over the states of both layers."""

import itertools

import numpy as np
import pytest

from rnnrbm_pt.evaluation.exact import LARGEST, log_partition


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
def test_log_partition_is_the_sum_over_all_states_of_both_layers(shape, monkeypatch):
    rng = np.random.default_rng(0)
    W, bv, bh = rng.normal(size=shape), rng.normal(size=(2, shape[0])), rng.normal(size=(2, shape[1]))
    layers = [np.array(list(itertools.product([0, 1], repeat=n))) for n in shape]
    expected = []
    for t in range(2):
        energies = [-(v @ bv[t] + h @ bh[t] + v @ W @ h) for v in layers[0] for h in layers[1]]
        expected.append(np.logaddexp.reduce(-np.array(energies)))
    np.testing.assert_allclose(log_partition(W, bv, bh), expected, rtol=1e-13)
    monkeypatch.setattr("rnnrbm_pt.evaluation.exact._MAX_ELEMENTS", 10)  # many small chunks
    np.testing.assert_allclose(log_partition(W, bv, bh), expected, rtol=1e-13)


def test_what_is_too_large_is_said():
    n = LARGEST + 1
    with pytest.raises(ValueError, match=f"at most {LARGEST} units in the smaller layer, found {n}.*annealed"):
        log_partition(np.zeros((n, n)), np.zeros((1, n)), np.zeros((1, n)))
    with pytest.raises(ValueError, match=f"hidden layer, found {n}"):
        log_partition(np.zeros((2, n)), np.zeros((1, 2)), np.zeros((1, n)), "gaussian")
