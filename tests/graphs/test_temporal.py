"""Models with RBMs: gradients and distributions by sums over all states, and relations of the models."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import AS_WRITTEN, STEP_BY_STEP, counts_of, finite_differences, states
from oracles import temporal as oracle
from scipy.stats import chisquare, kstest

from rnnrbm_pt.graphs.dropout import Dropout
from rnnrbm_pt.graphs.lstm_rtrbm import build_lstm_rtrbm
from rnnrbm_pt.graphs.rbm import build_rbm
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.graphs.rtrbm import build_rtrbm
from rnnrbm_pt.graphs.sequence import NONLINEARITIES
from rnnrbm_pt.graphs.tied_rnn_rbm import build_tied_rnn_rbm
from rnnrbm_pt.streams.srs import RandomStreams

# All options that add a term to an equation are on. Sizes: n_visible 3, n_hidden 2, n_hidden_recurrent 2.
MODELS = {
    "rnnrbm": (lambda **kw: build_rnnrbm(3, 2, 2, learn_initial=True, **kw), oracle.RnnRbm),
    "lstm": (lambda **kw: build_rnnrbm(3, 2, 2, recurrence="lstm", learn_initial=True, **kw), oracle.LstmRnnRbm),
    "gru": (lambda **kw: build_rnnrbm(3, 2, 2, recurrence="gru", learn_initial=True, **kw), oracle.GruRnnRbm),
    "rtrbm": (lambda **kw: build_rtrbm(3, 2, learn_initial=True, dynamic_visible_bias=True, **kw), oracle.Rtrbm),
    "lstm_rtrbm": (
        lambda **kw: build_lstm_rtrbm(3, 2, 2, learn_initial=True, dynamic_visible_bias=True, **kw),
        oracle.LstmRtrbm,
    ),
    "tied_rnn_rbm": (
        lambda **kw: build_tied_rnn_rbm(3, 2, 2, window=2, learn_initial=True, **kw),
        partial(oracle.TiedRnnRbm, window=2),
    ),
}
N = 3
V = np.array([[1.0, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1]])


def function(*args, mode=STEP_BY_STEP, **kwargs):
    with pytensor.config.change_flags(cxx=""):
        return pytensor.function(*args, mode=mode, **kwargs)


def values_of(params):
    return {p.name: p.get_value() for p in params}


def names_of(built):
    return [param.name for param in built.params]


def randomise(params, seed, scale=0.7):
    values = np.random.default_rng(seed)
    for param in params:
        param.set_value(values.normal(scale=scale, size=param.get_value().shape))


def gradient_at(built):
    """f(v, v_sample) -> the cost, its gradient with these negative particles, and the biases of each step."""
    given = pt.matrix("given")
    gradients = pt.grad(built.cost, list(built.params), consider_constant=[built.v_sample])
    outputs = [built.cost, *gradients, built.bv_t, built.bh_t]
    return function([built.v, given], outputs, givens={built.v_sample: given}, mode=AS_WRITTEN)


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    """A small model: its graphs, its gradient at given negative particles, and its counterpart in NumPy."""
    build, twin = MODELS[request.param]
    built = build(k_generate=12, n_steps=400)
    return SimpleNamespace(build=build, built=built, gradient_at=gradient_at(built), twin=twin)


def exact_negative_phase(model, v):
    """The gradient, averaged over all 2^n states of the negative particle of each step.

    The gradient is a sum over the steps, so each step is averaged with the particles of all other steps at 0. The terms
    of these other steps at 0 are then counted T - 1 times too often.
    """

    def gradient(given):
        return model.gradient_at(v, given)[1:-2]

    total = [-(len(v) - 1) * g for g in gradient(np.zeros_like(v))]
    for t, p in enumerate(oracle.step_probabilities(model.twin(values_of(model.built.params)), v)):
        for state, weight in zip(states(N), p, strict=True):
            given = np.zeros_like(v)
            given[t] = state
            total = [x + weight * g for x, g in zip(total, gradient(given), strict=True)]
    return total


def test_with_an_exact_negative_phase_the_gradient_is_that_of_the_likelihood(model):
    randomise(model.built.params, 1)
    gradients = exact_negative_phase(model, V)
    values = values_of(model.built.params)
    for (name, value), gradient in zip(values.items(), gradients, strict=True):

        def cost(x, name=name):
            return -oracle.log_likelihoods(model.twin({**values, name: x}), V).mean()

        expected = finite_differences(cost, value)
        assert abs(expected).max() > 1e-5, name
        np.testing.assert_allclose(gradient, expected, atol=1e-8, err_msg=name)


def test_negative_particles_of_equal_sequences_are_as_frequent_as_the_model_says(model):
    randomise(model.built.params, 2)
    batched = model.build(batched=True, params=model.built.params, k=12)
    sample = function([batched.v], [batched.v_sample, *batched.states], updates=batched.updates_train)
    v_sample, *found = sample(np.repeat(V[:, None], 800, axis=1))
    p = oracle.step_probabilities(model.twin(values_of(model.built.params)), V)
    for t, frames in enumerate(v_sample.reshape(len(V), 800, N)):
        assert chisquare(counts_of(frames), 800 * p[t]).pvalue > 1e-3
    assert all(np.ptp(state, axis=1).max() == 0 for state in found)


def test_generated_frames_are_drawn_as_the_model_says(model):
    randomise(model.built.params, 3)
    roll = function([], model.built.v_t, updates=model.built.updates_generate)()
    values = values_of(model.built.params)
    assert kstest(oracle.uniforms_of(model.twin(values), roll), "uniform").pvalue > 1e-3
    other = {name: -value for name, value in values.items()}
    assert kstest(oracle.uniforms_of(model.twin(other), roll), "uniform").pvalue < 1e-6, "the test can tell"


def test_the_cost_of_several_sequences_is_the_mean_of_theirs(model):
    randomise(model.built.params, 4)
    batched = model.build(batched=True, params=model.built.params)
    given = pt.matrix("given")
    cost = function([batched.v, batched.mask, given], batched.cost, givens={batched.v_sample: given})
    v = np.random.default_rng(5).integers(2, size=(4, 3, N)).astype(float)
    v_sample = 1 - v[::-1]
    lengths = [4, 2, 0]
    mask = (np.arange(4)[:, None] < lengths).astype(float)
    alone = [model.gradient_at(v[:n, i], v_sample[:n, i])[0] for i, n in enumerate(lengths) if n]
    np.testing.assert_allclose(cost(v, mask, v_sample.reshape(-1, N)), np.mean(alone), rtol=1e-12)


def test_dropout_in_a_tied_rnn_rbm_drops_recurrent_units_alone():
    """If no bias depends on them, nothing changes. In particular W is not scaled."""
    plain, streams = build_tied_rnn_rbm(N, 2, 2, window=2), RandomStreams(1)
    dropout = Dropout((streams.stream(), streams.stream()), hidden=0.5)
    dropped = build_tied_rnn_rbm(N, 2, 2, window=2, params=plain.params, dropout=dropout)
    randomise(plain.params, 6)
    energies = [function([graphs.v], graphs.free_energy) for graphs in (plain, dropped)]
    assert not np.allclose(*(f(V) for f in energies))
    for param in plain.params:
        if param.name in ("Wuh", "Wuv"):
            param.set_value(np.zeros_like(param.get_value()))
    np.testing.assert_array_equal(*(f(V) for f in energies))


def test_an_rtrbm_is_an_rnnrbm_with_a_sigmoid_and_tied_parameters():
    rtrbm = build_rtrbm(N, 2)
    randomise(rtrbm.params, 6)
    p = values_of(rtrbm.params)
    rnnrbm = build_rnnrbm(N, 2, 2, nonlinearity="sigmoid")
    tied = {**p, "Wuv": np.zeros((2, N)), "Wvu": p["W"], "Wuu": p["Wuh"], "bu": p["bh"]}
    for param in rnnrbm.params:
        param.set_value(tied[param.name])
    cost, W, bv, bh, Wuh, *biases = gradient_at(rtrbm)(V, 1 - V)
    theirs = dict(zip(["cost", *names_of(rnnrbm), "bv_t", "bh_t"], gradient_at(rnnrbm)(V, 1 - V), strict=True))
    for found, expected in [
        (cost, theirs["cost"]),
        (W, theirs["W"] + theirs["Wvu"]),  # the gradient of a tied parameter is a sum over its places
        (bv, theirs["bv"]),
        (bh, theirs["bh"] + theirs["bu"]),
        (Wuh, theirs["Wuh"] + theirs["Wuu"]),
        (biases[0], theirs["bv_t"]),
        (biases[1], theirs["bh_t"]),
    ]:
        np.testing.assert_allclose(found, expected, atol=1e-13)


def test_an_lstm_rtrbm_whose_lstm_tells_nothing_is_an_rtrbm():
    rtrbm, lstm = build_rtrbm(N, 2), build_lstm_rtrbm(N, 2, 5)
    randomise(lstm.params, 7)
    values = values_of(lstm.params)
    for param in lstm.params:
        if param.name in ("Wsh", "Wvi", "Wsi", "bi", "Wvf", "Wsf", "bf", "Wvo", "Wso", "bo", "Wvg", "Wsg", "bg"):
            param.set_value(np.zeros_like(values[param.name]))
    for param in rtrbm.params:
        param.set_value(values[param.name])
    cost, W, bv, bh, Wuh, *biases = gradient_at(rtrbm)(V, 1 - V)
    theirs = gradient_at(lstm)(V, 1 - V)
    for found, expected in zip([cost, W, bv, bh, Wuh, *biases], [*theirs[:5], *theirs[-2:]], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-14)


def test_an_rnnrbm_without_recurrent_weights_is_one_rbm_for_all_frames():
    rnnrbm = build_rnnrbm(N, 2, 2, streams=RandomStreams(8))
    randomise(rnnrbm.params, 8)
    for param in rnnrbm.params[3:]:
        param.set_value(np.zeros_like(param.get_value()))
    v, (W, bv, bh) = pt.matrix("v"), rnnrbm.params[:3]
    v_sample, cost, monitor, updates = build_rbm(v, W, bv, bh, 15, rngs=RandomStreams(8).rbm())
    gradients = pt.grad(cost, [W, bv, bh], consider_constant=[v_sample])
    alone = function([v], [v_sample, cost, monitor, *gradients], updates=updates)
    gradients = pt.grad(rnnrbm.cost, [W, bv, bh], consider_constant=[rnnrbm.v_sample])
    outputs = [rnnrbm.v_sample, rnnrbm.cost, rnnrbm.monitor, *gradients]
    for found, expected in zip(function([rnnrbm.v], outputs)(V), alone(V), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-14)


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_the_rnn_has_the_nonlinearity_that_is_asked_for(name):
    built = build_rnnrbm(N, 2, 2, nonlinearity=name)
    randomise(built.params, 9, scale=2)
    twin = oracle.RnnRbm(values_of(built.params), name)
    for found, v in zip(function([built.v], built.u_t)(V), V, strict=True):
        twin.see(v)
        np.testing.assert_allclose(found, twin.u, rtol=1e-13)


def test_words_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="nonlinearity: expected one of tanh, sigmoid, relu, found 'cosine'"):
        build_rnnrbm(N, 2, 2, nonlinearity="cosine")
    with pytest.raises(ValueError, match="recurrence: expected one of tanh, lstm, gru, found 'qrnn'"):
        build_rnnrbm(N, 2, 2, recurrence="qrnn")
    with pytest.raises(ValueError, match="nonlinearity: expected 'tanh' with recurrence='gru', .*, found 'relu'"):
        build_rnnrbm(N, 2, 2, recurrence="gru", nonlinearity="relu")
    with pytest.raises(ValueError, match="visible: expected one of binary, gaussian, found 'ternary'"):
        build_rtrbm(N, 2, visible="ternary")


def test_what_is_not_asked_for_is_no_parameter():
    assert names_of(build_rtrbm(N, 2)) == ["W", "bv", "bh", "Wuh"]
    assert names_of(build_rtrbm(N, 2, learn_initial=True)) == ["W", "bv", "bh", "Wuh", "bh0"]
    gates = [f"{name}{gate}" for gate in "ifog" for name in ("Wv", "Ws", "b")]
    assert names_of(build_lstm_rtrbm(N, 2, 4)) == ["W", "bv", "bh", "Wuh", "Wsh", *gates]
    rbm = ["W", "bv", "bh", "Wuh", "Wuv"]
    gates = [f"{name}{gate}" for gate in "ifog" for name in ("Wv", "Wu", "b")]
    assert names_of(build_rnnrbm(N, 2, 4, recurrence="lstm")) == [*rbm, *gates]
    assert names_of(build_rnnrbm(N, 2, 4, recurrence="lstm", learn_initial=True)) == [*rbm, *gates, "u0", "c0"]
    gates = [f"{name}{gate}" for gate in "zrg" for name in ("Wv", "Wu", "b")]
    assert names_of(build_rnnrbm(N, 2, 4, recurrence="gru")) == [*rbm, *gates]


@pytest.mark.parametrize("recurrence", ["lstm", "gru"])
def test_a_network_with_gates_begins_with_the_tutorials_draws_and_orthogonal_matrices(recurrence):
    tutorial, gated = (values_of(build_rnnrbm(N, 2, 6, recurrence=name).params) for name in ("tanh", recurrence))
    for name in ("W", "bv", "bh", "Wuh", "Wuv"):
        np.testing.assert_array_equal(gated[name], tutorial[name])
    for name, value in gated.items():
        if name.startswith("Wu") and name not in ("Wuh", "Wuv"):
            np.testing.assert_allclose(value @ value.T, np.eye(6), atol=1e-14)
        elif name.startswith("b"):
            assert (value == (1 if name == "bf" else 0)).all(), name
        elif name.startswith("Wv"):
            assert 0 < abs(value).max() <= np.sqrt(6 / (N + 6)), name
