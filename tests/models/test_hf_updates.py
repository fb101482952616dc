"""Hessian-free optimisation of models: curvature, learning, continued runs, and errors."""

import os
import signal
from itertools import pairwise

import numpy as np
import pytest
from oracles.runs import assert_same, same

from rnnrbm_pt import BiaxialRnn, LstmRtrbm, RnnNade, RnnRbm, TiedRnnRbm
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.models.hf_updates import (
    HessianFreeUpdates,
    check_frames,
    columns_of_curvature,
    likelihood_objective,
    pieces_of,
    prediction_objective,
)
from rnnrbm_pt.models.pretraining import Pretraining, prediction_error, pretrain_rnn, rnn_params
from rnnrbm_pt.training.loop import batch_of
from rnnrbm_pt.training.settings import HessianFree

HF = {"optimizer": "hf", "curvature_frames": 60, "cg_iterations": 20}
ROLLS = [np.random.RandomState(i).randint(2, size=(n, 4)) for i, n in enumerate((6, 3, 1))]


def make(kind, **settings):
    """Make a model of four units with random parameters."""
    model = kind(n_hidden=3, r=(21, 25), backend="c", mode=AS_WRITTEN, **settings)
    values = np.random.default_rng(1)
    for p in model.params:
        p.set_value(values.normal(scale=0.8, size=p.get_value().shape))
    return model


def likelihood(model):
    graphs = model.build(batched=True)
    return likelihood_objective(graphs), list(graphs.params), graphs


def prediction(model):
    graphs = model.build(batched=True)
    visible = "gaussian" if model.real_valued else "binary"
    error = prediction_error(graphs.v, graphs.bv_t, visible)
    return prediction_objective(graphs, error, visible), rnn_params(model, ("bv",)), graphs


