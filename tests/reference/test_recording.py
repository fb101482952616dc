"""Recordings of the original program: their files, and a run of this library that repeats a recording."""

import json
import re

import numpy as np
import pytest

from rnnrbm_pt.io.checkpoint import write_checkpoint
from rnnrbm_pt.reference.recording import (
    FORMAT,
    NAMES,
    Recording,
    TheanoSettings,
    is_recording,
    read_recording,
    write_recording,
)


@pytest.fixture
def recording(theano_reference):
    return read_recording(theano_reference / "recording.npz")


def test_what_a_recording_holds(recording):
    used = recording.settings
    assert (used.n_hidden, used.n_hidden_recurrent, used.k, used.n_visible, used.floatX) == (4, 3, 3, 12, "float64")
    assert recording.theano["Theano"] == "1.0.5" and recording.params is None
    assert [len(roll) for roll in recording.numbered("sequence")] == [40, 28, 33]
    assert [roll.shape for roll in recording.numbered("generated")] == [(30, 12)]
    assert list(recording.named("final")) == list(NAMES) and recording.named("init")["W"].shape == (12, 4)
    assert [record["epoch"] for record in recording.log] == [1, 2, 3]
    first = recording.log[0]
    assert (first["updates"], first["frames"], len(first["monitors"])) == (6, 101, 6)
    assert first["monitor"] == np.mean(recording.arrays["monitor"][:6])


def test_this_library_repeats_it(recording):
    used = recording.settings
    fresh = recording.model()
    settings = {"k": 3, "k_generate": 4, "floatX": "float64", "backend": "c"}  # C compiles fastest
    model = type(fresh)(4, 3, 0.05, used.r, **settings)  # from the seed, not from the recorded arrays
    for name, value in recording.named("init").items():
        np.testing.assert_array_equal(model.get_params()[name], value, err_msg=name)
    model.fit(recording.numbered("sequence"), used.batch_size, used.num_epochs, log_updates=True)
    monitors = np.concatenate([record["monitors"] for record in model.log])
    np.testing.assert_allclose(monitors, recording.arrays["monitor"], rtol=1e-13)  # the order of sums differs
    for name, value in recording.named("final").items():
        np.testing.assert_allclose(model.get_params()[name], value, rtol=0, atol=1e-14, err_msg=name)
    np.testing.assert_array_equal(model.sample(used.n_steps), recording.arrays["generated_0"])


@pytest.mark.parametrize("suffix", [".npz", ".json", ".JSON"])
def test_files(recording, tmp_path, suffix):
    path = tmp_path / f"record{suffix}"
    assert not is_recording(path)
    write_recording(path, recording)
    assert is_recording(path)
    found = read_recording(path)
    assert (found.settings, found.theano, found.seconds) == (recording.settings, recording.theano, recording.seconds)
    assert found.arrays.keys() == recording.arrays.keys()
    for name, array in recording.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array, err_msg=name)
    assert list(tmp_path.iterdir()) == [path]


def test_numpy_opens_it(theano_reference):
    with np.load(theano_reference / "recording.npz") as archive:
        assert json.loads(str(archive["about"]))["format"] == FORMAT
        assert archive["monitor"].shape == (18,)


def test_other_files_are_refused(recording, tmp_path, theano_reference):
    path = tmp_path / "other.npz"
    write_checkpoint(path, {}, {"format": "another"})
    with pytest.raises(ValueError, match=re.escape(f"{path}: expected a recording of Theano, found 'another'")):
        read_recording(path)
    assert not is_recording(path) and not is_recording(tmp_path)
    assert not is_recording(theano_reference / "synthetic_srs_float64.npz")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(ValueError, match="text.json: expected a recording of Theano, found invalid JSON"):
        read_recording(tmp_path / "text.json")
    (tmp_path / "new.json").write_text(json.dumps({"format": FORMAT, "version": 2}))
    with pytest.raises(ValueError, match="expected version 1 of a recording, found 2"):
        read_recording(tmp_path / "new.json")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda arrays: {**arrays, "monitor": arrays["monitor"][1:]}, "monitor: expected 18 numbers, found"),
        (lambda arrays: {name: x for name, x in arrays.items() if name != "final_W"}, "final_W"),
        (lambda arrays: {name: x for name, x in arrays.items() if name != "sequence_0"}, "sequence_0"),
    ],
)
def test_incomplete_recordings_are_refused(recording, tmp_path, change, says):
    whole = recording
    broken = Recording(whole.settings, change(dict(whole.arrays)), whole.theano, whole.seconds)
    path = tmp_path / "broken.npz"
    write_recording(path, broken)
    with pytest.raises(ValueError, match=re.escape(f"{path}: expected a complete recording of Theano")) as error:
        read_recording(path)
    assert says in str(error.value)


def test_settings_are_checked():
    with pytest.raises(ValueError, match="streams: expected"):
        TheanoSettings(streams="philox")
    with pytest.raises(ValueError, match="r: expected two integers"):
        TheanoSettings(r=(30, 20))
    with pytest.raises(ValueError, match="r: expected at least two notes"):
        TheanoSettings(r=(30, 31))
    assert TheanoSettings.from_json(json.loads(json.dumps(TheanoSettings(r=(21, 33)).to_json()))).r == (21, 33)
