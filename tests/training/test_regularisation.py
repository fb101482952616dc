"""Sparse hidden units, bounded weights and moving averages, against hand calculation and finite differences."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import finite_differences

from rnnrbm_pt.roles import of_rbm
from rnnrbm_pt.training.loop import particle_numbers
from rnnrbm_pt.training.regularisation import averages, sparsity_penalty, with_averages, with_max_norm
from rnnrbm_pt.training.scalars import learning_updates, scalars
from rnnrbm_pt.training.schedules import Growth, from_json, parse_schedule
from rnnrbm_pt.training.settings import Learning, Run
from rnnrbm_pt.training.slots import slots

PYTHON = pytensor.compile.mode.Mode("py", "fast_compile")


def test_the_penalty_is_least_at_the_target_and_its_gradient_is_exact():
    mean_h, weights = pt.tensor3("mean_h"), pt.matrix("weights")
    penalty = sparsity_penalty(mean_h, 0.1, weights)
    f = pytensor.function([mean_h, weights], [penalty, pt.grad(penalty, mean_h)], mode=PYTHON)
    rng = np.random.default_rng(0)
    h, w = rng.random((3, 2, 4)), np.array([[0.5, 0], [0.3, 0.1], [0.1, 0]])
    q = (h * w[..., None]).sum(axis=(0, 1))
    value, gradient = f(h, w)
    assert value == pytest.approx(-(0.1 * np.log(q) + 0.9 * np.log(1 - q)).sum(), rel=1e-12)
    np.testing.assert_allclose(gradient, finite_differences(lambda x: f(x, w)[0], h), atol=1e-7)
    np.testing.assert_allclose(f(np.full((3, 2, 4), 0.1), w)[1], 0, atol=1e-12)
    assert np.isfinite(f(np.ones((3, 2, 4)), w)[0]), "a unit that is always on"


def test_columns_that_are_too_long_are_scaled_down():
    W, Wuu = (pytensor.shared(np.array([[3.0, 0.3, 0], [4, 0.4, 0]]), name=name) for name in ("W", "Wuu"))
    of_rbm(W)
    updates = with_max_norm({W: W * 1.0, Wuu: Wuu * 1.0}, 2.0)
    pytensor.function([], [], updates=updates, mode=PYTHON)()
    np.testing.assert_allclose(W.get_value(), [[1.2, 0.3, 0], [1.6, 0.4, 0]], rtol=1e-15)
    assert (W.get_value()[:, 1] == [0.3, 0.4]).all() and Wuu.get_value()[1, 0] == 4


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_averages_of_what_an_update_leaves(decay):
    p = pytensor.shared(np.array([1.0, 2.0]), name="p")
    updates = with_averages({p: p * 2}, [p], decay)
    step = pytensor.function([], [], updates=updates, mode=PYTHON)
    held = {slot.name: slot for slot in slots(updates)}

    def found():
        return averages({name: slot.get_value() for name, slot in held.items()}, ["p"], decay)

    assert found() is None
    seen = []
    for _ in range(4):
        step()
        seen.append(p.get_value())
        w = decay ** np.arange(len(seen))[::-1]
        np.testing.assert_allclose(found()["p"], w @ seen / w.sum(), rtol=1e-12)


def updated(learning):
    """W, Wuu and bu with one element each, initially 1, after one update with rate 0.1 and gradient 3."""
    params = [pytensor.shared(np.ones((1, 1)), name=name) for name in ("W", "Wuu")]
    of_rbm(params[0])
    params.append(pytensor.shared(np.ones(1), name="bu"))
    numbers = scalars(learning, pytensor.shared(0.1, name="lr"), "float64")
    updates = learning_updates(learning, [p * 0 + 3.0 for p in params], params, numbers)
    pytensor.function([], [], updates=updates, mode=PYTHON)()
    return [float(p.get_value().sum()) for p in params]


def test_the_decay_of_the_rbm_alone():
    np.testing.assert_allclose(updated(Learning(weight_decay_rbm=0.5)), [0.65, 0.7, 0.7])
    np.testing.assert_allclose(updated(Learning(weight_decay=1.0, weight_decay_rbm=0.5)), [0.65, 0.6, 0.7])
    np.testing.assert_allclose(updated(Learning(schedule={"weight_decay_rbm": 0.5})), [0.65, 0.7, 0.7])
    np.testing.assert_allclose(updated(Learning(max_norm=0.25)), [0.25, 0.7, 0.7])


def test_adamw_decays_weights_alone():
    plain = np.array(updated(Learning("adam")))
    for settings, decay in (
        ({}, [0.01, 0.01, 0]),
        ({"weight_decay_rbm": 0.5}, [0.5, 0.01, 0]),
        ({"schedule": {"weight_decay_rbm": 0.5}}, [0.5, 0.01, 0]),
        ({"weight_decay": 0.5}, [0.5, 0.5, 0]),
        ({"weight_decay": 0.0}, [0, 0, 0]),
    ):
        found = updated(Learning("adamw", **settings))
        np.testing.assert_allclose(found, plain - 0.1 * np.array(decay), rtol=1e-14, err_msg=str(settings))


def test_chains_that_grow():
    growth = Growth(1, 100, 50)
    values = [growth(epoch, 0) for epoch in range(60)]
    assert values[0] == 1 and values[25] == 10 and set(values[50:]) == {100} and values == sorted(values)
    assert all(isinstance(k, int) for k in values)
    assert parse_schedule("growth:1,100,50") == growth == from_json(growth.to_json())
    assert Growth(25, 1, 4, by="update")(0, 2) == 5
    with pytest.raises(ValueError, match="Growth: start: expected an integer of at least 1, found 0"):
        Growth(0, 100, 50)


def test_settings_that_do_not_go_together():
    for name, other in (("sparsity", "sparsity_cost"), ("sparsity_cost", "sparsity")):
        with pytest.raises(ValueError, match=f"{name}: expected {other} with it, found none"):
            Learning(**{name: 0.1})
    with pytest.raises(ValueError, match="average: expected .* below 1, found 1"):
        Learning(average=1)
    with pytest.raises(ValueError, match="n_particles: expected persistent=True with it, found 5 alone"):
        Run(n_particles=5)
    full = Learning(sparsity=0.1, sparsity_cost=0.2, max_norm=1.0, average=0.9, weight_decay_rbm=1e-3)
    assert Learning.from_json(full.to_json()) == full
    assert Learning(average=0.9).structure != Learning(average=0.8).structure != Learning().structure
    assert set(Learning().to_json()) == {"optimizer", "schedule"}, "what is off leaves no trace in a file"


def test_numbers_of_particles():
    assert [list(x) for x in particle_numbers([2, 0, 3])] == [[0, 1], [], [2, 3, 4]]
    assert [list(x) for x in particle_numbers([2, 0, 3], 2)] == [[0, 1], [], [0, 1, 0]]
    assert [list(x) for x in particle_numbers([0])] == [[]]
