"""Statistics of the pieces that a model writes: in `evaluate`, in a warning of `generate`, in the lines of `train`."""

import json

import numpy as np
import pytest

from rnnrbm_pt import RnnRbm, midiwrite
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.cli.piece_statistics import compare_pieces, piece_lines, warn_if_outside
from rnnrbm_pt.cli.progress import sampled
from rnnrbm_pt.models.logged_pieces import describe_data
from rnnrbm_pt.music.statistics import frames_of, statistics

pytestmark = pytest.mark.usefixtures("as_written")

R = (48, 60)


@pytest.fixture
def model(toy_rolls):
    """A model that knows its training data, and has learned so little from them that half of all notes sound."""
    made = RnnRbm(4, 3, r=R, streams="philox", k=2, k_generate=2)
    made.state.data = describe_data(made, toy_rolls)
    return made


def test_evaluate_describes_pieces_beside_the_data(model, toy_rolls, tmp_path, capsys):
    model.save(tmp_path / "m.npz")
    midiwrite(tmp_path / "a.mid", toy_rolls[0], R, 0.3)
    how = [str(tmp_path / "m.npz"), str(tmp_path / "a.mid"), "--samples", "2", "--chains", "2", "--temperatures", "2"]
    assert main(["evaluate", *how, "--pieces", "2", "--seed", "5"]) == 0
    words = capsys.readouterr().out
    assert "2 generated pieces of 200 frames (seeds 5 to 6), compared with the data:" in words
    rows = [line.split() for line in words.splitlines() if line.startswith("notes per frame")]
    data = statistics(toy_rolls, R)
    pieces = [model.sample(200, seed=seed) for seed in (5, 6)]
    of_pieces = statistics(pieces, R).notes_per_frame
    of_data = statistics(toy_rolls[:1], R).notes_per_frame
    assert rows[0][3:] == [f"{x:.2f}" for x in (of_pieces, of_data, data.notes_per_frame)]
    assert "Pieces denser than the data: 2 of 2 (seed 5, 6)." in words
    assert main(["evaluate", *how, "--pieces", "2", "--seed", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["pieces"]
    assert found["outside"] == ["above", "above"] and found["training_data"] == data.to_json()
    assert found["pieces"] == statistics(pieces, R, data=frames_of(toy_rolls[:1])).to_json()


def test_of_a_model_that_knows_no_data(model, toy_rolls):
    model.state.data = None
    found = compare_pieces(model, toy_rolls, 1, 7)
    assert "training_data" not in found
    assert next(piece_lines(found)) == "1 generated piece of 200 frames (seed 7), compared with the data:"


def test_generate_warns_of_a_runaway(model, tmp_path, capsys):
    model.save(tmp_path / "m.npz")
    how = ["generate", str(tmp_path / "m.npz"), "-o", str(tmp_path / "a.mid"), "--steps", "60", "--seed"]
    assert main([*how, "4"]) == 0
    warning = capsys.readouterr().err
    assert warning.startswith("rnnrbm: warning: the piece of --seed 4 is denser than the training data: ")
    assert "notes per frame over 50 frames; the data range from" in warning
    model.state.data = None
    model.save(tmp_path / "m.npz")
    assert main([*how, "4"]) == 0
    assert capsys.readouterr().err == ""


def test_no_warning_within_the_range_and_one_of_silence(model, toy_rolls, capsys):
    warn_if_outside(model, toy_rolls[1], "it")
    warn_if_outside(model, toy_rolls[1][:0], "it")
    assert capsys.readouterr().err == ""
    warn_if_outside(model, np.zeros((9, 12), np.uint8), "it")
    assert "it is thinner than the training data: 0.0 notes per frame over 9 frames" in capsys.readouterr().err


def test_a_line_of_training_has_the_sample():
    thin = {"notes_per_frame": 4.04, "dissonance": None, "outside": None}
    assert sampled(thin) == "sample 4.0 notes per frame  "
    dense = {"notes_per_frame": 9, "dissonance": 0.306, "outside": "above"}
    assert sampled(dense) == "sample 9.0 notes per frame, 31 % dissonant (denser than the data)  "


def test_train_draws_samples_for_its_log(toy_rolls, tmp_path, capsys):
    midiwrite(tmp_path / "a.mid", toy_rolls[0], R, 0.3)
    options = ["--epochs", "2", "--sample-every", "2", "--k", "2", "--hidden", "4", "--recurrent", "3"]
    assert main(["train", str(tmp_path / "a.mid"), "-o", str(tmp_path / "m.npz"), *options]) == 0
    log = [json.loads(line) for line in (tmp_path / "m.npz.jsonl").read_text().splitlines()]
    assert ["sample" in record for record in log] == [False, True]
    assert log[1]["sample"]["seed"] == 2 and 0 <= log[1]["sample"]["known"] <= 1
    assert "notes per frame" in capsys.readouterr().out
