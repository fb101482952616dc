"""Tests of stores of piano-rolls: they return what was written, and refuse damaged and unfinished files by name."""

import json

import numpy as np
import pytest
from hostile.readers import store_bits, store_index
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnrbm_pt.music.folders import INDEX, is_store
from rnnrbm_pt.music.store import BITS, Pieces, RollStore, read_index


@pytest.fixture
def store(tmp_path):
    """A folder with a store of two pieces and a duplicate."""
    (tmp_path / INDEX).write_bytes(store_index())
    (tmp_path / BITS).write_bytes(b"".join(store_bits()))
    return tmp_path


def test_a_store_is_a_sequence_of_rolls(store):
    rolls = RollStore(store)
    assert is_store(store) and not is_store(store.parent)
    assert (len(rolls), rolls.lengths.tolist(), rolls.same_as.tolist()) == (3, [5, 3, 5], [-1, -1, 0])
    assert [roll.shape for roll in rolls] == [(5, 88), (3, 88), (5, 88)] and rolls[0].dtype == np.uint8
    assert np.packbits(rolls[0], axis=1).tobytes() == store_bits()[0]
    assert np.array_equal(rolls[-1], rolls[0]) and len(rolls[1:]) == 2
    assert rolls.describe(0)["key"] == "C major" and rolls.describe(-1)["name"] == "c.mid"
    assert [line["name"] for line in rolls.broken()] == ["d.mid"]
    assert rolls.frames.r == (21, 109) and repr(str(store)) in repr(rolls)
    with pytest.raises(IndexError):
        rolls[3]


def test_pieces_take_40_bytes_each(store):
    pieces = Pieces()
    for piece in [read_index(store / INDEX).pieces] * 100:
        for one in piece:
            pieces.append((*(int(one[name]) for name in ("start", "n_frames", "same_as", "line")), bytes(16)))
    assert len(pieces.content) == 40 * 300 and pieces.array()["n_frames"][-1] == 5


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 87), st.integers(0, 7))
def test_a_changed_bit_is_found(tmp_path_factory, place, bit):
    folder = tmp_path_factory.mktemp("store")
    content = bytearray(b"".join(store_bits()))
    content[place] ^= 1 << bit
    (folder / INDEX).write_bytes(store_index())
    (folder / BITS).write_bytes(content)
    with pytest.raises(ValueError, match=f"{BITS}: piece {int(place >= 55)} is damaged"):
        list(RollStore(folder))


def test_what_is_missing_or_cut_short_is_named(store, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.*no such file; `rnnrbm prepare` writes a store"):
        RollStore(tmp_path / "nothing")
    (store / BITS).write_bytes(store_bits()[0])
    with pytest.raises(ValueError, match=rf"{BITS}: expected 88 bytes as in the index, found 55$"):
        RollStore(store)
    lines = store_index().splitlines(True)
    (store / INDEX).write_bytes(b"".join(lines[:3]))
    with pytest.raises(ValueError, match=rf"{INDEX}: expected 4 files, found 2: the store is not finished"):
        RollStore(store)
    (store / INDEX).write_bytes(json.dumps({**json.loads(lines[0]), "version": 2}).encode() + b"\n")
    with pytest.raises(ValueError, match=rf"{INDEX}: line 1: expected a store of version 1, found version 2$"):
        RollStore(store)
    for number, before in ((1, b""), (2, lines[0])):
        for content in (b"a letter\n", b"\xff\n", lines[1][:20] + b"\n"):
            (store / INDEX).write_bytes(before + content)
            with pytest.raises(ValueError, match=rf"{INDEX}: line {number}: expected JSON, found something else$"):
                RollStore(store)
    for content in (b"", lines[0][:20]):
        (store / INDEX).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{INDEX}: expected the index of a store .*, found no complete line$"):
            RollStore(store)
