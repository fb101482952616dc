"""The tutorial's own program, typed for PyTensor, draws the same numbers as under Theano.

Each ``rng.binomial(...)`` in the code takes the next stream, and scans return their updates.
"""

import gc
import weakref

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import STEP_BY_STEP
from pytensor import scan

from rnnrbm_pt.graphs import rbm
from rnnrbm_pt.graphs.parameters import shared_normal, shared_zeros
from rnnrbm_pt.streams.draw import bernoulli
from rnnrbm_pt.streams.mrg import MRGStreams
from rnnrbm_pt.streams.philox import PhiloxStreams
from rnnrbm_pt.streams.srs import RandomStreams

pytestmark = pytest.mark.filterwarnings("ignore:Scan return signature will change:DeprecationWarning")

STREAMS = {"srs": RandomStreams, "mrg": MRGStreams, "philox": PhiloxStreams}


def written_out(rng):
    """The tutorial's build_rbm, with `rng` as an argument instead of a global variable."""

    def build_rbm(v, W, bv, bh, k):
        def gibbs_step(v):
            mean_h = pt.sigmoid(pt.dot(v, W) + bh)
            h = rng.binomial(size=mean_h.shape, n=1, p=mean_h, dtype=pytensor.config.floatX)
            mean_v = pt.sigmoid(pt.dot(h, W.T) + bv)
            v = rng.binomial(size=mean_v.shape, n=1, p=mean_v, dtype=pytensor.config.floatX)
            return mean_v, v

        chain, updates = scan(lambda v: gibbs_step(v)[1], outputs_info=[v], n_steps=k)
        v_sample = chain[-1]

        mean_v = gibbs_step(v_sample)[0]
        monitor = v * pt.log(mean_v) + (1 - v) * pt.log(1 - mean_v)
        monitor = monitor.sum() / v.shape[0]

        def free_energy(v):
            return -(v * bv).sum() - pt.log(1 + pt.exp(pt.dot(v, W) + bh)).sum()

        cost = (free_energy(v) - free_energy(v_sample)) / v.shape[0]
        return v_sample, cost, monitor, updates

    return build_rbm


def from_the_library(rng):
    return lambda v, W, bv, bh, k: rbm.build_rbm(v, W, bv, bh, k, rngs=rng.rbm())


def build_rnnrbm(build_rbm, n_visible, n_hidden, n_hidden_recurrent):
    """The tutorial's build_rnnrbm, with one `recurrence` for training and generation."""
    W = shared_normal(n_visible, n_hidden, 0.01)
    bv = shared_zeros(n_visible)
    bh = shared_zeros(n_hidden)
    Wuh = shared_normal(n_hidden_recurrent, n_hidden, 0.0001)
    Wuv = shared_normal(n_hidden_recurrent, n_visible, 0.0001)
    Wvu = shared_normal(n_visible, n_hidden_recurrent, 0.0001)
    Wuu = shared_normal(n_hidden_recurrent, n_hidden_recurrent, 0.0001)
    bu = shared_zeros(n_hidden_recurrent)
    params = W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu

    v = pt.matrix()
    u0 = pt.zeros((n_hidden_recurrent,))

    def recurrence(v_t, u_tm1):
        bv_t = bv + pt.dot(u_tm1, Wuv)
        bh_t = bh + pt.dot(u_tm1, Wuh)
        generate = v_t is None
        if generate:
            v_t, _, _, updates = build_rbm(pt.zeros((n_visible,)), W, bv_t, bh_t, k=25)
        u_t = pt.tanh(bu + pt.dot(v_t, Wvu) + pt.dot(u_tm1, Wuu))
        return ([v_t, u_t], updates) if generate else [u_t, bv_t, bh_t]

    (u_t, bv_t, bh_t), updates_train = scan(
        lambda v_t, u_tm1, *_: recurrence(v_t, u_tm1),
        sequences=v,
        outputs_info=[u0, None, None],
        non_sequences=params,
    )
    v_sample, cost, monitor, updates_rbm = build_rbm(v, W, bv_t[:], bh_t[:], k=15)
    updates_train.update(updates_rbm)

    (v_t, u_t), updates_generate = scan(
        lambda u_tm1, *_: recurrence(None, u_tm1), outputs_info=[None, u0], non_sequences=params, n_steps=200
    )
    return v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate


@pytest.fixture
def seeded_globally():
    """Seed NumPy's global state like the tutorial's first line, and restore it afterwards."""
    before = np.random.get_state()  # noqa: NPY002  (the tutorial's own)
    np.random.seed(0xBEEF)  # noqa: NPY002
    yield
    np.random.set_state(before)  # noqa: NPY002


