"""Conjugate gradients: agreement with SciPy, stopping by progress, kept iterates."""

import math

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, cg

from rnnrbm_pt.training.conjugate_gradients import conjugate_gradients


def system(n=30, seed=0, spread=3.0):
    """Make a symmetric positive definite matrix and a right-hand side."""
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return (q * np.exp(rng.uniform(-spread, spread, n))) @ q.T, rng.normal(size=n)


def of_scipy(A, b, x, n_iterations, inverse):
    """Iterates of SciPy's conjugate gradients."""
    found = []
    M = LinearOperator(A.shape, matvec=lambda v: inverse * v.ravel())
    cg(A, b, x, rtol=0, maxiter=n_iterations, M=M, callback=lambda x: found.append(x.copy()))
    return found


@pytest.mark.parametrize("preconditioned", [False, True])
@pytest.mark.parametrize("warm", [False, True])
def test_the_iterates_are_those_of_scipy(preconditioned, warm):
    A, b = system()
    x = np.random.default_rng(1).normal(size=len(b)) if warm else np.zeros(len(b))
    inverse = 1 / np.diag(A) if preconditioned else np.ones(len(b))
    found = conjugate_gradients(A.__matmul__, b, x, max_iterations=20, inverse=inverse, progress=0)
    expected = of_scipy(A, b, x, 20, inverse)
    assert [number for number, _ in found.kept] == [1, 2, 3, 4, 5, 7, 9, 11, 14, 18, 20]
    for number, iterate in found.kept:
        # The rounding errors of both implementations grow with the iterations.
        np.testing.assert_allclose(iterate, expected[number - 1], rtol=1e-7, atol=1e-9)
    values = [0.5 * x @ A @ x - b @ x for x in expected]
    np.testing.assert_allclose(found.values, values, rtol=1e-9)


def test_the_numbers_of_the_iterates_that_are_kept():
    A, b = system(60, spread=6)
    numbers = [number for number, _ in conjugate_gradients(A.__matmul__, b, 0 * b, max_iterations=50, progress=0).kept]
    expected = sorted({math.ceil(1.3**n) for n in range(15)})
    assert numbers == [*expected, 50] and expected[-3:] == [24, 31, 40]


def test_they_stop_when_they_make_little_progress():
    A, b = system(200, spread=4)
    values = conjugate_gradients(A.__matmul__, b, 0 * b, max_iterations=1000, progress=0.0005).values
    i = len(values)
    assert 10 < i < 200
    before, now = values[-1 - max(10, i // 10)], values[-1]
    assert (now - before) / now < max(10, i // 10) * 0.0005
    earlier, last = values[-2 - max(10, (i - 1) // 10)], values[-2]
    assert (last - earlier) / last >= max(10, (i - 1) // 10) * 0.0005


def test_a_solution_stays():
    A, b = system(5)
    found = conjugate_gradients(A.__matmul__, 0 * b, 0 * b, max_iterations=9)
    assert found.values == [] and np.array_equal(found.last, 0 * b)


def test_negative_curvature_is_named():
    A = np.diag([2.0, 1.0, -1.0])
    with pytest.raises(FloatingPointError, match="curvature: expected at least 0, found -.* in iteration"):
        conjugate_gradients(A.__matmul__, np.array([1.0, 1.0, 2.0]), np.zeros(3), max_iterations=9)


def test_curvature_within_the_rounding_error_ends_them():
    A = np.diag([1.0, -1e-9])
    found = conjugate_gradients(A.__matmul__, np.array([0.0, 1.0]), np.zeros(2), max_iterations=9, rounding=2.0)
    assert found.values == []
