"""The tutorial's whole program on one page: Theano's numbers, the library's numbers, and what it prints and writes."""

import os
import re
import runpy
import signal
import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytensor
import pytest

from rnnrbm_pt import midiread, midiwrite
from tutorial.build import TUTORIAL

PROGRAM = TUTORIAL / "rnnrbm.py"
SMALL = {"n_hidden": 8, "n_hidden_recurrent": 6, "lr": 0.05, "r": (21, 33)}
SMALLER = {
    "n_hidden=150, n_hidden_recurrent=100": "n_hidden=8, n_hidden_recurrent=6",
    "lr=0.001, r=(21, 109)": "lr=0.05, r=(21, 33)",
    "batch_size=100, num_epochs=200": "batch_size=20, num_epochs=NUM_EPOCHS",
}
"""What the tests put in the place of the defaults of the class `RnnRbm`."""

AT_THE_END = """
    import threadpoolctl

    threads = [library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
    assert threads and set(threads) == {1}, threads
"""


@contextmanager
def numpy_state_put_back():
    """The program seeds NumPy's global state, as the original does: put that back afterwards."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


@contextmanager
def loaded():
    """The names of the program, as a new process has them."""
    with numpy_state_put_back(), pytensor.config.change_flags(floatX="float64"):
        yield SimpleNamespace(**runpy.run_path(str(PROGRAM)))


@pytest.fixture(scope="module")
def recorded(theano_reference):
    with np.load(theano_reference / "synthetic_srs_float64.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def windows(recorded):
    """The windows of all updates of the recorded case."""
    rolls = [recorded[f"sequence_{i}"].astype(float) for i in range(5)]
    return 20 * [roll[start : start + 20] for roll in rolls for start in range(0, len(roll), 20)]


def trained(model, windows):
    """Monitors, final parameters and two generated rolls of a model that learns from windows."""
    monitors = [float(model.train_function(window)) for window in windows]
    final = {p.name: p.get_value() for p in model.params}
    return SimpleNamespace(monitors=monitors, final=final, rolls=[model.generate_function() for _ in range(2)])


@pytest.fixture(scope="module")
def small(windows):
    """The program's model of the recorded case, and what it gave."""
    with loaded() as program:
        model = program.RnnRbm(**SMALL)
        return SimpleNamespace(model=model, found=trained(model, windows))


def test_the_numbers_are_theanos(small, recorded):
    found = small.found
    np.testing.assert_allclose(found.monitors, recorded["monitor"], rtol=0, atol=1e-12)  # 9e-15 seen
    for name, value in found.final.items():
        np.testing.assert_allclose(value, recorded[f"final_{name}"], rtol=0, atol=1e-12, err_msg=name)
    for i, roll in enumerate(found.rolls):
        np.testing.assert_array_equal(roll, recorded[f"generated_{i}"])


def test_the_numbers_are_the_librarys(small, windows, toy_model):
    found, library = small.found, trained(toy_model(), windows)
    np.testing.assert_allclose(found.monitors, library.monitors, rtol=1e-14)  # 4e-16 seen: the order of sums
    np.testing.assert_array_equal(found.rolls, library.rolls)


def test_a_unit_that_is_sure_and_wrong_leaves_the_monitor_finite(small):
    bv = small.model.params[1]
    bv.set_value(np.full(12, 1000.0))
    assert small.model.train_function(np.zeros((3, 12))) == pytest.approx(-12000, rel=1e-3)
    bv.set_value(np.full(12, -1000.0))
    assert -12001 < small.model.train_function(np.ones((3, 12))) < -12 * 700


@pytest.mark.slow
def test_the_first_updates_on_the_music_are_theanos(nottingham_zip, theano_reference, capsys):
    recorded = np.load(theano_reference / "nottingham_updates_float64.npz")["shared_randomstreams_epoch1"]
    monitors = []
    with loaded() as program:
        model = program.RnnRbm()
        function = model.train_function

        def some_updates(window):
            if len(monitors) == 100:
                raise KeyboardInterrupt
            monitors.append(float(function(window)))
            return monitors[-1]

        model.train_function = some_updates
        model.train(nottingham_zip / "Nottingham" / "train")
    assert capsys.readouterr().out == "Interrupted by user.\n"
    np.testing.assert_allclose(monitors, recorded[:100], rtol=0, atol=1e-12)  # as the library's


