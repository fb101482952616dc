"""`rnnrbm train`: nothing that was learned is lost, and options that contradict a run are errors."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.io.atomic_write import claimed, fcntl
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.monitor import Monitor

SMALL = ["--hidden", "8", "--recurrent", "6", "--lr", "0.05", "--r", "21,33"]


def train(capsys, *options, status=0):
    """What the command says: its output, or its error."""
    assert main(["train", "midi", "-o", "m.npz", *SMALL, *options]) == status
    said = capsys.readouterr()
    return said.err if status else said.out


def test_a_trained_model_is_not_overwritten(here, capsys):
    train(capsys, "--epochs", "2")
    before = Path("m.npz").read_bytes(), Path("m.npz.jsonl").read_bytes()
    error = train(capsys, status=1)
    assert error == (
        "rnnrbm: error: m.npz: a model after 2 of 2 epochs exists; use --resume to continue the run or --overwrite to "
        "replace the file\n"
    )
    assert (Path("m.npz").read_bytes(), Path("m.npz.jsonl").read_bytes()) == before
    Path("m.npz").unlink()
    error = train(capsys, status=1)
    assert "m.npz.jsonl: a log of 2 lines exists; use --overwrite to replace it or --log to name another file" in error
    assert Path("m.npz.jsonl").read_bytes() == before[1]
    Path("m.npz").write_bytes(b"a letter")
    assert "m.npz: the file exists" in train(capsys, status=1) and Path("m.npz").read_bytes() == b"a letter"
    train(capsys, "--epochs", "1", "--overwrite")
    assert RnnRbm.load("m.npz").progress.epoch == 1 and len(Path("m.npz.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--patience", "3"], "patience: expected validation sequences"),
        (["--validate-by", "likelihood"], "validate_by: expected validation sequences"),
        (
            ["--optimizer", "adam", "--momentum", "0.5"],
            "adam: expected settings of this optimiser (beta1, beta2, epsilon)",
        ),
        (["--optimizer", "hf", "--n-sequences", "50"], "optimizer: hf expects a model whose cost is exact"),
        (["--damping", "2"], "sgd: expected settings of this optimiser (none), found damping"),
        (["--schedule", "lr"], "--schedule: expected WHAT=HOW"),
        (["--dynamic-visible-bias"], "--dynamic-visible-bias: expected --model rtrbm or lstm-rtrbm, found rnn-rbm"),
        (["--model", "rnn-nade", "--k", "3"], "--k: expected a model with a Gibbs chain, found rnn-nade"),
    ],
)
def test_wrong_options_leave_files_alone(here, capsys, options, message):
    Path("m.npz").write_bytes(b"model")
    Path("m.npz.jsonl").write_bytes(b"log")
    assert message in train(capsys, "--overwrite", *options, status=1)
    assert (Path("m.npz").read_bytes(), Path("m.npz.jsonl").read_bytes()) == (b"model", b"log")


def test_resumed_by_the_same_command(here, capsys):
    options = ["--epochs", "3", "--optimizer", "nesterov", "--momentum", "0.8", "--schedule", "lr=step:0.05,0.5,2"]
    options += ["--pretrain-frame-epochs", "1", "--transpose", "relative", "--seed", "3", "--batch-size", "50"]
    train(capsys, *options)
    said = train(capsys, *options, "--resume", "--epochs", "4")
    assert "Epoch 4/4" in said and len(Path("m.npz.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--hidden", "9"], "--hidden asks for 9, but the run has 8"),
        (["--model", "rtrbm"], "--model asks for rtrbm, but the run has RnnRbm"),
        (["--float32"], "--float32 asks for float32, but the run has float64"),
        (["--batch-size", "50"], "--batch-size asks for 50, but the run has 100"),
        (["--clip-norm", "1"], "--clip-norm asks for 1.0, but the run has None"),
        (["--optimizer", "adam"], "--optimizer asks for adam, but the run has sgd"),
        (["--schedule", "lr=0.1"], "--schedule lr asks for"),
        (["--pretrain-rnn-epochs", "2"], "--pretrain-... asks for"),
        (["--transpose", "relative"], "--transpose asks for relative, but the run has None"),
        (["--seed", "7"], "--seed asks for 7, but the run has 48879"),
        (["--recipe", "recommended"], "--optimizer asks for adam, but the run has sgd"),
        (["--window", "9"], "--window asks for 9, but the run has None"),
        (["--dynamic-visible-bias"], "--dynamic-visible-bias asks for True, but the run has None"),
    ],
)
def test_resume_with_options_that_contradict(here, capsys, option, message):
    RnnRbm(8, 6, 0.05, (21, 33)).fit([np.eye(12, dtype=np.uint8)], num_epochs=1, checkpoint="m.npz")
    before = Path("m.npz").read_bytes()
    error = train(capsys, "--resume", "--epochs", "5", *option, status=1)
    assert f"m.npz: --resume: {message}" in error and Path("m.npz").read_bytes() == before


def test_an_lstm_rtrbm_pretrains_its_rnn(here, capsys):
    options = ["--model", "lstm-rtrbm", "--dynamic-visible-bias", "--pretrain-rnn-epochs", "1", "--epochs", "1"]
    assert "Pretraining, rnn, epoch 1" in train(capsys, *options)
    assert SequenceModel.load("m.npz").settings["dynamic_visible_bias"] is True


def test_a_finished_run_is_extended_to_the_same_bits(here, capsys):
    validation = ["--validation", "midi/4.mid"]
    train(capsys, "--epochs", "4", *validation)
    whole = RnnRbm.load("m.npz")
    train(capsys, "--epochs", "2", "--overwrite", *validation)
    train(capsys, "--epochs", "4", "--resume", *validation)
    extended = RnnRbm.load("m.npz")
    ours, theirs = extended.state.arrays(), whole.state.arrays()
    assert ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert [r["validation"] for r in extended.log] == [r["validation"] for r in whole.log]
    assert "complete after 4 epochs" in train(capsys, "--epochs", "4", "--resume", status=1)


def test_an_interrupt_in_the_validation_leaves_the_epoch_open(here, capsys, monkeypatch):
    """As a second Ctrl+C does. The run that goes on is the run that was not stopped."""
    validation = ["--validation", "midi/4.mid"]
    train(capsys, "--epochs", "3", *validation)
    whole = RnnRbm.load("m.npz")
    of, calls = Monitor.of, []

    def interrupted(self, *arguments, **keywords):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return of(self, *arguments, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(Monitor, "of", interrupted)
        assert main(["train", "midi", "-o", "m.npz", *SMALL, "--epochs", "3", "--overwrite", *validation]) == 130
    assert capsys.readouterr().err.count("Interrupted by user.") == 1
    stopped = RnnRbm.load("m.npz")
    assert stopped.progress.epoch == len(stopped.log) == 1 and stopped.progress.monitors
    train(capsys, "--epochs", "3", "--resume", *validation)
    resumed = RnnRbm.load("m.npz")
    assert [r["epoch"] for r in resumed.log] == [1, 2, 3]
    assert [r["validation"] for r in resumed.log] == [r["validation"] for r in whole.log]
    ours, theirs = resumed.state.arrays(), whole.state.arrays()
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_under_the_log_is_named_and_the_epoch_is_saved(here, capsys):
    Path("full.jsonl").symlink_to("/dev/full")
    error = train(capsys, "--epochs", "3", "--log", "full.jsonl", status=1)
    assert error.endswith("No space left on device: 'full.jsonl'\n")
    model = RnnRbm.load("m.npz")
    assert model.progress.epoch == len(model.log) == 1


def test_a_closed_output_ends_training_after_the_epoch_is_saved(here):
    command = [sys.executable, "-m", "rnnrbm_pt", "train", "midi", "-o", "m.npz", *SMALL, "--epochs", "1000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        for line in process.stdout:
            if line.startswith("Epoch 2/"):
                break
        process.stdout.close()
        error = process.stderr.read()
    assert process.returncode == 1 and "rnnrbm: error: standard output was closed" in error and "Traceback" not in error
    model = RnnRbm.load("m.npz")
    lines = [json.loads(line) for line in Path("m.npz.jsonl").read_text().splitlines()]
    assert model.progress.epoch == len(model.log) == len(lines) >= 3


@pytest.mark.skipif(fcntl is None, reason="needs the locks of Unix")
def test_a_second_run_that_would_write_the_same_files_is_refused(here, capsys):
    train(capsys, "--epochs", "1")
    before = Path("m.npz").read_bytes(), Path("m.npz.jsonl").read_bytes()
    for name in ("m.npz", "m.npz.jsonl"):
        with claimed(name):
            for options in (["--overwrite"], ["--resume", "--epochs", "3"]):
                command = ["train", "midi", "-o", "m.npz", *(SMALL if "--overwrite" in options else []), *options]
                assert main(command) == 1
                assert f"{name}: another process is writing it" in capsys.readouterr().err
    assert (Path("m.npz").read_bytes(), Path("m.npz.jsonl").read_bytes()) == before


def test_a_log_has_the_settings_of_its_run_and_updates_if_asked_for(here, capsys):
    train(capsys, "--epochs", "1", "--log-updates", "--seed", "7")
    train(capsys, "--resume", "--epochs", "2")
    first, second = (json.loads(line) for line in Path("m.npz.jsonl").read_text().splitlines())
    assert first["run"]["seed"] == 7 and first["run"]["n_hidden"] == 8 and first["run"]["optimizer"] == "sgd"
    assert len(first["monitors"]) == first["updates"] and len(second["monitors"]) == second["updates"]
    assert "run" not in second and "run" not in RnnRbm.load("m.npz").log[0]
    train(capsys, "--overwrite", "--epochs", "1")
    (only,) = (json.loads(line) for line in Path("m.npz.jsonl").read_text().splitlines())
    assert "monitors" not in only
