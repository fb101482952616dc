"""RnnRbm with streams of Philox: several windows in one update, and the streams that JAX has."""

import os
import signal

import numpy as np
import pytest

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.training.loop import batch_of


@pytest.fixture
def jax_model(toy_model):
    """Makes a small RnnRbm on JAX."""
    pytest.importorskip("jax")
    return lambda **settings: toy_model(**{"backend": "jax", "k": 2, "k_generate": 2, **settings})


def monitors(model):
    return [record["monitor"] for record in model.log]


def assert_same(one, other, atol):
    np.testing.assert_allclose(monitors(one), monitors(other), rtol=0, atol=atol)
    for p, q in zip(one.params, other.params, strict=True):
        np.testing.assert_allclose(p.get_value(), q.get_value(), rtol=0, atol=atol, err_msg=p.name)
    for stream, twin in zip(one.streams.streams, other.streams.streams, strict=True):
        assert np.array_equal(stream.get_value(), twin.get_value())


@pytest.fixture(scope="module")
def windows(toy_rolls):
    return [toy_rolls[0][:20], toy_rolls[1][:7], toy_rolls[2][:13]]


def test_windows_side_by_side(windows):
    v, mask = batch_of(windows, None, 4, "float32")
    assert v.shape == (20, 4, 12) and mask.shape == (20, 4) and v.dtype == mask.dtype == np.float32
    assert list(mask.sum(axis=0)) == [20, 7, 13, 0]
    for i, window in enumerate(windows):
        assert np.array_equal(v[: len(window), i], window) and mask[: len(window), i].all()
    assert not v[mask == 0].any()
    longer, longer_mask = batch_of(windows, 25, 4, "float32")
    assert np.array_equal(longer[:20], v) and not longer[20:].any() and not longer_mask[20:].any()


def test_a_batch_of_one_is_the_tutorials_update(python_model, windows):
    one, other = python_model(), python_model()
    for window in windows:
        padded = batch_of([window], 25, 1, "float64")  # a row of Philox does not depend on those that follow
        assert other.batch_function(*padded) == pytest.approx(one.train_function(window.astype(float)), abs=1e-12)
    assert_same(one, other, 1e-13)


def test_several_windows_of_any_lengths(python_model, toy_rolls):
    frames = []
    model = python_model().fit(toy_rolls, 20, 2, n_sequences=4, on_update=lambda n, total: frames.append((n, total)))
    total = sum(len(roll) for roll in toy_rolls)
    assert [record["updates"] for record in model.log] == [4, 4]  # of 15 windows: the last takes three
    assert [record["frames"] for record in model.log] == [total, total]
    assert sum(n for n, _ in frames) == 2 * total and {n for _, n in frames} == {total}
    assert model.progress.run.n_sequences == 4
    assert model.train_function(toy_rolls[0].astype(float)) < 0  # goes on with the same parameters and streams


def test_n_sequences_has_to_be_one_at_least(toy_model, toy_rolls):
    with pytest.raises(ValueError, match="n_sequences: expected an integer of at least 1, found 0"):
        toy_model().fit(toy_rolls, n_sequences=0)


def test_a_stopped_run_of_several_sequences_goes_on(python_model, toy_rolls, tmp_path):
    whole = python_model().fit(toy_rolls, 20, 2, n_sequences=2)
    stopped, updates = python_model(), []

    def ctrl_c(frames, total_frames):
        updates.append(frames)
        if len(updates) == 11:  # of 8 an epoch
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        stopped.fit(toy_rolls, 20, 2, n_sequences=2, on_update=ctrl_c)
    stopped.save(tmp_path / "stopped")
    resumed = RnnRbm.load(tmp_path / "stopped", mode=stopped.mode)
    assert resumed.progress.run.n_sequences == 2 and len(resumed.progress.monitors) == 3
    resumed.resume(toy_rolls)
    assert_same(resumed, whole, 0)


def test_ctrl_c_in_the_first_update_leaves_the_model_as_it_was(python_model, toy_rolls):
    model, untouched = python_model(), python_model()
    function = model.batch_function

    def interrupted(*batch):
        function(*batch)
        raise KeyboardInterrupt

    model.trainer.functions.batch_function = interrupted
    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls, n_sequences=2)
    assert_same(model, untouched, 0)


def test_streams_of_jax(toy_model, jax_model):
    assert jax_model().settings["streams"] == "philox" and toy_model().settings["streams"] == "srs"
    for kind in ("srs", "mrg"):
        with pytest.raises(ValueError, match=f"streams: expected philox, .* jax has, found '{kind}'"):
            toy_model(backend="jax", streams=kind)


def test_a_model_with_theanos_streams_goes_on_on_jax_with_new_ones(toy_model, jax_model, toy_rolls, tmp_path):
    model = toy_model(streams="mrg", seed=9)
    model.params[1].set_value(np.arange(12.0) / 10)
    model.random_state.shuffle(np.arange(3))
    model.save(tmp_path / "m")
    loaded = RnnRbm.load(tmp_path / "m", backend="jax")
    assert np.array_equal(loaded.params[1].get_value(), np.arange(12.0) / 10)
    assert loaded.random_state.randint(1 << 30) == model.random_state.randint(1 << 30)
    fresh = jax_model(seed=9)
    for stream, twin in zip(loaded.streams.streams, fresh.streams.streams, strict=True):
        assert np.array_equal(stream.get_value(), twin.get_value())
    loaded.save(tmp_path / "n")
    assert RnnRbm.load(tmp_path / "n").settings["streams"] == "philox"


@pytest.mark.parametrize("streams", ["srs", "mrg", "philox"])
def test_a_seeded_sample_of_each_kind_of_streams(toy_model, streams):
    model = toy_model(streams=streams, k_generate=2, mode=AS_WRITTEN)
    model.params[0].set_value(model.params[0].get_value() * 100)
    a, b, c = (model.sample(10, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_streams_of_philox_come_back(toy_model, tmp_path):
    model = toy_model(streams="philox")
    for i, stream in enumerate(model.streams.streams):
        stream.set_value(np.array([1, 2, 3, i], np.uint32))
    model.save(tmp_path / "m")
    for i, stream in enumerate(RnnRbm.load(tmp_path / "m").streams.streams):
        assert list(stream.get_value()) == [1, 2, 3, i]


def test_threads(toy_model, tmp_path):
    model = toy_model(threads=2)
    model.save(tmp_path / "m")
    assert "threads" not in model.settings and model.threads == 2
    assert RnnRbm.load(tmp_path / "m").threads == 1 and RnnRbm.load(tmp_path / "m", threads=2).threads == 2
    with pytest.raises(ValueError, match="threads: expected an integer of at least 1, found 0"):
        toy_model(threads=0)
