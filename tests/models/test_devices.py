"""Several devices or processes that share the sequences of an update learn what one device learns.

An environment variable sets the number of JAX devices before JAX starts, so these tests use other processes.
"""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_pt.cli.main import main
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.music.midi import midiwrite

ATOL = 1e-12
"""Tolerance between runs that sum a gradient in different orders, with a rounding error of 1e-16 per update."""


def environment(n_devices):
    """Environment variables of a process with so many JAX devices."""
    return os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={n_devices}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def assert_equal_models(path, expected):
    """Check that two model files hold equal draws, and learned values that differ only in the last digits."""
    found, expected = (SequenceModel.load(file, mode=AS_WRITTEN).state for file in (path, expected))
    arrays = found.arrays()
    assert arrays.keys() == expected.arrays().keys()
    for name, array in expected.arrays().items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(arrays[name], array, rtol=0, atol=ATOL, err_msg=name)
        else:  # states of streams, and ends of the chains
            assert np.array_equal(arrays[name], array), name
    monitors = [[record["monitor"] for record in state.log] for state in (found, expected)]
    np.testing.assert_allclose(*monitors, rtol=0, atol=ATOL)


def on_four_devices(what, rolls, folder):
    """Return the results of a function of `four_devices.py`, which writes models into the folder."""
    pytest.importorskip("jax", reason="needs the extra jax")
    np.savez(folder / "rolls.npz", *[roll[: 11 + 4 * i] for i, roll in enumerate(rolls)])
    program = [sys.executable, Path(__file__).with_name("four_devices.py"), what, folder]
    run = subprocess.run(program, env=environment(4), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def four_devices(toy_rolls, tmp_path_factory):
    """Folder of models trained on one device and on several, and the results."""
    folder = tmp_path_factory.mktemp("devices")
    return folder, on_four_devices("runs", toy_rolls, folder)


def test_two_devices_and_then_four_learn_and_draw_what_one_does(four_devices):
    folder, found = four_devices
    assert found["devices"] == 4
    assert_equal_models(folder / "four.npz", folder / "one.npz")


@pytest.mark.slow
def test_every_model_learns_on_two_devices_what_it_does_on_one(toy_rolls, tmp_path):
    for name in on_four_devices("models", toy_rolls, tmp_path):
        assert_equal_models(tmp_path / f"{name} 2.npz", tmp_path / f"{name} 1.npz")


def test_each_device_computes_its_own_sequences_alone(four_devices):
    """Of 10 frames of 4 sequences, each device computes a quarter. They exchange three sums and the final states."""
    code = four_devices[1]["code"]
    rows = {int(n) for n in re.findall(r"= f64\[(\d+),(?:8|12)\]\S* dot\(", code)}
    assert 10 in rows and not rows & {20, 40}
    exchanged = re.findall(r" (all-[\w-]+|collective-\w+|reduce-scatter)\(", code)
    assert sorted(exchanged) == ["all-gather"] * 2 + ["all-reduce"] * 3


def test_settings_that_devices_cannot_share(four_devices):
    assert four_devices[1]["errors"] == [
        "devices: expected at most the 4 that JAX has, or 'all', found 5",
        "n_sequences: expected a multiple of the 4 devices, found 6",
        "n_sequences: expected a multiple of the 4 devices, found 6",
        "n_sequences: expected a multiple of the 3 devices, found 4",
        "devices: expected 1 for the optimizer hf, found 4",
        "n_sequences: expected a multiple of the 4 devices, found 6",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 2}, "devices: expected the backend jax with its default mode, found 'numba'"),
        ({"devices": "all", "backend": "c"}, "devices: expected the backend jax with its default mode, found 'c'"),
        ({"devices": 0}, "devices: expected an integer of at least 1, found 0"),
        ({"devices": "some"}, "devices: expected an integer of at least 1, found 'some'"),
    ],
)
def test_devices_are_those_of_jax(toy_model, settings, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        toy_model(**settings)


@pytest.mark.slow
def test_two_processes_learn_what_one_does_and_the_first_one_writes(toy_rolls, tmp_path, monkeypatch):
    pytest.importorskip("jax", reason="needs the extra jax")
    monkeypatch.chdir(tmp_path)
    for i, roll in enumerate(toy_rolls[:3]):
        midiwrite(tmp_path / "midi" / f"{i}.mid", roll[:20], (21, 33), 0.3)
    words = "train midi --hidden 8 --recurrent 6 --k 2 --lr 0.05 --r 21,33 --backend jax --n-sequences 2"
    words = [*words.split(), "--batch-size", "10", "--epochs", "2", "--validation", "midi/0.mid"]
    assert main([*words, "-o", "one.npz"]) == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words += ["-o", "two.npz", "--coordinator", f"127.0.0.1:{port}", "--processes", "2"]
    command = [sys.executable, "-m", "rnnrbm_pt", *words, "--process"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    second = subprocess.Popen([*command, "1"], env=environment(1), **pipes)
    try:
        first = subprocess.run([*command, "0"], env=environment(1), **pipes)
        assert first.returncode == 0, first.stderr
        said, errors = second.communicate()
    finally:
        second.kill()
    assert second.returncode == 0, errors
    assert "Epoch 2/2" in first.stdout
    assert [line for line in said.splitlines() if not line.startswith("[Gloo]")] == []  # a part of JAX
    assert_equal_models("two.npz", "one.npz")
    assert len(Path("two.npz.jsonl").read_text().splitlines()) == 2
