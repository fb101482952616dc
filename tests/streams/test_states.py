"""States of streams as arrays: saving and restoring them for every kind, and arrays that are refused."""

import numpy as np
import pytest

from rnnrbm_pt.streams.mrg31k3p import M1, M2
from rnnrbm_pt.streams.registry import STREAMS
from rnnrbm_pt.streams.states import packed_random_state, packed_stream, set_random_state, unpacked_stream


@pytest.mark.parametrize("kind", STREAMS)
def test_a_state_comes_out_and_goes_in(kind):
    stream, other = STREAMS[kind](3).stream(), STREAMS[kind](4).stream()
    packed = packed_stream(stream.get_value())
    assert packed.shape == {"srs": (625,), "mrg": (15360, 6), "philox": (4,)}[kind]
    other.set_value(unpacked_stream(packed, other.get_value()))
    np.testing.assert_array_equal(packed_stream(other.get_value()), packed)
    if kind == "srs":
        assert other.get_value().random(700).tolist() == stream.get_value().random(700).tolist()


def changed(packed, place, value):
    packed = packed.copy()
    packed[place] = value
    return packed


@pytest.mark.parametrize(
    "kind, place, value",
    [
        ("srs", -1, 625),  # beyond the key
        ("srs", slice(-1), 0),
        ("mrg", (7, 0), M1),
        ("mrg", (7, 3), M2),
        ("mrg", (7, 2), -1),
        ("mrg", (7, slice(3)), 0),
        ("mrg", (7, slice(3, 6)), 0),
        ("philox", 3, 2**31),
    ],
)
def test_states_that_no_stream_has(kind, place, value):
    present = STREAMS[kind](3).stream().get_value()
    with pytest.raises(ValueError, match="rng_h: expected"):
        unpacked_stream(changed(packed_stream(present), place, value), present, "rng_h")


@pytest.mark.parametrize("kind", STREAMS)
def test_arrays_of_another_type_or_shape(kind):
    present = STREAMS[kind](3).stream().get_value()
    packed = packed_stream(present)
    for wrong in (packed[:-1], packed.astype(np.int64)):
        with pytest.raises(ValueError, match="stream: expected"):
            unpacked_stream(wrong, present)


def test_a_random_state_comes_out_and_goes_in_with_its_kept_normal_number():
    state, other = np.random.RandomState(5), np.random.RandomState(6)
    state.standard_normal()  # draws two numbers and keeps one
    set_random_state(other, *packed_random_state(state), "numpy")
    assert other.standard_normal(5).tolist() == state.standard_normal(5).tolist()
    packed, _ = packed_random_state(state)
    with pytest.raises(ValueError, match="numpy: expected 0 or 1 and a finite number, found 2.0 and 0.5"):
        set_random_state(other, packed, np.array([2, 0.5]), "numpy")
