"""Philox: the published vectors, the layout of a draw, the same bits from every backend, and their statistics."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import MODES
from scipy.stats import chisquare, kstest

from rnnrbm_pt.graphs.philox import PhiloxStreams, next_draw, philox4x32, uniforms, words
from rnnrbm_pt.graphs.streams import bernoulli

# Random123's known answers for philox4x32-10 (counter, key, words) ...
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
    assert np.array_equal(words(state, (5, 6))[:3], drawn)  # a row does not depend on how many there are
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
    # pairs of neighbours in a row, in a column, and of the same place in the next draw
    grid, after = u.reshape(100, 150), uniforms(next_draw(states[0]), (100, 150), dtype)
    for one, other in ((grid[:, :-1], grid[:, 1:]), (grid[:-1], grid[1:]), (grid, after)):
        cells = np.histogram2d(one.ravel(), other.ravel(), bins=8, range=[[0, 1]] * 2)[0]
        assert chisquare(cells.ravel()).pvalue > 1e-3
    for bit in range(24):  # each bit of a word is set half the time: 15,000 draws, 61 is one standard deviation
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
