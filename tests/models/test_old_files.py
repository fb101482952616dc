"""Files of format 2 from an earlier version: they load, and a stopped run continues with the same numbers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.io.checkpoint import read_checkpoint
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.training.progress import Progress
from rnnrbm_pt.training.settings import Learning

STOPPED = Path(__file__).resolve().parents[1] / "data" / "format2_stopped.npz"
"""Written by version 0.1, commit 87d11d9: an RnnRbm stopped in its second epoch, after five of eight updates."""


def rolls():
    """The training rolls of the run in the file (the first three) and its validation roll (the last)."""
    rng, rolls = np.random.RandomState(0), []
    for i in range(4):
        t = np.arange(30 + 3 * i)
        roll = (rng.rand(len(t), 12) < 0.02).astype(np.uint8)
        for voice in (0, 4, 7):
            roll[t, (voice + np.abs(t + i) // 3 % 5) % 12] = 1
        rolls.append(roll)
    return rolls


def test_everything_in_the_file_is_restored(tmp_path):
    arrays, metadata = read_checkpoint(STOPPED)
    model = RnnRbm.load(STOPPED, mode=AS_WRITTEN)
    found = model.state.arrays()
    added = found.keys() - arrays.keys()  # added later: hyper-parameters, which take the values of `learning`
    assert added == {"scalar_lr_rnn", "scalar_clip_norm", "scalar_weight_decay", "scalar_k"}
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    assert model.progress.updates == 5 and len(model.log) == 1 and model.settings["k"] == 2
    model.save(tmp_path / "again")
    again, written = read_checkpoint(tmp_path / "again")
    learning, progress = metadata.pop("learning"), metadata.pop("progress")
    assert Learning.from_json(written.pop("learning")) == Learning.from_json(learning) == model.learning
    assert Progress.from_json(written.pop("progress")) == Progress.from_json(progress) == model.progress
    assert written["settings"].pop("recurrence") == "tanh"  # a setting added later
    assert written == metadata
    assert [name for name in again if name not in added] == list(arrays)


def test_a_new_process_loads_it_by_the_base_class():
    program = f"from rnnrbm_pt.models.base import SequenceModel; print(SequenceModel.load({str(STOPPED)!r}).n_visible)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "12\n"), result.stderr


def test_the_run_in_the_file_goes_on():
    """It ends as the version that wrote it did, up to the last digits, which depend on the BLAS library."""
    model = RnnRbm.load(STOPPED, mode=AS_WRITTEN)
    *train, validation = rolls()
    model.resume(train, validation=[validation])
    assert model.progress.complete and model.progress.best_epoch == 2
    found = [(record["monitor"], record["validation"], record["error"]) for record in model.log]
    expected = [
        (-7.811996772644675, -7.160216078797092, 0.4567608173076923),
        (-7.057152373019779, -7.002274152699071, 0.42538060897435903),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    sums = {p.name: p.get_value().sum() for p in model.params}
    assert sums["W"] == pytest.approx(-16.56199740856157, rel=1e-10)
    assert sums["bu"] == pytest.approx(-0.1492328744245578, rel=1e-10)
