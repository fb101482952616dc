"""MRG31k3p streams: the generator compared with its definition in integers, and training with Theano's numbers."""

import re
from types import SimpleNamespace

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from rnnrbm_pt.compile.modes import bounded_threads, compile_function
from rnnrbm_pt.compile.ops.mrg import MRGSampleUnits
from rnnrbm_pt.graphs.rbm import build_rbm
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.streams.draw import bernoulli
from rnnrbm_pt.streams.mrg import MRGStreams
from rnnrbm_pt.streams.mrg31k3p import M1, M2, N_STREAMS, MRGBinomial, jump_ahead, mrg_type, parallel_states, uniforms
from rnnrbm_pt.streams.srs import SEED, RandomStreams, stream_seed
from rnnrbm_pt.streams.states import are_mrg_states
from rnnrbm_pt.streams.stream_type import StreamSharedVariable

A1 = ((0, 1 << 22, (1 << 7) + 1), (1, 0, 0), (0, 1, 0))
A2 = ((1 << 15, 0, (1 << 15) + 1), (1, 0, 0), (0, 1, 0))
SEEDED = 305419896
EDGES = [
    (M1 - 1, M1 - 1, M1 - 1, M2 - 1, M2 - 1, M2 - 1),
    (0, 0, M1 - 1, 0, 0, M2 - 1),
    (M1 - 1, 0, 0, M2 - 1, 0, 0),
    (1, 0, 0, 1, 0, 0),
    (0, M1 - 1, 0, 0, M2 - 1, 0),
    (M1 - 1, M1 - 1, 1, 1, 1, M2 - 1),
    (0, 1, 0, 0, 0, 1),
    (5, 0, 0, 7, 0, 0),
]


def matrix_power(matrix, exponent, modulus):
    """The power of a matrix by repeated squaring, in Python's integers of any length."""
    result = [[int(i == j) for j in range(3)] for i in range(3)]
    while exponent:
        if exponent & 1:
            result = times(result, matrix, modulus)
        matrix = times(matrix, matrix, modulus)
        exponent >>= 1
    return result


def times(a, b, modulus):
    return [[sum(a[i][k] * b[k][j] for k in range(3)) % modulus for j in range(len(b[0]))] for i in range(3)]


def jumped(state, steps):
    """A state after the given number of steps, by powers of the companion matrices."""
    out = []
    for half, matrix, modulus in ((state[:3], A1, M1), (state[3:], A2, M2)):
        column = [[int(number)] for number in half]
        out += [row[0] for row in times(matrix_power(matrix, steps, modulus), column, modulus)]
    return tuple(out)


def stepped(state):
    """The next state, by the two recurrences, and its z."""
    x0, x1, x2, y0, y1, y2 = (int(number) for number in state)
    x = ((1 << 22) * x1 + ((1 << 7) + 1) * x2) % M1
    y = ((1 << 15) * y0 + ((1 << 15) + 1) * y2) % M2
    return (x, x0, x1, y, y0, y1), x - y if x > y else x - y + M1


def draw_by_definition(states, p, dtype):
    """The states after a draw with the probabilities p, and the bits, by the definition."""
    states = [tuple(state) for state in states.tolist()]
    bits = []
    norm = 2.0**-31 if dtype == "float64" else np.nextafter(np.float32(2**-31), np.float32(0))
    for i, p_i in enumerate(p.ravel()):
        states[i % len(states)], z = stepped(states[i % len(states)])
        bits.append(np.dtype(dtype).type(z) * norm < p_i)
    return np.array(states), np.array(bits).reshape(p.shape)


# The generator, compared with its definition


@pytest.mark.parametrize("log2_steps", [0, 1, 5, 72, 134])
def test_jump_is_a_power_of_the_companion_matrices(log2_steps):
    states = np.array([[SEEDED] * 6, *EDGES], np.int32)
    expected = [jumped(state, 2**log2_steps) for state in states]
    np.testing.assert_array_equal(jump_ahead(states, log2_steps), expected)


