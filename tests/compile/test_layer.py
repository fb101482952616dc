"""A layer of units, sampled in one operation by the Numba backend."""

import copy

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import MODES, bit_of, doubles_ahead, names_of, ops_of, same_state, ulps
from pytensor.scan.op import Scan
from pytensor.tensor.random import shared_rng

from rnnrbm_pt.compile.ops.layer import SampleUnits
from rnnrbm_pt.graphs.rbm import mean_hidden
from rnnrbm_pt.streams.binomial import binary_binomial
from rnnrbm_pt.streams.draw import bernoulli
from rnnrbm_pt.streams.srs import mersenne_twister

DTYPES = ["float64", "float32"]
LOGITS = [
    0,
    5e-324,
    1e-300,
    1e-17,
    1e-9,
    4.9e-6,
    5e-6,
    5.1e-6,
    1e-3,
    0.5,
    1,
    5,
    16,
    17,
    19,
    30,
    31.99,
    32,
    32.01,
    36,
    37,
]
LOGITS += [38, 40, 88, 100, 104, 700, 709, 710, 745, 746, 800, 1e4, 1e30, np.inf]


class Layer:
    """A compiled function that samples units, given x, W and b. Each call gets its generator."""

    def __init__(self, mode, x, W, b, *, with_mean=False, **draw_options):
        self.rng = shared_rng(mersenne_twister(0))
        p = mean_hidden(x, W, b)
        if draw_options:
            next_rng, bits = binary_binomial(1, p, rng=self.rng, return_next_rng=True, **draw_options)
            bits = pt.cast(bits, pytensor.config.floatX)
        else:
            next_rng, bits = bernoulli(self.rng, p)
        outputs = [bits, p] if with_mean else bits
        self.function = pytensor.function([x, W, b], outputs, updates={self.rng: next_rng}, mode=MODES[mode])

    @property
    def is_fused(self):
        return "SampleUnits" in names_of(self.function)

    def __call__(self, generator, *inputs):
        self.rng.set_value(generator)
        return self.function(*inputs), self.rng.get_value()


@pytest.fixture(scope="module")
def layers():
    """layers(dtype, ndim_x, ndim_b, plain): the fused layer, and a plain layer, either unfused or on the C backend."""
    made = {}

    def layer(mode, dtype, ndim_x, ndim_b):
        key = mode, dtype, ndim_x, ndim_b
        if key not in made:
            with pytensor.config.change_flags(floatX=dtype):
                shapes = zip("xWb", (ndim_x, 2, ndim_b), strict=True)
                made[key] = Layer(mode, *(pt.tensor(name, shape=(None,) * ndim) for name, ndim in shapes))
            assert made[key].is_fused == (mode == "numba")
        return made[key]

    def layers(dtype, ndim_x=2, ndim_b=1, plain="unfused"):
        return [layer(mode, dtype, ndim_x, ndim_b) for mode in ("numba", plain)]

    return layers


def assert_equal_draws(layers, generator, *inputs):
    """Check that both layers draw the same bits, and advance the stream by one double per bit."""
    (bits, after), (plain_bits, plain_after) = (layer(generator, *inputs) for layer in layers)
    assert bits.dtype == inputs[0].dtype
    np.testing.assert_array_equal(bits, plain_bits)
    numpy_after = copy.deepcopy(generator)
    numpy_after.random(bits.shape)
    assert same_state(after, plain_after) and same_state(after, numpy_after)
    return bits


# For float32, Numba computes PyTensor's sigmoid in float64 and rounds it. The fused layer computes it in float32, like
# C. The two means can differ in the last bit, so draws within 6e-8 of the threshold may differ.
PLAIN = [("float64", "unfused"), ("float64", "c"), ("float32", "c")]


def column(logits, dtype):
    """x, W and b for which x W + b is exactly the column of the logits."""
    return np.asarray(logits, dtype)[:, None], np.ones((1, 1), dtype), np.zeros(1, dtype)


@pytest.mark.parametrize("dtype, plain", PLAIN)
def test_the_same_bits_from_the_same_stream_for_any_logit(layers, dtype, plain):
    with np.errstate(over="ignore"):
        logits = np.array(LOGITS).astype(dtype)
    logits = np.repeat(np.concatenate([logits, -logits]), 2000)
    bits = assert_equal_draws(layers(dtype, plain=plain), mersenne_twister(1), *column(logits, dtype))[:, 0]
    assert (bits[logits >= 40] == 1).all() and (bits[logits <= -40] == 0).all()
    u = doubles_ahead(mersenne_twister(1), logits.shape)
    with np.errstate(over="ignore"):
        p = (1 / (1 + np.exp(-logits.astype("float64")))).astype(dtype).astype("float64")
    clear = abs(np.where(p > 0.5, u - p, u - (1 - p))) > 1e-6
    assert clear.mean() > 0.999
    np.testing.assert_array_equal(bits[clear], bit_of(u, p)[clear])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_million_units(layers, dtype):
    values = np.random.default_rng(2)
    shapes = (1000, 20), (20, 1000), (1000,)
    inputs = [values.normal(scale=1.5, size=shape).astype(dtype) for shape in shapes]
    assert_equal_draws(layers(dtype), mersenne_twister(2), *inputs)


