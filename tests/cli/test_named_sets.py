"""The chorales of music21 as a data set of the commands."""

import numpy as np
import pytest

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.music.chorales import _split_of

pytestmark = pytest.mark.usefixtures("as_written")

SMALL = "--epochs", "1", "--hidden", "4", "--recurrent", "3", "--k", "2"


@pytest.fixture
def here(tmp_path, toy_rolls, monkeypatch):
    """The current folder, and a corpus of six chorales of 12 notes from 40."""
    corpus = {f"bwv{number}": np.pad(toy_rolls[number % 5][:6], ((0, 0), (40, 76))) for number in range(260, 266)}
    assert {_split_of(name) for name in corpus} == {"train", "valid", "test"}
    monkeypatch.setattr("rnnrbm_pt.music.chorales._corpus_folder", lambda: tmp_path)
    monkeypatch.setattr("rnnrbm_pt.music.chorales._cached_chorales", lambda folder, progress: corpus)
    monkeypatch.chdir(tmp_path)
    return corpus


def test_they_are_trained_validated_and_evaluated(here, capsys):
    assert main(["train", "bach_chorales", "-o", "m.npz", "--validation", "bach_chorales", *SMALL]) == 0
    n = sum(len(roll) for name, roll in here.items() if _split_of(name) == "train")
    assert f"{n} frames of a quarter note." in capsys.readouterr().out
    model = RnnRbm.load("m.npz")
    assert model.preprocess.steps_per_quarter == 1 and model.preprocess.tonality is None
    assert "validation" in model.log[0]
    assert main(["evaluate", "m.npz", "bach_chorales", "--frames", "2", "--chains", "2", "--temperatures", "2"]) == 0
    assert "bach_chorales" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, message",
    [
        (["--kind", "midi"], "bach_chorales is a part of music21 and has piano-rolls only"),
        (["--dt", "0.5"], "--dt 0.5: a frame of bach_chorales is a quarter note; leave the option out\n"),
        (["--transpose", "parallel"], "--transpose parallel: a frame of bach_chorales is a quarter note"),
    ],
)
def test_they_have_fixed_frames(here, capsys, options, message):
    assert main(["train", "bach_chorales", "-o", "m.npz", *options]) == 1
    assert message in capsys.readouterr().err


def test_a_missing_file_lists_them(here, capsys):
    assert main(["train", "bach_corales", "-o", "m.npz"]) == 1
    assert "data sets are nottingham, jsb_chorales, musedata, piano_midi, bach_chorales" in capsys.readouterr().err
