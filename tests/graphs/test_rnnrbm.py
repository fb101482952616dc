"""The RNN-RBM compared with Theano's numbers, finite differences and exact distributions."""

from types import SimpleNamespace

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import AS_WRITTEN, MODES, counts_of, distribution, finite_differences, names_of, same_state, states
from pytensor.compile.mode import Mode
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan
from pytensor.tensor.random.basic import BinomialRV
from scipy.stats import chisquare

from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.streams.srs import RandomStreams, stream_seed

NAMES = ["W", "bv", "bh", "Wuh", "Wuv", "Wvu", "Wuu", "bu"]

# The order of sums differs between Theano and PyTensor: a few 1e-15 after 160 updates, 5e-7 in float32.
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def gradient_with_given_sample(built):
    """f(v, v_sample) -> the cost and its gradient with these negative particles, run as written.

    The compiled gradient is a part of every update that is compared with Theano's.
    """
    given = pt.matrix("given")
    gradients = pt.grad(built.cost, built.params, consider_constant=[built.v_sample])
    inputs, outputs, givens = [built.v, given], [built.cost, *gradients], {built.v_sample: given}
    return pytensor.function(inputs, outputs, givens=givens, mode=AS_WRITTEN)


@pytest.fixture(scope="module")
def run(theano_reference):
    """run(mode, floatX): the tutorial's training and generation on the synthetic case, run once."""
    done = {}

    def run(mode, floatx):
        if (mode, floatx) not in done:
            with (
                np.load(theano_reference / f"synthetic_srs_{floatx}.npz") as recorded,
                pytensor.config.change_flags(floatX=floatx),
            ):
                done[mode, floatx] = train_and_generate(MODES[mode], dict(recorded))
        return done[mode, floatx]

    return run


def train_and_generate(mode, recorded):
    built = build_rnnrbm(12, 8, 6)
    initial = [param.get_value() for param in built.params]
    gradients = pt.grad(built.cost, built.params, consider_constant=[built.v_sample])
    learning_rate = np.dtype(pytensor.config.floatX).type(0.05)
    steps = {param: param - learning_rate * gradient for param, gradient in zip(built.params, gradients, strict=True)}
    train = pytensor.function([built.v], built.monitor, updates={**built.updates_train, **steps}, mode=mode)
    rolls = [recorded[f"sequence_{i}"].astype(pytensor.config.floatX) for i in range(5)]
    windows = [roll[i : i + 20] for roll in rolls for i in range(0, len(roll), 20)]
    monitors = [train(window) for _ in range(20) for window in windows]

    generate = pytensor.function([], built.v_t, updates=built.updates_generate, mode=mode)
    return SimpleNamespace(
        recorded=recorded,
        built=built,
        initial=initial,
        monitors=monitors,
        final=[param.get_value() for param in built.params],
        generated=[generate(), generate()],
        train=train,
        generate=generate,
    )


@pytest.fixture(
    params=[
        ("numba", "float64"),
        ("c", "float64"),
        *(pytest.param((name, "float32"), marks=pytest.mark.slow) for name in ("numba", "c")),
    ],
    ids="-".join,
)
def synthetic(request, run):
    mode, floatx = request.param
    return run(mode, floatx), TOLERANCE[floatx]


def test_initial_parameters_are_theanos(synthetic):
    found, _ = synthetic
    for param, value in zip(found.built.params, found.initial, strict=True):
        recorded = found.recorded[f"init_{param.name}"]
        assert value.dtype == recorded.dtype
        np.testing.assert_array_equal(value, recorded)


def test_the_monitors_of_all_updates_are_theanos(synthetic):
    found, tolerance = synthetic
    np.testing.assert_allclose(found.monitors, found.recorded["monitor"], rtol=tolerance, atol=tolerance)


def test_final_parameters_are_theanos(synthetic):
    found, tolerance = synthetic
    for name, value in zip(NAMES, found.final, strict=True):
        recorded = found.recorded[f"final_{name}"]
        assert value.dtype == recorded.dtype
        np.testing.assert_allclose(value, recorded, rtol=0, atol=tolerance, err_msg=name)


