"""The compiled updates by one window and by several."""

import numpy as np
import pytest
from oracles.runs import assert_same

from rnnrbm_pt.training.loop import batch_of


@pytest.fixture(scope="module")
def windows(toy_rolls):
    return [toy_rolls[0][:20], toy_rolls[1][:7], toy_rolls[2][:13]]


def test_windows_alone_and_side_by_side_share_the_slots(python_model, toy_rolls):
    model = python_model()
    model.fit(toy_rolls[:1], 45, 1, optimizer="momentum", momentum=0.5)
    velocity = model.state.slots["momentum_velocity_W"]
    before = velocity.get_value()
    model.partial_fit(toy_rolls[:2], 48, n_sequences=2)
    assert len(model.state.slots) == 8 and not np.array_equal(velocity.get_value(), before)
    model.fit(toy_rolls[:1], 45, 0, optimizer="momentum", momentum=0.7)  # a new run starts with empty slots
    assert not velocity.get_value().any() and model.state.scalars["momentum"].get_value() == 0.7
    model.fit(toy_rolls[:1], 45, 0)
    assert model.state.slots == {} and "momentum" not in model.state.scalars


def test_a_batch_of_one_is_the_tutorials_update(python_model, windows):
    one, other = python_model(), python_model()
    for window in windows:
        padded = batch_of([window], 25, 1, "float64")  # a row of Philox draws does not depend on later rows
        assert other.batch_function(*padded) == pytest.approx(one.train_function(window.astype(float)), abs=1e-12)
    assert_same(one, other, 1e-13)


def test_the_update_takes_rolls_of_any_type(python_model, toy_rolls):
    window = toy_rolls[0][:9]
    expected = python_model(floatX="float32").train_function(window.astype("float32"))
    for roll in (window, window.astype(float), window.astype(int), window.astype(bool), window.tolist()):
        found = python_model(floatX="float32").train_function(roll)
        assert found == expected and found.dtype == np.float32
    model = python_model(floatX="float32")
    v, mask = window[:, None].tolist(), np.ones((9, 1), int)
    assert model.batch_function(v, mask) == pytest.approx(expected, rel=1e-5)
