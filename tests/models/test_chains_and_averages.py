"""Persistent chains, parameter averages and sparse hidden units in runs: stopped, resumed, on all backends."""

import numpy as np
import pytest
from oracles.runs import interrupting, same

from rnnrbm_pt import RnnNade, RnnRbm, Rtrbm
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.models.particles import first_particles, put_ends, starts
from rnnrbm_pt.music.midi import midiwrite
from rnnrbm_pt.training.schedules import Growth
from rnnrbm_pt.training.settings import Run

ALL = {
    "batch_size": 20,
    "num_epochs": 3,
    "n_sequences": 2,
    "persistent": True,
    "optimizer": "adam",
    "weight_decay_rbm": 1e-3,
    "max_norm": 1.0,
    "average": 0.9,
    "sparsity": 0.1,
    "sparsity_cost": 0.01,
    "schedule": {"lr": 0.02, "k": Growth(1, 4, 2)},
}


def test_particles_are_packed_and_put_back():
    rolls = [np.eye(10, 12, dtype=np.uint8), np.ones((3, 12), np.uint8)]
    particles = first_particles(rolls, Run(persistent=True))
    assert particles.shape == (13, 2) and first_particles(rolls, Run()) is None
    rows = [np.array([2, 3, 4]), np.array([11, 12]), np.array([], int)]
    for found, expected in zip(starts(particles, rows, 12), (rolls[0][2:5], rolls[1][1:], rolls[0][:0]), strict=True):
        assert found.dtype == np.uint8 and np.array_equal(found, expected)
    ends = np.zeros((3, 3, 12))
    ends[:2, 1, 5] = 1
    put_ends(particles, rows, ends)
    found = np.unpackbits(particles, axis=1, count=12)
    assert found[2:5].sum() == 0 and np.array_equal(found[11:, 5], [1, 1]) and found[11:].sum() == 2
    assert np.array_equal(found[[0, 1, *range(5, 10)]], rolls[0][[0, 1, *range(5, 10)]])
    shared = first_particles(rolls, Run(persistent=True, n_particles=2))
    put_ends(shared, [np.array([0, 1, 0])], np.eye(3, 12)[:, None])
    assert np.array_equal(starts(shared, [np.array([0, 1])], 12)[0], np.eye(3, 12)[[2, 1]])


def test_a_chain_goes_on_where_it_ended(python_model, toy_rolls):
    """The first epoch equals CD-k. Later updates start from the ends of the chains."""
    plain, model, seen = python_model(lr=0.0), python_model(lr=0.0), []
    plain.fit(toy_rolls[:2], 20, 1)

    def look(*_):
        seen.append(model.state.particles.copy())

    model.fit(toy_rolls[:2], 20, 2, persistent=True, on_update=look)
    assert model.log[0]["monitor"] == pytest.approx(plain.log[0]["monitor"], abs=1e-12)
    n = sum(map(len, toy_rolls[:2]))
    assert seen[0].shape == (n, 2) and len(seen) == 12
    changed = [(one != other).any(axis=1) for one, other in zip(seen, seen[1:], strict=False)]
    assert all(0 < rows.sum() <= 20 for rows in changed)
    # By hand: chains from the particles, with the biases that the previous frames determine.
    order = [0, 1]
    twin = python_model(lr=0.0)
    twin.random_state.shuffle(order)
    twin.random_state.shuffle(order)
    numbers = np.split(np.arange(n), [len(toy_rolls[0])])
    before, after, row = seen[5], seen[6], numbers[order[0]][:20]
    window, k = toy_rolls[order[0]][:20].astype(float), 2
    for stream, value in zip(twin.streams.streams, stream_states_after(model, plain), strict=True):
        stream.set_value(value)
    start = np.unpackbits(before[row], axis=1, count=12).astype(float)
    _, ends = twin.trainer.functions.persistent_function(window[:, None], np.ones((20, 1)), start[:, None])
    assert np.array_equal(np.packbits(ends[:, 0] > 0, axis=1), after[row]) and k == twin.settings["k"]


def stream_states_after(model, plain):
    """States of the streams after the first epoch. With a rate of 0 they are those of plain CD-k."""
    return [stream.get_value() for stream in plain.streams.streams]


def test_a_run_that_goes_on_from_its_file_ends_with_the_same_bits(python_model, toy_rolls, tmp_path):
    run = ALL | {"validation": toy_rolls[3:]}
    for more in ({}, {"carry_state": True, "n_particles": 7}):
        whole = python_model().fit(toy_rolls[:3], **run | more)
        assert whole.state.particles.dtype == np.uint8 and any(
            name.startswith("average_") for name in whole.state.slots
        )
        for at in (2, 7):
            stopped = python_model()
            with pytest.raises(KeyboardInterrupt):
                stopped.fit(toy_rolls[:3], checkpoint=tmp_path / "m", on_update=interrupting(at), **run | more)
            loaded = RnnRbm.load(tmp_path / "m", mode=AS_WRITTEN)
            assert same(loaded, stopped)
            loaded.resume(toy_rolls[:3], validation=toy_rolls[3:])
            assert same(loaded, whole) and loaded.progress == whole.progress


