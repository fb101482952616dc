"""RnnRbm: comparison with Theano's recorded numbers, stopping and continuing."""

import json
import os
import signal
import subprocess
import sys

import mido
import numpy as np
import pytest

from rnnrbm_pt import RnnRbm, midiread
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.music.midi import midiwrite
from rnnrbm_pt.music.preprocessing import Preprocessing
from rnnrbm_pt.training.progress import StopTraining

MEAN_OF_EPOCH_1 = -15.03681487503209  # Theano 1.0.5, shared_randomstreams, float64


def monitors_of(model):
    """A list that receives the monitor of each update of a model."""
    monitors = []
    function = model.train_function
    model.trainer.functions.train_function = lambda window: monitors.append(float(function(window))) or monitors[-1]
    return monitors


def test_every_update_of_the_first_epoch_is_theanos(nottingham_zip, theano_reference, capsys):
    """`train` prints what the tutorial prints, and every update has Theano's monitor."""
    recorded = np.load(theano_reference / "nottingham_updates_float64.npz")["shared_randomstreams_epoch1"]
    model = RnnRbm()
    monitors = monitors_of(model)
    model.train(nottingham_zip / "Nottingham" / "train", num_epochs=1)
    assert len(monitors) == 1912
    np.testing.assert_allclose(monitors, recorded, rtol=0, atol=1e-12)  # measured 3e-13, from the order of sums
    assert model.log[-1]["monitor"] == pytest.approx(MEAN_OF_EPOCH_1, abs=1e-12)
    assert model.log[-1]["frames"] == 147737
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Epoch 1/1 -15.0368148750")
    assert float(line.split()[-1]) == pytest.approx(MEAN_OF_EPOCH_1, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("n_updates", [300, 1912])
def test_updates_of_the_c_backend_are_theanos(n_updates, nottingham_rolls, theano_reference):
    recorded = np.load(theano_reference / "nottingham_updates_float64.npz")["shared_randomstreams_epoch1"]
    model = RnnRbm(backend="c")
    monitors = monitors_of(model)

    def stop_after(*_):
        if len(monitors) == n_updates:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(nottingham_rolls, num_epochs=1, on_update=stop_after)
    np.testing.assert_allclose(monitors, recorded[:n_updates], rtol=0, atol=1e-12)


@pytest.mark.slow
def test_eight_epochs_are_theanos(nottingham_rolls, theano_reference):
    recorded = json.loads((theano_reference / "nottingham_epochs.json").read_text())
    means = recorded["theano_1.0.5_shared_randomstreams_float64"]
    updates = np.load(theano_reference / "nottingham_updates_float64.npz")["shared_randomstreams_epoch8"]
    model = RnnRbm()
    monitors = monitors_of(model)
    model.fit(nottingham_rolls, num_epochs=8)
    assert [record["monitor"] for record in model.log] == pytest.approx([means[str(e)] for e in range(1, 9)], abs=1e-9)
    np.testing.assert_allclose(monitors[-1912:], updates, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("backend", "floatX"),
    [("numba", "float64"), *(pytest.param(name, "float32", marks=pytest.mark.slow) for name in ("c", "numba"))],
)
def test_learns(toy_model, toy_rolls, backend, floatX):
    model = toy_model(backend=backend, floatX=floatX).fit(toy_rolls, batch_size=10, num_epochs=60)
    monitors = [record["monitor"] for record in model.log]
    f = np.concatenate(toy_rolls).mean(axis=0)
    independent_notes = (f * np.log(f) + (1 - f) * np.log(1 - f)).sum()  # -6.77
    assert monitors[0] < independent_notes < -5 < monitors[-1]  # -7.6 and -4.2 seen
    assert {p.dtype for p in model.params} == {floatX}


def test_numpys_global_state_is_left_alone(toy_model, toy_rolls):
    before = str(np.random.get_state())  # noqa: NPY002
    toy_model().fit(toy_rolls, num_epochs=1)
    assert str(np.random.get_state()) == before  # noqa: NPY002


def test_one_seed_gives_one_model(toy_model, toy_rolls):
    one, same, other = (toy_model(seed=seed).fit(toy_rolls, num_epochs=2) for seed in (1, 1, 2))
    assert [r["monitor"] for r in one.log] == [r["monitor"] for r in same.log] != [r["monitor"] for r in other.log]
    assert np.array_equal(one.sample(), same.sample())


def test_generate_writes_what_it_returns(toy_model, toy_rolls, tmp_path):
    import matplotlib.pyplot as plt

    model = toy_model(dt=0.25).fit(toy_rolls, num_epochs=20)
    roll = model.generate(tmp_path / "a.mid", show=False)
    assert roll.shape == (200, 12) and plt.get_fignums() == []
    read = midiread(tmp_path / "a.mid", (21, 33), 0.25).piano_roll
    assert np.array_equal(read, roll[: len(read)]) and not roll[len(read) :].any()
    model.generate(tmp_path / "b.mid")
    assert len(plt.get_fignums()) == 1
    plt.close("all")


def test_files_keep_the_callers_order(toy_model, toy_rolls, tmp_path):
    for name, roll in zip("cab", toy_rolls, strict=False):
        midiwrite(tmp_path / f"{name}.mid", roll, (21, 33), 0.3)
    model = toy_model()
    lengths = {name: len(midiread(tmp_path / f"{name}.mid", (21, 33), 0.3).piano_roll) for name in "abc"}
    listed = model.read([tmp_path / "c.mid", str(tmp_path / "a.mid")])
    assert [len(roll) for roll in listed] == [lengths["c"], lengths["a"]]
    assert [len(roll) for roll in model.read(tmp_path)] == [lengths[name] for name in "abc"]
    assert [len(roll) for roll in model.read(str(tmp_path / "[bc].mid"))] == [lengths[name] for name in "bc"]


def test_numbers_of_the_calls_are_checked(python_model, toy_rolls):
    model = python_model()
    for call in (
        lambda n: model.sample(n),
        lambda n: model.monitor(toy_rolls, n),
        lambda n: model.monitor(toy_rolls, n_sequences=n),
        lambda n: model.partial_fit(toy_rolls, n),
        lambda n: model.predict_next(toy_rolls[0], n_samples=n),
        lambda n: model.score(toy_rolls, n_frames=n),
        lambda n: model.log_likelihoods(toy_rolls, n_chains=n),
    ):
        for value in (0, 2.5, "3", True):
            with pytest.raises(ValueError, match="^[a-z_]+: expected (an integer|1 to).*, found"):
                call(value)
    for seed in (-1, 0.5, 2**32):
        for call in (model.sample, model.predict_next):
            with pytest.raises(ValueError, match="^seed: expected an integer from 0"):
                call(**{"n_steps": 3} if call == model.sample else {"roll": toy_rolls[0]}, seed=seed)


def test_ctrl_c_saves_and_a_new_process_continues_with_the_same_numbers(toy_model, toy_rolls, tmp_path):
    whole = toy_model().fit(toy_rolls, batch_size=20, num_epochs=5)

    stopped = toy_model()
    updates = 0

    def ctrl_c(frames, total_frames):
        nonlocal updates
        updates += 1
        if updates == 23:  # in the middle of the second epoch of 15 updates
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        stopped.fit(toy_rolls, batch_size=20, num_epochs=5, on_update=ctrl_c)
    assert len(stopped.log) == 1 and len(stopped.progress.monitors) == 23 - 15
    stopped.save(tmp_path / "stopped.npz")
    np.savez(tmp_path / "rolls.npz", *toy_rolls)

    program = """
import sys, numpy as np
from rnnrbm_pt import RnnRbm
folder = sys.argv[1]
with np.load(folder + "/rolls.npz") as archive:
    rolls = [archive[name] for name in archive.files]
RnnRbm.load(folder + "/stopped.npz").resume(rolls).save(folder + "/resumed.npz")
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    resumed = RnnRbm.load(tmp_path / "resumed.npz")
    assert [r["monitor"] for r in resumed.log] == [r["monitor"] for r in whole.log]
    for p, q in zip(whole.params, resumed.params, strict=True):
        assert np.array_equal(p.get_value(), q.get_value())
    assert np.array_equal(whole.sample(), resumed.sample())


def test_ctrl_c_in_train_is_said_and_the_model_is_usable(toy_model, toy_rolls, tmp_path, capsys):
    for i, roll in enumerate(toy_rolls):
        midiwrite(tmp_path / f"{i}.mid", roll, (21, 33), 0.3)
    model = toy_model()
    model.fit(toy_rolls, num_epochs=1)
    function, calls = model.train_function, []

    def update(window):
        calls.append(1)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGINT)
        return function(window)

    model.trainer.functions.train_function = update
    model.train(tmp_path, num_epochs=3)
    assert capsys.readouterr().out.splitlines()[-1] == "Interrupted by user."
    assert model.sample(10).shape == (10, 12)


def test_train_prints_an_epoch_and_then_calls_on_epoch(python_model, toy_rolls, tmp_path, capsys):
    midiwrite(tmp_path / "0.mid", toy_rolls[0], (21, 33), 0.3)
    model, heard = python_model(), []

    def on_epoch(record):
        heard.append((record["epoch"], record["monitor"], capsys.readouterr().out))
        if record["epoch"] == 2:
            raise StopTraining

    model.train(tmp_path, num_epochs=5, on_epoch=on_epoch)
    monitors = [record["monitor"] for record in model.log]
    assert heard == [(i, m, f"Epoch {i}/5 {m}\n") for i, m in enumerate(monitors, 1)] and len(heard) == 2


def test_a_model_written_on_one_backend_goes_on_on_the_other(toy_model, toy_rolls, tmp_path):
    model = toy_model().fit(toy_rolls, num_epochs=3)
    model.save(tmp_path / "m.npz")
    other = SequenceModel.load(tmp_path / "m.npz", backend="c")
    assert other.backend == "c"
    model.fit(toy_rolls, num_epochs=2)
    other.fit(toy_rolls, num_epochs=2)
    np.testing.assert_allclose([r["monitor"] for r in other.log], [r["monitor"] for r in model.log], atol=1e-12)
    assert np.array_equal(other.sample(), model.sample())


def test_midi_velocity_and_patch_of_generated_files(toy_model, tmp_path):
    model = toy_model()
    model.params[1].set_value(np.full(12, 3.0))  # with these biases nearly every note sounds
    model.generate(tmp_path / "a.mid", show=False, n_steps=5)
    notes = [
        m for track in mido.MidiFile(tmp_path / "a.mid").tracks for m in track if m.type == "note_on" and m.velocity
    ]
    assert notes and {note.velocity for note in notes} == {90}


def test_preprocessing_belongs_to_the_model(python_model, toy_rolls, tmp_path):
    preprocess = {"tonality": "parallel", "steps_per_quarter": 2, "tempo": 90}
    model = python_model(preprocess=preprocess)
    for i, roll in enumerate(toy_rolls[:2]):
        midiwrite(tmp_path / f"{i}.mid", roll, (21, 33), 0.25)
    prepared = model.prepare([tmp_path / "0.mid", tmp_path / "1.mid"])
    expected = Preprocessing(**preprocess).read([tmp_path / "0.mid", tmp_path / "1.mid"], (21, 33))
    for found, rolls in ((prepared.rolls, expected.rolls), (model.read(tmp_path), expected.rolls)):
        assert all(np.array_equal(a, b) for a, b in zip(found, rolls, strict=True))
    assert prepared.shifts == expected.shifts and model.step_seconds == pytest.approx(1 / 3)
    model.fit(prepared.rolls, 30, 1)
    model.save(tmp_path / "model")
    loaded = RnnRbm.load(tmp_path / "model", mode=AS_WRITTEN)
    assert loaded.preprocess == Preprocessing(**preprocess)
    roll = loaded.generate(tmp_path / "out.mid", show=False, n_steps=9, seed=3, shift=2)
    assert np.array_equal(roll, Preprocessing(**preprocess).undo(model.sample(9, seed=3), (21, 33), shift=2))
    written = midiread(tmp_path / "out.mid", (21, 33), 0.5, unit="quarter").piano_roll
    assert np.array_equal(written, roll[: len(written)]) and not roll[len(written) :].any()


def test_streams_of_jax(toy_model, jax_model):
    assert jax_model().settings["streams"] == "philox" and toy_model().settings["streams"] == "srs"
    for kind in ("srs", "mrg"):
        with pytest.raises(ValueError, match=f"streams: expected philox, .* backend jax, found '{kind}'"):
            toy_model(backend="jax", streams=kind)


def test_threads(toy_model, tmp_path):
    model = toy_model(threads=2)
    model.save(tmp_path / "m")
    assert "threads" not in model.settings and model.threads == 2
    assert RnnRbm.load(tmp_path / "m").threads == 1 and RnnRbm.load(tmp_path / "m", threads=2).threads == 2
    with pytest.raises(ValueError, match="threads: expected an integer of at least 1, found 0"):
        toy_model(threads=0)