def test_jumps_are_those_theano_has_as_constants():
    # The first columns of the published A1p72, A2p72, A1p134 and A2p134.
    for log2_steps, first_columns in (
        (72, (1516919229, 1884998244, 601897748, 1228857673, 1133297478, 2002613992)),
        (134, (1702500920, 828554832, 1143731069, 796789021, 1241679051, 1401213391)),
    ):
        assert tuple(jump_ahead(np.array([[1, 0, 0, 1, 0, 0]], np.int32), log2_steps)[0]) == first_columns


def test_32_jumps_of_one_step_are_32_steps():
    state = (SEEDED,) * 6
    for _ in range(32):
        state, _ = stepped(state)
    assert jumped((SEEDED,) * 6, 32) == state == tuple(jump_ahead(np.full((1, 6), SEEDED, np.int32), 5)[0])


@pytest.mark.parametrize("j", [1, 2, 3, 1000, N_STREAMS - 1])
def test_states_of_a_stream_are_2_to_the_72_apart(j):
    states = parallel_states(np.full((1, 6), SEEDED, np.int32))
    assert states.shape == (N_STREAMS, 6) and states.dtype == np.int32
    assert tuple(states[j]) == jumped((SEEDED,) * 6, j * 2**72)


def test_streams_are_2_to_the_134_apart():
    streams = MRGStreams(SEEDED)
    names = "rng_h", "rng_v", "rng_h_monitor", "rng_v_monitor"
    assert [stream.name for stream in streams.rbm("_x")] == [name + "_x" for name in names]
    for i, stream in enumerate(streams.streams):
        assert tuple(stream.get_value()[0]) == jumped((SEEDED,) * 6, i * 2**134)


def test_seed_of_the_tutorial_is_the_default():
    seed = stream_seed(np.random.RandomState(SEED))
    np.testing.assert_array_equal(MRGStreams().stream().get_value()[0], [seed] * 6)


def test_every_seed_has_a_state_of_its_own():
    states = {seed: MRGStreams(seed).stream().get_value() for seed in (0, 1, M2 - 1, M2, 2**31, 2**32 - 1)}
    assert all(are_mrg_states(state) for state in states.values())
    assert len({tuple(state[0]) for state in states.values()}) == len(states)
    for seed in (1, M2 - 1):  # these seeds are Theano's
        np.testing.assert_array_equal(states[seed][0], [seed] * 6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_uniforms_lie_between_0_and_1(dtype):
    states = parallel_states(np.full((1, 6), SEEDED, np.int32), 512)
    u = uniforms(states, 100_000, dtype)
    assert u.dtype == dtype and 0 < u.min() and u.max() < 1
    assert abs(u.mean() - 0.5) < 0.005  # 5 standard errors of 1/sqrt(12 * 100000)
    z_max = np.array([[0, 0, 0, 0, 0, 0]], np.int32)  # x = y: z is M1, the largest
    assert uniforms(z_max, 1, dtype)[0] == (1 - 2.0**-31 if dtype == "float64" else np.float32(1 - 2.0**-24))


# The three implementations of a draw, compared with the definition

BACKENDS = {"numba": "NUMBA", "c": "CVM"}
MODES = {"py": pytensor.compile.mode.Mode(linker="py", optimizer="fast_run"), **BACKENDS}


@pytest.fixture(scope="session")
def draw():
    """draw(mode, dtype, kind): a function of p, or of x, W, b, compiled once, and the stream that it advances."""
    made = {}

    def compiled(mode, dtype, kind, ndim=2):
        key = mode, dtype, kind, ndim
        if key not in made:
            stream = MRGStreams(SEEDED).stream("stream")
            if kind == "binomial":
                inputs = [pt.tensor("p", dtype=dtype, shape=(None,) * ndim)]
                p = inputs[0]
            else:
                inputs = [
                    pt.tensor("x", dtype=dtype, shape=(None,) * ndim),
                    pt.matrix("W", dtype=dtype),
                    pt.vector("b", dtype=dtype),
                ]
                p = pt.sigmoid(pt.dot(inputs[0], inputs[1]) + inputs[2])
            next_stream, bits = stream.binomial(n=1, p=p)
            function = compile_function(inputs, bits, {stream: next_stream}, mode=MODES[mode], floatX=dtype)
            made[key] = SimpleNamespace(stream=stream, function=function)
        return made[key]

    return compiled


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mode", MODES)
def test_draw_is_as_defined(mode, dtype, draw):
    compiled = draw(mode, dtype, "binomial")
    random_state = np.random.RandomState(1)
    states = np.array(EDGES, np.int32)  # 8 states: 70 draws use each of them 8 times, and 6 of them once more
    compiled.stream.set_value(states)
    for _ in range(2):  # the second draw continues the first, and starts at state 0 again
        p = random_state.uniform(size=(7, 10)).astype(dtype)
        p[0, :4] = 0, 1, 2.0**-31, 1 - 2.0**-24
        states, bits = draw_by_definition(states, p, dtype)
        found = compiled.function(p)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, bits)
        np.testing.assert_array_equal(compiled.stream.get_value(), states)


