"""Statistics of the training data in a model's file, and pieces that are drawn during training."""

import numpy as np
import pytest
from oracles.runs import same

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.models.logged_pieces import N_STEPS
from rnnrbm_pt.music.statistics import frames_of, of_a_sample, statistics

R = (21, 33)


def test_a_file_has_the_numbers_of_the_training_data(python_model, toy_rolls, tmp_path):
    model = python_model()
    assert model.state.data is None
    model.fit(toy_rolls[:2], 20, 1).save(tmp_path / "m.npz")
    assert RnnRbm.load(tmp_path / "m.npz", mode=AS_WRITTEN).state.data == statistics(toy_rolls[:2], R)
    model.fit(toy_rolls[2:], 20, 0)
    assert model.state.data == statistics(toy_rolls[2:], R)


def test_a_run_of_an_older_file_gets_them_when_it_goes_on(python_model, toy_rolls):
    model = python_model().fit(toy_rolls[:2], 20, 1)
    model.state.data = None
    model.resume(toy_rolls[:2], 2)
    assert model.state.data == statistics(toy_rolls[:2], R)


def test_samples_in_the_log_change_no_digit_of_the_training(python_model, toy_rolls):
    plain = python_model().fit(toy_rolls[:2], 20, 4)
    model = python_model().fit(toy_rolls[:2], 20, 4, sample_every=2)
    assert same(plain, model)
    assert [record["monitor"] for record in plain.log] == [record["monitor"] for record in model.log]
    assert [record["epoch"] for record in model.log if "sample" in record] == [2, 4]
    data = statistics(toy_rolls[:2], R)
    piece = model.sample(N_STEPS, seed=4)
    assert model.log[-1]["sample"] == {"seed": 4, **of_a_sample(piece, R, data, frames_of(toy_rolls[:2]))}


def test_a_stopped_run_goes_on_sampling(python_model, toy_rolls, tmp_path):
    model = python_model().fit(toy_rolls[:2], 20, 1, sample_every=1, checkpoint=tmp_path / "m.npz")
    loaded = RnnRbm.load(tmp_path / "m.npz", mode=AS_WRITTEN).resume(toy_rolls[:2], 2)
    assert [record["sample"]["seed"] for record in loaded.log] == [1, 2]
    assert loaded.log[0]["sample"] == model.log[0]["sample"]


def test_real_numbers_are_no_notes():
    model = RnnRbm(4, 3, visible="gaussian", n_visible=5, mode=AS_WRITTEN)
    rolls = [np.random.RandomState(1).randn(10, 5)]
    with pytest.raises(ValueError, match="sample_every: expected a model of notes, found one of 5 real numbers"):
        model.fit(rolls, 10, 1, sample_every=1)
    assert model.fit(rolls, 10, 1).state.data is None