@pytest.mark.parametrize("build", [written_out, from_the_library])
@pytest.mark.parametrize("kind", ["srs", "mrg"])
def test_the_program_gives_theanos_numbers(theano_reference, seeded_globally, kind, build):
    recorded = np.load(theano_reference / f"synthetic_{kind}_float64.npz")
    rng = STREAMS[kind](seed=np.random.randint(1 << 30))  # noqa: NPY002
    v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate = build_rnnrbm(build(rng), 12, 8, 6)
    gradient = pt.grad(cost, params, consider_constant=[v_sample])
    updates_train.update((p, p - 0.05 * g) for p, g in zip(params, gradient, strict=True))
    train = pytensor.function([v], monitor, updates=updates_train, mode=STEP_BY_STEP)
    generate = pytensor.function([], v_t, updates=updates_generate, mode=STEP_BY_STEP)

    sequences = [recorded[f"sequence_{i}"].astype(float) for i in range(5)]
    monitors = [train(roll[t : t + 20]) for _ in range(20) for roll in sequences for t in range(0, len(roll), 20)]
    # Only the order of sums differs between the programs.
    np.testing.assert_allclose(monitors, recorded["monitor"], rtol=0, atol=1e-12)
    for i in range(2):
        np.testing.assert_array_equal(generate(), recorded[f"generated_{i}"])


@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_that_is_taken_within_a_scan_advances(kind):
    rng = STREAMS[kind](seed=5)

    def step(v):
        _, v = bernoulli(rng.stream(), 0.25 + 0.5 * v)
        return v

    chain, updates = scan(step, outputs_info=[pt.zeros(30)], n_steps=4)
    assert list(updates) == rng.streams
    draw = pytensor.function([], chain, updates=updates, mode=STEP_BY_STEP)
    frames = np.concatenate([draw(), draw()])
    assert len(np.unique(frames, axis=0)) == 8


@pytest.mark.parametrize("kind", STREAMS)
def test_a_function_that_draws_advances_its_stream_with_updates_and_without(kind):
    p = pt.full((30,), 0.5)
    stream = STREAMS[kind](seed=5).stream()
    next_stream, draw = bernoulli(stream, p)
    explicit = pytensor.function([], draw, updates={stream: next_stream}, mode=STEP_BY_STEP)
    implicit = pytensor.function([], STREAMS[kind](seed=5).binomial(size=p.shape, n=1, p=p), mode=STEP_BY_STEP)
    found = [explicit().tolist() for _ in range(3)]
    assert found == [implicit().tolist() for _ in range(3)]
    assert found[0] != found[1] != found[2]


def test_binomial_takes_what_the_tutorials_does():
    rng = RandomStreams(5)
    assert rng.binomial(p=pt.vector("p")).dtype == pytensor.config.floatX
    assert rng.binomial(p=pt.vector("p"), dtype="int8").dtype == "int8"
    many = rng.binomial(size=(3, 50), p=0.5)
    assert many.eval(mode=STEP_BY_STEP).shape == (3, 50) and len(np.unique(many.eval(mode=STEP_BY_STEP))) == 2
    with pytest.raises(ValueError, match="n: expected 1 trial, found 2"):
        rng.binomial(n=2, p=0.5)


def test_shared_normal_takes_the_tutorials_three_arguments(seeded_globally):
    W = shared_normal(4, 3, 0.1)
    np.testing.assert_array_equal(W.get_value(), np.random.RandomState(0xBEEF).normal(scale=0.1, size=(4, 3)))


def test_a_second_build_rbm_without_streams_warns_that_both_draw_the_same(monkeypatch):
    monkeypatch.setattr(rbm, "_given_out", weakref.WeakSet())  # not the streams of other tests
    v, W, b = pt.matrix("v"), pt.matrix("W"), pt.vector("b")
    first = rbm.build_rbm(v, W, b, b, 1)
    with pytest.warns(UserWarning, match=r"two calls without rngs draw the same numbers.*rngs=rng\.rbm\(\)"):
        rbm.build_rbm(v, W, b, b, 1)
    assert first
    rbm.build_rbm(v, W, b, b, 1, rngs=RandomStreams().rbm())  # with explicit streams there is no warning


def test_a_build_rbm_that_is_no_longer_in_use_gives_no_warning(monkeypatch):
    monkeypatch.setattr(rbm, "_given_out", weakref.WeakSet())
    v, W, b = pt.matrix("v"), pt.matrix("W"), pt.vector("b")
    gc.disable()  # as if the garbage of the first graph were still there
    try:
        rbm.build_rbm(v, W, b, b, 1)
        rbm.build_rbm(v, W, b, b, 1)
    finally:
        gc.enable()
