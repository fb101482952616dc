"""Tests of files of piano-rolls: all formats give the same rolls, and no pickle is executed."""

import io
import json
import os
import pickle
import pickletools
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnrbm_pt.music import pickled, roll_files
from rnnrbm_pt.music.pickled import load_plain
from rnnrbm_pt.music.roll_files import read_roll_file, rolls_of

SONG = {"train": [[[60, 64, 67], [], [108]], [[21]]], "valid": [[[93], [40]]], "test": [[[108, 116 - 10]]]}


def roll(*frames):
    """Convert lists of notes to an array (n_frames, 88), one note at a time."""
    made = np.zeros((len(frames), 88), dtype=np.uint8)
    for t, frame in enumerate(frames):
        for note in frame:
            made[t, note - 21] = 1
    return made


EXPECTED = {split: [roll(*frames) for frames in sequences] for split, sequences in SONG.items()}


def assert_same(found, expected):
    assert list(found) == ["train", "valid", "test"]
    for split, rolls in expected.items():
        assert [one.dtype for one in found[split]] == [np.uint8] * len(rolls)
        assert all(np.array_equal(one, other) for one, other in zip(found[split], rolls, strict=True))


def write_npz(path, rolls, **changed):
    """Write the format described in the README of the shared data."""
    arrays = {}
    for split, sequences in rolls.items():
        arrays[f"{split}_lengths"] = np.array([len(one) for one in sequences], dtype=np.int32)
        arrays[f"{split}_frames"] = np.packbits(np.concatenate(sequences))
    np.savez_compressed(path, **{**arrays, **changed})
    return path


# Pickles of {"train": [[(60, 64L), ()]], "valid": [[[60]]], "test": [[[]]]}, protocols 0 and 2, written out by the
# rules of Python 2's cPickle: str keys are S and U, a long is L64L and LONG1.
PYTHON_2 = {
    0: b"(dp1\nS'test'\np2\n(lp3\n(lp4\n(lp5\naasS'train'\np6\n(lp7\n(lp8\n(I60\nL64L\ntp9\na(taasS'valid'\np10\n"
    b"(lp11\n(lp12\n(lp13\nI60\naaas.",
    2: b"\x80\x02}q\x01(U\x04testq\x02]q\x03]q\x04]q\x05aaU\x05trainq\x06]q\x07]q\x08(K<\x8a\x01@\x86q\t)eaU\x05valid"
    b"q\n]q\x0b]q\x0c]q\rK<aaau.",
}


@pytest.mark.parametrize("protocol", [0, 2])
def test_python_2(protocol):
    pickletools.dis(PYTHON_2[protocol], out=io.StringIO())  # Python accepts it as a complete pickle
    expected = {"train": [roll([60, 64], [])], "valid": [roll([60])], "test": [roll([])]}
    assert_same(rolls_of(load_plain(PYTHON_2[protocol], "x"), "x"), expected)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("box", [list, tuple])
def test_python_3(tmp_path, protocol, box):
    described = {split: box(box(map(box, frames)) for frames in sequences) for split, sequences in SONG.items()}
    path = tmp_path / "a.pickle"
    path.write_bytes(pickle.dumps(described, protocol))
    assert_same(read_roll_file(path), EXPECTED)


def test_json_and_npz(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(SONG))
    assert_same(read_roll_file(tmp_path / "a.json"), EXPECTED)
    assert_same(read_roll_file(write_npz(tmp_path / "a.npz", EXPECTED)), EXPECTED)


# Hostile pickles


