"""The names of the kinds of random streams, and what all kinds have in common."""

import numpy as np
import pytensor.tensor as pt
import pytest
from oracles import MODES

from rnnrbm_pt.compile.modes import compile_function
from rnnrbm_pt.streams.registry import STREAMS, kind_of_streams


def test_kinds_by_name():
    assert [kind_of_streams(None, backend) for backend in ("numba", "c", "jax")] == ["srs", "srs", "philox"]
    assert [kind_of_streams(kind, "c") for kind in STREAMS] == list(STREAMS)
    with pytest.raises(ValueError, match="streams: expected one of srs, mrg, philox, found 'xoshiro'"):
        kind_of_streams("xoshiro", "numba")
    with pytest.raises(ValueError, match="streams: expected philox, .* found 'mrg'"):
        kind_of_streams("mrg", "jax")


@pytest.mark.parametrize("kind", STREAMS)
def test_a_seed_out_of_range_is_named(kind):
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match=f"seed of {STREAMS[kind].__name__}: expected .* found {seed}"):
            STREAMS[kind](seed)


@pytest.mark.parametrize("kind", STREAMS)
def test_streams_come_once_more_in_the_same_order(kind):
    streams = STREAMS[kind](3)
    first, second = streams.rbm(), streams.rbm("_generate")
    again = streams.again()
    assert again.rbm() == first and again.rbm("_generate") == second
    assert streams.streams == [*first, *second]


@pytest.mark.parametrize("kind", STREAMS)
def test_a_state_that_is_put_back_draws_the_same(kind):
    stream = STREAMS[kind](3).stream()
    p = pt.constant(np.full(40, 0.5))
    next_stream, draw = stream.binomial(n=1, p=p)
    function = compile_function([], draw, {stream: next_stream}, mode=MODES["python"], floatX="float64")
    state = stream.get_value()
    first, second = function(), function()
    assert first.tolist() != second.tolist()
    stream.set_value(state)
    assert function().tolist() == first.tolist()
