"""Clipping computed by hand, weight decay, and optimisers by name."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

from rnnrbm_pt.training.gradients import (
    clip_values,
    total_norm,
    total_norm_constraint,
    with_weight_decay,
)
from rnnrbm_pt.training.updates import optimizer_updates

CHEAP = Mode("py", "fast_compile")


def evaluate(outputs, dtype="float64"):
    values = pytensor.function([], outputs, mode=CHEAP)()
    assert all(value.dtype == dtype for value in values)
    return [value.tolist() for value in values]


def two(dtype="float64"):
    """A matrix and a vector with the joint norm sqrt(1 + 4 + 4 + 16 + 144) = 13."""
    return [pt.constant(np.array(x, dtype)) for x in ([[1.0, -2.0], [2.0, 4.0]], [0.0, -12.0])]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_total_norm_by_hand(dtype):
    assert evaluate([total_norm(two(dtype))], dtype) == [13.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_larger_total_norm_is_scaled_down_to_the_bound(dtype):
    clipped, norm = total_norm_constraint(two(dtype), 6.5, return_norm=True)
    assert evaluate([*clipped, norm], dtype) == [[[0.5, -1.0], [1.0, 2.0]], [0.0, -6.0], 13.0]


@pytest.mark.parametrize("bound", [13.0, 13, 1e300, pt.constant(14.0)])
def test_a_total_norm_within_the_bound_stays_to_the_bit(bound):
    assert evaluate(total_norm_constraint(two(), bound)) == evaluate(two())


def test_zero_gradients_stay_zero():
    assert evaluate(total_norm_constraint([pt.zeros(2)], 0.0)) == [[0.0, 0.0]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_clipping_by_norm_does_not_hide_what_is_not_finite(value):
    (clipped,) = evaluate(total_norm_constraint([pt.constant(np.array([1.0, value]))], 1.0))
    assert not np.isfinite(clipped[1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_clipped_one_by_one(dtype):
    assert evaluate(clip_values(two(dtype), 2), dtype) == [[[1.0, -2.0], [2.0, 2.0]], [0.0, -2.0]]


@pytest.mark.parametrize("bound", [-1, float("nan"), "1", pt.vector("x")])
def test_a_bound_is_a_number_or_a_scalar(bound):
    with pytest.raises(ValueError, match="max_norm: expected"):
        total_norm_constraint(two(), bound)
    with pytest.raises(ValueError, match="limit: expected"):
        clip_values(two(), bound)


def test_weight_decay_by_hand_and_by_parameter():
    params = [pytensor.shared(np.full((1, 2), 10.0), name="W"), pytensor.shared(np.full(1, 10.0), name="b")]
    gradients = [pt.ones((1, 2)), pt.ones(1)]
    assert evaluate(with_weight_decay(gradients, params, 0.1)) == [[[2.0, 2.0]], [2.0]]
    assert evaluate(with_weight_decay(gradients, params, {"W": 0.2, "b": 0.0})) == [[[3.0, 3.0]], [1.0]]
    assert evaluate(with_weight_decay(gradients, params, lambda p: 0.3 if p.ndim == 2 else 0)) == [[[4.0, 4.0]], [1.0]]


def by_name(name, **settings):
    """Next value of a parameter with the value 8 and the cost 3 p."""
    param = pytensor.shared(np.array(8.0), name="p")
    updates = optimizer_updates(name, 3 * param, [param], 0.5, **settings)
    return evaluate([updates[param]])[0]


def test_an_optimiser_by_name_clips_and_decays():
    assert by_name("sgd") == 8 - 0.5 * 3
    assert by_name("sgd", clip_norm=2) == 8 - 0.5 * 2
    assert by_name("sgd", clip_value=1) == 8 - 0.5 * 1
    assert by_name("sgd", weight_decay=0.25) == 8 - 0.5 * (3 + 2)
    assert by_name("sgd", clip_norm=1, weight_decay=0.25) == 8 - 0.5 * (1 + 2), "the decay is not clipped"
    assert by_name("nesterov", momentum=0.5) == 8 - 1.5 * 0.5 * 3
    assert by_name("adamw", weight_decay=0.25) == pytest.approx(8 - 0.5 * (1 + 2), rel=1e-8)
    assert by_name("adam", weight_decay=0.25) == pytest.approx(8 - 0.5 * 1, rel=1e-8)


def test_what_an_optimiser_does_not_take_is_refused():
    param = pytensor.shared(np.array(8.0), name="p")
    with pytest.raises(ValueError, match="optimizer: expected one of sgd, .*adamw, found 'sdg'"):
        optimizer_updates("sdg", param, [param], 0.1)
    with pytest.raises(ValueError, match=r"sgd: expected settings of this optimiser \(none\), found momentum"):
        optimizer_updates("sgd", param, [param], 0.1, momentum=0.9)
    with pytest.raises(
        ValueError, match=r"adam: expected settings of this optimiser \(beta1, beta2, epsilon\), found rho"
    ):
        optimizer_updates("adam", param, [param], 0.1, rho=0.9)
    with pytest.raises(ValueError, match="momentum: expected a learning_rate, found none"):
        optimizer_updates("momentum", param, [param])
