"""binomial(n=1, p) as a uniform draw and a comparison: the bits and the stream are NumPy's."""

import copy
import math

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import MODES, bit_of, doubles_ahead, names_of, same_state, ulps
from pytensor.tensor.random import shared_rng

from rnnrbm_pt.compile.ops import bernoulli as ops
from rnnrbm_pt.streams.binomial import binary_binomial
from rnnrbm_pt.streams.srs import mersenne_twister

BACKENDS = ["numba", "c", "python"]
DTYPES = ["float64", "float32"]

# Since version 2.4, NumPy's Generator.binomial computes exp(log1p(-p)). Earlier versions compute exp(log(1 - p)).
has_log1p = np.lib.NumpyVersion(np.__version__) >= "2.4.0"


class Draw:
    """A compiled draw of binomial(n=1, p). Each call gets its generator."""

    def __init__(self, mode, *ps, sizes=None):
        self.rngs = [shared_rng(mersenne_twister(0)) for _ in ps]
        draws = [
            binary_binomial(1, p, size=size, rng=rng, return_next_rng=True)
            for rng, p, size in zip(self.rngs, ps, sizes or [None] * len(ps), strict=True)
        ]
        self.function = pytensor.function(
            [p for p in ps if not isinstance(p, float)],
            [bits for _, bits in draws],
            updates={rng: next_rng for rng, (next_rng, _) in zip(self.rngs, draws, strict=True)},
            mode=mode,
        )

    def __call__(self, generator, *ps):
        for rng in self.rngs:
            rng.set_value(generator)
        bits = self.function(*ps)
        return bits, [rng.get_value() for rng in self.rngs]


@pytest.fixture(scope="module")
def draw_vector():
    made = {}

    def draw(mode, generator, p):
        key = mode, p.dtype.name
        if key not in made:
            made[key] = Draw(MODES[mode], pt.vector("p", dtype=p.dtype.name))
            assert "BinaryBinomialRV" not in names_of(made[key].function)
        (bits,), (after,) = made[key](generator, p)
        return bits, after

    return draw


def numpy_draw(generator, p, size=None):
    """NumPy's draws, and its generator after them."""
    generator = copy.deepcopy(generator)
    return generator.binomial(1, p, size), generator


