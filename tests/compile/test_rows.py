"""The comparison that samples a row of units on Numba: its margin and its bits."""

import numpy as np
import pytest
from numba import njit
from oracles import doubles_ahead

from rnnrbm_pt.compile.dispatch.numba import rows
from rnnrbm_pt.streams.srs import mersenne_twister


def test_the_margin_covers_what_float32_errs_by():
    """Repeat the comparison of `rows` in float32, and compare the result with float64."""
    y = np.concatenate([np.linspace(-40, 40, 1_000_001), np.linspace(-1, 1, 500_001)])  # x / 2
    single = np.clip(y.astype("float32"), -rows.END, rows.END).astype("float32")
    square = single * single
    p, q = np.zeros_like(single), np.zeros_like(single)
    for coefficient in reversed(rows.P):
        p = p * square + np.float32(coefficient)
    for coefficient in reversed(rows.Q):
        q = q * square + np.float32(coefficient)
    assert p.dtype == q.dtype == "float32" and (q > 0).all()
    error = abs(single * p / q - np.tanh(y)).max()
    assert 1e-7 < error < 4e-7  # 2u - 1 and its product with Q add rounding errors of 6e-8 each
    assert error + 3 * 6e-8 < rows.MARGIN / 3


def compare(function, x, *arguments):
    """Wrap a Numba function for arrays, since those of `rows` cannot be called from Python."""
    bits = np.empty(x.shape, x.dtype)
    return njit(lambda *inputs: function(*inputs))(x, *arguments, bits), bits


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_bits_of_a_row(mirrored, dtype):
    x = np.random.default_rng(1).normal(scale=3, size=100_000).astype(dtype)
    u = doubles_ahead(mersenne_twister(1), x.shape)
    undecided, bits = compare(rows.compare_row(mirrored), x, u)
    assert undecided < 10
    p = 1 / (1 + np.exp(-x.astype("float64")))
    expected = np.where(x > 0, u < p, 1 - u < p) if mirrored else u < p
    clear = abs(np.where(x > 0, u, 1 - u) - p if mirrored else u - p) > 1e-6
    np.testing.assert_array_equal(bits[clear], expected[clear])


def test_a_draw_at_its_threshold_is_undecided():
    x = np.linspace(-8, 8, 1001)
    undecided, _ = compare(rows.compare_row(), x, 1 / (1 + np.exp(-x)))
    assert undecided == 1001
