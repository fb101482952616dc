"""`rnnrbm evaluate`: what it prints, as text and as JSON, and what it refuses."""

import json
from functools import partialmethod

import numpy as np
import pytest

from rnnrbm_pt import RnnNade, RnnRbm, midiwrite
from rnnrbm_pt.cli.evaluate import doubts, error, lengths
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.evaluation.baselines import baselines
from rnnrbm_pt.models.scorer import Scorer
from rnnrbm_pt.music.datasets import load
from rnnrbm_pt.music.pianoroll import change_range

SMALL = {"n_hidden": 4, "n_hidden_recurrent": 3, "streams": "philox"}


pytestmark = pytest.mark.usefixtures("as_written")


@pytest.fixture
def sets(toy_chorales):
    return toy_chorales


@pytest.fixture
def model(tmp_path):
    RnnRbm(**SMALL, k=2, r=(38, 54)).save(tmp_path / "model.npz")
    return str(tmp_path / "model.npz")


def evaluate(capsys, *arguments, status=0):
    assert main(["evaluate", *map(str, arguments), "--samples", "2"]) == status
    return capsys.readouterr()


def test_a_set_by_name(sets, model, tmp_path, capsys):
    words = evaluate(capsys, model, "jsb_chorales", "--folder", sets).out
    for text in (
        "RnnRbm, 4 and 3 hidden units, notes 38 to 53, 0 epochs",
        "jsb_chorales, test split (rolls)",
        "1 sequence, 6 frames of a quarter note",
        "exact",
        "The simple models have all 88",
        "from quotations, not from the",
        "Gibbs chains of 25 steps from silence and from the previous frame agree on it.",
    ):
        assert text in words
    rows = {line[:24].strip(): line[24:].split() for line in words.splitlines() if line[24:38].strip()}
    found = load("jsb_chorales", folder=sets)
    for b in baselines(found.test, found.train):
        assert rows[b.name] == [f"{b.log_likelihood:.2f}", f"{100 * b.expected_accuracy:.2f}"]
    assert rows["random"][0] == "-61.00" and rows["RNN-RBM in the paper"] == ["-6.27", "33.12"]
    rolls = [change_range(roll, found.r, (38, 54))[0] for roll in found.test]
    assert rows["the model"][0] == f"{RnnRbm.load(model).score(rolls):.2f}"
    assert float(rows["monitor"][0]) < 0
    assert words.count("\n\n") == 4 and max(map(len, words.splitlines())) < 120


def test_json_of_some_frames_of_a_split(sets, tmp_path, capsys):
    RnnNade(**SMALL).save(tmp_path / "nade")
    arguments = [tmp_path / "nade", "jsb_chorales", "--folder", sets, "--split", "train", "--frames", 12, "--json"]
    report = json.loads(evaluate(capsys, *arguments, "--seed", 3).out)
    assert report["data"]["sequences"] == 3 and report["data"]["frames"] == 18 and report["data"]["split"] == "train"
    score = RnnNade.load(tmp_path / "nade").score(load("jsb_chorales", folder=sets).train, n_frames=12, seed=3)
    expected = {"value": score, "standard_error": score.standard_error, "frames": 12, "low_ess": 0, "exact": True}
    assert report["log_likelihood"] == pytest.approx(expected, rel=1e-12)
    assert report["paper"] is None and len(report["baselines"]) == 4  # the paper's numbers are of the test split


def test_annealing_is_said(sets, tmp_path, capsys):
    RnnRbm(21, 3, k=2, r=(21, 109), streams="philox").save(tmp_path / "wide")
    settings = ["--folder", sets, "--chains", 3, "--temperatures", 4]
    words = evaluate(capsys, tmp_path / "wide", "jsb_chorales", *settings, "--frames", 5).out
    assert "annealed importance sampling with 3 chains of 4 temperatures per frame" in words
    assert "The 3 chains of a frame are worth 3.0 independent chains on average." in words  # hardly any weights yet
    assert "from 5 random frames" in words and words.count("+-") == 4 and "The simple models" not in words


