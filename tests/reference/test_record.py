"""Recording the original program. Tests that run Theano are skipped unless RNNRBM_THEANO names a Python that has it."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from oracles.theano_runs import TOLERANCE, N, configuration, recorded, repeated

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.reference import TheanoSettings, read_recording
from rnnrbm_pt.reference.record import main, read_rolls_of_arrays, record, synthetic_rolls
from rnnrbm_pt.reference.recording import NAMES
from rnnrbm_pt.reference.theano_process import INSTALL, PROGRAM, TheanoProcess

SMALL = {"n_hidden": 4, "n_hidden_recurrent": 3, "k": 3, "k_generate": 4, "n_steps": 30, "lr": 0.05, "r": (21, 33)}


JAX_TOO = 2, 3, 4, 5
"""Configurations whose gradients are compared on JAX too. The earlier ones have windows of one frame."""


@pytest.fixture(scope="session")
def theano():
    """Path of a Python that has Theano 1.0.5."""
    python = os.environ.get("RNNRBM_THEANO")
    if not python:
        pytest.skip("needs a Python that has Theano 1.0.5, named by RNNRBM_THEANO")
    return python


# Without Theano


def test_a_python_without_theano_is_told_how_to_install_it(tmp_path, capsys):
    says = re.escape(f"{sys.executable}: expected a Python that has Theano 1.0.5, found ")
    with pytest.raises(
        ImportError, match=says + r"none \(.*theano.*\)\. To install Theano, in an environment"
    ) as error:
        TheanoProcess(sys.executable)
    assert str(error.value).endswith(INSTALL)
    output = tmp_path / "r.npz"
    assert main(["--synthetic", "1", "--r", "21,33", "--theano", sys.executable, "-o", str(output)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("record: error: ") and INSTALL in said
    assert not output.exists()


def test_what_is_no_python():
    with pytest.raises(ImportError, match="no-such-python: expected a Python that has Theano 1.0.5, found none"):
        TheanoProcess("no-such-python")
    with pytest.raises(ImportError, match="expected a Python that has Theano 1.0.5, found none \\(.*exit status 1"):
        TheanoProcess("false")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "r.txt", "--synthetic", "1"], "-o r.txt: expected a file name that ends in .npz or .json"),
        (["-o", "r.npz"], "expected one of FILES, --rolls and --synthetic to train on"),
        (["-o", "r.npz", "a.mid", "--synthetic", "1"], "expected one of FILES, --rolls and --synthetic"),
        (["-o", "r.npz", "--synthetic", "1", "--k", "0"], "k: expected an integer of at least 1, found 0"),
        (["-o", "r.npz", "absent.mid"], "absent.mid"),
        (["-o", "r.npz", "--synthetic", "1", "--generate", "-1"], "--generate: expected an integer of at least 0"),
    ],
)
def test_errors_of_the_command(tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--theano", sys.executable]) == 1
    assert says in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_without_an_interpreter(monkeypatch, capsys):
    monkeypatch.delenv("RNNRBM_THEANO", raising=False)
    assert main(["--synthetic", "1", "-o", "r.npz"]) == 1
    assert "--theano: expected a Python that has Theano 1.0.5, found none" in capsys.readouterr().err


def test_rolls_of_arrays(tmp_path):
    rolls = synthetic_rolls(3, 12)
    np.savez(tmp_path / "rolls.npz", *rolls)
    for found, roll in zip(read_rolls_of_arrays(tmp_path / "rolls.npz"), rolls, strict=True):
        np.testing.assert_array_equal(found, roll)
    np.savez(tmp_path / "none.npz", np.zeros(3))
    with pytest.raises(ValueError, match="none.npz: expected rolls of shape"):
        read_rolls_of_arrays(tmp_path / "none.npz")


def test_synthetic_rolls_repeat_themselves():
    one, other = synthetic_rolls(4, 5, seed=3), synthetic_rolls(4, 5, seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert all(20 <= len(roll) <= 60 and 0.05 < roll.mean() < 0.6 for roll in one)


def test_the_program_imports_nothing_of_this_project():
    text = PROGRAM.read_text()
    assert not re.search(r"^\s*(?:from|import) +rnnrbm", text, re.MULTILINE)
    assert not (PROGRAM.parent / "__init__.py").exists()


def test_the_configurations_differ():
    found = [configuration(i)[0] for i in range(N)]
    assert len({str(one) for one in found}) == N
    pairs = {(one.streams, one.floatX) for one in found[:4]}
    assert len(pairs) == 4


# With Theano


@pytest.fixture(scope="session", params=["srs", "mrg"])
def program(request, theano):
    settings = {"n_visible": 12, "n_hidden": 8, "n_hidden_recurrent": 6, "k": 15, "lr": 0.05}
    with TheanoProcess(theano, streams=request.param, floatX="float64", **settings) as process:
        yield request.param, process


def test_theanos_program_draws_and_learns_as_recorded(program, theano_reference, tmp_path):
    streams, process = program
    assert process.versions["Theano"] == "1.0.5"
    with np.load(theano_reference / f"synthetic_{streams}_float64.npz") as archive:
        expected = dict(archive)
    monitors = []
    for i in range(5):
        for start in range(0, len(expected[f"sequence_{i}"]), 20):
            np.save(tmp_path / "window.npy", expected[f"sequence_{i}"][start : start + 20])
            process.ask("window", tmp_path / "window.npy")
            monitors.append(process.ask("run")["monitor"])
    # The order of sums may differ between this machine and the machine of the recording.
    np.testing.assert_allclose(monitors, expected["monitor"][: len(monitors)], rtol=1e-13)
    given = {name: expected[f"final_{name}"] for name in NAMES}
    np.savez(tmp_path / "in.npz", v=expected["grad_v"], v_sample=expected["grad_v_sample"], **given)
    process.ask("gradient", tmp_path / "in.npz", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as found:
        for name in ("cost", *NAMES):
            np.testing.assert_allclose(found[name], expected[f"grad_{name}"], rtol=0, atol=1e-13, err_msg=name)


def test_the_command_makes_the_recording_of_the_repository(theano, theano_reference, tmp_path):
    kept = read_recording(theano_reference / "recording.npz")
    np.savez(tmp_path / "rolls.npz", *kept.numbered("sequence"))
    used = kept.settings
    options = (
        f"--hidden 4 --recurrent 3 --k 3 --k-generate 4 --steps 30 --lr {used.lr} --r 21,33 --batch-size 20 --epochs 3"
    )
    outputs = ["--rolls", tmp_path / "rolls.npz", "-o", tmp_path / "r.json"]
    command = [sys.executable, "-m", "rnnrbm_pt.reference.record", *outputs, "--theano", theano, *options.split()]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Epoch ") == 3 and result.stdout.endswith("r.json.\n")
    found = read_recording(tmp_path / "r.json")
    assert found.settings == used and found.arrays.keys() == kept.arrays.keys()
    for name, array in kept.arrays.items():
        np.testing.assert_allclose(found.arrays[name], array, rtol=1e-13, atol=1e-14, err_msg=name)


def test_a_program_that_fails_is_quoted(program, tmp_path, theano):
    with TheanoProcess(
        theano, streams="srs", floatX="float64", n_visible=3, n_hidden=2, n_hidden_recurrent=2, k=1, lr=0
    ) as one:
        with pytest.raises(ChildProcessError, match="Theano's program stopped .exit status 1: .*absent.npy"):
            one.ask("window", tmp_path / "absent.npy")


@pytest.mark.parametrize("form", ["pickle of shared variables", "pickle of arrays", "npz"])
def test_a_file_of_theanos_parameters_goes_on_as_theano_goes_on(theano, theano_reference, tmp_path, form):
    """Both programs start from the parameters in the file, with new streams from the seed."""
    kept = read_recording(theano_reference / "recording.npz")
    rolls, settings = kept.numbered("sequence"), TheanoSettings(**SMALL, batch_size=20, num_epochs=2)
    path = tmp_path / ("params.npz" if form == "npz" else "params.pkl")
    np.savez(tmp_path / "given.npz", **kept.named("final"))
    names = "n_hidden", "n_hidden_recurrent", "k", "lr", "streams", "floatX"
    with TheanoProcess(theano, n_visible=12, **{name: getattr(settings, name) for name in names}) as process:
        process.ask("params", tmp_path / "given.npz")
        if form == "npz":
            process.ask("save", path)
        else:
            process.ask("pickle", path, 2, form == "pickle of shared variables")
    theirs = record(theano, rolls, settings, params=path, n_generated=2)
    assert theirs.params == str(path)
    np.testing.assert_array_equal(theirs.named("init")["W"], kept.named("final")["W"])
    model = RnnRbm.from_arrays(path, r=(21, 33), lr=0.05, k=3, k_generate=4, floatX="float64")
    model.fit(rolls, 20, 2, log_updates=True)
    monitors = np.concatenate([one["monitors"] for one in model.log])
    np.testing.assert_allclose(monitors, theirs.arrays["monitor"], rtol=1e-13)
    for name, value in theirs.named("final").items():
        np.testing.assert_allclose(model.get_params()[name], value, rtol=0, atol=1e-14, err_msg=name)
    for roll in theirs.numbered("generated"):
        np.testing.assert_array_equal(model.sample(30), roll)
    # Directly from the file, without training.
    untouched = record(theano, rolls, TheanoSettings(**SMALL, num_epochs=0), params=path, n_generated=1)
    fresh = RnnRbm.from_arrays(path, r=(21, 33), k=3, k_generate=4, floatX="float64")
    np.testing.assert_array_equal(fresh.sample(30), untouched.arrays["generated_0"])


@pytest.mark.slow
@pytest.mark.parametrize("i", range(N))
def test_random_configurations_equal_theanos(theano, i):
    """Monitors, parameters, gradients and generated rolls agree, on Numba and C. All drawn bits are equal."""
    one = recorded(theano, i)
    for backend in ("numba", "c", *(["jax"] if i in JAX_TOO else [])):
        found = repeated(one, backend)
        assert found.pop("bits", 0) == 0 and found.pop("parted", None) is None, (backend, found)
        assert max(found.values()) < TOLERANCE[one.settings.floatX], (backend, found)
