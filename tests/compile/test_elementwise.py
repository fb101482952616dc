"""The vectorisable sigmoid, softplus and tanh of the Numba backend, compared with references in higher precision."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import MODES, ops_of

from rnnrbm_pt.compile.ops.elementwise import CrossEntropy, InlinedComposite
from rnnrbm_pt.ours import ours

FUNCTIONS = {"sigmoid": pt.sigmoid, "softplus": pt.softplus, "tanh": pt.tanh}


def exact(name, x):
    """The exact values in long double, whose functions have 64 bits."""
    x = x.astype(np.longdouble)
    e = np.exp(-abs(x))
    if name == "sigmoid":
        return np.where(x >= 0, 1, e) / (1 + e)
    if name == "softplus":
        return np.maximum(x, 0) + np.log1p(e)
    return np.tanh(x)


@pytest.fixture(scope="module")
def functions():
    """functions(dtype): sigmoid, softplus and tanh, compiled as one function of a vector."""
    made = {}

    def compiled(dtype):
        if dtype not in made:
            x = pt.vector("x", dtype=dtype)
            made[dtype] = pytensor.function([x], [f(ours(x)) for f in FUNCTIONS.values()], mode=MODES["numba"])
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
    function = pytensor.function([x], pt.sigmoid(ours(x)), mode=MODES["numba"])
    assert "VectorSigmoid" not in str(ops_of(function))


@pytest.fixture(scope="module")
def cross_entropies():
    """cross_entropies(dtype): a compiled function of v softplus(-x) + (1 - v) softplus(x)."""
    made = {}

    def compiled(dtype):
        if dtype not in made:
            v, x = pt.vector("v", dtype=dtype), pt.vector("x", dtype=dtype)
            one = np.asarray(1, dtype)
            made[dtype] = pytensor.function(
                [v, x], ours(v * pt.softplus(-x) + (one - v) * pt.softplus(x)), mode=MODES["numba"]
            )
            assert any(isinstance(scalar_op(op), CrossEntropy) for op in ops_of(made[dtype]))
        return made[dtype]

    return compiled


def scalar_op(op):
    return getattr(op, "scalar_op", None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_cross_entropy(cross_entropies, dtype):
    x = np.random.default_rng(0).normal(scale=10, size=20000).astype(dtype)
    ends = np.array([0, -0.0, 50, -50, 600, -600, 1e30, -1e30], dtype)
    x = np.concatenate([x, ends])
    for v in (np.zeros_like(x), np.ones_like(x), np.full_like(x, 0.3)):
        found, expected = cross_entropies(dtype)(v, x), v * exact("softplus", -x) + (1 - v) * exact("softplus", x)
        size = np.finfo(dtype)
        np.testing.assert_allclose(found, expected.astype(float), rtol=6 * size.eps, atol=float(size.tiny) * 4)
    assert np.isnan(cross_entropies(dtype)(np.ones(1, dtype), np.array([np.nan], dtype)))


def test_other_sums_are_no_cross_entropy():
    v, w, x = pt.vectors("v", "w", "x")
    for sums in (
        v * pt.softplus(-x) + (1 - w) * pt.softplus(x),
        v * pt.softplus(x) + (1 - v) * pt.softplus(x * 3),
        v * pt.softplus(-x) + (2 - v) * pt.softplus(x),
        v * pt.softplus(-x) + (1 - v) * pt.tanh(x),
    ):
        function = pytensor.function([v, w, x], ours(sums), mode=MODES["numba"], on_unused_input="ignore")
        assert not any(isinstance(scalar_op(op), CrossEntropy) for op in ops_of(function))
        v_, w_, x_ = np.random.default_rng(1).normal(size=(3, 50))
        np.testing.assert_allclose(function(v_, w_, x_), sums.eval({v: v_, w: w_, x: x_}, on_unused_input="ignore"))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("columns", [0, 1, 7, 150])
def test_several_functions_in_one_loop(dtype, columns):
    """Fused functions with a broadcast column, several outputs, and the parts of a split array."""
    a, x, y = pt.col("a", dtype=dtype), pt.matrix("x", dtype=dtype), pt.matrix("y", dtype=dtype)
    left, right = pt.split(x, [columns, columns], axis=1)
    first, second = a * pt.sigmoid(ours(left) + y), a * pt.tanh(right - y)
    function = pytensor.function([a, x, y], [first, second, first + second], mode=MODES["numba"])
    assert any(isinstance(scalar_op(op), InlinedComposite) for op in ops_of(function))
    values = np.random.default_rng(2)
    a_, x_, y_ = (values.normal(size=(5, n)).astype(dtype) for n in (1, 2 * columns, columns))
    expected = [a_ * exact("sigmoid", x_[:, :columns] + y_), a_ * exact("tanh", x_[:, columns:] - y_)]
    tolerance = 20 * np.finfo(dtype).eps
    for found, wanted in zip(function(a_, x_, y_), [*expected, sum(expected)], strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, wanted.astype(float), rtol=tolerance, atol=tolerance)


def test_a_strangers_fused_function_is_left_alone():
    x = pt.vector("x")
    function = pytensor.function([x], pt.sigmoid(x) + pt.tanh(x), mode=MODES["numba"])
    assert not any(isinstance(scalar_op(op), InlinedComposite) for op in ops_of(function))
