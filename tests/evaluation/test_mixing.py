"""Tests of chains that do not forget their starts, which brackets of the likelihood cannot detect."""

import numpy as np
import pytest

from rnnrbm_pt import RnnNade, RnnRbm
from rnnrbm_pt.evaluation.mixing import LAGS, Mixing, correlation, covariances, mean_memory, memory

ANNEALING = {"exact": False, "n_chains": 20, "n_temperatures": 60}


def constant_model(python_model, strength, bias):
    """RBMs with two modes, all units on and all units off. With bias 0 the modes are equally probable."""
    model = python_model(n_hidden=8)
    for p in model.params:
        p.set_value(np.zeros_like(p.get_value()))
    W, bv, bh, *_ = model.params
    W.set_value(np.full(W.get_value().shape, strength))
    bv.set_value(np.full(12, -8 * strength / 2 + bias))
    bh.set_value(np.full(8, -12 * strength / 2))
    return model


def test_of_two_modes_both_directions_miss_one_and_mixing_says_so(python_model):
    model, silence = constant_model(python_model, 1.5, 0.0), [np.zeros((3, 12), np.uint8)]
    exact = model.score(silence)
    assert exact.exact and exact == pytest.approx(-np.log(2), abs=0.05)
    for reverse in (False, True):  # half of Z is missing, hundreds of standard errors
        found = model.score(silence, **ANNEALING, reverse=reverse)
        assert found - exact == pytest.approx(np.log(2), abs=0.05)
        assert found.standard_error < 0.01 and found.n_low_ess == 0
    found = model.scorer.mixing(silence, n_steps=60)
    assert not found.mixes and found.memory > 0.99
    assert found.starts in [("the frames", "all notes"), ("silence", "all notes")]
    assert found.to_json()["mixes"] is False and list(found.to_json()["autocorrelation"]) == ["1", "5", "25", "100"]


def test_chains_that_mix(python_model, toy_rolls):
    model = constant_model(python_model, 0.2, -1.0)
    exact, rolls = model.score(toy_rolls[:1]), toy_rolls[:1]
    up, down = (model.score(rolls, **ANNEALING, reverse=reverse) for reverse in (False, True))
    assert max(abs(up - exact) / up.standard_error, abs(down - exact) / down.standard_error) < 4
    found = model.scorer.mixing(rolls, n_steps=60)
    assert found.mixes and abs(found.memory) < 4 * found.standard_error < 0.1


def test_one_frame_in_ten_that_does_not_mix_is_seen(python_model, toy_rolls):
    """In one frame of ten, chains stay where they start. The mean over frames still shows it."""
    difference, rng = np.ones((10, 4)), np.random.RandomState(0)
    one, other = ((rng.rand(10, 50, 4) < 0.5).astype(float) for _ in range(2))
    one[0], other[0] = 1, 0
    found = Mixing(*mean_memory(memory(difference, one, other)), ("a", "b"), 9)
    assert not found.mixes and found.memory == pytest.approx(0.1, abs=0.05)


def test_frames_where_the_starts_are_equal_say_nothing():
    ends = np.ones((2, 3, 4))
    assert memory(np.zeros((2, 4)), ends, ends).shape == (2, 0)
    assert mean_memory(np.zeros((2, 0))) == (0.0, 0.0)


def test_what_has_no_chains_is_refused(toy_rolls):
    for model in (RnnNade(4, 3, r=(21, 33)), RnnRbm(4, 3, visible="gaussian", n_visible=12)):
        with pytest.raises(ValueError, match="expected a model of RBMs with binary visible units"):
            model.scorer.mixing(toy_rolls)


def test_how_fast_chains_forget(python_model, toy_rolls):
    """Without weights one step forgets everything. With one unit per layer the transition matrix gives the rate."""
    model = constant_model(python_model, 0.0, 0.0)
    found = model.scorer.mixing(toy_rolls[:1], n_chains=40, n_steps=5).autocorrelation
    assert tuple(found) == LAGS and max(map(abs, found.values())) < 0.06  # 48 frames with 12 units and 40 chains
    model = python_model(n_hidden=1, r=(21, 22))
    for p in model.params:
        p.set_value(np.zeros_like(p.get_value()))
    W, bv, bh, *_ = model.params
    W.set_value(np.full((1, 1), 4.0))
    bv.set_value(np.full(1, -2.0))
    bh.set_value(np.full(1, -2.0))
    found = model.scorer.mixing([np.zeros((40, 1), np.uint8)], n_chains=50, n_steps=30).autocorrelation
    on = 1 / (1 + np.exp(-2.0))  # p(h = 1 | v = 1) = p(v = 1 | h = 1); p(v stays) = on^2 + (1 - on)^2
    per_step = 2 * (on**2 + (1 - on) ** 2) - 1
    assert found[1] == pytest.approx(per_step, abs=0.06) and found[5] == pytest.approx(per_step**5, abs=0.09)


def test_a_correlation_by_hand():
    one = np.array([[[0.0], [1], [2]]])
    assert correlation(*covariances(one, -2 * one)) == pytest.approx(-1, rel=1e-15)
    assert correlation(*covariances(one, one**0)) == 1, "what does not vary has not moved"
