"""The locations of test data, and the fixtures that all tests share."""

import json
import os
import signal
from pathlib import Path

import matplotlib
import numpy as np
import pytensor
import pytest

matplotlib.use("Agg")
pytensor.config.on_opt_error = "raise"  # a failing rewrite is an error in tests, not a printed message

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # for background jobs of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["oracles.browser", "oracles.compiled", "oracles.server"]

# Theano's numbers for a small case are part of the repository. The music and its numbers from Theano are not. They are
# in a folder next to the checkout, or in the folder that RNNRBM_SHARED names.
COMMITTED = Path(__file__).with_name("data") / "theano"
SHARED = Path(os.environ.get("RNNRBM_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def shared_file(*parts):
    """The path of a file in the shared data. If the file is missing, the test is skipped."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(parts)} of the shared data, which is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def nottingham_zip():
    """The tutorial's MIDI files: a zip file with Nottingham/{train,valid,test}/*.mid."""
    return shared_file("data", "nottingham_midi.zip")


@pytest.fixture(scope="session")
def nottingham_npz():
    """The paper's Nottingham rolls: the packed bits and the lengths of each split."""
    return shared_file("data", "pianorolls", "nottingham.npz")


@pytest.fixture(scope="session")
def pianorolls():
    """The folder with the paper's four sets of rolls, NAME.npz."""
    return shared_file("data", "pianorolls", "README.md").parent


LONGEST = (
    "tutorial/test_chapters.py",
    "models/test_base.py",
    "graphs/test_rnnrbm.py",
    "compile/test_philox_chain.py",
    "models/test_generation.py",
    "models/test_every_backend.py",
    "models/test_chains_and_averages.py",
    "models/test_hf_updates.py",
    "models/test_trainer.py",
    "models/test_dropout_runs.py",
    "tutorial/test_program.py",
    "cli/test_main.py",
    "test_interrupts.py",
    "test_readme.py",
    "models/test_kill.py",
)
"""The slowest test files, slowest first."""


def pytest_collection_modifyitems(items):
    """Run the slowest files first, so that no worker is still busy with one of them at the end."""
    places = {Path(__file__).parent / name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


class TheanoReference:
    """The results of the tutorial's program under Theano 1.0.5: `theano_reference / name` is the path of a file.

    It looks in tests/data/theano first, and then in the shared data. If the file is missing, the test is skipped.
    """

    def __truediv__(self, name):
        committed = COMMITTED / name
        return committed if committed.exists() else shared_file("theano_reference", name)


@pytest.fixture(scope="session")
def theano_reference():
    """The files with the results of the tutorial's program under Theano 1.0.5."""
    return TheanoReference()


@pytest.fixture(scope="session")
def toy_rolls():
    """Five short sequences with 12 visible units: three voices that move up and down together, and a little noise."""
    rng = np.random.RandomState(0)
    rolls = []
    for i in range(5):
        t = np.arange(45 + 3 * i)
        roll = (rng.rand(len(t), 12) < 0.02).astype(np.uint8)
        for voice in (0, 4, 7):
            roll[t, (voice + np.abs(t + i) // 3 % 5) % 12] = 1
        rolls.append(roll)
    return rolls


@pytest.fixture
def toy_model():
    """A function that makes a small RnnRbm. Models of one backend share compiled code through PyTensor's cache."""
    from rnnrbm_pt import RnnRbm

    def make(**settings):
        return RnnRbm(**{"n_hidden": 8, "n_hidden_recurrent": 6, "lr": 0.05, "r": (21, 33), **settings})

    return make


@pytest.fixture
def python_model(toy_model):
    """A function that makes a small RnnRbm with Philox streams. Its graphs run as written, without compilation."""
    from rnnrbm_pt.models.compiling import AS_WRITTEN

    def make(**settings):
        return toy_model(**{"streams": "philox", "k": 2, "k_generate": 2, "mode": AS_WRITTEN, **settings})

    return make


@pytest.fixture
def model_of():
    """A function that makes a small model of a given class. Its graphs run as written, without compilation."""
    from rnnrbm_pt import RnnNade, Rtrbm
    from rnnrbm_pt.models.compiling import AS_WRITTEN

    def make(kind, **settings):
        if kind is not Rtrbm:
            settings["n_hidden_recurrent"] = 6
        if kind is not RnnNade:
            settings = {"k": 2, "k_generate": 2, **settings}
        return kind(8, **{"lr": 0.05, "r": (21, 33), "streams": "philox", "mode": AS_WRITTEN, **settings})

    return make


@pytest.fixture
def jax_model(toy_model):
    """A function that makes a small RnnRbm on JAX."""
    pytest.importorskip("jax")
    return lambda **settings: toy_model(**{"backend": "jax", "k": 2, "k_generate": 2, **settings})


@pytest.fixture
def as_written(monkeypatch):
    """All models, including those of commands, run their graphs as written, without compilation."""
    from rnnrbm_pt.models.compiling import AS_WRITTEN

    monkeypatch.setattr("rnnrbm_pt.models.compiling.backend_mode", lambda backend: AS_WRITTEN)


@pytest.fixture
def toy_chorales(toy_rolls, tmp_path):
    """A folder with a small file of chorales: 12 notes from 40 on, six frames each, and 3, 1 and 1 pieces per split."""
    notes = [[(40 + np.flatnonzero(frame)).tolist() for frame in roll[:6]] for roll in toy_rolls]
    splits = {"train": notes[:3], "valid": notes[3:4], "test": notes[4:]}
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "jsb_chorales.json").write_text(json.dumps(splits))
    return tmp_path / "sets"


@pytest.fixture(scope="session")
def nottingham_rolls(nottingham_zip):
    """The tutorial's 694 training sequences, sorted by name, with dt = 0.3."""
    from rnnrbm_pt.music.datasets import midi_files, read_rolls

    return read_rolls(midi_files(nottingham_zip / "Nottingham" / "train"), (21, 109), 0.3)


@pytest.fixture
def here(toy_rolls, tmp_path, monkeypatch, as_written):
    """The current folder, with the files midi/0.mid and so on. Commands compile nothing."""
    from rnnrbm_pt.music.midi import midiwrite

    for i, roll in enumerate(toy_rolls):
        midiwrite(tmp_path / "midi" / f"{i}.mid", roll, (21, 33), 0.3)
    monkeypatch.chdir(tmp_path)
    return tmp_path
