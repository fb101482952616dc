"""Updates of Hessian-free optimisation: Newton's step, damping, backtracking, errors."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import AS_WRITTEN

from rnnrbm_pt.training import hessian_free as hf
from rnnrbm_pt.training.gauss_newton import Objective, compiled_objective
from rnnrbm_pt.training.settings import HessianFree, Learning, Pretraining

EXACT = HessianFree(damping=1e-12, structural_damping=0.0, cg_iterations=50)


def least_squares(curvature=1.0, cost=None):
    """The squared error of a linear function of x, with its parameters w and c and the compiled functions."""
    params = [pytensor.shared(np.zeros(4), name="w"), pytensor.shared(np.zeros(1), name="c")]
    x, y = pt.matrix("x"), pt.vector("y")
    output = pt.dot(x, params[0]) + params[1][0]
    total = ((output - y) ** 2).sum() / 2 if cost is None else cost(output - y)
    objective = Objective(y.shape[0].astype("float64"), total, output, pt.ones_like(output) * curvature)
    functions = compiled_objective(objective, params, [x, y], lambda i, o: pytensor.function(i, o, mode=AS_WRITTEN))
    return functions, hf.Layout.of(params)


def data(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)), rng.normal(size=n)


def update(functions, layout, params, batches, settings=EXACT, state=None, **more):
    return hf.update(functions, layout, params, state or hf.init(settings, layout), batches, batches, settings, **more)


@pytest.mark.parametrize("precondition", [False, True])
def test_one_update_of_a_quadratic_cost_is_newtons(precondition):
    functions, layout = least_squares()
    x, y = data()
    halves = [(x[:25], y[:25]), (x[25:], y[25:])]  # different sizes: the mean must be over all cases
    cases = [(x[i : i + 1], y[i : i + 1]) for i in range(40)]
    settings = HessianFree(damping=1e-12, structural_damping=0, cg_iterations=50, precondition=precondition)
    params, state, report = update(functions, layout, np.zeros(5), halves, settings, cases=cases)
    expected = np.linalg.lstsq(np.c_[x, np.ones(40)], y, rcond=None)[0]
    np.testing.assert_allclose(params, expected, rtol=1e-8)
    assert report.rate == 1 and report.ratio == pytest.approx(1) and state.damping == 1e-12 / 1.5
    assert report.cost == pytest.approx((y**2).mean() / 2)


def test_damping_shortens_the_step():
    functions, layout = least_squares()
    x, y = data()
    params, *_ = update(functions, layout, np.zeros(5), [(x, y)], HessianFree(damping=0.5, structural_damping=0))
    a = np.c_[x, np.ones(40)]
    np.testing.assert_allclose(params, np.linalg.solve(a.T @ a / 40 + 0.5 * np.eye(5), a.T @ y / 40), rtol=1e-8)


def test_lambda_follows_the_ratio():
    assert hf.next_damping(0.9, 0.2) == pytest.approx(1.35)
    assert hf.next_damping(0.9, 0.8) == pytest.approx(0.6)
    assert hf.next_damping(0.9, 0.25) == hf.next_damping(0.9, 0.75) == 0.9
    assert hf.next_damping(0.9, -np.inf) == pytest.approx(1.35)


def test_back_through_the_iterates_as_long_as_the_one_before_is_better():
    costs = dict(enumerate((9.0, 3.0, 1.0, 2.0, 5.0)))  # stops before 0, because 1 is worse than 2
    kept = [(i, np.array([i])) for i in range(5)]
    number, step = hf.backtracked(kept, lambda step: costs[int(step[0])])
    assert number == 2 and step[0] == 2


def test_the_line_search_shortens_a_step_until_the_cost_falls():
    def cost(rate):  # a parabola with its minimum at 0.3
        return (rate - 0.3) ** 2

    rate = hf.line_search(cost, cost(0), -0.6, cost(1))
    assert rate == pytest.approx(0.8**3) and cost(rate) < cost(0)
    assert hf.line_search(lambda rate: 1.0, 0.5, -1.0, 1.0) == 0


def test_where_no_step_is_better_the_parameters_stay_and_lambda_rises():
    functions, layout = least_squares()
    worse = functions._replace(costs=lambda *arguments: [1.0, 1e9])
    before = hf.HessianFreeState(1.0, np.full(5, 0.1))
    params, state, report = update(worse, layout, np.ones(5), [data()], state=before)
    assert (params == 1).all() and report.rate == report.taken == 0
    assert state.damping == 1.5 and not state.direction.any()
    with pytest.raises(
        FloatingPointError, match=r"damping: expected at most 1e\+10, found .* their values from before this update"
    ):
        update(worse, layout, np.ones(5), [data()], state=before._replace(damping=0.9 * hf.LARGEST_DAMPING))


def test_negative_curvature_ends_an_update():
    functions, layout = least_squares(curvature=-1.0)
    with pytest.raises(FloatingPointError, match="curvature: expected at least 0"):
        update(functions, layout, np.zeros(5), [data()])


def test_a_product_that_is_not_finite_is_named():
    functions, layout = least_squares()
    x, y = data()
    broken = functions._replace(
        product=lambda *a: (functions.product(*a)[0], functions.product(*a)[1], np.full(1, np.inf))
    )
    with pytest.raises(FloatingPointError, match="the Gauss-Newton product of c: 1 of 1 values are not finite"):
        update(broken, layout, np.zeros(5), [(x, y)])
    x[0, 0] = np.nan
    with pytest.raises(FloatingPointError, match="the gradient of w: 4 of 4 values|the gradient of w: 1 of 4 values"):
        update(functions, layout, np.zeros(5), [(x, y)])


def test_a_cost_that_is_not_finite_is_worse_than_any():
    functions, layout = least_squares(cost=lambda error: (error**2).sum() / 2 + pt.log(1 - error[0] ** 2) * 0)
    x, y = data()
    y[0] = 0.1
    params, *_ = update(functions, layout, np.zeros(5), [(x, y)])
    assert np.isfinite(functions.costs(*layout.arrays(params), x, y)[1])


def test_an_update_may_be_interrupted_anywhere():
    functions, layout = least_squares()
    params = np.zeros(5)
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update(functions, layout, params, [data()], check=check)
    assert not params.any() and len(calls) == 4


def test_settings_of_other_optimisers_are_refused():
    with pytest.raises(
        ValueError, match=r"adam: expected settings of this optimiser \(beta1, beta2, epsilon\), found damping"
    ):
        Learning("adam", damping=1.0)
    with pytest.raises(ValueError, match=r"hf: expected settings of this optimiser \(damping, .*\), found clip_norm"):
        Learning("hf", clip_norm=1.0)
    with pytest.raises(ValueError, match=r"hf: expected settings of this optimiser \(damping, .*\), found lr"):
        Learning("hf", schedule={"lr": 0.1})
    with pytest.raises(ValueError, match="damping: expected a finite number above 0"):
        Learning("hf", damping=0)
    with pytest.raises(ValueError, match="rnn_optimizer: expected hf for rnn_damping, found adam"):
        Pretraining(rnn_damping=1.0)
    with pytest.raises(ValueError, match="rnn_clip_norm: expected an rnn_optimizer other than hf, found hf"):
        Pretraining(rnn_optimizer="hf", rnn_clip_norm=1.0)
    with pytest.raises(ValueError, match="frame_optimizer: expected one of sgd, .*adamw, found 'hf'"):
        Pretraining(frame_optimizer="hf")


def test_settings_are_its_own_where_none_are_given():
    learning = Learning("hf", damping=2.0, precondition=True)
    assert learning.hessian_free == HessianFree(damping=2.0, precondition=True)
    assert Learning.from_json(learning.to_json()) == learning
    assert learning.structure == Learning("hf").structure
    assert Pretraining(rnn_optimizer="hf", rnn_cg_iterations=7).hessian_free == HessianFree(cg_iterations=7)
