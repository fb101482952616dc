"""The command, run as a user runs it: what it writes, what it prints, how it fails."""

import json
import os
import signal
import subprocess
import sys
import time
import wave

import numpy as np
import pytest

from rnnrbm_pt import RnnNade, RnnRbm, __version__, midiread, midiwrite
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.music.datasets import chorales


@pytest.fixture
def midi_folder(toy_rolls, tmp_path):
    folder = tmp_path / "midi"
    for i, roll in enumerate(toy_rolls):
        midiwrite(folder / f"{i}.mid", roll, (21, 33), 0.3)
    return folder


SMALL = ["--hidden", "8", "--recurrent", "6", "--lr", "0.05", "--r", "21,33"]


def train(folder, output, *more):
    return main(["train", str(folder), "-o", str(output), "--epochs", "2", "--overwrite", *SMALL, *more])


def test_help_imports_nothing_heavy():
    program = "import sys; from rnnrbm_pt.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    program += "assert not {'numpy', 'pytensor', 'numba', 'matplotlib', 'urllib.request', 'tqdm'} & set(sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for name in ("demo", "train", "generate", "info"):
        assert name in result.stdout


def test_python_dash_m_and_version():
    result = subprocess.run(
        [sys.executable, "-m", "rnnrbm_pt", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == f"rnnrbm {__version__}"


def test_train_then_generate(midi_folder, tmp_path, capsys):
    model = tmp_path / "out" / "model"
    assert train(midi_folder, model) == 0
    out = capsys.readouterr().out
    assert "Training set: 5 sequences" in out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("Epoch")] == ["1/2", "2/2"]
    records = [json.loads(line) for line in (tmp_path / "out" / "model.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in records] == [1, 2]
    assert [record["monitor"] for record in records] == [record["monitor"] for record in RnnRbm.load(model).log]

    generate = ["generate", str(model), "-o", str(tmp_path / "a.mid"), "--steps", "30", "--seed", "1"]
    pictures = ["--plot", str(tmp_path / "a.png"), "--wav", str(tmp_path / "a.wav")]
    assert main([*generate, *pictures, "-n", "2", "--patch", "19"]) == 0
    assert "30 frames" in capsys.readouterr().out
    written = [f"a-{i}.{suffix}" for i in (1, 2) for suffix in ("mid", "png", "wav")]
    assert sorted(path.name for path in tmp_path.glob("a*")) == written
    with wave.open(str(tmp_path / "a-1.wav")) as file:
        assert round(file.getnframes() / file.getframerate(), 1) in (9.0, 9.1)  # 30 frames of 0.3 s, and a release
    assert main(generate) == 0
    assert (tmp_path / "a.mid").exists()
    one, first = (midiread(tmp_path / name, (21, 33), 0.3).piano_roll for name in ("a.mid", "a-1.mid"))
    assert np.array_equal(one, first)


def test_several_sequences_on_jax(midi_folder, tmp_path, capsys):
    pytest.importorskip("jax")
    model = tmp_path / "model"
    assert train(midi_folder, model, "--backend", "jax", "--n-sequences", "2", "--threads", "2") == 0
    loaded = RnnRbm.load(model)
    assert loaded.progress.run.n_sequences == 2 and loaded.settings["streams"] == "philox" and len(loaded.log) == 2
    assert main(["generate", str(model), "-o", str(tmp_path / "a.mid"), "--steps", "5", "--backend", "jax"]) == 0
    capsys.readouterr()
    assert train(midi_folder, model, "--backend", "jax", "--streams", "mrg") == 1
    assert "the only kind for the backend jax" in capsys.readouterr().err


def test_primer_and_what_it_leaves_out(midi_folder, tmp_path, capsys):
    assert train(midi_folder, tmp_path / "model") == 0
    roll = np.zeros((4, 88), np.uint8)
    roll[:, [2, 60]] = 1
    midiwrite(tmp_path / "primer.mid", roll, (21, 109), 0.3)
    generate = ["generate", str(tmp_path / "model"), "-o", str(tmp_path / "a.mid"), "--primer"]
    assert main([*generate, str(tmp_path / "primer.mid")]) == 0
    assert "primer.mid: 1 note outside 21 to 32 was left out." in capsys.readouterr().out
    assert train(tmp_path / "primer.mid", tmp_path / "model") == 0
    assert "1 note outside 21 to 32 was left out (1 of 1 files)." in capsys.readouterr().out


def test_resume_gives_the_numbers_of_an_unbroken_run(midi_folder, tmp_path, capsys):
    assert train(midi_folder, tmp_path / "whole", "--epochs", "40") == 0
    command = [sys.executable, "-m", "rnnrbm_pt", "train", str(midi_folder), "-o", str(tmp_path / "stopped"), *SMALL]
    with subprocess.Popen([*command, "--epochs", "40"], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("Epoch 2/"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130 and "Use --resume to continue it." in rest
    assert main(["train", str(midi_folder), "-o", str(tmp_path / "stopped"), "--resume"]) == 0
    whole, resumed = (
        [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        for name in ("whole", "stopped")
    )
    assert [r["epoch"] for r in resumed] == list(range(1, 41))
    assert [r["monitor"] for r in resumed] == [r["monitor"] for r in whole]
    assert main(["train", str(midi_folder), "-o", str(tmp_path / "stopped"), "--resume"]) == 1
    assert "the run is complete after 40 epochs; use a larger --epochs to extend it" in capsys.readouterr().err


def bad(path, content):
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.mid", None, "missing.mid"),
        ("empty.mid", b"", "empty.mid"),
        ("text.mid", b"not midi at all", "text.mid"),
        ("cut.mid", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\x20\0\x90\x40", "cut.mid"),
        ("smpte.mid", b"MThd\0\0\0\6\0\0\0\1\xe6\x28MTrk\0\0\0\4\0\xff\x2f\0", "expected 24, 25, 29, 30 SMPTE frames"),
        ("type2.mid", b"MThd\0\0\0\6\0\2\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0", "type"),
        ("silent.mid", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0", "notes"),
    ],
)
def test_bad_midi_gets_one_sentence(tmp_path, capsys, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert main(["train", str(path), "-o", str(tmp_path / "model"), *SMALL]) == 1
    error = capsys.readouterr().err
    assert error.startswith("rnnrbm: error: ") and message in error and name in error and error.count("\n") == 1
    assert not (tmp_path / "model").exists() and not (tmp_path / "model.jsonl").exists()


def test_bad_arguments_get_one_sentence(midi_folder, tmp_path, capsys):
    model = tmp_path / "model"
    RnnRbm(8, 6, r=(21, 33)).save(model)
    output = ["-o", str(tmp_path / "a.mid")]
    (tmp_path / "no_midi_here").mkdir()
    for arguments, message in [
        (["train", str(tmp_path / "no_midi_here"), "-o", str(tmp_path / "m")], "no_midi_here"),
        (["train", str(midi_folder), "-o", str(tmp_path)], "found a folder"),
        (["train", str(midi_folder), "-o", str(tmp_path / "m"), "--dt", "0"], "dt"),
        (["train", str(midi_folder), "-o", str(tmp_path / "none"), "--resume"], "none: no such file"),
        (["generate", str(tmp_path / "none"), *output], "none: no such file"),
        (["generate", str(midi_folder / "0.mid"), *output], "expected a model"),
        (["generate", str(model), *output, "-n", "0"], "-n"),
        (["generate", str(model), *output, "--primer", str(model)], "model"),
        (["generate", str(model), *output, "--plot", str(tmp_path / "a.doc")], "a.doc"),
        (["generate", str(model), *output, "--patch", "128"], "patch"),
        (["demo", "-o", str(model)], "found a file"),
    ]:
        assert main(arguments) == 1, arguments
        error = capsys.readouterr().err
        assert message in error and error.startswith("rnnrbm: error: ") and error.count("\n") == 1, error
    assert not (tmp_path / "a.mid").exists() and not (tmp_path / "m").exists()


def test_usage_errors_exit_with_2(capsys):
    for arguments, message in (
        ([], "required: COMMAND"),
        (["train"], "required: FILES"),
        (["generate", "m"], "required: -o"),
        (["dance"], "invalid choice: 'dance'"),
        (["train", "a", "-o", "b", "--r", "x"], "argument --r: expected LOW,HIGH, found 'x'"),
        (["train", "a", "-o", "b", "--epochs", "-1"], "--epochs: expected an integer of at least 0, found -1"),
        (["train", "a", "-o", "b", "--k", "1.5"], "--k: expected an integer of at least 1, found '1.5'"),
        (["train", "a", "-o", "b", "--beta1", "1"], "--beta1: expected a finite number of at least 0 and below 1"),
        (["train", "a", "-o", "b", "--lr", "nan"], "--lr: expected a finite number of at least 0, found nan"),
        (["train", "a", "-o", "b", "--seed", "-1"], "--seed: expected an integer from 0 to 4294967295, found -1"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        error = capsys.readouterr().err
        assert stop.value.code == 2 and "usage: rnnrbm" in error and message in error, error


def test_info(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for word in (__version__, "pytensor", "numba", "Backends:", "c  ", "jax  ", "  nottingham-rnn-nade  ", "cached in"):
        assert word in out


def test_info_of_a_model(toy_rolls, python_model, tmp_path, capsys):
    path = tmp_path / "model.npz"
    model = python_model(
        preprocess={"tonality": "parallel", "steps_per_quarter": 2, "drums": False, "keep_short": True}
    )
    model.save(path)
    assert main(["info", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith(
        f"{path}: RnnRbm, float64, {path.stat().st_size:,} bytes frames notes 21 to 32, beat-aligned"
    )
    for words in (
        "drums left out",
        "short notes kept",
        "(parallel; keys from auto)",
        "streams philox",
        "W 12 x 8, bv 12",
    ):
        assert words in said
    assert "350 numbers run none" in said
    schedule = {"lr": {"schedule": "Cosine", "start": 0.05, "end": 0, "over": 2}}
    model.fit(toy_rolls, 20, 2, optimizer="adam", schedule=schedule, validation=toy_rolls[:1])
    model.save(path)
    assert main(["info", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "optimizer adam, lr by Cosine (start 0.05, end 0, over 2, by epoch)" in said
    assert f"2 of 2 epochs (complete), {model.progress.updates} updates of 1 window of 20 frames, 5 sequences" in said
    assert f"{model.log[1]['monitor']:.4f} in epoch 2" in said
    assert f"best monitor {model.progress.best:.4f} in epoch {model.progress.best_epoch}; the parameters" in said


def test_info_of_what_is_no_model(tmp_path, capsys):
    path = tmp_path / "model.npz"
    path.write_bytes(b"no model")
    assert main(["info", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"rnnrbm: error: {path}: expected a model that this project saved")


def test_demo(tmp_path, capsys, monkeypatch, as_written):
    pytest.importorskip("music21")
    monkeypatch.setenv("RNNRBM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("rnnrbm_pt.cli.demo.N_STEPS", 60)
    found = chorales()
    monkeypatch.setattr("rnnrbm_pt.music.datasets.chorales", lambda progress: found._replace(train=found.train[:6]))
    start = time.time()
    assert main(["demo", "-o", str(tmp_path / "demo"), "--epochs", "1"]) == 0
    names = {"model.npz", "curve.png", "sample1.mid", "sample1.png", "sample2.mid", "sample2.png", "report.html"}
    first = {"pretrained.html", "pretrained.mid"}
    assert {path.name for path in (tmp_path / "demo").iterdir()} == names | first
    assert all(path.stat().st_mtime >= start - 1 and path.stat().st_size for path in (tmp_path / "demo").iterdir())
    lines = capsys.readouterr().out.splitlines()
    assert any("a folk tune" in line and all(name in line for name in first) for line in lines)
    assert lines[-8] == "Wrote:" and all(any(name in line for line in lines[-7:]) for name in names)


def test_ctrl_c_before_anything_is_trained_writes_nothing(midi_folder, tmp_path):
    program = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts the tests may have had it ignored
from rnnrbm_pt.cli import main as cli
from rnnrbm_pt.models import base as model
model.SequenceModel.read = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGINT)
sys.exit(cli.main(sys.argv[1:]))
"""
    command = [sys.executable, "-c", program, "train", str(midi_folder), "-o", str(tmp_path / "m"), *SMALL]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 130 and "Interrupted by user." in result.stderr
    assert not (tmp_path / "m").exists()


def test_where_compiled_code_cannot_be_kept_a_sentence_says_how_to_move_it(midi_folder, tmp_path):
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "rnnrbm_pt", "train", str(midi_folder), "-o", str(tmp_path / "m"), *SMALL]
    flags = {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path / 'file'}"}
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **flags})
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1 and not (tmp_path / "m").exists()
    assert line.startswith(f"rnnrbm: error: {tmp_path / 'file'}: cannot write compiled code there (")
    assert line.endswith("choose another folder with PYTENSOR_FLAGS=base_compiledir=FOLDER in the environment")


def test_training_by_other_means_than_the_tutorials(midi_folder, tmp_path, capsys, as_written):
    options = (
        "--k 2 --learn-initial --optimizer nesterov --momentum 0.8 --lr-rnn 0.01 --clip-norm 5 --weight-decay 0.001"
    )
    options += " --schedule lr=cosine:0.05,0,4 --schedule momentum=0.5 --carry-state --n-sequences 2 --patience 3"
    options += " --validate-by likelihood --augment 1 --r 20,34"
    options += " --transpose parallel --steps-per-quarter 2 --checkpoint-every 3"
    options += " --pretrain-frame-epochs 1 --pretrain-rnn-epochs 1"
    validation = ["--validation", str(midi_folder / "4.mid")]
    assert train(midi_folder, tmp_path / "model", *options.split(), *validation) == 0
    out = capsys.readouterr().out
    assert "Training set: 5 sequences" in out and "With transposed copies: 10 sequences, 616 frames" in out
    assert "Validation set: 1 sequence" in out and "of 0.25 s." in out
    assert "Pretraining, frames, epoch 1" in out and "Pretraining, rnn, epoch 1" in out
    assert "validation -" in out and "The parameters are those of epoch" in out
    model = RnnRbm.load(tmp_path / "model")
    assert model.settings["k"] == 2 and model.settings["learn_initial"] and model.progress.run.carry_state
    assert model.preprocess.tonality == "parallel" and model.preprocess.steps_per_quarter == 2
    assert model.learning.to_json() == {
        "optimizer": "nesterov",
        "momentum": 0.8,
        "lr_rnn": 0.01,
        "clip_norm": 5.0,
        "weight_decay": 0.001,
        "schedule": {
            "lr": {"schedule": "Cosine", "start": 0.05, "end": 0, "over": 4, "by": "epoch"},
            "momentum": {"schedule": "Constant", "value": 0.5},
        },
    }
    generate = ["generate", str(tmp_path / "model"), "-o", str(tmp_path / "a.mid"), "--steps", "8"]
    assert main([*generate, "--primer", str(midi_folder / "0.mid")]) == 0
    assert main(["train", str(midi_folder), "-o", str(tmp_path / "model"), "--resume"]) == 1
    assert "the run is complete after 2 epochs; use a larger --epochs to extend it" in capsys.readouterr().err


def test_training_by_hessian_free_optimisation(midi_folder, tmp_path, as_written):
    options = "--model rnn-nade --r 20,34 --optimizer hf --n-sequences 50 --damping 2 --cg-iterations 5 --precondition"
    options += " --pretrain-rnn-epochs 1 --pretrain-rnn-optimizer hf --pretrain-rnn-n-sequences 50"
    options += " --pretrain-rnn-damping 3 --pretrain-rnn-cg-iterations 4"
    assert train(midi_folder, tmp_path / "model", *options.split()) == 0
    model = RnnNade.load(tmp_path / "model")
    assert model.learning.to_json() == {
        "optimizer": "hf",
        "damping": 2.0,
        "cg_iterations": 5,
        "precondition": True,
        "schedule": {},
    }
    assert model.progress.pretraining.rnn_damping == 3 and len(model.log) == 2
    assert model.log[1]["monitor"] > model.log[0]["monitor"] and model.log[0]["damping"] in (2 / 1.5, 2, 3)


def test_a_recipe_is_what_is_not_said_otherwise():
    from rnnrbm_pt.cli.main import make_parser
    from rnnrbm_pt.cli.training_options import settings_of_fit, settings_of_model
    from rnnrbm_pt.training.recipes import RECIPES

    def settings(*options):
        args = make_parser().parse_args(["train", "x.mid", "-o", "model", *options])
        return settings_of_model(args), settings_of_fit(args)

    preprocess = {"tonality": None, "key_from": "auto", "steps_per_quarter": None, "tempo_from": "tutorial"}
    preprocess |= {"drums": False, "pedal": False, "keep_short": False}
    assert settings() == ({"lr": 0.001, "preprocess": preprocess}, {"num_epochs": 200})
    recommended = RECIPES["recommended"](7)
    assert settings("--recipe", "recommended", "--epochs", "7") == (
        {**recommended.model, "preprocess": preprocess},
        recommended.fit,
    )
    assert settings("--recipe", "recommended")[1]["num_epochs"] == 24
    assert settings("--recipe", "recommended", "--epochs", "0")[1]["num_epochs"] == 0
    of_model, of_fit = settings("--recipe", "recommended", "--lr", "0.5", "--epochs", "3", "--optimizer", "sgd")
    assert of_model["lr"] == 0.5 and of_fit["num_epochs"] == 3 and of_fit["optimizer"] == "sgd"
    assert "lr" not in of_fit.get("schedule", {})
    with pytest.raises(ValueError, match="expected WHAT=HOW"):
        settings("--schedule", "cosine")
