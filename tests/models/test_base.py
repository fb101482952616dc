"""RnnRbm: the tutorial's class, held against Theano's digits, stopped and continued."""

import json
import os
import signal
import subprocess
import sys

import mido
import numpy as np
import pytest

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm, Rtrbm, midiread
from rnnrbm_pt.compile.modes import backend_mode, compile_function
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.music.midi import midiwrite

MEAN_OF_EPOCH_1 = -15.03681487503209  # Theano 1.0.5, shared_randomstreams, float64


def monitors_of(model):
    """A list that gets the monitor of each update that the model makes."""
    monitors = []
    function = model.train_function
    model.trainer.functions.train_function = lambda window: monitors.append(float(function(window))) or monitors[-1]
    return monitors


def test_every_update_of_the_first_epoch_is_theanos(nottingham_zip, theano_reference, capsys):
    """And `train` prints as the tutorial does."""
    recorded = np.load(theano_reference / "nottingham_updates_float64.npz")["shared_randomstreams_epoch1"]
    model = RnnRbm()
    monitors = monitors_of(model)
    model.train(nottingham_zip / "Nottingham" / "train", num_epochs=1)
    assert len(monitors) == 1912
    np.testing.assert_allclose(monitors, recorded, rtol=0, atol=1e-12)  # 3e-13 seen: the order of sums
    assert model.log[-1]["monitor"] == pytest.approx(MEAN_OF_EPOCH_1, abs=1e-12)
    assert model.log[-1]["frames"] == 147737
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Epoch 1/1 -15.0368148750")
    assert float(line.split()[-1]) == pytest.approx(MEAN_OF_EPOCH_1, abs=1e-12)


@pytest.mark.parametrize("n_updates", [300, pytest.param(1912, marks=pytest.mark.slow)])
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


@pytest.mark.parametrize("floatX", ["float64", "float32"])
def test_learns(toy_model, toy_rolls, floatX):
    model = toy_model(floatX=floatX).fit(toy_rolls, batch_size=10, num_epochs=60)
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


def test_seeded_sample_leaves_the_models_own_streams(toy_model, toy_rolls):
    model, twin = (toy_model().fit(toy_rolls, num_epochs=2) for _ in range(2))
    a, b, c = model.sample(50, seed=1), model.sample(50, seed=1), model.sample(50, seed=2)
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert np.array_equal(model.sample(), twin.sample())


def test_primer_sets_the_first_state(toy_model, toy_rolls):
    model = toy_model().fit(toy_rolls, batch_size=10, num_epochs=60)
    W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu = (p.get_value() for p in model.params)
    u = np.zeros_like(bu)
    for v in toy_rolls[0]:
        u = np.tanh(bu + v @ Wvu + u @ Wuu)
    np.testing.assert_allclose(model.sampler.states_after(toy_rolls[0]), [u], atol=1e-12)
    assert not np.array_equal(model.sample(20, seed=3), model.sample(20, seed=3, primer=toy_rolls[0]))
    assert np.array_equal(model.sample(20, seed=3), model.sample(20, seed=3, primer=toy_rolls[0][:0]))


def replayed(model, draw):
    """What `draw` gives by the model's streams, which are left as they were."""
    before = model.state.arrays()
    roll = draw()
    model.state.restore(before)
    return roll


@pytest.mark.parametrize("make", [RnnRbm, Rtrbm, LstmRtrbm, RnnNade])
def test_the_generator_always_starts_from_the_initial_state(as_written, toy_rolls, make):
    """Called directly, as the tutorial's class calls it: before `sample`, after it, and after training."""
    chain = {} if make is RnnNade else {"k": 1, "k_generate": 1}
    model = make(20, lr=0.5, r=(21, 33), streams="philox", learn_initial=True, **chain)
    rng = np.random.default_rng(0)
    for p in model.params:
        p.set_value(rng.normal(size=p.get_value().shape))
    first = replayed(model, model.generate_function)
    assert first.shape == (200, 12) and first.dtype == model.floatX
    assert np.array_equal(first, replayed(model, model.sample))
    assert not np.array_equal(first[:20], replayed(model, lambda: model.sample(20, primer=toy_rolls[0])))
    assert np.array_equal(first, replayed(model, model.generate_function))
    with pytest.raises(ValueError, match="seed"):
        model.sample(3, seed=-1, primer=toy_rolls[0])
    assert np.array_equal(first, replayed(model, model.generate_function))
    initial = next(p for p in model.params if p.name in ("u0", "bh0"))
    initial.set_value(initial.get_value() + 5)
    moved = replayed(model, model.generate_function)
    assert not np.array_equal(first, moved) and np.array_equal(moved, replayed(model, model.sample))