def test_generated_rolls_are_theanos(synthetic):
    found, _ = synthetic
    for i, roll in enumerate(found.generated):
        assert roll.shape == (200, 12)
        np.testing.assert_array_equal(roll, found.recorded[f"generated_{i}"])


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_gradient_is_theanos(dtype, theano_reference):
    with np.load(theano_reference / f"synthetic_srs_{dtype}.npz") as archive:
        reference = dict(archive)
    with pytensor.config.change_flags(floatX=dtype):
        built = build_rnnrbm(12, 8, 6)
        gradient_of = gradient_with_given_sample(built)
    for param in built.params:
        param.set_value(reference[f"final_{param.name}"])
    inputs = (reference[name].astype(dtype) for name in ("grad_v", "grad_v_sample"))
    cost, *gradients = gradient_of(*inputs)
    np.testing.assert_allclose(cost, reference["grad_cost"], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    for name, gradient in zip(NAMES, gradients, strict=True):
        recorded = reference[f"grad_{name}"]
        assert gradient.dtype == recorded.dtype
        np.testing.assert_allclose(gradient, recorded, rtol=0, atol=TOLERANCE[dtype], err_msg=name)


def test_the_gradient_is_that_of_the_cost_by_finite_differences():
    """The gradient through time: the cost of 4 frames with a fixed v_sample, at parameters far from 0."""
    built = build_rnnrbm(12, 8, 6)
    gradient_of = gradient_with_given_sample(built)
    values = np.random.default_rng(2)
    for param in built.params:
        param.set_value(values.normal(scale=0.7, size=param.get_value().shape))
    v, v_sample = (values.integers(2, size=(4, 12)).astype(float) for _ in range(2))
    _, *gradients = gradient_of(v, v_sample)
    for param, gradient in zip(built.params, gradients, strict=True):
        value = param.get_value()

        def cost(x, param=param):
            param.set_value(x)
            return gradient_of(v, v_sample)[0]

        expected = finite_differences(cost, value)
        param.set_value(value)
        assert abs(expected).max() > 1e-3
        np.testing.assert_allclose(gradient, expected, atol=1e-8, err_msg=param.name)


@pytest.mark.parametrize("mode", ["numba", "c"])
def test_no_binomial_is_left_and_numba_samples_whole_layers(run, mode):
    found = run(mode, "float64")
    for function in (found.train, found.generate):
        names = names_of(function)
        assert "BinaryBinomialRV" not in names
        assert ("SampleUnits" in names) == (mode == "numba")
        assert bool({"UniformRV", "RandomVariableWithCoreShape"} & names) == (mode == "c")


def test_unpacks_as_the_tutorials_eight():
    built = build_rnnrbm(5, 4, 3)
    v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate = built
    assert (v.name, v.ndim, v_sample.ndim, cost.ndim, monitor.ndim, v_t.ndim) == ("v", 2, 2, 0, 0, 2)
    assert [param.name for param in params] == NAMES
    shapes = [(5, 4), (5,), (4,), (3, 4), (3, 5), (5, 3), (3, 3), (3,)]
    assert [param.get_value().shape for param in params] == shapes
    assert [rng.name for rng in updates_train] == ["rng_h", "rng_v", "rng_h_monitor"]
    assert [rng.name for rng in updates_generate] == ["rng_h_generate", "rng_v_generate"]


def test_everything_is_of_floatx():
    for floatx in ("float64", "float32"):
        with pytensor.config.change_flags(floatX=floatx):
            v, v_sample, cost, monitor, params, _, v_t, _ = build_rnnrbm(5, 4, 3)
        assert {x.dtype for x in (v, v_sample, cost, monitor, v_t, *params)} == {floatx}


def scans(*outputs):
    return {x.owner.op for x in ancestors(outputs) if x.owner is not None and isinstance(x.owner.op, Scan)}


def draws(graph):
    """The number of binomial draws in a graph."""
    nodes = {x.owner for x in ancestors(graph) if x.owner is not None}
    return sum(isinstance(node.op, BinomialRV) for node in nodes)


def test_the_training_graph_is_the_tutorials():
    built = build_rnnrbm(5, 4, 3)
    by_name = {op.name: op for op in scans(built.cost, built.monitor, built.v_sample)}
    assert sorted(by_name) == ["gibbs_chain", "recurrence"]
    assert draws(by_name["gibbs_chain"].inner_outputs) == 2 and not draws(by_name["recurrence"].inner_outputs)
    assert draws([built.monitor]) == 1, "the monitor's additional step"
    assert not scans(*by_name["gibbs_chain"].inner_outputs)


def test_the_generation_graph_is_the_tutorials():
    built = build_rnnrbm(5, 4, 3)
    (generation,) = scans(built.v_t)
    assert generation.name == "generation" and not draws([built.v_t])
    (chain,) = scans(*generation.inner_outputs)
    assert chain.name == "gibbs_chain" and draws(chain.inner_outputs) == 2


def test_a_printed_graph_names_parameters_and_streams():
    built = build_rnnrbm(5, 4, 3)
    training = pytensor.dprint([built.cost, built.monitor], file="str")
    generation = pytensor.dprint(built.v_t, file="str")
    for printed, suffix in ((training, ""), (generation, "_generate")):
        words = set(printed.split())
        assert {*NAMES, "'u0'", f"rng_h{suffix}", f"rng_v{suffix}"} <= words
        assert "binomial_rv" in printed and "Scan{gibbs_chain" in printed
    assert "Scan{recurrence" in training and "Scan{generation" in generation
    assert {"v", "rng_h_monitor"} <= set(training.split())


def test_parameters_follow_the_seed_of_the_stream():
    random_state = np.random.RandomState(9)
    built = build_rnnrbm(5, 4, 3, random_state=random_state)
    legacy = np.random.RandomState(9)
    streams = RandomStreams(stream_seed(legacy))
    expected = [*streams.rbm()[:3], *streams.rbm("_generate")[:2]]
    for rng, theirs in zip([*built.updates_train, *built.updates_generate], expected, strict=True):
        assert same_state(rng.get_value(), theirs.get_value())
    for param in built.params:
        if param.name.startswith("W"):
            scale = 0.01 if param.name == "W" else 0.0001
            shape = param.get_value().shape
            np.testing.assert_array_equal(param.get_value(), legacy.normal(scale=scale, size=shape))
        else:
            assert not param.get_value().any()
    assert legacy.random_sample() == random_state.random_sample(), "what comes after is the caller's"


def test_streams_that_are_given_leave_the_random_state_to_the_parameters():
    streams = RandomStreams(3)
    built = build_rnnrbm(5, 4, 3, random_state=np.random.RandomState(9), streams=streams)
    expected = 0.01 * np.random.RandomState(9).standard_normal((5, 4))
    np.testing.assert_array_equal(built.params[0].get_value(), expected)
    assert set(built.updates_train) | set(built.updates_generate) <= set(streams.streams)
    assert len(streams.streams) == 8


@pytest.fixture(scope="module")
def tiny():
    """A model with two visible units, and with symbolic k, n_steps and initial state."""
    k, k_generate, n_steps = pt.iscalar("k"), pt.iscalar("k_generate"), pt.iscalar("n_steps")
    u_init = pt.vector("u_init")

    def build():
        built = build_rnnrbm(2, 3, 2, k=k, k_generate=k_generate, n_steps=n_steps, u_init=u_init)
        values = np.random.default_rng(5)
        for param in built.params:
            param.set_value(values.normal(size=param.get_value().shape))
        generate = pytensor.function(
            [k_generate, n_steps, u_init], built.v_t, updates=built.updates_generate, mode=MODES["numba"]
        )
        sample = pytensor.function([built.v, k], built.v_sample, updates=built.updates_train, mode=MODES["numba"])
        return SimpleNamespace(built=built, generate=generate, sample=sample)

    return [build(), build()]


def biases(params, u):
    _, bv, bh, Wuh, Wuv, *_ = params
    return bv + u @ Wuv, bh + u @ Wuh


def next_state(params, v, u):
    *_, Wvu, Wuu, bu = params
    return np.tanh(bu + v @ Wvu + u @ Wuu)


def test_two_builds_with_one_seed_draw_the_same(tiny):
    one, other = tiny
    v = np.random.default_rng(1).integers(2, size=(30, 2)).astype(float)
    for ours, theirs in zip(one.built.params, other.built.params, strict=True):
        np.testing.assert_array_equal(ours.get_value(), theirs.get_value())
    samples = []
    for _ in range(2):
        samples.append(one.sample(v, 3))
        np.testing.assert_array_equal(samples[-1], other.sample(v, 3))
    assert (samples[0] != samples[1]).any(), "the streams go on"
    for ours, theirs in zip(one.built.updates_generate, other.built.updates_generate, strict=True):
        assert same_state(ours.get_value(), theirs.get_value())


def test_generated_sequences_have_the_models_exact_distribution(tiny):
    model, _ = tiny
    params = [param.get_value() for param in model.built.params]
    u_init = np.array([0.8, -0.6])
    rolls = np.array([model.generate(30, 2, u_init).ravel() for _ in range(6000)])

    # p(v_1, v_2) = p(v_1 | u_init) p(v_2 | u_1), where each factor is the distribution of an RBM.
    expected = []
    first = distribution(params[0], *biases(params, u_init))
    for v, p in zip(states(2), first, strict=True):
        expected.extend(p * distribution(params[0], *biases(params, next_state(params, v, u_init))))
    assert chisquare(counts_of(rolls), len(rolls) * np.array(expected)).pvalue > 1e-3
    at_zeros = np.array([distribution(params[0], *biases(params, np.zeros(2)))]).ravel()
    first_counts = counts_of(rolls[:, :2])
    assert chisquare(first_counts, len(rolls) * at_zeros).pvalue < 1e-10, "u_init is what it starts from"


def test_negative_particles_have_the_distribution_of_their_steps_rbm(tiny):
    model, _ = tiny
    params = [param.get_value() for param in model.built.params]
    v = np.array([[1.0, 0], [1, 1], [0, 1]])
    states_of_the_rnn = pytensor.function([model.built.v], model.built.u_t, mode=MODES["python"])(v)
    samples = np.array([model.sample(v, 30) for _ in range(4000)])
    u = np.zeros(2)
    for t in range(3):
        expected = distribution(params[0], *biases(params, u))
        assert chisquare(counts_of(samples[:, t]), len(samples) * expected).pvalue > 1e-3
        u = next_state(params, v[t], u)
        np.testing.assert_allclose(states_of_the_rnn[t], u, rtol=1e-13)


def test_a_number_of_steps_is_followed(tiny):
    model, _ = tiny
    for n in (1, 7):
        assert model.generate(2, n, np.zeros(2)).shape == (n, 2)


def test_the_gradient_of_several_sequences_is_the_mean_of_theirs():
    random = np.random.RandomState(3)
    one, many = (build_rnnrbm(6, 5, 4, k=2, batched=batched) for batched in (False, True))
    for p, q in zip(one.params, many.params, strict=True):
        value = 0.5 * random.standard_normal(p.get_value().shape)
        p.set_value(value)
        q.set_value(value)

    def gradient(graphs, *inputs):
        negative = graphs.v_sample.type()
        outputs = [graphs.cost, *pt.grad(graphs.cost, list(graphs.params), consider_constant=[graphs.v_sample])]
        return pytensor.function(
            [*inputs, negative], outputs, givens={graphs.v_sample: negative}, mode=Mode("py", "fast_compile")
        )

    lengths = np.array([7, 3, 0, 5])
    v, negative = (random.rand(2, 7, 4, 6) < 0.4).astype(float)
    mask = (np.arange(7)[:, None] < lengths).astype(float)
    single, batch = gradient(one, one.v), gradient(many, many.v, many.mask)
    each = [single(v[:n, i], negative[:n, i]) for i, n in enumerate(lengths) if n]
    for found, *expected in zip(batch(v, mask, negative.reshape(-1, 6)), *each, strict=True):
        np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=0, atol=1e-14)
