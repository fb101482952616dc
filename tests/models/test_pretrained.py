"""Pretrained models: they load by name, equal the released files, write music at once, and come with the package."""

import fnmatch
import hashlib
import socket
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm, TiedRnnRbm
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.pretrained import FOLDER, PRETRAINED, find, names, verified_file
from rnnrbm_pt.music.statistics import outside, statistics

ROOT = Path(__file__).resolve().parents[2]
MODELS = pytest.mark.parametrize("model", PRETRAINED, ids=lambda model: model.name)


@pytest.fixture
def offline(monkeypatch):
    """No network connection can be made."""

    def refuse(*args):
        raise AssertionError("expected no connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@MODELS
def test_a_model_loads_by_its_name(model, offline, as_written):
    loaded = SequenceModel.pretrained(model.name)
    assert type(loaded).__name__ == model.class_name and loaded.floatX == "float32"
    assert loaded.log and loaded.progress is None
    assert loaded.state.data.pieces == 694  # so that `generate` can warn of pieces that are unlike them


@MODELS
def test_its_pieces_are_like_what_it_learned_from(model):
    loaded = SequenceModel.pretrained(model.name)
    pieces = [loaded.sample(200, seed=seed) for seed in (1, 2, 3)]
    found, data = statistics(pieces, loaded.r), loaded.state.data
    assert data.notes_per_frame / 2 < found.notes_per_frame < 2 * data.notes_per_frame
    assert found.held > 0.5
    if model.kind != "rnn-rbm":  # the tutorial's model often runs wild, as the README beside the files says
        assert [outside(statistics([piece], loaded.r), data) for piece in pieces] == [None] * 3


def test_the_name_of_a_set_means_the_first_model_of_the_class(as_written):
    assert names()[0] == "nottingham"
    assert type(RnnRbm.pretrained("nottingham")) is RnnRbm
    assert type(RnnNade.pretrained("nottingham", floatX="float64")) is RnnNade
    assert find("nottingham").name == "nottingham-rnn-nade"
    assert type(TiedRnnRbm.pretrained("nottingham")) is TiedRnnRbm
    assert find("nottingham", ["RnnRbm"]).name == "nottingham-gru-rbm"


@pytest.mark.parametrize(
    "cls, name, message",
    [
        (RnnRbm, "bach", r"model, nottingham-gru-rbm \(RnnRbm\), nottingham-rnn-rbm \(RnnRbm\); found 'bach'"),
        (RnnNade, "nottingham-rnn-rbm", r"nottingham-rnn-nade \(RnnNade\); found 'nottingham-rnn-rbm'"),
        (LstmRtrbm, "nottingham", "none of this class; found 'nottingham'"),
    ],
)
def test_another_name_is_refused(cls, name, message):
    with pytest.raises(ValueError, match=message):
        cls.pretrained(name)


def test_it_can_be_trained_further(toy_rolls, as_written):
    model = RnnRbm.pretrained("nottingham")
    rolls = [np.pad(roll, ((0, 0), (20, 31))) for roll in toy_rolls]
    before = model.get_params()["W"]
    model.fit(rolls, 50, 1)
    assert not np.array_equal(model.get_params()["W"], before)
    with pytest.raises(ValueError, match="expected a stopped run to continue, found none"):
        RnnRbm.pretrained("nottingham").resume(rolls)


@MODELS
def test_a_damaged_file_is_refused(model, tmp_path):
    path = tmp_path / f"{model.name}.npz"
    content = bytearray((FOLDER / path.name).read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="expected the pretrained model .* as released, found a damaged file"):
        verified_file(model, tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="no such file"):
        verified_file(model, tmp_path)


def test_the_files_are_small_and_the_page_beside_them_names_each():
    files = {path.name: path for path in FOLDER.iterdir() if path.suffix == ".npz"}
    assert sorted(files) == sorted(f"{model.name}.npz" for model in PRETRAINED)
    assert sum(path.stat().st_size for path in files.values()) < 1_300_000
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for model in PRETRAINED:
        assert hashlib.sha256(files[f"{model.name}.npz"].read_bytes()).hexdigest() == model.sha256
        assert model.name in page and model.sha256 in page


def test_an_installed_package_has_them():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = setup["options.package_data"]["rnnrbm_pt"].replace(" ", "").split(",")
    parts = [f"pretrained/{path.name}" for path in FOLDER.iterdir()]
    assert len(parts) == len(PRETRAINED) + 1
    assert all(any(fnmatch.fnmatch(part, pattern) for pattern in patterns) for part in parts)