def test_a_bracket_says_what_to_report(sets, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Scorer, "bracket", partialmethod(Scorer.bracket, most=200))  # more take a minute as written
    wide = RnnRbm(21, 3, k=2, r=(21, 109), streams="philox", seed=1)
    settings = ["jsb_chorales", "--folder", sets, "--chains", 5, "--bracket"]
    wide.save(tmp_path / "model")
    report = json.loads(evaluate(capsys, tmp_path / "model", *settings, "--json").out)
    found = wide.bracket(load("jsb_chorales", folder=sets).test, n_chains=5)
    assert report["bracket"] == found.to_json() and found.holds
    assert report["log_likelihood"]["value"] == found.upper and report["log_likelihood_reverse"]["value"] == found.lower
    assert report["how"]["temperatures"] == found.n_temperatures
    words = evaluate(capsys, tmp_path / "model", *settings).out
    assert f"Report the lower estimate, {min(found.lower, found.upper):.2f}." in words
    wide.params[0].set_value(100 * wide.params[0].get_value())
    wide.save(tmp_path / "model")
    assert "Report neither estimate" in evaluate(capsys, tmp_path / "model", *settings).out


def test_what_is_not_to_be_trusted_is_said(sets, tmp_path, capsys):
    wide = RnnRbm(21, 3, k=2, r=(21, 109), streams="philox")
    settings = ["jsb_chorales", "--folder", sets, "--chains", 3, "--temperatures", 4]
    wide.save(tmp_path / "model")
    words = evaluate(capsys, tmp_path / "model", *settings, "--reverse").out
    assert "in reverse" in words and "disagree" not in words
    assert ("lies between them" in words) != ("do not enclose" in words)  # all is chance in an untrained model
    assert "cannot be trusted" not in words
    wide.params[0].set_value(100 * wide.params[0].get_value())
    wide.save(tmp_path / "model")
    words = evaluate(capsys, tmp_path / "model", *settings).out
    assert "disagree so much" in words and "Use --reverse to bound" in words
    report = json.loads(evaluate(capsys, tmp_path / "model", *settings, "--reverse", "--json").out)
    up, down = (
        wide.score(load("jsb_chorales", folder=sets).test, n_chains=3, n_temperatures=4, reverse=r) for r in (0, 1)
    )
    steps = ["--reverse-steps", 30]
    longer = json.loads(evaluate(capsys, tmp_path / "model", *settings, "--reverse", *steps, "--json").out)
    assert longer["log_likelihood_reverse"]["value"] != report["log_likelihood_reverse"]["value"]
    for name, found in (("log_likelihood", up), ("log_likelihood_reverse", down)):
        assert report[name]["value"] == pytest.approx(found, rel=1e-12)
        assert report[name]["low_ess"] == found.n_low_ess
    assert up.n_low_ess


def test_a_bracket_that_leaves_out_a_mode_is_said(sets, tmp_path, capsys):
    two_modes = RnnRbm(21, 3, k=2, r=(21, 109), streams="philox")
    for p, value in zip(two_modes.params, (1.0, -10.5, -44.0), strict=False):  # all units on, or all of them off
        p.set_value(np.full(p.get_value().shape, value))
    two_modes.save(tmp_path / "two_modes")
    settings = ["jsb_chorales", "--folder", sets, "--chains", 3, "--temperatures", 9, "--reverse"]
    words = evaluate(capsys, tmp_path / "two_modes", *settings).out
    assert "The chains do not mix. The bracket cannot be trusted" in words and "lies between them" not in words
    assert "After 9 Gibbs steps, chains from" in words and "by 100 % of their initial difference." in words
    mixing = json.loads(evaluate(capsys, tmp_path / "two_modes", *settings, "--json").out)["mixing"]
    assert mixing["memory"] == pytest.approx(1, abs=0.01) and mixing["mixes"] is False
    assert (
        "Autocorrelation of a chain's frames, by the number of further Gibbs steps:" in words
        and "% after 100." in words
    )


