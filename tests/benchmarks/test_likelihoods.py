"""Tests of the benchmark of the paper's models on a tiny set: training, saved results and tables."""

import json

import numpy as np
import pytest

import rnnrbm_pt
from benchmarks import likelihoods
from benchmarks.likelihoods import ROWS, SETTINGS, change, main, results, settings_of, table, table_of_tried
from rnnrbm_pt.evaluation.paper import TABLE
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.music.datasets import load
from rnnrbm_pt.settings import names
from rnnrbm_pt.training.settings import Learning, Run, Validation

SMALL = ["n_hidden=4", "n_hidden_recurrent=3", "epochs=3", "validate_every=2"]

pytestmark = pytest.mark.usefixtures("as_written")


@pytest.fixture
def train(toy_chorales, tmp_path):
    """train(model, *more, out="out") trains a model and returns the folder of the results."""

    def train(model, *more, out="out"):
        where = ["jsb_chorales", model, str(tmp_path / out), "--data", str(toy_chorales)]
        small = SMALL if model.endswith("nade") else [*SMALL, "k=2"]
        small = [part for setting in small for part in ("--set", setting)]
        main(["train", *where, *small, *more])
        if "--try" not in more:
            main(["measure", *where])
        return tmp_path / out / "jsb_chorales"

    return train


def test_settings_are_known():
    """Each setting belongs to the benchmark, the model or training. The library reports unknown ones."""
    made = set()
    for dataset, of_set in SETTINGS.items():
        assert set(of_set) <= set(ROWS)
        for row in ROWS:
            own, of_model, of_fit = settings_of(dataset, row)
            assert set(own) == {"lr", "epochs", "augment", "scale", "seed"}
            assert not set(of_fit) - {*names(Run), *names(Validation), *names(Learning)}
            of_model |= {"r": (60, 72), "n_hidden": 4}
            if (model := (ROWS[row][0], *sorted(of_model.items()))) not in made:
                made.add(model)
                assert getattr(rnnrbm_pt, ROWS[row][0])(**of_model).settings
    assert {paper for _, _, paper in ROWS.values() if paper} <= set(TABLE)
    assert change("lr=0.01") == ("lr", 0.01) and change("optimizer=sgd") == ("optimizer", "sgd")


def test_what_is_written_is_what_the_model_comes_to(train, toy_chorales, monkeypatch):
    """Also for a model of frames, which has no recurrence and scores the same after any history."""
    asked, read = [], likelihoods.read
    monkeypatch.setattr(likelihoods, "read", lambda *args: asked.append(args[2:]) or read(*args))
    folder = train("rbm", "--set", "augment=1", "--set", "lr=0.1") / "rbm"
    assert asked == [("train", "valid"), ("test",)]  # the second time to measure
    found = results(folder)[1]
    model = SequenceModel.load(folder / "seed-1.npz")
    low, high = model.r
    data = load("jsb_chorales", folder=toy_chorales)
    valid, test = ([roll[:, low - 21 : high - 21] for roll in rolls] for rolls in (data.valid, data.test))
    assert 40 <= low < high <= 52 and found["settings"]["augment"] == 1
    assert found["log_likelihood"]["value"] == pytest.approx(model.score(test), rel=1e-9)
    assert found["validation"] == pytest.approx(model.score(valid), rel=1e-9)
    validations = [row["validation"] for row in found["curve"] if "validation" in row]
    assert len(validations) == 2 and max(validations) == found["validation"]
    assert model.score([roll[::-1] for roll in test]) == pytest.approx(model.score(test), rel=1e-6)
    assert found["log_likelihood"]["exact"] and "| rbm | " in table("jsb_chorales", {"rbm": {1: found}})
    assert (folder / "sample.mid").exists() and (folder / "sample.png").exists()


def test_trying_looks_at_the_validation_split_alone(train, tmp_path, monkeypatch, capsys):
    asked, read = [], likelihoods.read
    monkeypatch.setattr(likelihoods, "read", lambda *args: asked.append(args[2:]) or read(*args))
    folder = train("rnn-nade", "--try", "--set", "clip_norm=1")
    assert asked == [("train", "valid")]
    (row,) = (json.loads(line) for line in (folder / "tried.jsonl").read_text().splitlines())
    assert row["settings"]["clip_norm"] == 1 and not list(folder.glob("rnn-nade/*"))
    printed = [json.loads(line).get("validation", -np.inf) for line in capsys.readouterr().out.splitlines()]
    assert row["validation"] == max(printed)
    main(["show", str(tmp_path / "out")])
    assert "### What was tried on jsb_chorales" in capsys.readouterr().out
    with pytest.raises(TypeError, match="hiden: expected one of the settings"):
        train("rnn-nade", "--set", "hiden=3")