def test_the_update_takes_rolls_of_any_type(python_model, toy_rolls):
    window = toy_rolls[0][:9]
    expected = python_model(floatX="float32").train_function(window.astype("float32"))
    for roll in (window, window.astype(float), window.astype(int), window.astype(bool), window.tolist()):
        found = python_model(floatX="float32").train_function(roll)
        assert found == expected and found.dtype == np.float32
    model = python_model(floatX="float32")
    v, mask = window[:, None].tolist(), np.ones((9, 1), int)
    assert model.batch_function(v, mask) == pytest.approx(expected, rel=1e-5)


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


@pytest.mark.parametrize(
    ("rolls", "message"),
    [
        ([], "Training set is empty"),
        ([np.zeros((0, 12))], "Training set is empty"),
        ([np.zeros((3, 11))], "roll 0.*12"),
        ([np.zeros((3, 12)), np.full((3, 12), 2)], "roll 1.*0.*1"),
        ([np.full((3, 12), np.nan)], "roll 0"),
    ],
)
def test_what_cannot_be_trained_on(toy_model, rolls, message):
    model = toy_model()
    with pytest.raises(ValueError, match=message):
        model.fit(rolls)
    assert model.log == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": "fortran"}, "backend: expected one of numba, c, jax, found 'fortran'"),
        ({"floatX": "float16"}, "floatX: expected one of float64, float32, found 'float16'"),
        ({"streams": "dice"}, "streams"),
        ({"dt": 0}, "dt: expected a finite number above 0, found 0"),
        ({"dt": np.inf}, "dt: .* found inf"),
        ({"r": (5, 5)}, "r"),
        ({"r": (False, 12)}, "r: expected two integers"),
        ({"k": 0}, "k: expected an integer of at least 1, found 0"),
        ({"k": 2.5}, "k: expected an integer of at least 1, found 2.5"),
        ({"k_generate": True}, "k_generate: expected an integer of at least 1, found True"),
        ({"lr": np.nan}, "lr: expected a finite number of at least 0, found nan"),
        ({"lr": -1}, "lr: .* found -1"),
        ({"lr": "0.1"}, "lr: .* found '0.1'"),
        ({"n_hidden": 0}, "n_hidden: expected an integer of at least 1, found 0"),
        ({"n_hidden_recurrent": -3}, "n_hidden_recurrent: .* found -3"),
        ({"seed": 2**32}, "seed: expected an integer from 0 to 4294967295, found 4294967296"),
        ({"seed": 1.5}, "seed: .* found 1.5"),
        ({"threads": 1.5}, "threads: .* found 1.5"),
        ({"learn_initial": "no"}, "learn_initial: expected True or False, found 'no'"),
        ({"visible": "complex"}, "visible: expected one of binary, gaussian, found 'complex'"),
        ({"nonlinearity": "cube"}, "nonlinearity: expected one of tanh, sigmoid, relu, found 'cube'"),
        ({"preprocess": 3}, "preprocess: expected a Preprocessing or a dict, found 3"),
    ],
)
def test_settings_that_make_no_sense(toy_model, settings, message):
    with pytest.raises(ValueError, match=message):
        toy_model(**settings)


