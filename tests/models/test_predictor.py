"""Accuracies with sufficiently long Gibbs chains, and the result if no chain is long enough."""

import numpy as np
import pytest
from oracles import put_normal

from rnnrbm_pt import RnnNade, RnnRbm

ROLLS = [np.random.default_rng(i).integers(2, size=(n, 4)) for i, n in enumerate((12, 0, 9, 11))]


def make(kind, scale):
    """Make a model of four units with random parameters."""
    model = kind(n_hidden=3, n_hidden_recurrent=2, r=(21, 25), backend="c", streams="philox")
    return put_normal(model, scale)


@pytest.fixture(scope="module")
def rbm():
    return make(RnnRbm, 0.8)


def test_where_chains_mix_short_ones_do(rbm):
    found = rbm.settled_accuracy(ROLLS, n_samples=50)
    assert found.agrees and found.n_steps == 25
    accuracy, precision = rbm.accuracy_and_precision(ROLLS, n_samples=50)
    assert (found.accuracy, found.precision) == (accuracy, precision) and found.from_silence == accuracy
    previous, _ = rbm.accuracy_and_precision(ROLLS, n_samples=50, start="previous")
    assert found.from_previous == previous == accuracy  # the chains draw the same numbers and have met
    assert rbm.expected_accuracy(ROLLS, burn_in=0, n_average=1, start="previous") != rbm.expected_accuracy(
        ROLLS, burn_in=0, n_average=1
    )
    assert found.to_json() == {
        "n_steps": 25,
        "agrees": True,
        "from_silence": float(accuracy),
        "from_previous": float(previous),
    }


def test_chains_that_stay_at_their_start_are_told():
    """An RBM with two modes, all notes and no notes, between which a chain hardly ever moves."""
    model = make(RnnRbm, 0.0)
    W, bv, bh = (np.full(p.get_value().shape, x) for p, x in zip(model.params, (8.0, -12.0, -16.0), strict=False))
    for param, value in zip(model.params, (W, bv, bh), strict=False):
        param.set_value(value.astype(model.floatX))
    rolls = [np.ones((20, 4))]
    found = model.settled_accuracy(rolls, most=100)
    assert not found.agrees and found.n_steps == 100
    assert found.from_silence < 0.2 and found.from_previous > 0.8


def test_samples_of_a_nade_need_no_chain():
    nade = make(RnnNade, 0.8)
    found = nade.settled_accuracy(ROLLS, n_frames=20)
    assert (found.n_steps, found.agrees, found.accuracy.n_frames) == (0, True, 20)
    assert found.accuracy == pytest.approx(nade.expected_accuracy(ROLLS, n_frames=20), rel=1e-12)


def test_some_frames_are_measured_of_all(rbm):
    found = rbm.settled_accuracy(ROLLS, n_frames=20)
    assert found.accuracy.n_frames == found.from_silence.n_frames == 20
    assert found.accuracy.standard_error > found.from_silence.standard_error  # without a choice of frames


def test_what_cannot_be_taken_is_said(rbm):
    with pytest.raises(ValueError, match="most: expected an integer of at least 25, found 24"):
        rbm.settled_accuracy(ROLLS, most=24)
    with pytest.raises(ValueError, match="start: expected one of zeros, previous, found 'there'"):
        rbm.accuracy_and_precision(ROLLS, start="there")