@pytest.mark.parametrize("dtype, plain", PLAIN)
def test_logits_whose_threshold_lies_beside_the_double_that_comes(layers, dtype, plain):
    generator = mersenne_twister(3)
    u = doubles_ahead(generator, 4000)
    at_threshold = np.log1p(-u) - np.log(u)  # sigmoid(at_threshold) = 1 - u
    near = [0, 1e-15, 1e-12, 1e-9, 1e-7, 5e-7, 9e-7, 1e-6, 1.1e-6, 3e-6, 1e-5, 1e-4, 1e-2]
    # If p <= 1/2 the threshold is 1 - p, so p = 1 - u is at the threshold. If p > 1/2 the threshold is p.
    at_threshold = np.where(u >= 0.5, at_threshold, -at_threshold)
    slope = u * (1 - u)
    tried = [ulps(at_threshold.astype(dtype), steps) for steps in range(-3, 4)]
    tried += [at_threshold + sign * distance / slope for distance in near for sign in (-1, 1)]
    for logits in tried:
        inputs = column(logits, dtype)
        bits = assert_equal_draws(layers(dtype, plain=plain), generator, *inputs)[:, 0]
        p = 1 / (1 + np.exp(-logits.astype(dtype).astype("float64")))
        # Rounding changes the mean by up to 6e-8 in float32, and by 1e-16 in float64, as it does exp and 1 - p.
        clear = abs(np.where(p > 0.5, u - p, u - (1 - p))) > {"float64": 1e-15, "float32": 2e-7}[dtype]
        np.testing.assert_array_equal(bits[clear], bit_of(u, p)[clear])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ndim_x, ndim_b", [(2, 2), (1, 1)])
def test_biases_of_each_row_and_a_single_vector(layers, dtype, ndim_x, ndim_b):
    values = np.random.default_rng(4)
    x = values.normal(size=(300, 7)[-ndim_x:]).astype(dtype)
    W = values.normal(size=(7, 9)).astype(dtype)
    b = values.normal(scale=3, size=(300, 9)[-ndim_b:]).astype(dtype)
    generator = mersenne_twister(4)
    bits = assert_equal_draws(layers(dtype, ndim_x, ndim_b), generator, x, W, b)
    p = 1 / (1 + np.exp(-(x.astype("float64") @ W + b)))
    np.testing.assert_array_equal(bits, bit_of(doubles_ahead(generator, p.shape), p))


def test_inputs_of_any_layout(layers):
    values = np.random.default_rng(5)
    x, W, b = (values.normal(size=shape) for shape in ((8, 6), (6, 10), (10,)))
    expected = assert_equal_draws(layers("float64"), mersenne_twister(5), x, W, b)
    fused_layer, _ = layers("float64")
    for same_x in (np.asfortranarray(x), x[::-1].copy()[::-1], np.repeat(x, 2, axis=1)[:, ::2]):
        bits, _ = fused_layer(mersenne_twister(5), same_x, W, b)
        np.testing.assert_array_equal(bits, expected)


def test_no_rows_and_no_columns(layers):
    for n, d, m in ((0, 3, 4), (2, 0, 4), (2, 3, 0)):
        inputs = np.ones((n, d)), np.ones((d, m)), np.ones(m)
        assert_equal_draws(layers("float64"), mersenne_twister(6), *inputs)


def test_a_logit_that_is_no_number_gives_no_crash(layers):
    logits = np.array([np.nan, 1.0, -np.nan, -1.0] * 1000)
    bits = assert_equal_draws(layers("float64"), mersenne_twister(6), *column(logits, "float64"))
    assert (bits[np.isnan(logits)] == 0).all()


@pytest.mark.parametrize("ndim_b, shape", [(1, (3,)), (1, (5,)), (2, (2, 4)), (2, (5, 4)), (2, (3, 5))])
def test_biases_that_do_not_fit_are_refused(layers, ndim_b, shape):
    fused_layer, _ = layers("float64", 2, ndim_b)
    with pytest.raises(ValueError, match="the shape of the biases does not fit"):
        fused_layer(mersenne_twister(0), np.ones((3, 2)), np.ones((2, 4)), np.ones(shape))


