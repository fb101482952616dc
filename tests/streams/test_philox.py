"""Philox: published test vectors, the layout of a draw, the same bits on every backend, and their statistics."""

from contextlib import contextmanager

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import MODES, names_of
from scipy.stats import chisquare, kstest

from rnnrbm_pt.compile.ops.philox import PhiloxSampleUnits
from rnnrbm_pt.graphs.rbm import mean_hidden
from rnnrbm_pt.streams.draw import bernoulli
from rnnrbm_pt.streams.philox import PhiloxStreams
from rnnrbm_pt.streams.philox4x32 import next_draw, philox4x32, uniforms, words

# Random123's known answers for philox4x32-10: counter, key, words.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def numbers(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize("counter, key, expected", KNOWN)
def test_known_answers(counter, key, expected):
    assert [int(x) for x in philox4x32(numbers(counter), numbers(key))] == numbers(expected)


def test_layout_of_a_draw():
    state = np.array([7, 8, 9, 10], np.uint32)
    drawn = words(state, (3, 6))  # q = 2
    for i, j in np.ndindex(3, 6):
        assert drawn[i, j] == philox4x32((j % 2, i, 9, 10), (7, 8))[j // 2]
    assert np.array_equal(words(state, (5, 6))[:3], drawn)  # a row does not depend on the number of rows
    u = uniforms(state, (3, 6), "float64")
    lower = words(np.array([7, 8, 9, 10 | 1 << 31], np.uint32), (3, 6)) >> np.uint32(11)
    assert np.array_equal(u * 2**53, drawn * 2.0**21 + lower)
    assert np.array_equal(uniforms(state, (3, 6), "float32") * 2**24, drawn >> np.uint32(8))


def test_a_state_counts_its_draws():
    assert list(next_draw([1, 2, 3, 4])) == [1, 2, 4, 4]
    assert list(next_draw([1, 2, 2**32 - 1, 4])) == [1, 2, 0, 5]
    assert list(next_draw([1, 2, 2**32 - 1, 2**31 - 1])) == [1, 2, 0, 0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_uniforms_are_uniform(dtype):
    states = [stream.get_value() for stream in (PhiloxStreams(1).stream() for _ in range(3))]
    u = np.concatenate([uniforms(state, (100, 150), dtype).ravel() for state in states[:1]])
    assert 0 <= u.min() and u.max() < 1
    assert kstest(u, "uniform").pvalue > 1e-3
    # Pairs of neighbours in a row, of neighbours in a column, and of the same place in consecutive draws.
    grid, after = u.reshape(100, 150), uniforms(next_draw(states[0]), (100, 150), dtype)
    for one, other in ((grid[:, :-1], grid[:, 1:]), (grid[:-1], grid[1:]), (grid, after)):
        cells = np.histogram2d(one.ravel(), other.ravel(), bins=8, range=[[0, 1]] * 2)[0]
        assert chisquare(cells.ravel()).pvalue > 1e-3
    for bit in range(24):  # each bit is set in half of 15,000 draws, with a standard deviation of 61
        assert abs((np.floor(u * 2.0**24).astype(int) >> bit & 1).sum() - 7500) < 300


def test_streams_differ_and_repeat():
    one, same, other = PhiloxStreams(5), PhiloxStreams(5), PhiloxStreams(6)
    states = [tuple(stream.get_value()) for streams in (one, other) for stream in streams.rbm()]
    assert len(set(states)) == 8 and states[:4] == [tuple(stream.get_value()) for stream in same.rbm()]
    with pytest.raises(ValueError, match="seed of PhiloxStreams"):
        PhiloxStreams(-1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mode", ["numba", "c", "python"])
def test_draw_on_every_backend(mode, dtype):
    with pytensor.config.change_flags(floatX=dtype):
        stream = PhiloxStreams(3).stream("rng")
        p = pt.tensor3("p")
        next_stream, draw = bernoulli(stream, p)
        function = pytensor.function([p], draw, updates={stream: next_stream}, mode=MODES[mode])
    values = np.random.RandomState(0).rand(4, 5, 7).astype(dtype)
    before = stream.get_value()
    for value in (values, values[:, :, ::-1], values[:0], values[:, :, :0]):
        expected = uniforms(before, value.shape, dtype) < value
        assert np.array_equal(function(value), expected)
        before = next_draw(before)
        assert np.array_equal(stream.get_value(), before)


def test_the_count_carries():
    stream = PhiloxStreams(3).stream()
    next_stream, draw = bernoulli(stream, pt.vector("p"))
    function = pytensor.function([draw.owner.inputs[1]], draw, updates={stream: next_stream}, mode=MODES["c"])
    for state in ([1, 2, 2**32 - 1, 4], [1, 2, 2**32 - 1, 2**31 - 1]):
        stream.set_value(np.array(state, np.uint32))
        function(np.full(3, 0.5))
        assert np.array_equal(stream.get_value(), next_draw(state))


@pytest.fixture(scope="module")
def layers():
    """layers(dtype, parallel): a Numba function that samples units, given x, W and b, and its stream."""
    made = {}

    def layer(dtype, parallel=False):
        if (dtype, parallel) not in made:
            with pytensor.config.change_flags(floatX=dtype):
                stream = PhiloxStreams(3, parallel=parallel).stream("rng")
                x, W, b = pt.matrix("x"), pt.matrix("W"), pt.matrix("b")
                next_stream, draw = bernoulli(stream, mean_hidden(x, W, b))
                function = pytensor.function([x, W, b], draw, updates={stream: next_stream}, mode=MODES["numba"])
                assert "PhiloxSampleUnits" in names_of(function)
            made[dtype, parallel] = function, stream
        return made[dtype, parallel]

    return layer


CASES = [("float64", False), ("float32", False), ("float32", True)]


@pytest.mark.parametrize("dtype, parallel", CASES)
def test_a_layer_in_one_pass_draws_what_the_graph_says(layers, dtype, parallel):
    function, stream = layers(dtype, parallel)
    values = np.random.default_rng(4)
    for n, d, m in ((3000, 1, 333), (1, 5, 6), (7, 3, 1), (0, 3, 4), (2, 0, 4), (2, 3, 0)):
        x, W, b = (values.normal(scale=2, size=shape).astype(dtype) for shape in ((n, d), (d, m), (n, m)))
        logits = np.dot(x, W) + b
        mean = (1 / (1 + np.exp(-logits))).astype(dtype)
        before = stream.get_value()
        u = uniforms(before, (n, m), dtype)
        with threads(2 if parallel else 1):
            bits = function(x, W, b)
        assert bits.dtype == dtype and bits.shape == (n, m)
        # Products and exponentials of two libraries differ in the last bits. In float32, u is a multiple of 2^-24.
        clear = abs(u - mean) > {"float64": 1e-14, "float32": 3e-7}[dtype]
        assert clear.sum() >= 0.99999 * clear.size
        np.testing.assert_array_equal(bits[clear], (u < mean)[clear])
        assert np.array_equal(stream.get_value(), next_draw(before))


@contextmanager
def threads(n):
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def test_a_draw_beside_its_threshold_is_decided_by_the_last_digits(layers):
    function, stream = layers("float64")
    distances = [0, 1e-12, 1e-10, 1e-9, 1e-7, 5e-7, 9e-7, 1e-6, 1.1e-6, 1e-5]
    for distance in (*distances, *(-x for x in distances)):
        u = uniforms(stream.get_value(), (4000, 1), "float64")[:, 0]
        logits = np.log(u) - np.log1p(-u)
        x = (logits + distance / (u * (1 - u)))[:, np.newaxis]
        bits = function(x, np.ones((1, 1)), np.zeros((1, 1)))[:, 0]
        mean = 1 / (1 + np.exp(-x[:, 0]))
        clear = abs(u - mean) > 1e-15
        np.testing.assert_array_equal(bits[clear], (u < mean)[clear])
        if abs(distance) > 1e-15:
            assert clear.all() and (bits == (distance > 0)).all()


def test_what_does_not_fit_is_refused(layers):
    function, _ = layers("float64")
    for x, W, b in (((3, 2), (2, 4), (2, 4)), ((3, 2), (2, 4), (3, 5)), ((3, 2), (3, 4), (3, 4))):
        with pytest.raises(ValueError, match="the shape of the biases does not fit"):
            function(np.ones(x), np.ones(W), np.ones(b))


def test_perform_of_the_layer_is_the_same(layers):
    function, stream = layers("float64")
    values = np.random.default_rng(9)
    inputs = [values.normal(size=shape) for shape in ((40, 3), (3, 6), (40, 6))]
    state, outputs = stream.get_value(), [[None], [None]]
    op = PhiloxSampleUnits()
    op.perform(op.make_node(stream, *map(pt.constant, inputs)), [state, *inputs], outputs)
    assert np.array_equal(outputs[1][0], function(*inputs))
    assert np.array_equal(outputs[0][0], stream.get_value())
