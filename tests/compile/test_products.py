"""Our own matrix products for the Numba backend, which compile fast."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import MODES, names_of, ops_of
from pytensor import scan
from pytensor.tensor.elemwise import DimShuffle

from rnnrbm_pt.compile.ops.products import OnlyRow, Product
from rnnrbm_pt.ours import ours

DTYPES = ["float64", "float32"]


@pytest.fixture(scope="module")
def product():
    made = {}

    def product(make_x=pt.matrix, make_y=pt.matrix, dtype="float64"):
        key = make_x, make_y, dtype
        if key not in made:
            x, y = make_x("x", dtype=dtype), make_y("y", dtype=dtype)
            made[key] = pytensor.function([x, y], pt.dot(ours(x), y), mode=MODES["numba"])
            assert "Product" in names_of(made[key])
        return made[key]

    return product


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_is_numpys(product, dtype):
    values = np.random.default_rng(1)
    x, y = (values.normal(size=shape).astype(dtype) for shape in ((5, 4), (4, 3)))
    tolerance = {"float64": 1e-14, "float32": 1e-5}[dtype]
    found = product(dtype=dtype)(x, y)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, np.dot(x.astype("float64"), y), rtol=tolerance, atol=tolerance)


LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "reversed rows": lambda a: a[::-1].copy()[::-1],
    "reversed columns": lambda a: a[:, ::-1].copy()[:, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[::2, ::2],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_product_of_any_layout(product, layout):
    values = np.random.default_rng(2)
    x, y = values.normal(size=(5, 4)), values.normal(size=(4, 3))
    for left, right in ((LAYOUTS[layout](x), y), (x, LAYOUTS[layout](y))):
        np.testing.assert_allclose(product()(left, right), np.dot(x, y), rtol=1e-14, atol=1e-14)


def test_a_large_product_by_parts_of_its_rows(product):
    """Sizes above the limit at which `product_into` divides a product, with unequal parts, and sizes near the limit."""
    values = np.random.default_rng(4)
    for n, d, m in ((101, 110, 180), (100, 100, 100), (101, 100, 100), (40, 300, 300), (1, 1100, 1000)):
        x, y = values.normal(size=(n, d)), values.normal(size=(d, m))
        np.testing.assert_allclose(product()(x, y), np.dot(x, y), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("n", [1, 2])
def test_a_product_with_rows_of_bits(product, n):
    """`product_into` adds up rows itself if x has one row: with 0, 1, 4, 5 or all bits set, and with other numbers."""
    y = np.random.default_rng(5).normal(size=(13, 7))
    for ones in ([], [4], [0, 3, 7, 12], [1, 2, 3, 5, 8], range(13)):
        x = np.zeros((n, 13))
        x[:, list(ones)] = 1
        np.testing.assert_allclose(product()(x, y), np.dot(x, y), rtol=1e-14, atol=1e-14)
        x[:, list(ones)] = -0.75
        np.testing.assert_allclose(product()(x, y), np.dot(x, y), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m", [1, 2, 5, 7, 8, 20, 31, 32, 33, 54, 97, 150])
def test_a_row_of_bits_adds_up_the_rows_in_their_order(product, m, dtype):
    """The sum is exact to the last digit, for widths that fill vectors and for widths that do not."""
    values = np.random.default_rng(7)
    x, y = (values.random((1, 60)) < 0.4).astype(dtype), values.normal(size=(60, m)).astype(dtype)
    expected = np.zeros(m, dtype)
    for row in y[x[0] == 1]:
        expected += row
    np.testing.assert_array_equal(product(dtype=dtype)(x, y), expected[np.newaxis])


def test_transposed_matrices_of_a_scan_are_turned_once():
    W, u0, xs = pt.matrix("W"), pt.matrix("u0"), pt.tensor3("xs")
    states = scan(
        lambda x, u, back: pt.tanh(x + pt.dot(u, back)),
        sequences=ours(xs),
        outputs_info=[u0],
        non_sequences=[W.T],
        return_updates=False,
    )
    function = pytensor.function([xs, u0, W], states, mode=MODES["numba"])
    assert sum(type(op).__name__ == "InOrder" for op in ops_of(function)) == 1
    values = np.random.default_rng(6)
    xs_, u, W_ = values.normal(size=(5, 2, 4)), values.normal(size=(2, 4)), values.normal(size=(4, 4))
    for x, found in zip(xs_, function(xs_, u, W_), strict=True):
        u = np.tanh(x + u @ W_.T)
        np.testing.assert_allclose(found, u, rtol=1e-13)


@pytest.mark.parametrize("make_x, make_y", [(pt.row, pt.matrix), (pt.matrix, pt.col), (pt.row, pt.col)])
def test_a_product_of_one_row_or_one_column(product, make_x, make_y):
    values = np.random.default_rng(3)
    x = values.normal(size=(1 if make_x is pt.row else 5, 4))
    y = values.normal(size=(4, 1 if make_y is pt.col else 3))
    for left, right in ((x, y), (x[:, ::-1], y[::-1])):
        found = product(make_x, make_y)(left, right)
        assert found.shape == (len(x), y.shape[1])
        np.testing.assert_allclose(found, np.dot(left, right), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("make_x, make_y", [(pt.vector, pt.matrix), (pt.matrix, pt.vector)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_of_a_vector(product, make_x, make_y, dtype):
    """A vector is multiplied directly: the graph no longer turns it into a matrix of one row or column."""
    compiled = product(make_x, make_y, dtype)
    assert not any(isinstance(op, DimShuffle) for op in ops_of(compiled))
    values = np.random.default_rng(8)
    x, y = values.normal(size=(4,) if make_x is pt.vector else (5, 4)), values.normal(size=(4,) * make_y().ndim)
    tolerance = {"float64": 1e-14, "float32": 1e-5}[dtype]
    for left, right in ((x, y), (x[..., ::-1], y[::-1])):
        found = compiled(left.astype(dtype), right.astype(dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, np.dot(left, right), rtol=tolerance, atol=tolerance)
    with pytest.raises(ValueError, match="incompatible array sizes"):
        compiled(x[..., :3].astype(dtype), y.astype(dtype))


def test_a_matrix_of_one_column_turned_into_a_row():
    """Here the same kind of view turns a column into a row, and no vector is involved."""
    x, y = pt.matrix("x", shape=(None, 1)), pt.matrix("y")
    row = x.dimshuffle("x", 0)
    function = pytensor.function([x, y], pt.squeeze(pt.dot(ours(row), y), axis=0) * 2, mode=MODES["numba"])
    values = np.random.default_rng(9)
    x_, y_ = values.normal(size=(3, 1)), values.normal(size=(3, 2))
    np.testing.assert_allclose(function(x_, y_), 2 * x_[:, 0] @ y_, rtol=1e-14)


def test_the_only_row_of_a_matrix():
    x = pt.matrix("x")
    function = pytensor.function([x], pt.squeeze(ours(x), axis=0) * 2, mode=MODES["numba"])
    assert "OnlyRow" in names_of(function)
    assert function(np.arange(3.0)[np.newaxis]).tolist() == [0, 2, 4]
    with pytest.raises(ValueError, match="a matrix of one row"):
        function(np.ones((2, 3)))
    performed = pytensor.function([x], OnlyRow()(x), mode=MODES["python"])
    assert performed(np.arange(3.0)[np.newaxis]).tolist() == [0, 1, 2]


def test_a_product_of_nothing_is_zero(product):
    assert product()(np.ones((2, 0)), np.ones((0, 3))).tolist() == [[0] * 3] * 2
    assert product()(np.ones((0, 2)), np.ones((2, 3))).shape == (0, 3)


def test_a_product_that_does_not_fit_is_refused(product):
    with pytest.raises(ValueError, match="incompatible array sizes"):
        product()(np.ones((2, 3)), np.ones((2, 3)))


def test_a_product_performed_in_python():
    x, y = pt.matrix("x"), pt.matrix("y")
    function = pytensor.function([x, y], Product()(x, y), mode=MODES["python"])
    left, right = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    assert function(left, right).tolist() == np.dot(left, right).tolist()


def test_products_of_integers_or_complex_numbers_are_left_alone():
    # The function is never called, since Numba takes long to compile PyTensor's own products.
    for x, y in ((pt.lmatrix("x"), pt.lmatrix("y")), (pt.zmatrix("x"), pt.zmatrix("y"))):
        function = pytensor.function([x, y], pt.dot(x, y), mode=MODES["numba"])
        assert "Product" not in names_of(function)


def test_the_shape_is_known_without_multiplying():
    x, y = pt.matrix("x"), pt.matrix("y")
    function = pytensor.function([x, y], Product()(x, y).shape, mode=MODES["python"])
    assert "Product" not in names_of(function)
    assert [int(n) for n in function(np.ones((3, 2)), np.ones((2, 5)))] == [3, 5]