BROADCAST = {
    "a bias for each row": (pt.matrix, pt.col, {}, (3, 2), (3, 1)),
    "one bias": (pt.matrix, pt.scalar, {}, (3, 2), ()),
    "one row, many biases": (pt.row, pt.matrix, {}, (1, 2), (3, 4)),
    "one vector, many biases": (pt.vector, pt.matrix, {}, (2,), (3, 4)),
    "many draws of one row": (pt.row, pt.row, {"size": (3, 4)}, (1, 2), (1, 4)),
    "many draws of one vector": (pt.vector, pt.vector, {"size": (3, 4)}, (2,), (4,)),
}


@pytest.mark.parametrize("make_x, make_b, draw_options, x_shape, b_shape", BROADCAST.values(), ids=BROADCAST)
def test_what_broadcasts_otherwise_is_not_fused(make_x, make_b, draw_options, x_shape, b_shape):
    values = np.random.default_rng(7)
    x, W, b = (values.normal(size=shape) for shape in (x_shape, (2, 4), b_shape))
    with pytensor.config.change_flags(on_opt_error="raise"):
        layer = Layer("numba", make_x("x"), pt.matrix("W"), make_b("b"), **draw_options)
    assert not layer.is_fused
    generator = mersenne_twister(7)
    bits, after = layer(generator, x, W, b)
    p = 1 / (1 + np.exp(-(x @ W + b)))
    assert bits.shape == (3, 4)
    np.testing.assert_array_equal(bits, generator.binomial(1, p, draw_options.get("size")))
    assert same_state(after, generator)


@pytest.mark.parametrize("mode", ["numba", "c"])
def test_a_mean_that_is_used_elsewhere_too(mode):
    x, W, b = pt.matrix("x"), pt.matrix("W"), pt.vector("b")
    layer = Layer(mode, x, W, b, with_mean=True)
    assert layer.is_fused == (mode == "numba")
    values = np.random.default_rng(8)
    x, W, b = (values.normal(size=shape) for shape in ((50, 3), (3, 6), (6,)))
    generator = mersenne_twister(8)
    (bits, mean), after = layer(generator, x, W, b)
    p = 1 / (1 + np.exp(-(x @ W + b)))
    np.testing.assert_allclose(mean, p, rtol=1e-14)
    np.testing.assert_array_equal(bits, generator.binomial(1, p))
    assert same_state(after, generator)


def test_the_operation_performed_in_python_is_numbas(layers):
    for dtype in DTYPES:
        fused_layer, _ = layers(dtype, 2, 2)
        values = np.random.default_rng(9)
        inputs = [values.normal(size=shape).astype(dtype) for shape in ((40, 3), (3, 6), (40, 6))]
        expected, expected_after = fused_layer(mersenne_twister(9), *inputs)

        node = SampleUnits().make_node(fused_layer.rng, *map(pt.constant, inputs))
        assert [out.type for out in node.outputs] == [
            fused_layer.rng.type,
            pt.matrix(dtype=dtype, shape=(40, 6)).type,
        ]
        for inplace in (False, True):
            generator, outputs = mersenne_twister(9), [[None], [None]]
            SampleUnits(inplace).perform(node, [generator, *inputs], outputs)
            (after,), (bits,) = outputs
            assert bits.dtype == dtype and (bits == expected).all()
            assert same_state(after, expected_after)
            assert (after is generator) == inplace
            assert same_state(generator, after) == inplace


def test_matrices_of_one_dtype_are_expected():
    rng = shared_rng(mersenne_twister(0))
    x, y = pt.dmatrix("x"), pt.fmatrix("y")
    for wrong in ((x, x, pt.dvector("b")), (x, y, x), (x, x, y)):
        with pytest.raises(TypeError, match="expected three matrices of one dtype"):
            SampleUnits()(rng, *wrong)


def test_the_shape_is_known_without_sampling():
    x, W, b = pt.matrix("x"), pt.matrix("W"), pt.matrix("b")
    _, bits = SampleUnits()(shared_rng(mersenne_twister(0)), x, W, b)
    function = pytensor.function([x, W, b], bits.shape, mode=MODES["python"], on_unused_input="ignore")
    assert "SampleUnits" not in names_of(function)
    assert [int(n) for n in function(np.ones((3, 2)), np.ones((2, 5)), np.ones((3, 5)))] == [3, 5]


@pytest.mark.parametrize("ndim_v", [2, 1])
def test_both_layers_of_a_gibbs_chain_are_fused(compiled_rbm, ndim_v):
    function = compiled_rbm("numba", ndim_v).function
    (chain,) = [op for op in ops_of(function) if isinstance(op, Scan)]
    names = [type(node.op).__name__ for node in chain.fgraph.toposort()]
    assert names.count("SampleUnits") == 2
    assert not {"UniformRV", "RandomVariableWithCoreShape", "BinaryBinomialRV"} & set(names)
    if ndim_v == 2:
        assert [type(op).__name__ for op in ops_of(function)].count("SampleUnits") == 3, "the monitor's h too"
