"""The benchmark of the paper's models: what it trains and keeps, on a tiny set, and how it tells it."""

import json

import numpy as np
import pytest

from benchmarks.likelihoods import DEFAULTS, ROWS, SETTINGS, change, main, table, table_of_tried
from rnnrbm_pt.evaluation.paper import TABLE
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.music.datasets import load

SMALL = ["--set", "hidden=4", "--set", "recurrent=3", "--set", "k=2", "--set", "epochs=3", "--set", "every=2"]


pytestmark = pytest.mark.usefixtures("as_written")


@pytest.fixture
def train(toy_chorales, tmp_path):
    """train(model, *more): the folder of the results."""

    def train(model, *more):
        where = ["jsb_chorales", model, str(tmp_path / "out"), "--data", str(toy_chorales)]
        main(["train", *where, *SMALL, *more])
        if "--try" not in more:
            main(["measure", *where])
        return tmp_path / "out" / "jsb_chorales"

    return train


def test_settings_are_known():
    for of_set in SETTINGS.values():
        for settings in of_set.values():
            assert set(settings) <= set(DEFAULTS)
    assert set(ROWS.values()) <= set(TABLE)
    assert change("lr=0.01") == ("lr", 0.01) and change("optimizer=sgd") == ("optimizer", "sgd")


def test_what_is_written_is_what_the_model_comes_to(train, toy_chorales):
    """Of a model of frames too: that it has no recurrence, and is as good after any history."""
    folder = train("rbm", "--set", "augment=1", "--set", "lr=0.1") / "rbm"
    found = json.loads((folder / "result.json").read_text())
    model = SequenceModel.load(folder / "model.npz")
    low, high = model.r
    data = load("jsb_chorales", folder=toy_chorales)
    valid, test = ([roll[:, low - 21 : high - 21] for roll in rolls] for rolls in (data.valid, data.test))
    assert 40 <= low < high <= 52 and found["settings"]["augment"] == 1
    assert found["log_likelihood"]["value"] == pytest.approx(model.score(test), rel=1e-9)
    assert found["validation"] == pytest.approx(model.score(valid), rel=1e-9)
    validations = [row["validation"] for row in found["curve"] if "validation" in row]
    assert len(validations) == 2 and max(validations) == found["validation"]
    assert model.score([roll[::-1] for roll in test]) == pytest.approx(model.score(test), rel=1e-6)
    assert (folder / "sample.mid").exists() and (folder / "sample.png").exists()


def test_trying_looks_at_the_validation_split_alone(train, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.likelihoods.measured", lambda *args: pytest.fail("the test split was looked at"))
    folder = train("rnn-nade", "--try", "--set", "frame_epochs=1")
    (row,) = (json.loads(line) for line in (folder / "tried.jsonl").read_text().splitlines())
    assert row["settings"]["frame_epochs"] == 1 and not (folder / "rnn-nade").exists()
    printed = [json.loads(line).get("validation", -np.inf) for line in capsys.readouterr().out.splitlines()]
    assert row["validation"] == max(printed)
    main(["show", str(tmp_path / "out")])
    assert "### What was tried on jsb_chorales" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="--set: expected one of hidden, recurrent"):
        train("rtrbm", "--set", "hiden=3")


def test_tables():
    up = {"value": -6.123, "standard_error": 0.006, "low_ess": 0}
    found = {"log_likelihood": {**up, "standard_error": 0.0}, "expected_accuracy": {"value": 0.25}, "seconds": 90}
    found["expected_precision"] = {"value": 0.34}
    annealed = found | {
        "log_likelihood": up,
        "log_likelihood_forward": up,
        "log_likelihood_reverse": {**up, "value": -6.2},
    }
    lines = table("jsb_chorales", {"rnn-nade": found, "lstm-rtrbm": annealed}).splitlines()
    assert lines[2] == "| rnn-nade | -6.12 | -5.83 | 34.0 | 32.1 | 25.0 | exact | 2 |"
    assert lines[3] == "| lstm-rtrbm | -6.12 ± 0.01 |  | 34.0 |  | 25.0 | -6.20 ± 0.01 and -6.12 ± 0.01 | 2 |"
    rows = [
        {"model": "rnn-nade", "settings": {"lr": 0.1}, "validation": -6.5, "seconds": 60},
        {"model": "rnn-nade", "settings": {}, "validation": -6.0, "seconds": 30},
        {"model": "rbm", "settings": {"k": 1}, "validation": -9.0, "seconds": 30},
    ]
    assert [line.split(" | ")[2] for line in table_of_tried(rows).splitlines()[2:]] == ["-9.000", "-6.000", "-6.500"]
