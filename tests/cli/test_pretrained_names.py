"""Pretrained models on the command line: a name stands for a model file, unless there is such a file."""

import numpy as np
import pytest

from rnnrbm_pt import RnnRbm, midiwrite
from rnnrbm_pt.cli.main import main

pytestmark = pytest.mark.usefixtures("as_written")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_that_takes_a_model_takes_a_name(here, capsys):
    roll = np.zeros((20, 88), np.uint8)
    roll[:, [36, 40, 43]] = 1
    midiwrite("chord.mid", roll, (21, 109), 0.25)
    for command in (
        ["generate", "nottingham", "-o", "tune.mid", "--steps", "20"],
        ["play", "nottingham-rnn-nade", "-o", "play.html", "--no-browser", "--steps", "20"],
        ["report", "nottingham-rnn-rbm", "-o", "report.html", "-n", "1", "--steps", "20"],
        ["generate", "nottingham-tied-rnn-rbm", "-o", "tied.mid", "--steps", "20"],
        ["evaluate", "nottingham-rnn-nade", "chord.mid", "--frames", "2", "--samples", "2"],
        ["export", "nottingham", "-o", "params.npz"],
    ):
        assert main(command) == 0, command
    for name in ("tune.mid", "tied.mid", "play.html", "report.html", "params.npz"):
        assert (here / name).stat().st_size
    assert capsys.readouterr().err == ""


def test_info_of_a_pretrained_model(here, capsys):
    assert main(["info", "nottingham-rnn-rbm"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("nottingham-rnn-rbm: RnnRbm, float32, ")
    assert "200 epochs; the file has no state from which to continue the run" in said and "in epoch 200" in said


def test_a_file_of_that_name_comes_first_but_a_folder_does_not(here, python_model, capsys):
    (here / "nottingham").mkdir()
    assert main(["info", "nottingham"]) == 0
    assert "RnnNade, float32" in capsys.readouterr().out
    python_model().save("nottingham-rnn-rbm")
    assert main(["info", "nottingham-rnn-rbm"]) == 0
    assert "RnnRbm, float64" in capsys.readouterr().out


def test_an_unknown_name_is_told_the_names_there_are(here, capsys):
    assert main(["generate", "notingham", "-o", "tune.mid"]) == 1
    error = capsys.readouterr().err
    names = "nottingham, nottingham-rnn-nade, nottingham-tied-rnn-rbm, nottingham-gru-rbm, nottingham-rnn-rbm"
    assert error == f"rnnrbm: error: notingham: no such file; pretrained models are {names}\n"
    assert main(["generate", "model.npz", "-o", "tune.mid"]) == 1
    assert capsys.readouterr().err == "rnnrbm: error: model.npz: no such file\n"


def test_training_does_not_resume_a_pretrained_model(here, toy_rolls, capsys):
    midiwrite("a.mid", toy_rolls[0], (21, 33), 0.3)
    assert main(["train", "a.mid", "-o", "nottingham", "--resume"]) == 1
    assert capsys.readouterr().err == "rnnrbm: error: nottingham: no such file\n"
    RnnRbm.pretrained("nottingham").save("mine")
    assert main(["train", "a.mid", "-o", "mine", "--resume"]) == 1
    assert "expected a run to continue" in capsys.readouterr().err