def test_estimates_in_the_wrong_order_enclose_nothing():
    def said(up, down):
        found = [{"value": value, "frames": 10, "low_ess": 0} for value in (up, down)]
        return list(doubts(dict(zip(("log_likelihood", "log_likelihood_reverse"), found, strict=True))))

    assert "do not enclose the likelihood" in " ".join(said(-2.74, -2.28))
    assert "lies between them" in " ".join(said(-2.74, -2.8))


def test_midi_files_and_what_the_simple_models_learn_from(toy_rolls, model, tmp_path, capsys):
    for i, roll in enumerate(toy_rolls):
        midiwrite(tmp_path / "midi" / f"{i}.mid", roll[:9], (44, 56), 0.3)
    words = evaluate(capsys, model, tmp_path / "midi" / "0.mid").out
    assert "frames of 0.3 s" in words and "outside the model's range left out" in words
    assert "random" in words and "note 1-gram" not in words and "--training FILES" in words
    assert "in the paper" not in words and "quotations" not in words
    report = json.loads(evaluate(capsys, model, tmp_path / "midi", "--training", tmp_path / "midi", "--json").out)
    assert report["data"]["sequences"] == 5 and [b["name"] for b in report["baselines"]][1] == "note 1-gram"


def test_midi_files_of_a_set(toy_rolls, model, tmp_path, capsys):
    for split in ("train", "valid", "test"):
        midiwrite(tmp_path / "JSB Chorales" / split / "0.mid", toy_rolls[0][:9], (40, 52), 0.3)
    report = json.loads(evaluate(capsys, model, "jsb_chorales", "--kind", "midi", "--folder", tmp_path, "--json").out)
    assert report["data"]["kind"] == "midi" and report["data"]["step"] == "0.3 s" and report["paper"] is None
    assert len(report["baselines"]) == 4


def test_what_is_refused(sets, model, tmp_path, capsys):
    RnnRbm(**SMALL, r=(46, 60)).save(tmp_path / "high")
    RnnRbm(4, 3, visible="gaussian").save(tmp_path / "real")
    chorales = ["jsb_chorales", "--folder", sets]
    for arguments, message in [
        (
            [tmp_path / "high", *chorales],
            "jsb_chorales, test: expected notes 46 to 59, the model's range, found 4",
        ),
        ([tmp_path / "real", *chorales], "Gaussian"),
        ([model, "jsb_chorals"], "data sets are nottingham, jsb_chorales"),
        ([model, "jsb_chorales", tmp_path], "jsb_chorales: expected a data set without other names, found 2 names"),
        ([model, tmp_path, "--split", "valid"], "--split, --kind and --folder: expected a data set"),
        ([model, *chorales, "--training", tmp_path], "--training: expected MIDI files"),
        ([model, *chorales, "--frames", 10], "n_frames: expected 1 to 6"),
        ([model, "nottingham", "--folder", sets], "Nottingham.pickle"),
        ([tmp_path / "none", *chorales], "none: no such file"),
        ([model, *chorales, "--bracket", "--temperatures", 9], "--bracket: expected no --temperatures, which it"),
        ([model, *chorales, "--bracket", "--reverse-steps", 9], "--bracket: expected no --reverse-steps, which it"),
    ]:
        said = evaluate(capsys, *arguments, status=1).err
        assert message in said and said.startswith("rnnrbm: error: ") and said.count("\n") == 1, said


def test_errors_as_text():
    assert [error(x) for x in (float("nan"), 0.0, 0.0312, 1.0)] == ["", "+- 0.00", "+- 0.04", "+- 1.00"]


def test_an_accuracy_that_depends_on_the_start_is_said():
    found = {"n_steps": 1600, "agrees": False, "from_silence": 0.29, "from_previous": 0.585}
    assert list(lengths(found)) == [
        "It cannot be trusted: after 1600 Gibbs steps, chains from silence give 29.00 % and chains from the previous "
        "frame 58.50 %."
    ]
    assert not list(lengths({**found, "agrees": True, "n_steps": 0}))  # of a NADE
