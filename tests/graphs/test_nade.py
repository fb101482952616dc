"""NADE and RNN-NADE: probabilities sum to 1, and gradients and samples are exact."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import STEP_BY_STEP, counts_of, finite_differences, states
from oracles import temporal as oracle
from scipy.stats import chisquare, kstest

from rnnrbm_pt.graphs.nade import build_nade, sample_nade
from rnnrbm_pt.graphs.rnn_nade import build_rnn_nade
from rnnrbm_pt.streams.srs import RandomStreams

SHAPES = {"W": (5, 4), "V": (5, 4), "bv": (5,), "bh": (4,)}


def function(*args, **kwargs):
    with pytensor.config.change_flags(cxx=""):
        return pytensor.function(*args, mode=STEP_BY_STEP, **kwargs)


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape) for name, shape in SHAPES.items()}


@pytest.fixture(scope="module")
def nade():
    """f(v, W, V, bv, bh) -> v_sample, cost and its gradients with respect to the parameters. Biases are vectors."""
    v, *params = pt.matrix("v"), *(pt.tensor(name, shape=(None,) * len(shape)) for name, shape in SHAPES.items())
    v_sample, cost, monitor, updates = build_nade(v, *params)
    assert updates == {}
    return function([v, *params], [v_sample, cost, monitor, *pt.grad(cost, params, consider_constant=[v_sample])])


def test_the_probabilities_of_all_frames_sum_to_1(nade, values):
    log_p = np.array([nade(v[None], *values.values())[2] for v in states(5)])
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(np.exp(log_p), [oracle.nade_probability(v, **values) for v in states(5)], rtol=1e-12)
    _, cost, monitor, *_ = nade(states(5), *values.values())
    assert monitor == -cost == pytest.approx(log_p.mean(), abs=1e-13)


def test_the_gradient_is_that_of_the_cost_by_finite_differences(nade, values):
    v = states(5)[[3, 12, 29]]
    gradients = nade(v, *values.values())[3:]
    for name, gradient in zip(values, gradients, strict=True):
        expected = finite_differences(lambda x, name=name: nade(v, *{**values, name: x}.values())[1], values[name])
        np.testing.assert_allclose(gradient, expected, atol=1e-8, err_msg=name)


def test_frames_have_biases_of_their_own(nade, values):
    rng = np.random.default_rng(1)
    v, bv, bh = states(5)[[7, 20, 30]], rng.normal(size=(3, 5)), rng.normal(size=(3, 4))
    weights = np.array([0.5, 0.25, 0.25])
    symbols = [pt.matrix(name) for name in ("v", "W", "V", "bv", "bh")]
    w = pt.vector("w")
    v_sample, _, monitor, _ = build_nade(*symbols, weights=w)
    found, mean = function([*symbols, w], [v_sample, monitor])(v, values["W"], values["V"], bv, bh, weights)
    rows = [nade(v[[i]], values["W"], values["V"], bv[i], bh[i]) for i in range(3)]
    np.testing.assert_allclose(found, [row[0][0] for row in rows], rtol=1e-12)
    assert mean == pytest.approx(weights @ [row[2] for row in rows], rel=1e-12)


def test_one_frame(nade, values):
    v = pt.vector("v")
    v_sample, cost, _, _ = build_nade(v, *(pt.constant(value) for value in values.values()))
    for found, expected in zip(
        function([v], [v_sample, cost])(states(5)[21]), nade(states(5)[[21]], *values.values()), strict=False
    ):
        np.testing.assert_allclose(found, np.squeeze(expected), rtol=1e-13)


def test_samples_are_as_frequent_as_their_probabilities(values):
    stream = RandomStreams(2).stream()
    v, mean_v, next_stream = sample_nade(stream, 20000, *(pt.constant(value) for value in values.values()))
    draw = function([], [v, mean_v], updates={stream: next_stream})
    frames, means = draw()
    p = np.array([oracle.nade_probability(state, **values) for state in states(5)])
    assert chisquare(counts_of(frames), 20000 * p).pvalue > 1e-3
    # Both means estimate E[v]. The standard error is 0.0035 for the frames, and less for the probabilities.
    np.testing.assert_allclose(means.mean(axis=0), p @ states(5), atol=0.015)
    assert (means.var(axis=0) <= frames.var(axis=0)).all()
    assert (draw()[0] != frames).any(), "the stream goes on"


TWINS = {"tanh": oracle.RnnNade, "lstm": oracle.LstmRnnNade, "gru": oracle.GruRnnNade}


@pytest.fixture(scope="module", params=TWINS)
def recurrence(request):
    return request.param


@pytest.fixture(scope="module")
def rnn_nade(recurrence):
    built = build_rnn_nade(3, 2, 2, n_steps=1500, learn_initial=True, recurrence=recurrence)
    rng = np.random.default_rng(3)
    for param in built.params:
        param.set_value(rng.normal(size=param.get_value().shape))
    return built


ROLL = np.array([[1.0, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1]])


def test_the_likelihood_of_a_sequence_and_its_gradient(rnn_nade, recurrence):
    gradients = pt.grad(rnn_nade.cost, list(rnn_nade.params), consider_constant=[rnn_nade.v_sample])
    outputs = [rnn_nade.log_likelihood, rnn_nade.monitor, *gradients]
    log_p, monitor, *gradients = function([rnn_nade.v], outputs)(ROLL)
    values = {param.name: param.get_value() for param in rnn_nade.params}
    expected = oracle.log_likelihoods(TWINS[recurrence](values), ROLL)
    np.testing.assert_allclose(log_p, expected, rtol=1e-12)
    assert monitor == pytest.approx(expected.mean(), rel=1e-12)
    for name, gradient in zip(values, gradients, strict=True):

        def cost(x, name=name):
            return -oracle.log_likelihoods(TWINS[recurrence]({**values, name: x}), ROLL).mean()

        np.testing.assert_allclose(gradient, finite_differences(cost, values[name]), atol=1e-8, err_msg=name)


def test_generated_frames_are_drawn_as_the_model_says(rnn_nade, recurrence):
    roll = function([], rnn_nade.v_t, updates=rnn_nade.updates_generate)()
    values = {param.name: param.get_value() for param in rnn_nade.params}
    assert roll.shape == (1500, 3)
    assert kstest(oracle.uniforms_of(TWINS[recurrence](values), roll), "uniform").pvalue > 1e-3
    other = {name: -value for name, value in values.items()}
    assert kstest(oracle.uniforms_of(TWINS[recurrence](other), roll), "uniform").pvalue < 1e-6, "the test can tell"


def test_several_sequences_cost_the_mean_of_theirs(rnn_nade, recurrence):
    batched = build_rnn_nade(3, 2, 2, batched=True, params=rnn_nade.params, recurrence=recurrence)
    cost = function([batched.v, batched.mask], batched.cost)
    v = np.random.default_rng(5).integers(2, size=(4, 3, 3)).astype(float)
    lengths = [4, 2, 0]
    mask = (np.arange(4)[:, None] < lengths).astype(float)
    values = {param.name: param.get_value() for param in rnn_nade.params}
    alone = [-oracle.log_likelihoods(TWINS[recurrence](values), v[:n, i]).mean() for i, n in enumerate(lengths) if n]
    assert cost(v, mask) == pytest.approx(np.mean(alone), rel=1e-12)
