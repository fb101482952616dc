"""Annealing in one operation gives the bits and the weights of the scan that it replaces, on one core or two."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import MODES, names_of

from rnnrbm_pt.compile.modes import bounded_threads
from rnnrbm_pt.compile.ops.annealing import PhiloxAnnealing
from rnnrbm_pt.evaluation.estimate import log_mean_exp
from rnnrbm_pt.evaluation.exact import log_partition
from rnnrbm_pt.graphs.ais import annealed_importance, log_partition_of_base
from rnnrbm_pt.streams.philox import PhiloxStreams
from rnnrbm_pt.streams.philox4x32 import uniforms
from rnnrbm_pt.streams.srs import RandomStreams

D, M = 70, 45  # neither is a multiple of the vector length
TOLERANCE = {"float64": 1e-11, "float32": 2e-4}
"""Tolerance of a log-weight, which adds up a few hundred sums of softplus with rounding errors."""


def compiled(mode, dtype, parallel=False, visible="binary", row=False, kind=PhiloxStreams):
    """Compile anneal(W, bv, bh, betas, v, log_w) -> log-weights, ends of the chains. Return it with its streams."""
    with pytensor.config.change_flags(floatX=dtype):
        streams = kind(5, parallel=parallel) if kind is PhiloxStreams else kind(5)
        W, v, betas, log_w = pt.matrix("W"), pt.matrix("v"), pt.vector("betas"), pt.vector("log_w", dtype="float64")
        bv, bh = (pt.row(name) if row else pt.matrix(name) for name in ("bv", "bh"))
        end_log_w, end, updates = annealed_importance(W, bv, bh, betas, v, streams.rbm(), visible, log_w)
        outputs = [end_log_w, end, log_partition_of_base(bv, bh, visible)]
        function = pytensor.function([W, bv, bh, betas, v, log_w], outputs, updates=updates, mode=MODES[mode])
    return function, streams.streams[:2]


@pytest.fixture(scope="module")
def anneal():
    """anneal(mode, dtype, inputs, parallel=False) -> log-weights, ends and log Z of the base, with fresh streams."""
    made = {}

    def anneal(mode, dtype, inputs, parallel=False, row=False):
        key = mode, dtype, parallel, row
        if key not in made:
            made[key] = compiled(mode, dtype, parallel, row=row)
            names = names_of(made[key][0])
            assert ("PhiloxAnnealing" in names) == (mode == "numba") and ("Scan" in names) == (mode != "numba")
        function, streams = made[key]
        for i, stream in enumerate(streams):
            stream.set_value(np.array([5, i, 0, 0], np.uint32))
        found = function(*inputs)
        last = len(inputs[3]) - 1
        assert [stream.get_value().tolist() for stream in streams] == [[5, 0, last, 0], [5, 1, last, 0]]
        return found

    return anneal


def values(n, dtype, d=D, m=M, n_betas=8, row=False, scale=0.5):
    draws = np.random.default_rng(0)
    n_biases = 1 if row else n
    W, bv = draws.normal(scale=scale, size=(d, m)), draws.normal(size=(n_biases, d)) - 1
    bh, v = draws.normal(size=(n_biases, m)), draws.random((n, d)) < 0.3
    return [x.astype(dtype) for x in (W, bv, bh, np.linspace(0, 1, n_betas), v)] + [draws.normal(size=n)]


@pytest.mark.parametrize(
    "dtype, parallel, row",
    [
        ("float64", False, False),
        ("float32", False, False),
        pytest.param("float32", True, False, marks=pytest.mark.slow),
        ("float64", False, True),
    ],
)
def test_it_draws_what_the_scan_draws(anneal, dtype, parallel, row):
    for n, d, m, n_betas in ((3, 2, 3, 5), (120, D, M, 8), (1, 33, 130, 2), (2, 5, 1100, 3)):
        inputs = values(n, dtype, d, m, n_betas, row)
        found, expected = (anneal(mode, dtype, inputs, parallel, row) for mode in ("numba", "python"))
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=TOLERANCE[dtype])
        assert (found[0].dtype, found[1].dtype) == ("float64", dtype)


def test_it_draws_what_numpy_draws(anneal):
    """In double precision. In single precision, rounding of a sigmoid would change one draw in a few million."""
    W, bv, bh, betas, v, log_w = values(6, "float64")
    op, outputs = PhiloxAnnealing(), [[None] for _ in range(4)]
    states = [np.array([5, i, 0, 0], np.uint32) for i in range(2)]
    inputs = [betas, *states, v, log_w, W, bh, W.T, bv]
    streams = [stream.type() for stream in PhiloxStreams(5).rbm()[:2]]
    node = op.make_node(pt.constant(betas), *streams, *map(pt.constant, inputs[3:]))
    op.perform(node, inputs, outputs)
    found = anneal("numba", "float64", [W, bv, bh, betas, v, log_w])
    np.testing.assert_array_equal(found[1], outputs[2][0])
    np.testing.assert_allclose(found[0], outputs[3][0], rtol=0, atol=TOLERANCE["float64"])


def test_two_threads_find_what_one_finds(anneal):
    inputs = values(500, "float32")
    expected = anneal("numba", "float32", inputs)
    for n_threads in (1, 2):
        with bounded_threads(n_threads):
            found = anneal("numba", "float32", inputs, parallel=True)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


def test_pieces_are_the_whole_to_the_last_digit():
    function, streams = compiled("numba", "float32")
    W, bv, bh, betas, v, log_w = values(60, "float32", n_betas=9)
    whole = function(W, bv, bh, betas, v, log_w)
    for stream in streams:
        stream.set_value(stream.get_value() - np.array([0, 0, 8, 0], np.uint32))
    for start, stop in ((0, 1), (1, 3), (3, 8)):
        log_w, v, _ = function(W, bv, bh, betas[start : stop + 1], v, log_w)
    np.testing.assert_array_equal(log_w, whole[0])
    np.testing.assert_array_equal(v, whole[1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_it_starts_from_any_numbers(anneal, dtype):
    W, bv, bh, _, v, log_w = values(50, dtype)
    v = np.random.default_rng(1).normal(size=v.shape).astype(dtype)
    given = v.copy(), log_w.copy()
    inputs = [W, bv, bh, np.array([0.7, 0.2, 1], dtype), v, log_w]
    found, expected = (anneal(mode, dtype, inputs) for mode in ("numba", "python"))
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=TOLERANCE[dtype])
    np.testing.assert_array_equal(v, given[0])
    np.testing.assert_array_equal(log_w, given[1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_large_and_infinite_weights(anneal, dtype):
    """Logits at both limits of exp, and then weights that make the log-weights NaN."""
    W, bv, bh, betas, v, log_w = values(30, dtype, scale=200)
    found, expected = (anneal(mode, dtype, [W, bv, bh, betas, v, log_w]) for mode in ("numba", "python"))
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6 if dtype == "float32" else 1e-13)
    W[0, 0] = np.nan
    assert np.isnan(anneal("numba", dtype, [W, bv, bh, betas, v, log_w])[0]).all()


@pytest.mark.parametrize("dtype, off", [("float64", 1e-11), ("float32", 2e-7)])
@pytest.mark.parametrize("layer", ["hidden", "visible"])
def test_close_calls_are_decided_to_the_last_digit(anneal, dtype, off, layer):
    """The probabilities are too close to the draws for the fast comparison. The visible units copy h."""
    n, d = 30, 40
    u = uniforms(np.array([5, 0 if layer == "hidden" else 1, 0, 0], np.uint32), (n, d), dtype).astype(np.float64)
    on = np.random.default_rng(0).random((n, d)) < 0.5
    p = np.clip(u + np.where(on, off, -off), 0.01, 0.99)
    logit, far = (np.log(p) - np.log1p(-p)).astype(dtype), np.full((n, d), -40, dtype)
    W = (80 * np.eye(d)).astype(dtype)
    bv, bh = (far, logit) if layer == "hidden" else (logit, far - 80)
    inputs = [W, bv, bh, np.ones(2, dtype), np.zeros((n, d), dtype), np.zeros(n)]
    inside = (u > 0.02) & (u < 0.98)
    np.testing.assert_array_equal(anneal("numba", dtype, inputs)[1][inside], on[inside])


def test_ones_are_a_gibbs_chain_without_weights(anneal):
    inputs = values(50, "float32")
    inputs[3] = np.ones(20, "float32")
    log_w, _, _ = anneal("numba", "float32", inputs)
    np.testing.assert_array_equal(log_w, inputs[5])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_log_z_lies_within_its_error_of_the_sum_over_all_states(anneal, dtype):
    W, bv, bh, betas, _, _ = values(8, dtype, 12, 10, 60)
    n_chains = 50
    bv_rows, bh_rows = (np.repeat(b, n_chains, axis=0) for b in (bv, bh))
    inputs = [W, bv_rows, bh_rows, betas, np.zeros_like(bv_rows), np.zeros(len(bv_rows))]
    log_w, _, log_z_base = anneal("numba", dtype, inputs)
    ratio, errors = log_mean_exp(log_w.reshape(-1, n_chains))
    z = (log_z_base[::n_chains] + ratio - log_partition(W, bv, bh)) / errors
    assert errors.max() < 0.2 and np.abs(z).max() < 3.5


@pytest.mark.slow
def test_any_layout_will_do(anneal):
    W, bv, bh, betas, v, log_w = values(60, "float64")
    expected = anneal("numba", "float64", [W, bv, bh, betas, v, log_w])
    other = [W.T.copy().T, np.asfortranarray(bv), bh[::-1][::-1], betas[::-1].copy()[::-1], np.asfortranarray(v), log_w]
    found = anneal("numba", "float64", other)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_what_does_not_fit_is_refused():
    function, _ = compiled("numba", "float64")
    W, bv, bh, betas, v, log_w = values(4, "float64")
    for inputs in (
        (W, bv, bh, betas, v[:, 1:], log_w),
        (W, bv[:3], bh, betas, v, log_w),
        (W, bv, bh[:, 1:], betas, v, log_w),
        (W, bv, bh, betas, v, log_w[1:]),
    ):
        with pytest.raises(ValueError, match="do(es)? not fit"):
            function(*map(np.ascontiguousarray, inputs))  # another layout would need another compilation


def test_other_annealings_are_left_alone():
    for visible, kind in (("gaussian", RandomStreams), ("binary", RandomStreams)):
        function, _ = compiled("numba", "float64", visible=visible, kind=kind)
        assert "PhiloxAnnealing" not in names_of(function) and "Scan" in names_of(function)


def test_an_annealing_of_which_all_steps_are_wanted_is_left_alone():
    W, bv, bh, v, betas = *pt.matrices("W", "bv", "bh", "v"), pt.vector("betas")
    log_w, end, updates = annealed_importance(W, bv, bh, betas, v, PhiloxStreams(5).rbm())
    steps = log_w.owner.inputs[0]
    function = pytensor.function([W, bv, bh, betas, v], [steps, end], updates=updates, mode=MODES["numba"])
    assert "PhiloxAnnealing" not in names_of(function) and "PhiloxSampleUnits" in names_of(function)