@pytest.mark.parametrize("make", [Rtrbm, LstmRtrbm, RnnNade])
def test_all_models_check_their_settings(make):
    for settings in ({"n_hidden": 0}, {"lr": np.inf}, {"seed": -1}, {"dt": "0.3"}, {"learn_initial": "no"}):
        with pytest.raises(ValueError, match=f"^{next(iter(settings))}: expected"):
            make(**settings)
    if make is not RnnNade:
        for settings in ({"k": 0}, {"visible": "grey"}, {"dynamic_visible_bias": 3}):
            with pytest.raises(ValueError, match=f"^{next(iter(settings))}: expected"):
                make(**settings)


def test_numpys_numbers_are_saved_as_pythons(python_model, toy_rolls, tmp_path):
    """They were accepted, and the first checkpoint failed, hours later perhaps."""
    numbers = {"n_hidden": np.int64(5), "k": np.uint8(2), "seed": np.int64(3), "threads": np.int16(1)}
    numbers |= {"lr": np.float32(0.125), "dt": np.float32(0.25), "learn_initial": np.True_, "r": (np.int64(21), 33)}
    model = python_model(**numbers)
    assert [type(model.settings[name]) for name in ("n_hidden", "lr", "dt", "learn_initial")] == [
        int,
        float,
        float,
        bool,
    ]
    run = {
        "batch_size": np.int64(20),
        "num_epochs": np.int8(1),
        "n_sequences": np.int64(2),
        "validate_every": np.int8(1),
    }
    rates = {"optimizer": "momentum", "momentum": np.float32(0.5), "lr_rnn": np.float32(0.25), "clip_norm": np.int64(1)}
    model.fit(toy_rolls[:1], **run, **rates, carry_state=np.False_, checkpoint=tmp_path / "m")
    loaded = RnnRbm.load(tmp_path / "m")
    assert loaded.settings == model.settings and loaded.learning == model.learning and loaded.progress == model.progress
    plain = python_model(**{name: getattr(x, "item", lambda x=x: x)() for name, x in numbers.items()})
    assert plain.settings == model.settings


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


def test_nothing_to_resume(toy_model, toy_rolls):
    model = toy_model()
    with pytest.raises(ValueError, match="no stopped run"):
        model.resume(toy_rolls)
    model.fit(toy_rolls, num_epochs=1)
    with pytest.raises(ValueError, match="the run is complete after 1 epochs; a larger num_epochs would extend it"):
        model.resume(toy_rolls)
    with pytest.raises(ValueError, match="num_epochs: expected an integer of at least 2, found 1"):
        model.resume(toy_rolls, 1)


def test_resume_on_other_sequences_is_refused(toy_model, toy_rolls):
    model = toy_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls, on_update=lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(ValueError, match="expected the 5 sequences"):
        model.resume(toy_rolls[1:])


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
    model.params[1].set_value(np.full(12, 3.0))  # biases that make nearly every note sound
    model.generate(tmp_path / "a.mid", show=False, n_steps=5)
    notes = [
        m for track in mido.MidiFile(tmp_path / "a.mid").tracks for m in track if m.type == "note_on" and m.velocity
    ]
    assert notes and {note.velocity for note in notes} == {90}


def test_the_error_of_each_epoch_is_kept(toy_model, toy_rolls):
    model = toy_model(seed=3)
    model.fit(toy_rolls, batch_size=10, num_epochs=30)
    errors = [record["error"] for record in model.log]
    density = np.concatenate(toy_rolls).mean()
    assert 0.25 < errors[0] < 0.5  # half of the bits of an untrained chain are set
    assert errors[-1] < 0.6 * errors[0] and errors[-1] < 2 * density
    # One update, from the same streams: the mean of (v - v_sample)^2, which for bits is how many differ.
    twin = toy_model(seed=3)
    graphs = twin.graphs
    chain = compile_function([graphs.v], graphs.v_sample, mode=backend_mode("numba"), floatX=twin.floatX)
    v = toy_rolls[0][:10].astype(twin.floatX)
    expected = ((v - chain(v)) ** 2).mean()
    twin.fit([toy_rolls[0][:10]], batch_size=10, num_epochs=1)
    assert twin.log[0]["error"] == pytest.approx(expected, abs=1e-12)
