"""Where the data of the tests lie, and the fixtures that every test file shares."""

import os
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")

# The shared data lie beside the checkout, or where RNNRBM_SHARED says; they are never part of the repository.
SHARED = Path(os.environ.get("RNNRBM_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def shared_file(*parts):
    """Path of a file of the shared data; skips the test where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(parts)} of the shared data, which is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def nottingham_zip():
    """The tutorial's MIDI files: Nottingham/{train,valid,test}/*.mid in one zip file."""
    return shared_file("data", "nottingham_midi.zip")


@pytest.fixture(scope="session")
def theano_reference():
    """Folder of what Theano 1.0.5 printed for the tutorial's program."""
    return shared_file("theano_reference", "README.md").parent