@pytest.mark.parametrize("mode", MODES)
def test_draw_compares_with_less_not_with_less_or_equal(mode, draw):
    compiled = draw(mode, "float64", "binomial")
    states = parallel_states(np.full((1, 6), SEEDED, np.int32), 64)
    u = uniforms(states.copy(), 64, "float64")
    for p, bits in ((u, 0), (np.nextafter(u, 1), 1)):
        compiled.stream.set_value(states)
        np.testing.assert_array_equal(compiled.function(p.reshape(4, 16)), np.full((4, 16), bits))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_large_draws_agree(dtype, draw):
    p = np.random.RandomState(2).uniform(size=(130, 160)).astype(dtype)  # 20,800 draws: more than there are states
    start = MRGStreams(SEEDED).stream().get_value()
    results = {}
    for mode in MODES:
        compiled = draw(mode, dtype, "binomial")
        compiled.stream.set_value(start)
        results[mode] = compiled.function(p), compiled.function(p.T), compiled.stream.get_value()
    for mode in BACKENDS:
        for found, expected in zip(results[mode], results["py"], strict=True):
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(results["py"][0].ravel(), uniforms(start, 20_800, dtype) < p.ravel())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("ndim", [1, 2])
def test_layer_in_one_pass_draws_what_the_graph_says(ndim, dtype, draw):
    random_state = np.random.RandomState(3)
    # Multiples of 1/8, whose sums are exact in any order.
    W = random_state.randint(-16, 17, size=(20, 150)).astype(dtype) / 8
    b = random_state.randint(-64, 65, size=150).astype(dtype) / 8
    x = random_state.randint(2, size=(110, 20)[-ndim:]).astype(dtype)
    expected, found = draw("py", dtype, "layer", ndim), draw("numba", dtype, "layer", ndim)
    assert any(isinstance(node.op, MRGSampleUnits) for node in found.function.maker.fgraph.apply_nodes)
    for _ in range(10):  # 165,000 draws: the fast comparison leaves some undecided
        np.testing.assert_array_equal(found.function(x, W, b), expected.function(x, W, b))
    np.testing.assert_array_equal(found.stream.get_value(), expected.stream.get_value())


def test_layer_in_one_pass_at_extreme_and_undefined_logits(draw):
    compiled = draw("numba", "float64", "layer")
    x, W = np.zeros((6, 1)), np.zeros((1, 6))
    bits = compiled.function(x, W, np.array([-np.inf, -1e300, -800, 800, 1e300, np.inf]))
    np.testing.assert_array_equal(bits, [[0, 0, 0, 1, 1, 1]] * 6)
    np.testing.assert_array_equal(compiled.function(x, W, np.full(6, np.nan)), np.zeros((6, 6)))


def test_layer_in_one_pass_refuses_biases_that_do_not_fit(draw):
    with pytest.raises(ValueError, match="the shape of the biases does not fit"):
        draw("numba", "float64", "layer").function(np.zeros((2, 3)), np.zeros((3, 4)), np.zeros(5))


def test_perform_of_the_layer_is_the_same(draw):
    compiled = draw("numba", "float64", "layer")
    states = compiled.stream.get_value()
    random_state = np.random.RandomState(4)
    x, W, b = random_state.normal(size=(5, 3)), random_state.normal(size=(3, 4)), random_state.normal(size=4)
    outputs = [[None], [None]]
    MRGSampleUnits().perform(None, [states, x, W, b[None]], outputs)
    np.testing.assert_array_equal(outputs[1][0], compiled.function(x, W, b))
    np.testing.assert_array_equal(outputs[0][0], compiled.stream.get_value())
    assert not np.shares_memory(outputs[0][0], states)


