"""Samples: seeds, streams and initial states."""

import numpy as np
import pytest

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm, Rtrbm
from rnnrbm_pt.models.compiling import AS_WRITTEN


def replayed(model, draw):
    """The result of `draw` from the model's streams, which are then restored."""
    before = model.state.arrays()
    roll = draw()
    model.state.restore(before)
    return roll


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


@pytest.mark.parametrize("make", [RnnRbm, Rtrbm, LstmRtrbm, RnnNade])
def test_the_generator_always_starts_from_the_initial_state(as_written, toy_rolls, make):
    """The tutorial's class calls it directly. It starts there before and after `sample`, and after training."""
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


@pytest.mark.parametrize("streams", ["srs", "mrg", "philox"])
def test_a_seeded_sample_of_each_kind_of_streams(toy_model, streams):
    model = toy_model(streams=streams, k_generate=2, mode=AS_WRITTEN)
    model.params[0].set_value(model.params[0].get_value() * 100)
    a, b, c = (model.sample(10, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_every_seed_draws_from_mrg_streams(toy_model, toy_rolls):
    model = toy_model(streams="mrg", k_generate=2, mode=AS_WRITTEN)
    model.params[0].set_value(model.params[0].get_value() * 100)
    pieces = [model.sample(10, seed=seed) for seed in (0, 1, 2**31, 2**32 - 1)]
    assert len({piece.tobytes() for piece in pieces}) == 4
    how = {"burn_in": 1, "n_average": 1, "n_samples": 2}
    for seed in (0, 2**31):
        assert model.predict_next(toy_rolls[0][:2], seed=seed, **how).shape == (2, 12)