def test_the_averages_are_validated_and_kept(python_model, toy_rolls, tmp_path):
    model, seen, last = python_model(), [], []
    score = model.score
    model.score = lambda rolls, **how: seen.append(model.get_params()) or score(rolls, **how)
    settings = {"optimizer": "adam", "average": 0.8, "validation": toy_rolls[3:], "validate_by": "likelihood"}

    def on_epoch(record):
        last.append((model.get_params(), model.state.averages()))

    model.fit(toy_rolls[:2], 20, 3, **settings, on_epoch=on_epoch)
    for validated, (params, averages) in zip(seen, last, strict=True):
        for name, value in validated.items():
            np.testing.assert_array_equal(value, averages[name])
            assert (value != params[name]).any()
    best = seen[model.progress.best_epoch - 1]
    assert all(np.array_equal(value, best[name]) for name, value in model.get_params().items())
    model.save(tmp_path / "m")
    loaded = RnnRbm.load(tmp_path / "m", mode=AS_WRITTEN)
    loaded.use_averages()
    assert all(np.array_equal(value, last[-1][1][name]) for name, value in loaded.get_params().items())
    longer = python_model().fit(toy_rolls[:2], 20, 4, **settings)
    loaded.resume(toy_rolls[:2], 4, validation=toy_rolls[3:])
    assert same(loaded, longer), "a run continues from the last parameters, not from the averages"


def test_an_interrupt_within_a_validation_leaves_the_parameters(python_model, toy_rolls):
    model, before = python_model(), []

    def interrupted(rolls, batch_size):
        before.append(model.get_params())
        raise KeyboardInterrupt

    model.monitor = interrupted
    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls[:1], 20, 1, average=0.5, validation=toy_rolls[3:])
    plain = python_model().fit(toy_rolls[:1], 20, 1)
    for name, value in model.get_params().items():
        np.testing.assert_array_equal(value, plain.get_params()[name])
    assert (before[0]["bv"] != model.get_params()["bv"]).any()


def test_averages_change_no_digit_of_what_is_learned(python_model, toy_rolls):
    one, other = python_model().fit(toy_rolls[:2], 20, 2), python_model().fit(toy_rolls[:2], 20, 2, average=0.9)
    for name, value in one.get_params().items():
        np.testing.assert_array_equal(value, other.get_params()[name])
    with pytest.raises(ValueError, match="averages: expected a model that was trained with average="):
        one.use_averages()


def test_sparse_hidden_units(python_model, toy_rolls):
    """Hidden units are less active than in a model without the penalty."""

    def activity(**settings):
        model = python_model().fit(toy_rolls, 20, 15, optimizer="adam", schedule={"lr": 0.02}, **settings)
        return np.concatenate(model.transform(toy_rolls))[:, :8].mean()

    assert activity(sparsity=0.05, sparsity_cost=2.0) < 0.15 < 0.25 < activity()


def test_what_has_no_chain_of_bits(model_of, toy_rolls):
    for model in (model_of(RnnNade), model_of(Rtrbm, visible="gaussian", streams="srs")):
        with pytest.raises(ValueError, match="persistent: expected a model of RBMs with binary visible units"):
            model.fit(toy_rolls, persistent=True)
        assert model.progress is None


def test_particles_of_another_shape_are_refused(python_model, toy_rolls, tmp_path):
    model = python_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls[:2], 20, 2, persistent=True, checkpoint=tmp_path / "m", on_update=interrupting(2))
    arrays, metadata = read_checkpoint(tmp_path / "m")
    for change in (lambda a: a.pop("particles"), lambda a: a.update(particles=a["particles"][1:])):
        changed = dict(arrays)
        change(changed)
        write_checkpoint(tmp_path / "odd", changed, metadata)
        loaded = RnnRbm.load(tmp_path / "odd", mode=AS_WRITTEN)
        with pytest.raises(ValueError, match=r"particles: expected an array of shape \(93, 2\), found"):
            loaded.resume(toy_rolls[:2])
    write_checkpoint(tmp_path / "odd", arrays | {"particles": arrays["particles"].astype(float)}, metadata)
    with pytest.raises(ValueError, match="particles: expected an array of unsigned integers, found float64"):
        RnnRbm.load(tmp_path / "odd")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "numba", "c"])
def test_every_backend_trains_alike(python_model, toy_model, toy_rolls, backend):
    if backend == "jax":
        pytest.importorskip("jax")
    as_written = python_model().fit(toy_rolls[:2], **ALL)
    compiled = toy_model(backend=backend, streams="philox", k=2).fit(toy_rolls[:2], **ALL)
    for p, q in zip(compiled.params, as_written.params, strict=True):
        np.testing.assert_allclose(p.get_value(), q.get_value(), rtol=0, atol=1e-11, err_msg=p.name)
    assert np.array_equal(compiled.state.particles, as_written.state.particles)


def test_the_command(toy_rolls, tmp_path, as_written, capsys):
    midiwrite(tmp_path / "a.mid", toy_rolls[0], (21, 33), 0.3)
    train = ["train", str(tmp_path / "a.mid"), "-o", str(tmp_path / "m"), "--epochs", "1", "--hidden", "5"]
    train += ["--persistent", "--n-particles", "9", "--average", "0.9", "--schedule", "k=growth:1,2,1"]
    train += ["--weight-decay-rbm", "0.001", "--max-norm", "2", "--sparsity", "0.1", "--sparsity-cost", "0.01"]
    assert main(train) == 0
    assert main([*train, "--resume", "--epochs", "2"]) == 0
    model = RnnRbm.load(tmp_path / "m")
    assert model.state.particles.shape == (9, 11) and model.learning.average == 0.9
    generate = ["generate", str(tmp_path / "m"), "--steps", "4", "--seed", "1", "-o"]
    assert main([*generate, str(tmp_path / "b.mid"), "--averages"]) == 0
    assert main([*train[:8], "--overwrite"]) == 0
    assert main([*generate, str(tmp_path / "c.mid"), "--averages"]) == 1
    assert "--averages: averages: expected a model" in capsys.readouterr().err
