"""Draws from streams: bits and normal numbers of floatX, and the advance of a stream."""

import numpy as np
import pytensor
import pytest
from oracles import MODES

from rnnrbm_pt.streams.draw import bernoulli, gaussian
from rnnrbm_pt.streams.philox import PhiloxStreams
from rnnrbm_pt.streams.srs import RandomStreams


def test_bernoulli_is_of_floatx_and_draws_a_binomial():
    for floatx in ("float64", "float32"):
        with pytensor.config.change_flags(floatX=floatx):
            (stream,) = (RandomStreams(4).stream(),)
            generator = stream.get_value()
            next_stream, draw = bernoulli(stream, pytensor.shared(np.array([0.2, 0.5, 0.9] * 50)))
            assert draw.dtype == floatx
            function = pytensor.function([], draw, updates={stream: next_stream}, mode=MODES["python"])
            for _ in range(2):
                assert function().tolist() == generator.binomial(1, [0.2, 0.5, 0.9] * 50).tolist()


def test_gaussian_is_of_floatx_and_draws_normal_numbers():
    for floatx in ("float64", "float32"):
        with pytensor.config.change_flags(floatX=floatx):
            stream = RandomStreams(4).stream()
            generator = stream.get_value()
            next_stream, draw = gaussian(stream, pytensor.shared(np.arange(3.0)))
            assert draw.dtype == floatx
            function = pytensor.function([], draw, updates={stream: next_stream}, mode=MODES["python"])
            for _ in range(2):
                np.testing.assert_allclose(function(), generator.normal(np.arange(3.0), 1), rtol=1e-6)


def test_gaussian_needs_a_stream_of_pytensors_own():
    with pytest.raises(ValueError, match="expected streams of PyTensor's own generators, found Philox"):
        gaussian(PhiloxStreams(1).stream(), pytensor.shared(np.zeros(3)))


def test_a_compiled_draw_advances_its_stream():
    stream = RandomStreams(4).stream()
    generator = stream.get_value()
    _, draw = bernoulli(stream, pytensor.shared(np.full(20, 0.5)))
    function = pytensor.function([], draw, mode=MODES["python"])
    for _ in range(2):
        assert function().tolist() == generator.binomial(1, 0.5, 20).tolist()
