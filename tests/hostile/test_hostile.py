"""Readers refuse every hostile file with one sentence that names it, and use little memory.

The same holds for all inputs that fuzzing makes.
"""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostile.fuzz import fuzzed
from hostile.makers import HOSTILE, ODD_MODELS, model_with, twister
from hostile.readers import READERS, stopped_model, taken
from rnnrbm_pt.streams.mrg import MRGStreams
from rnnrbm_pt.streams.philox import PhiloxStreams
from rnnrbm_pt.streams.states import packed_stream, unpacked_stream

MEMORY = 250e6
"""Bytes of memory, beyond the size of a file. The largest allowed text, or the most lists, take about half of it."""


@pytest.mark.parametrize("name", READERS)
def test_the_seeds_are_read(name, tmp_path):
    reader = READERS[name]
    for i, content in enumerate(reader.seeds()):
        path = tmp_path / f"{i}{reader.suffix}"
        path.write_bytes(content)
        assert reader.read(path) is not None


@pytest.mark.parametrize(("name", "what"), [(name, what) for name, makers in HOSTILE.items() for what in makers])
def test_hostile_files_are_refused(name, what, tmp_path):
    reader, path = READERS[name], tmp_path / f"hostile{READERS[name].suffix}"
    path.write_bytes(HOSTILE[name][what]())
    if what in ODD_MODELS:  # tracing memory while a model is built takes a second
        assert taken(reader, path) == (False, None)
        return
    size = path.stat().st_size
    tracemalloc.start()
    try:
        assert taken(reader, path) == (False, None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size + MEMORY


def test_good_states_are_taken(tmp_path):
    path = tmp_path / "good.npz"
    for position in (0, 624):
        path.write_bytes(model_with(arrays={"shuffle_key": twister(position), "stream_0": twister(position)}))
        assert taken(READERS["model"], path) == (True, None)


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        (MRGStreams, (0, 0), -1),
        (MRGStreams, (0, 0), 2**31 - 1),
        (MRGStreams, (5, 3), 2**31 - 21069),
        (MRGStreams, (7, slice(0, 3)), 0),
        (MRGStreams, (7, slice(3, 6)), 0),
        (PhiloxStreams, 3, 2**31),
    ],
)
def test_states_of_the_other_streams(kind, place, value):
    stream = kind(1).stream()
    state = packed_stream(stream.get_value())
    assert np.array_equal(unpacked_stream(state, stream.get_value()), state)
    state = state.copy()
    state[place] = value
    with pytest.raises(ValueError, match="^stream_3: expected a state of (MRG31k3p|Philox), found other numbers$"):
        unpacked_stream(state, stream.get_value(), "stream_3")
    with pytest.raises(ValueError, match="^stream_3: "):
        unpacked_stream(state[:1], stream.get_value(), "stream_3")


def test_compare_reads_a_model_with_one_damaged_byte_or_names_it(tmp_path):
    content, path = stopped_model(), tmp_path / "damaged.npz"
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        assert taken(READERS["log"], path)[1] is None, place


@pytest.mark.parametrize("name", READERS)
def test_fuzzing(name, tmp_path):
    reader, path = READERS[name], tmp_path / f"fuzzed{READERS[name].suffix}"

    @settings(deadline=None, max_examples=10 if name == "model" else 60, database=None)
    @given(st.integers(0, 2**32))
    def one(seed):
        path.write_bytes(fuzzed(name, seed))
        assert taken(reader, path)[1] is None

    one()