@pytest.fixture
def music(toy_rolls, tmp_path):
    """A folder of three small MIDI files."""
    for i, roll in enumerate(toy_rolls[:3]):
        midiwrite(tmp_path / "music" / f"{i}.mid", roll, (21, 33), 0.3)
    return tmp_path / "music"


def started(folder, num_epochs, *arguments):
    """The program as a process within a folder, with smaller defaults."""
    text = PROGRAM.read_text(encoding="utf-8")
    for default, smaller in SMALLER.items():
        assert text.count(default) == 1
        text = text.replace(default, smaller.replace("NUM_EPOCHS", str(num_epochs)))
    (folder / "rnnrbm.py").write_text(text + AT_THE_END, encoding="utf-8")
    paths = [str(TUTORIAL.parent), os.environ.get("PYTHONPATH")]
    environment = os.environ | {
        "MPLBACKEND": "Agg",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
    }
    command = [sys.executable, "rnnrbm.py", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment, **pipes)


def test_it_prints_and_writes_what_the_library_does(music, tmp_path, toy_model, capsys):
    with started(tmp_path, 3, music) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    library = toy_model()
    library.train(music, batch_size=20, num_epochs=3)
    lines, expected = (re.findall(r"^(Epoch \d/3) (-\d.*)$", text, re.M) for text in (out, capsys.readouterr().out))
    assert out.count("\n") == len(lines) == 3
    for (epoch, monitor), (same_epoch, same_monitor) in zip(lines, expected, strict=True):
        assert epoch == same_epoch and float(monitor) == pytest.approx(float(same_monitor), rel=1e-14)
    for name in ("sample1.mid", "sample2.mid"):
        library.generate(tmp_path / "library.mid", show=False)
        assert (tmp_path / name).read_bytes() == (tmp_path / "library.mid").read_bytes()


def test_ctrl_c_ends_training_and_the_pieces_are_written(music, tmp_path):
    with started(tmp_path, 10**5, music) as process:
        assert process.stdout.readline().startswith("Epoch 1/100000 -")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.endswith("Interrupted by user.\n")
    for name in ("sample1.mid", "sample2.mid"):
        assert midiread(tmp_path / name, (21, 33), 0.3).piano_roll.any()


@pytest.mark.parametrize("arguments", [[], ["one", "two"]])
def test_without_one_folder_it_says_how_to_use_it(arguments, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(PROGRAM), *arguments])
    with numpy_state_put_back(), pytest.raises(SystemExit, match="Usage: python rnnrbm.py FOLDER"):
        runpy.run_path(str(PROGRAM), run_name="__main__")


def test_generating_draws_where_it_is_asked_to(small, tmp_path):
    from matplotlib import pyplot

    small.model.params[1].set_value(np.zeros(12))
    small.model.generate(tmp_path / "silent.mid", show=False)
    assert pyplot.get_fignums() == []
    small.model.generate(tmp_path / "shown.mid")
    (axes,) = pyplot.gcf().axes
    assert axes.get_xlim() == (0, 60) and axes.get_ylim() == (21, 33)
    pyplot.close("all")
    assert (tmp_path / "silent.mid").exists() and (tmp_path / "shown.mid").exists()


def test_matplotlib_is_imported_where_it_draws():
    imports = re.findall(r"^( *)(?:from|import) (matplotlib|.*pylab)", PROGRAM.read_text(encoding="utf-8"), re.M)
    assert imports and all(indent and module == "matplotlib" for indent, module in imports)


def test_it_is_one_page():
    lines = PROGRAM.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 220 and max(map(len, lines)) <= 120