def test_everything_trains_what_has_no_result(train, toy_chorales, tmp_path, monkeypatch, capsys):
    train("rnn-nade")
    monkeypatch.setitem(SETTINGS["jsb_chorales"], "rnn-nade", {"n_hidden": 4, "n_hidden_recurrent": 3, "epochs": 3})
    where = ["--sets", "jsb_chorales", "--rows", "rnn-nade", "--data", str(toy_chorales)]
    capsys.readouterr()
    main(["all", str(tmp_path / "out"), *where])
    assert not capsys.readouterr().out
    main(["all", str(tmp_path / "out"), *where, "--seeds", "1", "2"])
    said = capsys.readouterr().out
    assert "jsb_chorales rnn-nade 2: training" in said and "rnn-nade 2: measuring" in said and "rnn-nade 1" not in said
    folder = tmp_path / "out" / "jsb_chorales" / "rnn-nade"
    found = results(folder)
    models = {seed: SequenceModel.load(folder / f"seed-{seed}.npz") for seed in (1, 2)}
    assert models[2].progress.complete and models[2].progress.best == found[2]["validation"]
    main(["ensemble", "jsb_chorales", str(tmp_path / "out"), "rnn-nade", "--data", str(toy_chorales)])
    together = json.loads((folder.parent / "ensemble.json").read_text())
    means = {f"rnn-nade/seed-{seed}": found[seed]["log_likelihood"]["value"] for seed in (1, 2)}
    assert together["members"] == pytest.approx(means, rel=1e-6)
    low, high = models[1].r
    rolls = [roll[:, low - 21 : high - 21] for roll in load("jsb_chorales", folder=toy_chorales).test]
    p = np.mean([np.exp(np.concatenate(model.log_likelihoods(rolls))) for model in models.values()], axis=0)
    assert together["log_likelihood"] == pytest.approx(np.log(p).mean(), rel=1e-6)
    main(["show", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert "| rnn-nade | " in said and "An ensemble of rnn-nade/seed-1, rnn-nade/seed-2: -" in said


def test_a_run_that_was_stopped_goes_on(train, tmp_path, monkeypatch, capsys):
    """A stopped run gives the same result as one that was not stopped, and its curve has all epochs."""
    whole = results(train("rnn-nade") / "rnn-nade")[1]
    dumps, stopped = json.dumps, []

    def stop_once(found, **how):
        if found.get("epoch") == 2 and not stopped:
            stopped.append(found)
            raise KeyboardInterrupt
        return dumps(found, **how)

    monkeypatch.setattr("benchmarks.likelihoods.json.dumps", stop_once)
    with pytest.raises(KeyboardInterrupt):
        train("rnn-nade", "--seed", "1", out="stopped")
    folder = train("rnn-nade", out="stopped") / "rnn-nade"
    found = results(folder)[1]
    assert found["validation"] == whole["validation"] and found["log_likelihood"] == whole["log_likelihood"]
    for name in ("epoch", "monitor", "validation"):
        assert [row.get(name) for row in found["curve"]] == [row.get(name) for row in whole["curve"]]
    assert found["seconds"] == found["curve"][-1]["seconds"] >= found["curve"][0]["seconds"]


def test_tables():
    share = {"value": 0.25, "standard_error": 0.01}
    settled = {"n_steps": 50, "agrees": True}
    found = {"expected_accuracy": share, "expected_precision": {**share, "value": 0.34}, "accuracy_chains": settled}
    exact = found | {"log_likelihood": {"value": -6.123, "exact": True}, "seconds": 90}
    bracket = {"lower": -6.2, "upper": -6.18, "holds": True}
    bound = found | {"log_likelihood": {"value": -6.2, "exact": False}, "seconds": 30, "bracket": bracket}
    wide = bound | {"bracket": {**bracket, "holds": False}, "accuracy_chains": {**settled, "agrees": False}}
    lines = table(
        "jsb_chorales",
        {"rnn-nade": {1: exact, 2: {**exact, "log_likelihood": {"value": -6.143, "exact": True}}},
         "rnn-rbm": {1: bound}, "lstm-rtrbm": {1: wide}},
    ).splitlines()  # fmt: skip
    assert lines[2] == "| rnn-nade | -6.13 ± 0.02 | exact |  | -5.83 | 34.0 | 32.1 | 25.0 | 2 |"
    assert lines[3] == "| rnn-rbm | -6.20 | bound | -6.20 -6.18 | -6.27 | 34.0 | 33.1 | 25.0 | 0.5 |"
    assert lines[4] == "| lstm-rtrbm | none | not enclosed | -6.20 -6.18 |  | (34.0) |  | (25.0) | 0.5 |"
    rows = [
        {"model": "rnn-nade", "settings": {"lr": 0.1}, "validation": -6.5, "seconds": 60},
        {"model": "rnn-nade", "settings": {}, "validation": -6.0, "seconds": 30},
        {"model": "rbm", "settings": {"k": 1}, "validation": -9.0, "seconds": 30},
    ]
    assert [line.split(" | ")[2] for line in table_of_tried(rows).splitlines()[2:]] == ["-9.000", "-6.000", "-6.500"]