# The interface


def test_bernoulli_takes_both_kinds():
    for kind in (RandomStreams, MRGStreams):
        stream = kind(7).stream("stream")
        next_stream, bits = bernoulli(stream, pt.matrix("p"))
        assert next_stream.type == stream.type and bits.type.ndim == 2


def test_p_of_whole_numbers_is_taken_as_floatX():
    next_stream, bits = MRGStreams(7).stream().binomial(n=1, p=pt.constant([0, 1]))
    assert bits.type.dtype == pytensor.config.floatX
    np.testing.assert_array_equal(bits.eval(mode=MODES["py"]), [0, 1])


def test_more_trials_than_one():
    with pytest.raises(ValueError, match="expected 1 trial for a stream of MRG31k3p, found 2"):
        MRGStreams(7).stream().binomial(n=2, p=pt.scalar("p"))


def test_states_come_out_and_go_back(draw):
    compiled = draw("numba", "float64", "binomial")
    p = np.full((3, 5), 0.5)
    saved = compiled.stream.get_value()
    assert isinstance(saved, np.ndarray) and saved.dtype == np.int32
    first = compiled.function(p)
    assert not np.array_equal(saved, compiled.stream.get_value())
    compiled.stream.set_value(saved.astype(np.int64))  # other integer types are accepted too
    np.testing.assert_array_equal(compiled.function(p), first)


@pytest.mark.parametrize(
    "value", [np.zeros((3, 5), np.int32), np.zeros(6, np.int32), np.zeros((3, 6)), np.zeros((0, 6), int)]
)
def test_states_of_another_shape_or_type(value):
    with pytest.raises(TypeError, match=re.escape("expected integers of shape (n, 6), found")):
        MRGStreams(7).stream().set_value(value)


def test_op_refuses_what_it_cannot_draw_from():
    with pytest.raises(TypeError, match="expected a stream of MRG31k3p"):
        MRGBinomial()(pt.imatrix(), pt.scalar("p"))
    with pytest.raises(TypeError, match="expected float64 or float32, found int64"):
        MRGBinomial()(mrg_type(), pt.lscalar())


@pytest.mark.parametrize("mode", BACKENDS)
def test_stream_without_update_draws_the_same_again(mode):
    # The Op must then work on a copy.
    _, bits = MRGStreams(7).stream().binomial(p=pt.full((20,), 0.5))
    function = compile_function([], bits, mode=MODES[mode], floatX="float64")
    np.testing.assert_array_equal(function(), function())


@pytest.mark.parametrize("mode", MODES)
def test_states_that_a_function_returns_are_a_copy(mode):
    stream = MRGStreams(7).stream()
    next_stream, _ = stream.binomial(p=pt.full((20,), 0.5))
    function = compile_function([], [stream, next_stream], {stream: next_stream}, mode=MODES[mode], floatX="float64")
    before = stream.get_value()
    old, new = function()
    np.testing.assert_array_equal(old, before)
    assert not np.shares_memory(new, stream.get_value(borrow=True))


def test_gradient_does_not_pass_through_a_draw():
    p = pt.dvector("p")
    _, bits = MRGStreams(7).stream().binomial(p=p)
    gradient = pt.grad((bits * p).sum(), p)
    assert set(gradient.eval({p: np.array([0.5, 0.5])}, mode=MODES["py"])) <= {0.0, 1.0}


# Training, compared with Theano

PARAMETERS = "W", "bv", "bh", "Wuh", "Wuv", "Wvu", "Wuu", "bu"


def compile_model(n_visible, n_hidden, n_hidden_recurrent, mode, dtype, lr):
    random_state = np.random.RandomState(SEED)
    with pytensor.config.change_flags(floatX=dtype):
        streams = MRGStreams(stream_seed(random_state))
        graphs = build_rnnrbm(n_visible, n_hidden, n_hidden_recurrent, random_state=random_state, streams=streams)
        rate = pytensor.shared(np.asarray(lr, dtype), name="lr")
        gradient = pt.grad(graphs.cost, graphs.params, consider_constant=[graphs.v_sample])
        updates = {p: p - rate * g for p, g in zip(graphs.params, gradient, strict=True)}
    updates = {**graphs.updates_train, **updates}
    return SimpleNamespace(
        random_state=random_state,
        params=graphs.params,
        streams=streams.streams,
        train=compile_function([graphs.v], graphs.monitor, updates, mode=MODES[mode], floatX=dtype),
        graphs=graphs,
        mode=MODES[mode],
        dtype=dtype,
    )


