"""Tests of the rewrite that is proposed to PyTensor."""

import numpy as np
import pytensor
import pytest

from benchmarks.upstream.push_out_products import build, mode_with_rewrite, plain_mode, products_in_loops


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_input_projection_leaves_the_loop(batch, gradient):
    with pytensor.config.change_flags(floatX="float64"):
        plain, X = build(plain_mode("cvm"), 5, batch, 4, gradient)
        rewritten, _ = build(mode_with_rewrite("cvm"), 5, batch, 4, gradient)
    assert sum(products_in_loops(plain)) == (3 if gradient else 2)
    assert sum(products_in_loops(rewritten)) == (2 if gradient else 1)
    for expected, found in zip(plain(X), rewritten(X), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