def edges(dtype):
    """0.5 and 1, the floats next to them, and the smallest floats."""
    dtype = np.dtype(dtype).type
    tiny = np.finfo(dtype).smallest_subnormal
    at = [ulps(dtype(centre), steps) for centre in (0.5, 1) for steps in range(-3, 4) if centre + steps <= 1]
    small = [
        tiny,
        2 * tiny,
        np.finfo(dtype).tiny,
        np.finfo(dtype).tiny / 2,
        np.finfo(dtype).eps,
        1e-17,
        1e-12,
    ]
    return np.array([p for p in (*at, *small) if 0 < p <= 1], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", BACKENDS)
def test_bits_and_stream_are_numpys(draw_vector, mode, dtype):
    values = np.random.default_rng(5)
    p = np.concatenate(
        [
            values.random(20_000),
            1 / (1 + np.exp(-values.normal(scale=8, size=20_000))),
            np.repeat(edges(dtype), 100),
        ]
    ).astype(dtype)
    p = values.permutation(p[p > 0])
    for seed in range(3):
        generator = mersenne_twister(seed)
        bits, after = draw_vector(mode, generator, p)
        expected, numpy_after = numpy_draw(generator, p)
        assert bits.dtype == np.int64
        np.testing.assert_array_equal(bits, expected)
        assert same_state(after, numpy_after)


def beside(u, dtype):
    """Arrays of probabilities whose threshold is at most three floats away from u."""
    for base in (1 - u, u):
        for steps in range(-3, 4):
            p = ulps(base.astype(dtype), steps)
            yield np.where((p > 0) & (p <= 1), p, 0.5).astype(dtype)


@pytest.mark.skipif(not has_log1p, reason="NumPy before 2.4 has another last bit")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", BACKENDS)
def test_bits_are_numpys_where_p_is_beside_the_double_that_comes(draw_vector, mode, dtype):
    generator = mersenne_twister(11)
    plain_differs = 0
    for p in beside(doubles_ahead(generator, 20_000), dtype):
        bits, after = draw_vector(mode, generator, p)
        expected, numpy_after = numpy_draw(generator, p)
        np.testing.assert_array_equal(bits, expected)
        assert same_state(after, numpy_after)
        u, wide = doubles_ahead(generator, p.shape), p.astype("float64")
        plain_differs += (bit_of(u, wide) != expected).sum()
    if dtype == "float64":
        assert plain_differs > 1000, "comparing with 1 - p alone would pass too: these p show nothing"


@pytest.mark.skipif(not has_log1p, reason="NumPy before 2.4 has another last bit")
def test_the_comparison_without_its_close_case_is_not_numpys(monkeypatch):
    monkeypatch.setattr(ops, "CLOSE", 0.0)
    generator = mersenne_twister(11)
    draw = Draw(MODES["python"], pt.vector("p"))
    assert any(
        (draw(generator, p)[0][0] != numpy_draw(generator, p)[0]).any()
        for p in beside(doubles_ahead(generator, 2000), "float64")
    )


@pytest.mark.skipif(not has_log1p, reason="NumPy before 2.4 has another last bit")
@pytest.mark.parametrize("mode", ["numba", "python"])
def test_any_probabilities_and_any_seed(draw_vector, mode):
    @settings(max_examples=150, deadline=None)
    @given(
        p=st.lists(st.floats(0, 1, exclude_min=True), min_size=1, max_size=20),
        seed=st.integers(0, 2**30 - 1),
    )
    def holds(p, seed):
        generator = mersenne_twister(seed)
        bits, after = draw_vector(mode, generator, np.array(p))
        expected, numpy_after = numpy_draw(generator, p)
        assert bits.tolist() == expected.tolist()
        assert same_state(after, numpy_after)

    holds()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", BACKENDS)
def test_a_probability_of_zero_spends_a_double_here_and_none_in_numpy(draw_vector, mode, dtype):
    p = np.array([0, 0.3, 0, 0.7, 0, 1, 0.5, 0], dtype)
    generator = mersenne_twister(2)
    bits, after = draw_vector(mode, generator, p)
    # NumPy consumes a double only where p > 0. Replacing each zero by 1/2 aligns the other draws.
    expected, one_each = numpy_draw(generator, np.where(p == 0, 0.5, p))
    np.testing.assert_array_equal(bits, np.where(p == 0, 0, expected))
    assert same_state(after, one_each)

    _, numpy_after = numpy_draw(generator, p)
    numpy_after.random((p == 0).sum())
    assert same_state(after, numpy_after), "NumPy's stream lags by one double for each zero, and by no more"


@pytest.mark.parametrize("mode", BACKENDS)
def test_any_shape_with_a_size_and_without(mode):
    makers = [pt.scalar, pt.matrix, pt.tensor3, pt.vector, pt.col, pt.row]
    ps = [*(make(f"p{i}") for i, make in enumerate(makers)), 0.25]
    sizes = [None, None, None, (5, 3), (2, 3, 4), (6, 4), (4, 3)]
    draw = Draw(MODES[mode], *ps, sizes=sizes)
    assert "BinaryBinomialRV" not in names_of(draw.function)

    values = np.random.default_rng(1)
    given_ps = [
        values.random(shape) if shape else np.float64(0.7) for shape in [(), (7, 3), (2, 3, 4), (3,), (3, 1), (1, 4)]
    ]
    generator = mersenne_twister(8)
    bits, after = draw(generator, *given_ps)
    for p, size, drawn, left in zip([*given_ps, 0.25], sizes, bits, after, strict=True):
        expected, numpy_after = numpy_draw(generator, p, size)
        assert drawn.shape == np.shape(expected)
        np.testing.assert_array_equal(drawn, expected)
        assert same_state(left, numpy_after)


@pytest.mark.parametrize(
    "n, p",
    [
        (2, pt.vector("p")),
        (0, pt.vector("p")),
        (1, pt.vector("p", dtype="int64")),
        (pt.iscalar("n"), pt.vector("p")),
        (np.array([1, 2]), pt.vector("p")),
        (np.array([1, 1]), 0.5),  # two draws for one p
        (pt.ones((2, 1), dtype="int64"), pt.vector("p")),
    ],
    ids=["n=2", "n=0", "integer p", "symbolic n", "n=[1, 2]", "n=[1, 1]", "n=[[1], [1]]"],
)
@pytest.mark.parametrize("mode", BACKENDS)
def test_any_other_binomial_is_left_alone(mode, n, p):
    rng = shared_rng(mersenne_twister(0))
    _, draw = binary_binomial(n, p, rng=rng, return_next_rng=True)
    inputs = [x for x in (n, p) if isinstance(x, pt.TensorVariable) and x.owner is None]
    # The function is never called, since Numba's slow compilation happens at the first call.
    with pytensor.config.change_flags(on_opt_error="raise"):
        function = pytensor.function(inputs, draw, mode=MODES[mode])
    names = names_of(function)
    assert "UniformRV" not in names and "BinaryBinomialRV" in names | core_names(function)


def core_names(function):
    """Names of the Ops that the Numba mode wraps."""
    return {
        type(op.core_op).__name__
        for op in (node.op for node in function.maker.fgraph.toposort())
        if hasattr(op, "core_op")
    }


@pytest.mark.parametrize("mode", ["numba", "c"])
def test_no_binomial_is_left_in_a_scan(compiled_rbm, mode):
    names = names_of(compiled_rbm(mode).function)
    assert "Scan" in names
    assert "BinaryBinomialRV" not in names


def test_the_draw_has_no_gradient():
    p = pt.vector("p")
    bits = ops.single_trial(pt.constant(np.array([0.2, 0.9])), p)
    gradient = pt.grad(bits.astype("float64").sum(), p, disconnected_inputs="ignore")
    assert gradient.eval({p: np.array([0.5, 0.5])}, mode=MODES["python"]).tolist() == [0, 0]


def test_a_uniform_number_of_float32_is_refused():
    with pytest.raises(TypeError, match="expected float64, the type of NumPy's stream, found float32"):
        ops.single_trial(pt.fvector("u"), pt.vector("p"))


def test_the_scalar_rule_by_hand():
    rule = ops.SingleTrial().impl
    assert [rule(u, 0.25) for u in (0.0, 0.74, 0.76, 0.999)] == [0, 0, 1, 1]
    assert [rule(u, 0.75) for u in (0.0, 0.74, 0.76, 0.999)] == [1, 1, 0, 0]
    assert rule(0.999, 0.0) == 0 and rule(0.999, 1.0) == 1 and rule(0.999, math.nan) == 0
