"""Runs to compare: the settings in their files, and how far their digits can agree."""

import json
import re

import pytest

from rnnrbm_pt.reference import THEANO, THEANO_MRG, fitting_recorded_run, notes, read_log, read_run, recorded_run
from rnnrbm_pt.reference.recorded import SETTINGS
from rnnrbm_pt.reference.run_settings import AS_THE_ORIGINAL, differing, run_settings
from rnnrbm_pt.reference.runs import LoggedRun


def as_theano(**changed):
    """A run with the settings of the recorded run."""
    settings = {**AS_THE_ORIGINAL, **SETTINGS, **changed}
    return LoggedRun("mine", ({"epoch": 1, "monitor": -15.0},), settings)


def test_the_run_of_a_log_of_a_model_file_and_of_a_recording(python_model, toy_rolls, tmp_path, theano_reference):
    model = python_model(seed=5).fit(toy_rolls, 20, 2, log_updates=True, checkpoint=tmp_path / "m.npz")
    described = run_settings(
        {"model": "RnnRbm", "floatX": model.floatX, "settings": model.settings, **model.state.metadata()}
    )
    first, second = model.log
    lines = [json.dumps({**first, "run": described}), json.dumps(second)]
    (tmp_path / "m.jsonl").write_text("\n".join(lines) + "\n")
    for name in ("m.npz", "m.jsonl"):
        run = read_run(tmp_path / name)
        assert run.name == name and run.floatX == model.floatX
        assert {epoch: list(x) for epoch, x in run.updates.items()} == {1: first["monitors"], 2: second["monitors"]}
        found = {key: run.settings[key] for key in ("model", "seed", "streams", "k", "r", "batch_size", "frames")}
        expected = {"model": "RnnRbm", "seed": 5, "streams": "philox", "k": 2, "r": [21, 33], "batch_size": 20}
        assert found == {**expected, "frames": sum(map(len, toy_rolls))}
    path = theano_reference / "recording.npz"
    run = read_run(path, "theirs")
    assert (run.name, run.settings["streams"], run.settings["k"], run.settings["updates"]) == ("theirs", "srs", 3, 6)
    assert list(run.updates) == [1, 2, 3] and read_log(path) == run.log


def test_a_validation_is_in_the_fingerprint_so_sizes_are_compared(python_model, toy_rolls, tmp_path):
    python_model().fit(toy_rolls, 20, 1, validation=toy_rolls[:1], checkpoint=tmp_path / "m.npz")
    assert read_run(tmp_path / "m.npz").settings["data"] is None


def test_files_without_settings(tmp_path):
    (tmp_path / "printed.txt").write_text("Epoch 1/200\n-15.5\n")
    run = read_run(tmp_path / "printed.txt")
    assert run.settings is None and run.updates == {} and run.floatX == "float64"
    assert notes(run, recorded_run("srs")) == ["The settings of printed.txt are unknown, so they are not compared."]
    (tmp_path / "log.jsonl").write_text('{"epoch": 1, "monitor": -15, "monitors": ["a"]}\n')
    with pytest.raises(ValueError, match="log.jsonl: epoch 1: monitors: expected a number, found 'a'"):
        read_run(tmp_path / "log.jsonl")


def test_the_recorded_run_that_fits():
    assert fitting_recorded_run(as_theano()).log == THEANO
    assert fitting_recorded_run(as_theano(streams="mrg")).log == THEANO_MRG
    assert fitting_recorded_run(as_theano(streams="philox")).log == THEANO
    assert fitting_recorded_run(LoggedRun("x", ())).log == THEANO


def test_equal_settings():
    assert notes(as_theano(), recorded_run("srs")) == ["mine has the settings of Theano 1.0.5, srs."]
    assert notes(as_theano(streams="mrg", r=[21, 109]), recorded_run("mrg")) == [
        "mine has the settings of Theano 1.0.5, mrg."
    ]


def test_settings_that_differ_are_named():
    (note,) = notes(as_theano(k=10, streams="philox", clip_norm=1.0), recorded_run("srs"))
    assert note == (
        "The digits of mine cannot agree with Theano 1.0.5, srs (in brackets), because these settings differ: "
        "k 10 (15), streams philox (srs), clip_norm 1.0 (none)."
    )


def test_float32_is_explained():
    same, float32 = notes(as_theano(floatX="float32"), recorded_run("srs"))
    assert same == "mine has the settings of Theano 1.0.5, srs."
    assert float32.startswith("mine is float32, Theano 1.0.5, srs is float64. Such runs agree to about six digits")


@pytest.mark.parametrize(
    "changed",
    [
        {"recurrence": "gru"},
        {"persistent": True},
        {"momentum": 0.9},
        {"dropout_recurrent": 0.2},
        {"weight_decay_rbm": 1e-4},
        {"max_norm": 1.0},
        {"sparsity": 0.1},
    ],
)
def test_no_setting_that_changes_the_digits_is_missed(changed):
    (name,) = changed
    assert [name for name, _, _ in differing(as_theano(**changed).settings, recorded_run("srs").settings)] == [name]
    assert differing(as_theano(average=0.999).settings, recorded_run("srs").settings) == []


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"data": "another"}, "training sequences (data)"),
        ({"data": None, "frames": 100}, "training sequences (frames)"),
        ({"data": None, "updates": 5}, "training sequences (updates)"),
    ],
)
def test_other_sequences_are_told(changed, name):
    ((found, _, _),) = differing(as_theano(**changed).settings, recorded_run("srs").settings)
    assert found == name


def test_the_recorded_fingerprint_is_that_of_the_tutorials_files(nottingham_rolls):
    from rnnrbm_pt.training.loop import fingerprint

    assert fingerprint(nottingham_rolls) == SETTINGS["data"]
    assert sum(map(len, nottingham_rolls)) == SETTINGS["frames"]
    assert sum(-(-len(roll) // 100) for roll in nottingham_rolls) == SETTINGS["updates"]


def test_metadata_without_a_run():
    assert run_settings({"model": "RnnRbm", "settings": {}, "learning": {}, "progress": None}) is None
    assert re.match("The settings of a and of b are unknown", notes(LoggedRun("a", ()), LoggedRun("b", ()))[0])
