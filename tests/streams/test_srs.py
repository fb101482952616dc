"""Streams seeded like Theano's, and parameters drawn like the tutorial's."""

import subprocess
import sys

import numpy as np
import pytensor
import pytest
from oracles import same_state

from rnnrbm_pt.graphs.parameters import shared_normal, shared_zeros
from rnnrbm_pt.graphs.rbm import build_rbm
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.streams.srs import SEED, RandomStreams, mersenne_twister, stream_seed


@pytest.mark.parametrize("seed", [0, 1, 0xBEEF, 2**30 - 1, 2**32 - 1])
def test_a_mersenne_twister_yields_the_doubles_of_the_legacy_one(seed):
    legacy = np.random.RandomState(seed)
    assert mersenne_twister(seed).random(2000).tolist() == legacy.random_sample(2000).tolist()


def test_a_mersenne_twister_draws_the_legacy_binomials():
    # Legacy streams use exp(log(1 - p)), so the last bit of a threshold may differ, but no draw here is affected.
    p = np.random.default_rng(3).random(5000)
    np.testing.assert_array_equal(mersenne_twister(7).binomial(1, p), np.random.RandomState(7).binomial(1, p))


def test_streams_are_seeded_in_order_by_theanos_rule():
    seeds = np.random.RandomState(123)
    streams = RandomStreams(123)
    given_out = [streams.stream(), *streams.rbm(), *streams.rbm("_generate"), streams.stream("last")]
    assert streams.streams == given_out
    for stream in given_out:
        legacy = np.random.RandomState(int(seeds.randint(2**30)))
        assert stream.get_value().random(700).tolist() == legacy.random_sample(700).tolist()


def test_streams_have_the_names_they_are_printed_with():
    streams = RandomStreams(0)
    names = ["rng_h", "rng_v", "rng_h_monitor", "rng_v_monitor"]
    assert [stream.name for stream in streams.rbm()] == names
    assert [stream.name for stream in streams.rbm("_generate")] == [f"{name}_generate" for name in names]
    assert streams.stream().name is None


def test_the_default_seed_is_the_tutorials():
    assert SEED == 0xBEEF
    seed = np.random.RandomState(0xBEEF).randint(1 << 30)
    assert stream_seed(np.random.RandomState(0xBEEF)) == seed
    for ours, theirs in zip(RandomStreams().rbm(), RandomStreams(seed).rbm(), strict=True):
        assert same_state(ours.get_value(), theirs.get_value())


@pytest.mark.parametrize("floatx", ["float64", "float32"])
def test_parameters_are_drawn_as_the_legacy_state_draws_them(floatx):
    random_state, legacy = np.random.RandomState(5), np.random.RandomState(5)
    with pytensor.config.change_flags(floatX=floatx):
        W = shared_normal(4, 3, 0.01, random_state=random_state, name="W")
        U = shared_normal(2, 5, random_state=random_state)
        b = shared_zeros(7, name="b")
        c = shared_zeros(2, 3)
    assert (W.name, U.name, b.name, c.name) == ("W", None, "b", None)
    for shared, value in (
        (W, 0.01 * legacy.standard_normal((4, 3))),
        (U, legacy.standard_normal((2, 5))),
        (b, np.zeros(7)),
        (c, np.zeros((2, 3))),
    ):
        assert shared.get_value().dtype == floatx
        np.testing.assert_array_equal(shared.get_value(), value.astype(floatx))


def global_state():
    """The state of NumPy's global generator."""
    name, key, position, *gauss = np.random.get_state()  # noqa: NPY002  (it is what must stay untouched)
    return name, key.tolist(), position, gauss


@pytest.mark.filterwarnings("ignore:build_rbm. two calls without rngs")
def test_nothing_is_drawn_from_numpys_global_state():
    before = global_state()
    build_rnnrbm(4, 3, 2)
    x = pytensor.tensor.matrix("x")
    build_rbm(x, x, x[0], x[0], 1)
    RandomStreams()
    assert global_state() == before


def test_the_import_neither_draws_nor_seeds():
    program = """
import numpy as np
np.random.seed(1)
import rnnrbm_pt.graphs.rnnrbm
print(np.random.random_sample())
"""
    drawn = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert float(drawn) == np.random.RandomState(1).random_sample()
