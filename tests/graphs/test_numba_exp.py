"""Vectorised sigmoid, softplus and tanh of the Numba backend, held against SciPy's in higher precision."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import MODES, ops_of

from rnnrbm_pt.graphs import numba_exp  # noqa: F401  (registers the rewrite)

FUNCTIONS = {"sigmoid": pt.sigmoid, "softplus": pt.softplus, "tanh": pt.tanh}


def exact(name, x):
    """In long double, of which the functions that are used have 64 bits."""
    x = x.astype(np.longdouble)
    e = np.exp(-abs(x))
    if name == "sigmoid":
        return np.where(x >= 0, 1, e) / (1 + e)
    if name == "softplus":
        return np.maximum(x, 0) + np.log1p(e)
    return np.tanh(x)


@pytest.fixture(scope="module")
def functions():
    """functions(dtype): all three, compiled as one function of a vector."""
    made = {}

    def compiled(dtype):
        if dtype not in made:
            x = pt.vector("x", dtype=dtype)
            made[dtype] = pytensor.function([x], [f(x) for f in FUNCTIONS.values()], mode=MODES["numba"])
            scalars = str(ops_of(made[dtype]))
            assert "VectorSigmoid" in scalars or "Composite" in scalars
        return made[dtype]

    return compiled


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_four_units_in_the_last_place(functions, dtype):
    end = {"float64": 700, "float32": 86}[dtype]
    magnitudes = np.concatenate([np.linspace(0, 3, 30_001), np.linspace(3, end, 30_001), np.logspace(-30, 0, 2001)])
    x = np.concatenate([magnitudes, -magnitudes]).astype(dtype)
    for name, found in zip(FUNCTIONS, functions(dtype)(x), strict=True):
        expected = exact(name, x)
        unit = np.spacing(abs(expected).astype(dtype)).astype(np.longdouble)
        assert found.dtype == dtype
        assert (abs(found - expected) / unit).max() < 4, name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_ends(functions, dtype):
    x = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e4, -1e4], dtype)
    sigmoid, softplus, tanh = functions(dtype)(x)
    nothing = {"float64": 1e-307, "float32": 2e-38}[dtype]
    np.testing.assert_allclose(sigmoid, [0.5, 0.5, 1, 0, np.nan, 1, 0], atol=nothing)
    np.testing.assert_allclose(softplus, [np.log(2), np.log(2), np.inf, 0, np.nan, 1e4, 0], rtol=1e-7, atol=nothing)
    np.testing.assert_array_equal(tanh, np.array([0, 0, 1, -1, np.nan, 1, -1], dtype))


def test_other_types_are_left_alone():
    x = pt.lvector("x")
    function = pytensor.function([x], pt.sigmoid(x), mode=MODES["numba"])
    assert "VectorSigmoid" not in str(ops_of(function))
