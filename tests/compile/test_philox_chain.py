"""A Gibbs chain with Philox streams, in one operation, draws the bits of the scan that it replaces."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import MODES, names_of, ops_of

from rnnrbm_pt.compile.ops.chain import PhiloxGibbsChain
from rnnrbm_pt.graphs.dials import gibbs_chain
from rnnrbm_pt.graphs.rbm import build_rbm
from rnnrbm_pt.graphs.rtrbm import build_rtrbm
from rnnrbm_pt.streams.philox import PhiloxStreams

D, M = 70, 45  # neither is a multiple of the vector length


def chain(dtype="float64", parallel=False, vector=False, row=False):
    """Compile chain(k, v, W, bv, bh) -> end of a Gibbs chain. Return it with its streams."""
    with pytensor.config.change_flags(floatX=dtype):
        streams = PhiloxStreams(5, parallel=parallel)
        k, W = pt.iscalar("k"), pt.matrix("W")
        v = pt.vector("v") if vector else pt.matrix("v")
        bv, bh = (pt.vector(name) if vector or row else pt.matrix(name) for name in ("bv", "bh"))
        v_sample, _, _, updates = build_rbm(v, W, bv, bh, k, rngs=streams.rbm())
        updates = {stream: updates[stream] for stream in streams.streams[:2]}
        return pytensor.function([k, v, W, bv, bh], v_sample, updates=updates, mode=MODES["numba"]), streams.streams[:2]


def values(n, dtype, row=False, seed=0):
    draws = np.random.default_rng(seed)
    v, W = draws.random((n, D)) < 0.4, draws.normal(scale=0.5, size=(D, M))
    bv, bh = draws.normal(size=D if row else (n, D)), draws.normal(size=M if row else (n, M))
    return [x.astype(dtype) for x in (v, W, bv, bh)]


def by_numpy(states, k, v, W, bv, bh):
    """The result of `PhiloxGibbsChain.perform`, which uses NumPy."""
    op, outputs = PhiloxGibbsChain(), [[None], [None], [None]]
    bv, bh = (np.atleast_2d(b) for b in (bv, bh))
    inputs = [np.array(k), *states, v, W, bh, W.T, bv]
    streams = [stream.type() for stream in PhiloxStreams(5).rbm()[:2]]
    node = op.make_node(pt.lscalar(), *streams, *map(pt.constant, inputs[3:]))
    op.perform(node, inputs, outputs)
    return [output[0] for output in outputs]


@pytest.fixture(scope="module")
def chains():
    """chains(...): the result of `chain`, compiled once for each combination of arguments."""
    made = {}

    def get(**settings):
        key = tuple(sorted(settings.items()))
        if key not in made:
            made[key] = chain(**settings)
            assert "PhiloxGibbsChain" in names_of(made[key][0]) and "Scan" not in names_of(made[key][0])
        return made[key]

    return get


@pytest.mark.parametrize(
    "dtype, parallel, row",
    [("float64", False, False), ("float32", False, False), ("float64", False, True)]
    + [pytest.param("float32", True, False, marks=pytest.mark.slow)],
)
def test_its_bits_are_those_of_numpy(chains, dtype, parallel, row):
    function, streams = chains(dtype=dtype, parallel=parallel, row=row)
    for n, k in ((1, 40), (3, 7), (120, 3), (5, 1), (0, 2), (4, 0)):
        inputs = values(n, dtype, row)
        before = [stream.get_value() for stream in streams]
        found = function(k, *inputs)
        *after, expected = by_numpy(before, k, *inputs)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)
        for stream, state in zip(streams, after, strict=True):
            np.testing.assert_array_equal(stream.get_value(), state)


def test_a_vector_is_one_row(chains):
    function, streams = chains(vector=True)
    v, W, bv, bh = values(1, "float64")
    for stream in streams:  # as after nine draws: the bits depend only on the count of draws
        stream.set_value(stream.get_value() + np.array([0, 0, 9, 0], np.uint32))
    before = [stream.get_value() for stream in streams]
    np.testing.assert_array_equal(function(6, v[0], W, bv[0], bh[0]), by_numpy(before, 6, v, W, bv, bh)[2][0])


def test_the_last_h_is_kept_where_it_is_asked_for():
    streams = PhiloxStreams(5)
    k, W = pt.iscalar("k"), pt.matrix("W")
    v, bv, bh = pt.vectors("v", "bv", "bh")
    rngs = streams.rbm()[:2]
    *outputs, next_h, next_v = gibbs_chain(v, W, bv, bh, k, rngs)
    function = pytensor.function(
        [k, v, W, bv, bh], outputs, updates=dict(zip(rngs, (next_h, next_v), strict=True)), mode=MODES["numba"]
    )
    assert "Scan" not in names_of(function) and PhiloxGibbsChain(with_h=True) in ops_of(function)
    values_v, values_W, values_bv, values_bh = values(1, "float64")
    for steps in (1, 6):
        op, found = PhiloxGibbsChain(with_h=True), [[None], [None], [None], [None]]
        inputs = [np.array(steps), *(rng.get_value() for rng in rngs), values_v, values_W, values_bh]
        op.perform(None, [*inputs, values_W.T, values_bv], found)
        last_v, last_h = function(steps, values_v[0], values_W, values_bv[0], values_bh[0])
        np.testing.assert_array_equal(last_v, found[2][0][0])
        np.testing.assert_array_equal(last_h, found[3][0][0])
        np.testing.assert_array_equal([rng.get_value() for rng in rngs], [found[0][0], found[1][0]])
    unchanged = function(0, values_v[0], values_W, values_bv[0], values_bh[0])
    np.testing.assert_array_equal(unchanged[0], values_v[0])
    np.testing.assert_array_equal(unchanged[1], values_bh[0])


def test_the_counts_carry(chains):
    function, streams = chains(dtype="float64", parallel=False, row=False)
    for count in ([2**32 - 3, 7], [2**32 - 2, 2**31 - 1]):
        for stream in streams:
            stream.set_value(np.array([*stream.get_value()[:2], *count], np.uint32))
        before = [stream.get_value() for stream in streams]
        inputs = values(4, "float64")
        found, (*after, expected) = function(5, *inputs), by_numpy(before, 5, *inputs)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal([stream.get_value() for stream in streams], after)
        assert after[0][3] in (8, 0)


def test_it_starts_from_any_numbers(chains):
    """Chains that start from numbers other than bits, also with a single row. Products are then not sums of rows."""
    function, streams = chains(dtype="float64", parallel=False, row=False)
    for n in (1, 50):
        _, *rest = values(n, "float64")
        v = np.random.default_rng(1).normal(size=(n, D))
        expected = by_numpy([stream.get_value() for stream in streams], 2, v, *rest)[2]
        given = v.copy()
        np.testing.assert_array_equal(function(2, v, *rest), expected)
        np.testing.assert_array_equal(v, given)


@pytest.mark.slow
def test_any_layout_will_do(chains):
    function, streams = chains(dtype="float64", parallel=False, row=False)
    v, W, bv, bh = values(60, "float64")
    states = [stream.get_value() for stream in streams]
    expected = function(3, v, W, bv, bh)
    for other in ((v, W.T.copy().T, bv, bh), (np.asfortranarray(v), W, bv[::-1][::-1], np.asfortranarray(bh))):
        for stream, state in zip(streams, states, strict=True):
            stream.set_value(state)
        np.testing.assert_array_equal(function(3, *other), expected)


def test_what_does_not_fit_is_refused(chains):
    function, _ = chains(dtype="float64", parallel=False, row=False)
    v, W, bv, bh = values(4, "float64")
    for inputs in ((v[:, 1:], W, bv, bh), (v, W, bv[:3], bh), (v, W, bv, bh[:, 1:]), (v, W, bv[:, 1:], bh)):
        with pytest.raises(ValueError, match="do(es)? not fit"):
            function(2, *map(np.ascontiguousarray, inputs))  # another layout would need another compilation


def test_a_chain_of_which_all_steps_are_wanted_is_left_alone():
    v, W, bv, bh = pt.matrices("v", "W", "bv", "bh")
    v_sample, _, _, updates = build_rbm(v, W, bv, bh, 3, rngs=PhiloxStreams(5).rbm())
    steps = v_sample.owner.inputs[0]
    function = pytensor.function([v, W, bv, bh], steps.sum(axis=0), updates=updates, mode=MODES["numba"])
    assert "PhiloxGibbsChain" not in names_of(function) and "PhiloxSampleUnits" in names_of(function)


def test_a_chain_in_a_scan_whose_inner_variables_are_those_of_the_chain():
    """PyTensor's scans share the inner inputs i0, i1 and so on. The chain's matrices contain some of the outer scan."""
    graphs = build_rtrbm(4, 3, k_generate=2, n_steps=5, dynamic_visible_bias=True, streams=PhiloxStreams(5))
    draws = np.random.default_rng(0)
    for param in graphs.params:
        param.set_value(draws.normal(size=param.get_value().shape))
    rolls = [pytensor.function([], graphs.v_t, mode=MODES[mode])() for mode in ("numba", "python")]
    np.testing.assert_array_equal(*rolls)