def run_synthetic(model, reference):
    """Train and generate like the reference, and return everything that the reference recorded."""
    results = {f"init_{p.name}": p.get_value() for p in model.params}
    sequences = [reference[f"sequence_{i}"].astype(model.dtype) for i in range(5)]
    generate = compile_function(
        [], model.graphs.v_t, model.graphs.updates_generate, mode=model.mode, floatX=model.dtype
    )
    with bounded_threads():
        results["monitor"] = [
            model.train(sequence[i : i + 20])
            for _ in range(20)
            for sequence in sequences
            for i in range(0, len(sequence), 20)
        ]
        results |= {f"final_{p.name}": p.get_value() for p in model.params}
        results["generated_0"] = generate()
        results["generated_1"] = generate()
    return results


@pytest.fixture(scope="session")
def synthetic(theano_reference):
    """synthetic(mode, dtype): the results of this package and of Theano, computed once."""
    made = {}

    def run(mode, dtype):
        if (mode, dtype) not in made:
            with np.load(theano_reference / f"synthetic_mrg_{dtype}.npz") as archive:
                reference = dict(archive)
            made[mode, dtype] = run_synthetic(compile_model(12, 8, 6, mode, dtype, 0.05), reference), reference
        return made[mode, dtype]

    return run


# Only the order of sums differs. The tolerance for float32 is for 160 updates.
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}


@pytest.mark.parametrize(
    "mode, dtype",
    [  # float64 on Numba is compared with an epoch of real music below
        pytest.param("numba", "float64", marks=pytest.mark.slow),
        pytest.param("numba", "float32", marks=pytest.mark.slow),
        ("c", "float64"),
    ],
)
def test_synthetic_case_is_theanos(mode, dtype, synthetic):
    found, reference = synthetic(mode, dtype)
    close = {"rtol": 0, "atol": TOLERANCES[dtype]}
    for name in PARAMETERS:
        np.testing.assert_array_equal(found[f"init_{name}"], reference[f"init_{name}"])
        assert found[f"init_{name}"].dtype == dtype
    assert len(found["monitor"]) == 160
    np.testing.assert_allclose(found["monitor"], reference["monitor"], **close)
    for name in PARAMETERS:
        np.testing.assert_allclose(found[f"final_{name}"], reference[f"final_{name}"], **close)
    for name in ("generated_0", "generated_1"):
        np.testing.assert_array_equal(found[name], reference[name])


@pytest.mark.parametrize("n_updates", [300, pytest.param(1912, marks=pytest.mark.slow)])
def test_epoch_1_on_nottingham_is_theanos(n_updates, nottingham_rolls, theano_reference):
    with np.load(theano_reference / "nottingham_updates_float64.npz") as archive:
        reference = archive["mrg_epoch1"]
    model = compile_model(88, 150, 100, "numba", "float64", 0.001)
    rolls = [roll.astype("float64") for roll in nottingham_rolls]
    model.random_state.shuffle(rolls)
    windows = [roll[i : i + 100] for roll in rolls for i in range(0, len(roll), 100)]
    assert len(windows) == len(reference) == 1912
    with bounded_threads():
        monitor = [model.train(window) for window in windows[:n_updates]]
    np.testing.assert_allclose(monitor, reference[:n_updates], rtol=0, atol=1e-12)


def test_build_rbm_draws_from_them_as_it_stands():
    streams = MRGStreams(11).rbm()
    v, W, bv, bh = pt.dmatrix("v"), pt.dmatrix("W"), pt.dvector("bv"), pt.dvector("bh")
    _, _, _, updates = build_rbm(v, W, bv, bh, 3, rngs=streams)
    assert list(updates) == list(streams[:3])  # the v of the monitor is never drawn
    assert all(isinstance(stream, StreamSharedVariable) and new.type == mrg_type for stream, new in updates.items())