LSTM = {"n_hidden_recurrent": 2, "dynamic_visible_bias": True}
TIED = {"n_hidden_recurrent": 2, "recurrence": "tanh", "window": 2, "learn_initial": True}
OBJECTIVES = {
    "rnn-nade": (likelihood, RnnNade, {"n_hidden_recurrent": 2, "learn_initial": True}),
    "rnn-rbm": (prediction, RnnRbm, {"n_hidden_recurrent": 2, "learn_initial": True}),
    "lstm-rtrbm": (prediction, LstmRtrbm, LSTM),
    "biaxial-rnn": (likelihood, BiaxialRnn, TIED),
    "tied-rnn-rbm": (prediction, TiedRnnRbm, TIED),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_products_are_those_of_finite_differences(name):
    """G v = J'HJ v for several directions v, with J v and J' from central differences of the outputs."""
    objective_of, kind, settings = OBJECTIVES[name]
    model = make(kind, **settings)
    objective, params, graphs = objective_of(model)
    updates = HessianFreeUpdates(objective, params, [graphs.v, graphs.mask], model.compiling, {})
    v, mask = batch_of(ROLLS, None, 4, "float64")  # the fourth column is empty
    outputs = model.compiling.function(
        [graphs.v, graphs.mask], [objective.output, objective.curvature, *objective.states, *objective.state_weights]
    )
    values, layout = [p.get_value() for p in params], updates.layout
    flat = layout.flat(values)

    def at(vector):
        for p, value in zip(params, layout.arrays(vector), strict=True):
            p.set_value(value)
        found = outputs(v, mask)
        for p, value in zip(params, values, strict=True):
            p.set_value(value)
        return found

    n_states = len(objective.states)
    parts = [0, *range(2, 2 + n_states)]
    J = {k: np.empty((at(flat)[k].size, layout.size)) for k in parts}
    for i in range(layout.size):
        step = 1e-6 * np.eye(layout.size)[i]
        up, down = at(flat + step), at(flat - step)
        for k in parts:
            J[k][:, i] = (up[k] - down[k]).ravel() / 2e-6
    here = at(flat)
    expected = J[0].T @ (here[1].ravel()[:, None] * J[0])
    for k in range(n_states):
        expected += 0.3 * J[2 + k].T @ (here[2 + n_states + k].ravel()[:, None] * J[2 + k])
    rng = np.random.default_rng(2)
    directions = rng.normal(size=(6, layout.size))
    found = []
    for direction in directions:
        _, *products = updates.functions.product(*values, *layout.arrays(direction), np.asarray(0.3), v, mask)
        found.append(layout.flat(products))
    np.testing.assert_allclose(found, directions @ expected, rtol=0, atol=1e-6)
    quadratic = directions @ np.array(found).T
    np.testing.assert_allclose(quadratic, quadratic.T, rtol=0, atol=1e-10)
    assert (np.diag(quadratic) > 0).all()


def test_the_cost_is_that_of_the_model():
    model = make(RnnNade, n_hidden_recurrent=2)
    objective, params, graphs = likelihood(model)
    v, mask = batch_of(ROLLS, None, 4, "float64")
    sums = model.compiling.function(
        [graphs.v, graphs.mask], [objective.weight, objective.cost, *objective.reports, graphs.cost]
    )
    weight, cost, log_likelihood, error, expected = sums(v, mask)
    assert weight == 3 and cost / weight == pytest.approx(expected, abs=1e-12) and log_likelihood == -cost
    assert 0 < error < weight


@pytest.mark.parametrize("precondition", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_nade_learns(model_of, toy_rolls, precondition):
    model = model_of(RnnNade)
    model.fit(toy_rolls, 20, 3, n_sequences=100, precondition=precondition, **HF)
    monitors = [record["monitor"] for record in model.log]
    assert monitors == sorted(monitors) and monitors[-1] > monitors[0] + 1.5
    assert [record["updates"] for record in model.log] == [1, 1, 1]
    dampings = [record["damping"] for record in model.log]
    factors = [a / b for a, b in pairwise(dampings)]
    assert all(min(abs(np.subtract(factor, [1.5, 1, 1 / 1.5]))) < 1e-12 for factor in factors)
    assert model.log[0]["gradient_norm"] > 0 and 0 < model.log[0]["error"] < 1


def test_of_a_rest_that_is_too_small_nothing_is_learned(model_of, toy_rolls):
    """15 windows in groups of seven: the last update has a single window of at most 20 frames and learns nothing."""
    model, seen = model_of(RnnNade), []
    model.fit(toy_rolls, 20, 1, n_sequences=7, on_update=lambda *_: seen.append(model.get_params()), **HF)
    assert len(seen) == 3 and not np.array_equal(seen[0]["W"], seen[1]["W"])
    assert all(np.array_equal(seen[1][name], seen[2][name]) for name in seen[1])
    assert len(model.log) == 1 and model.log[0]["updates"] == 3


@pytest.mark.slow
def test_killed_between_updates_it_goes_on_with_the_same_bits(model_of, toy_rolls, tmp_path):
    whole = model_of(RnnNade).fit(toy_rolls, 20, 3, n_sequences=5, **HF)
    killed, done = model_of(RnnNade), []

    def dies(*_):
        done.append(1)
        if len(done) == 5:  # of three per epoch; its learning is lost
            raise InterruptedError

    with pytest.raises(InterruptedError):
        killed.fit(toy_rolls, 20, 3, n_sequences=5, checkpoint=tmp_path / "m", checkpoint_every=1, on_update=dies, **HF)
    loaded = RnnNade.load(tmp_path / "m", mode=AS_WRITTEN)
    assert loaded.progress.updates == 4 and {"hf_damping", "hf_direction_Wuu"} <= set(loaded.state.awaited_slots)
    loaded.resume(toy_rolls)
    assert same(loaded, whole) and [r["monitor"] for r in loaded.log] == [r["monitor"] for r in whole.log]
    assert loaded.learning.hessian_free == HessianFree(curvature_frames=60, cg_iterations=20)


def test_ctrl_c_within_an_update_leaves_it_undone(model_of, toy_rolls):
    whole = model_of(RnnNade).fit(toy_rolls, 20, 2, n_sequences=100, **HF)
    stopped = model_of(RnnNade)
    updates = stopped.trainer.functions
    calls = []

    def press(record):
        functions = stopped.trainer.functions.hessian_free.functions

        def product(*arguments):
            calls.append(1)
            if len(calls) == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return functions.product(*arguments)

        stopped.trainer.functions.hessian_free.functions = functions._replace(product=product)

    with pytest.raises(KeyboardInterrupt):
        stopped.fit(toy_rolls, 20, 2, n_sequences=100, on_epoch=press, **HF)
    assert len(calls) == 3 and stopped.progress.epoch == 1 and stopped.progress.updates == 1
    stopped.resume(toy_rolls)
    assert updates is not stopped.trainer.functions and same(stopped, whole)


def test_an_update_that_fails_keeps_the_parameters(model_of, toy_rolls, tmp_path):
    model = model_of(RnnNade).fit(toy_rolls, 20, 1, n_sequences=100, checkpoint=tmp_path / "m", **HF)
    hf = model.trainer.functions.hessian_free
    functions, before = hf.functions, model.get_params()
    hf.functions = functions._replace(product=lambda *a: [x * np.nan for x in functions.product(*a)])
    content = (tmp_path / "m").read_bytes()
    with pytest.raises(
        FloatingPointError, match="the Gauss-Newton product of W: .* are not finite.*before this update"
    ):
        model.resume(toy_rolls, 2, checkpoint=tmp_path / "m")
    assert all(np.array_equal(before[name], value) for name, value in model.get_params().items())
    hf.functions = functions
    assert content and RnnNade.load(tmp_path / "m", mode=AS_WRITTEN).progress.epoch == 1


def test_the_rnn_is_pretrained(python_model, toy_rolls):
    settings = {"rnn_optimizer": "hf", "rnn_n_sequences": 100, "rnn_curvature_frames": 60, "rnn_batch_size": 20}
    model, seen = python_model(), []
    before = model.get_params()
    model.fit(toy_rolls, 20, 0, pretrain={"rnn_epochs": 4, "rnn_also": ["bv"], **settings}, on_pretrain=seen.append)
    costs = [record["cost"] for record in seen]
    assert costs == sorted(costs, reverse=True) and costs[-1] < costs[0] - 1.5
    after = model.get_params()
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed == ["bv", "Wuv", "Wvu", "Wuu", "bu"]
    again = python_model()
    pretrain_rnn(again, toy_rolls, Pretraining(rnn_epochs=4, rnn_also=("bv",), **settings))
    assert_same(again, model, 0)


def test_contrastive_divergence_is_refused(toy_model, toy_rolls):
    model = toy_model()
    with pytest.raises(ValueError, match=r"hf expects a model whose cost is exact.*found RnnRbm.*rnn_optimizer"):
        model.fit(toy_rolls, optimizer="hf", n_sequences=100)
    assert model.progress is None and model.learning.optimizer == "sgd"


def test_what_else_is_refused(model_of, toy_rolls):
    model = model_of(RnnNade)
    with pytest.raises(
        ValueError, match=r"n_sequences: .* at least 255 frames .* expected 13 windows of 20 frames, .* found 1"
    ):
        model.fit(toy_rolls, 20, 1, optimizer="hf")
    with pytest.raises(ValueError, match="carry_state: expected an optimizer other than hf, found hf"):
        model.fit(toy_rolls, 20, 1, n_sequences=100, carry_state=True, **HF)
    with pytest.raises(ValueError, match=r"rnn_n_sequences: .* at least 255 frames .* found 4"):
        model.fit(toy_rolls, pretrain={"rnn_epochs": 1, "rnn_optimizer": "hf", "rnn_batch_size": 20})
    model.fit(toy_rolls, 20, 0, n_sequences=100, **HF)
    with pytest.raises(ValueError, match="optimizer: expected one with a compiled update, found hf"):
        model.train_function  # noqa: B018
    model.partial_fit(toy_rolls, 20, n_sequences=100)


def test_frames_of_an_update():
    check_frames("n_sequences", 10, 100, 10**6, HessianFree())
    check_frames("n_sequences", 2, 100, 150, HessianFree())
    with pytest.raises(ValueError, match="at least 1,000 frames per update .* expected 10 windows of 100"):
        check_frames("n_sequences", 9, 100, 10**6, HessianFree())


def test_the_windows_of_the_curvature_are_spread():
    lengths = np.array([5, 5, 5, 5, 5, 5, 5, 5])
    assert columns_of_curvature(lengths, 10).tolist() == [0, 4]
    assert columns_of_curvature(lengths, 11).tolist() == [0, 2, 5]
    assert columns_of_curvature(lengths, 1000).tolist() == list(range(8))


@pytest.mark.parametrize("fixed", [False, True])
def test_pieces_have_every_frame_once(fixed):
    v, mask = batch_of(ROLLS, None, 3, "float64")
    pieces = list(pieces_of(v, mask, np.arange(3), 2, fixed))
    assert [piece[1].shape for piece in pieces] == ([(6, 2), (6, 2)] if fixed else [(6, 2), (1, 1)])
    assert sum(piece[1].sum() for piece in pieces) == 10 and sum(piece[0].sum() for piece in pieces) == v.sum()


def rows():
    """Backends and float types."""
    return [(backend, floatX) for backend in ("jax", "numba", "c") for floatX in ("float64", "float32")]


@pytest.mark.slow
@pytest.mark.parametrize("backend, floatX", rows())
def test_every_backend_learns_alike(model_of, toy_rolls, backend, floatX):
    if backend == "jax":
        pytest.importorskip("jax", reason="needs the extra jax")
    reference = model_of(RnnNade).fit(toy_rolls, 20, 2, n_sequences=100, **HF)
    model = RnnNade(8, 6, r=(21, 33), lr=0.05, streams="philox", backend=backend, floatX=floatX)
    model.fit(toy_rolls, 20, 2, n_sequences=100, **HF)
    # Conjugate gradients amplify rounding errors: in float32 two backends differ by about 1e-3 in the parameters.
    atol = {"float64": 1e-9, "float32": 2e-2}[floatX]
    np.testing.assert_allclose(
        [record["monitor"] for record in model.log], [record["monitor"] for record in reference.log], rtol=0, atol=atol
    )
    assert {p.get_value().dtype for p in model.params} == {np.dtype(floatX)}
    settings = {"rnn_optimizer": "hf", "rnn_n_sequences": 100, "rnn_curvature_frames": 60, "rnn_batch_size": 20}
    of_both = [pretrain_rnn(m, toy_rolls, Pretraining(rnn_epochs=2, **settings)) for m in (model, reference)]
    costs = [[record["cost"] for record in records] for records in of_both]
    np.testing.assert_allclose(*costs, rtol=0, atol=atol)