class Calls:
    """An object that is pickled as a function call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_called(tmp_path, protocol):
    target = tmp_path / "made"
    attack = pickle.dumps({**SONG, "train": Calls(os.mkdir, str(target))}, protocol)
    with pytest.raises(ValueError, match=r"^x: expected a pickle of numbers in lists, found an? .* at byte \d+"):
        load_plain(attack, "x")
    assert not target.exists()
    pickle.loads(attack)  # Python's unpickler executes the call
    assert target.exists()


def test_what_it_wanted_is_said():
    with pytest.raises(ValueError, match=r"^x: .* an instruction to import or call os\.system at byte 0, which"):
        load_plain(b"cos\nsystem\n(S'true'\ntR.", "x")
    with pytest.raises(ValueError, match=r"an instruction to import or call numpy\.\w+\.multiarray\.scalar"):
        load_plain(pickle.dumps({"train": [[[np.int64(60)]]]}, 2), "x")


def test_the_unpickler_refuses_by_itself():
    # The grammar lets none of these through, but the unpickler must also refuse them by itself.
    for attack in (b"cos\nsystem\n.", b"\x80\x04\x8c\x02os\x8c\x06system\x93.", b"Pid\n."):
        with pytest.raises(pickle.UnpicklingError, match="is refused"):
            pickled._PlainUnpickler(io.BytesIO(attack)).load()


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "found an empty file"),
        (b"<html>", r"found a file that begins with b'<html>'"),
        (PYTHON_2[2][:-1], "found an incomplete file"),
        (PYTHON_2[2][:20], "found "),
        (b"N.", "begins with b'N.'"),
        (b"]N.", r"found the instruction b'N' at byte 1, which none of the data sets has"),
        (b"]G@N\0\0\0\0\0\0a.", "the instruction b'G'"),  # a float
        (b"]X\x04\0\0\0evila.", "a word other than train, valid and test at byte 1"),
        (b"a.", "not a pickle, or a damaged one"),
        (b"h\x07.", "not a pickle, or a damaged one"),
        (b"}]K\1s.", "expected a dict of train, valid, test, found another key"),  # a list as a key
        (b")K\1a.", "not a pickle, or a damaged one"),  # appended to a tuple
        (b"]r\0\0\0\x7f.", "the instruction b'r'"),  # memo index near 2 billion
        (b"]p99999999\n.", "the instruction b'p'"),
        (b"I" + b"9" * 5000 + b"\n.", "begins with b'I9999999'"),
        (b"\x8b\xff\xff\xff\x7f.", "begins with"),  # a number of 2 GiB
        (b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.", r"the instruction b'\\x95'"),
    ],
)
def test_damaged_and_hostile(content, said):
    with pytest.raises(ValueError, match=f"^x: .*{said}"):
        load_plain(content, "x")


def test_memory_is_bounded(monkeypatch):
    with pytest.raises(ValueError, match="expected 2,000,000 lists and tuples at most in a pickle, found more"):
        load_plain(b"]" * 2_000_001 + b".", "x")
    monkeypatch.setattr(pickled, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="expected a pickle of 10 bytes at most, found 11"):
        load_plain(b"]" * 11, "x")


def test_a_small_file_that_describes_a_vast_one():
    frames = [[60]] * 90_000
    described = {"train": [frames] * 10_000, "valid": [frames], "test": [frames]}
    content = pickle.dumps(described, 4)
    tracemalloc.start()
    with pytest.raises(ValueError, match="x: expected 2,000,000 frames at most, found 900,180,000"):
        rolls_of(load_plain(content, "x"), "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    with pytest.raises(ValueError, match="expected 20,000 sequences at most, found 30,002"):
        rolls_of({**described, "train": [[[]]] * 30_000}, "x")
    with pytest.raises(ValueError, match="train, sequence 0: expected 100,000 frames at most, found 100,001"):
        rolls_of({**described, "train": [[[]] * 100_001]}, "x")


def test_a_list_within_itself():
    loop = []
    loop.append(loop)
    described = load_plain(pickle.dumps({"train": loop, "valid": loop, "test": loop}), "x")
    with pytest.raises(ValueError, match="train, sequence 0: expected integer note numbers, found a value of"):
        rolls_of(described, "x")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([PYTHON_2[0], PYTHON_2[2]]), st.integers(0, 120), st.integers(0, 9))
def test_whatever_is_in_it_one_value_error(noise, content, place, cut):
    for attempt in (noise, content[:place] + noise + content[place + cut :]):
        try:
            rolls_of(load_plain(attempt, "x"), "x")
        except ValueError as err:
            assert str(err).startswith("x: ")


# Content that is not a set of piano-rolls


@pytest.mark.parametrize(
    "change, said",
    [
        ({"train": []}, "train: expected a list of sequences, found an empty one"),
        ({"train": 3}, "train: expected a list of sequences, found 3"),
        ({"train": [[]]}, "train, sequence 0: expected a list of frames, found an empty one"),
        ({"train": [[60]]}, "train, sequence 0: expected frames that are lists of note numbers, found 60"),
        ({"train": [[[60], [20]]]}, "train, sequence 0: expected notes from 21 to 108, found 20"),
        ({"test": [[[60]], [[109]]]}, "test, sequence 1: expected notes from 21 to 108, found 109"),
        ({"train": [[[True]]]}, "expected integer note numbers, found a value of type bool"),
        ({"train": [[[60.5]]]}, "expected integer note numbers, found 60.5"),
        ({"train": [["abc"]]}, "expected frames that are lists of note numbers, found a value of type str"),
        ({"train": [[[60] * 89]]}, "expected 88 notes in a frame at most, found 89"),
        ({"more": []}, "expected a dict of train, valid and test, found 'more', 'test', 'train', 'valid'"),
    ],
)
def test_content_that_is_refused(change, said):
    with pytest.raises(ValueError, match=f"^x: .*{said}$|^x: {said}$"):
        rolls_of({**SONG, **change}, "x")


def test_no_dict():
    with pytest.raises(ValueError, match="^x: expected a dict of train, valid and test, found list$"):
        rolls_of([SONG], "x")


@pytest.mark.parametrize("content", [b"{", b"[" * 200_000, b'{"train": ' + b"9" * 5000 + b"}", b"\xff\xfe\xff"])
def test_damaged_json(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json: not a JSON file, or a damaged one"):
        read_roll_file(tmp_path / "a.json")


@pytest.mark.parametrize(
    "change, said",
    [
        ({"test_lengths": np.array([2])}, "test_frames: expected 22 bytes for 2 frames, found uint8 of shape"),
        ({"test_lengths": np.array([1, 0])}, "test_lengths: expected lengths above 0"),
        ({"test_lengths": np.array([-1, 2])}, "test_lengths: expected lengths above 0"),
        ({"test_lengths": np.array([2**62] * 4)}, "test_lengths: expected lengths above 0"),
        ({"test_lengths": np.array([1.0])}, "test_lengths: expected from 1 to 20,000 integers"),
        ({"test_lengths": np.array([], dtype=int)}, "test_lengths: expected from 1 to 20,000 integers"),
        ({"test_frames": np.zeros(11)}, "test_frames: expected 11 bytes for 1 frames, found float64"),
        ({"test_frames": np.array([{}])}, "test_frames: expected an array of numbers, found a damaged one"),
    ],
)
def test_npz_that_is_refused(tmp_path, change, said):
    with pytest.raises(ValueError, match=rf"a\.npz: {said}"):
        read_roll_file(write_npz(tmp_path / "a.npz", EXPECTED, **change))


def test_npz_that_claims_more_than_it_has(tmp_path):
    path = tmp_path / "a.npz"
    write_npz(path, EXPECTED)
    with np.load(path) as arrays:
        kept = dict(arrays)
    claim = io.BytesIO()
    np.lib.format.write_array_header_1_0(claim, {"descr": "|u1", "fortran_order": False, "shape": (10**15,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train_lengths.npy", claim.getvalue())
    with pytest.raises(ValueError, match=r"a\.npz: train_lengths: .*shape \(1000000000000000,\) in 0 bytes"):
        read_roll_file(path)
    del kept["valid_lengths"]
    np.savez(path, **kept)
    with pytest.raises(ValueError, match=r"a\.npz: expected the array valid_lengths, found train_lengths\.npy"):
        read_roll_file(path)


def test_files_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"none\.pickle"):
        read_roll_file(tmp_path / "none.pickle")
    with pytest.raises(ValueError, match=r"a\.mat: expected a file of \.npz, \.pickle, \.pkl, \.json, found \.mat"):
        read_roll_file(tmp_path / "a.mat")
    (tmp_path / "a.json").write_text("{}" * 10)
    monkeypatch.setattr(roll_files, "MAX_JSON", 10)
    with pytest.raises(ValueError, match=r"a\.json: expected a file of piano-rolls of 10 bytes at most, found more"):
        read_roll_file(tmp_path / "a.json")


def test_real_rolls_as_a_pickle_are_the_same(nottingham_npz, tmp_path):
    rolls = read_roll_file(nottingham_npz.with_name("jsb_chorales.npz"))
    described = {
        split: [[tuple(map(int, 21 + np.flatnonzero(frame))) for frame in one] for one in found]
        for split, found in rolls.items()
    }
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(described, 0))
    assert_same(read_roll_file(tmp_path / "a.pkl"), rolls)
