"""TensorBoard files of runs, read by TensorBoard's own reader."""

import builtins
from pathlib import Path

import pytest

from rnnrbm_pt.cli.main import main
from rnnrbm_pt.models.logged_pieces import N_STEPS
from rnnrbm_pt.models.tensorboard import TensorBoard, numbers_of
from rnnrbm_pt.music.midi import midiwrite
from rnnrbm_pt.music.plot import piano_roll_png
from rnnrbm_pt.training.schedules import Step

R = (21, 33)


def read(folder):
    """The contents of a folder: curves, {name: {step: value}}, and pictures by step."""
    needed = "backend.event_processing.event_accumulator"
    accumulator = pytest.importorskip(f"tensorboard.{needed}", reason="needs the extra tensorboard")
    found = accumulator.EventAccumulator(str(folder), {"scalars": 0, "images": 0})
    found.Reload()
    curves = {}
    for name in found.Tags()["scalars"]:
        events = found.Scalars(name)
        curves[name] = {event.step: event.value for event in events}
        assert len(curves[name]) == len(events), f"{name}: a step is there twice"
    pictures = [found.Images(name) for name in found.Tags()["images"]]
    return curves, {image.step: image for image in sum(pictures, [])}


def test_numbers_of_a_record():
    record = {"epoch": 3, "monitor": -2, "refused": True, "monitors": [1.0], "text": "a", "none": None}
    record["sample"] = {"seed": 3, "held": 0.5}
    assert numbers_of(record) == {"monitor": -2.0, "refused": 1.0, "sample/held": 0.5}


def test_curves_have_the_numbers_of_the_log(python_model, toy_rolls, tmp_path):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    model = python_model()
    model.fit(
        toy_rolls[:2], 20, 2, schedule={"lr": Step(0.05, 0.5, 1)}, on_epoch=TensorBoard(tmp_path / "a" / "b", model)
    )
    curves, pictures = read(tmp_path / "a" / "b")
    assert pictures == {} and {"monitor", "error", "gradient_norm", "norms/W", "lr"} <= curves.keys()
    for record in model.log:
        for name, value in numbers_of(record).items():
            assert curves[name][record["epoch"]] == pytest.approx(value, rel=1e-6), name  # curves are float32
    assert curves["lr"] == pytest.approx({1: 0.05, 2: 0.025})


def test_pieces_of_the_log_are_pictures(python_model, toy_rolls, tmp_path):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    model = python_model()
    model.fit(toy_rolls[:2], 20, 2, sample_every=2, on_epoch=TensorBoard(tmp_path, model))
    curves, pictures = read(tmp_path)
    assert curves["sample/notes_per_frame"].keys() == pictures.keys() == {2}
    png, width, height = piano_roll_png(model.sample(N_STEPS, seed=2), R, model.dt, crop=True)
    assert (pictures[2].encoded_image_string, pictures[2].width, pictures[2].height) == (png, width, height)


def test_no_step_is_there_twice(python_model, toy_rolls, tmp_path):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    model = python_model().fit(toy_rolls[:2], 20, 2)
    model.resume(toy_rolls[:2], 4, on_epoch=TensorBoard(tmp_path, model))
    assert read(tmp_path)[0]["monitor"].keys() == {1, 2, 3, 4}  # a new folder has the earlier epochs too
    model.resume(toy_rolls[:2], 6, on_epoch=TensorBoard(tmp_path))
    assert read(tmp_path)[0]["monitor"].keys() == {1, 2, 3, 4, 5, 6}
    show = TensorBoard(tmp_path)
    for _ in range(2):
        model.fit(toy_rolls[:2], 20, 3, on_epoch=show)
    curves, _ = read(tmp_path)
    assert curves["monitor"] == pytest.approx({record["epoch"]: record["monitor"] for record in model.log[-3:]})


def test_the_option_of_train(toy_rolls, tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    monkeypatch.chdir(tmp_path)
    midiwrite("midi/0.mid", toy_rolls[0], R, 0.3)
    words = [
        "train",
        "midi",
        "-o",
        "m.npz",
        "--hidden",
        "8",
        "--recurrent",
        "6",
        "--r",
        "21,33",
        "--tensorboard",
        "board",
    ]
    assert main([*words, "--sample-every", "1", "--epochs", "1"]) == 0
    assert main([*words, "--resume", "--epochs", "2"]) == 0
    curves, pictures = read("board")
    assert curves["monitor"].keys() == pictures.keys() == {1, 2}
    Path("file").touch()
    capsys.readouterr()
    assert main([*words, "--tensorboard", "file", "--overwrite"]) == 1
    assert "File exists: 'file'" in capsys.readouterr().err


def test_without_the_extra_its_name_is_told(tmp_path, monkeypatch):
    found = builtins.__import__

    def missing(name, *rest):
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"pip install 'rnnrbm-pt\[tensorboard\]'"):
        TensorBoard(tmp_path)
