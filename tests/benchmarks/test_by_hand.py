"""Tests that the handwritten programs compute the same training step as this library, so that timings compare."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from oracles import AS_WRITTEN

from benchmarks.by_hand.initial import (
    frame_weights,
    initial_lstm_rtrbm,
    initial_params,
    initial_rnn_nade,
    random_frames,
)
from rnnrbm_pt.graphs.lstm_rtrbm import build_lstm_rtrbm
from rnnrbm_pt.graphs.rnn_nade import build_rnn_nade

NAMES = "W", "bv", "bh", "Wuh", "Wuv", "Wvu", "Wuu", "bu"


class InNumPy:
    def __init__(self):
        from benchmarks.by_hand import numpy_lstm_rtrbm, numpy_rnn_nade, numpy_step

        self.module, self.lstm_rtrbm, self.rnn_nade = numpy_step, numpy_lstm_rtrbm, numpy_rnn_nade

    def array(self, x, dtype="float64"):
        return np.array(x, dtype=dtype)

    def rng(self):
        return np.random.default_rng(0)

    def negative(self, W, bv_t, bh_t, v, k):
        return self.module.negative(W, bv_t, bh_t, v, self.rng(), k)

    def step(self, module, params, v, weights, lr):
        """The parameters after a step, and the particles drawn in it."""
        v_sample = self.negative(params[0], *module.biases(params, v), v, 15)
        module.step(params, v, weights, self.rng(), 15, lr)
        return params, v_sample

    def nade_gradient(self, params, v, weights):
        return self.rnn_nade.gradient(params, v, weights)

    def nade_step(self, params, v, weights, lr):
        """The parameters after a step, and its monitor."""
        monitor = self.rnn_nade.step(params, v, weights, lr)
        return params, monitor


class InJax(InNumPy):
    def __init__(self):
        self.jax = pytest.importorskip("jax")
        from benchmarks.by_hand import jax_lstm_rtrbm, jax_rnn_nade, jax_step

        self.module, self.lstm_rtrbm, self.rnn_nade = jax_step, jax_lstm_rtrbm, jax_rnn_nade

    def array(self, x, dtype="float64"):
        return self.jax.numpy.array(x, dtype=dtype)

    def negative(self, W, bv_t, bh_t, v, k):
        return self.module.negative(W, bv_t, bh_t, v, self.jax.random.key(0), k)

    def step(self, module, params, v, weights, lr):
        key = self.jax.random.key(0)

        @self.jax.jit  # faster than compiling each operation
        def drawn(params):
            return self.module.negative(params[0], *module.biases(params, v), v, self.module.keys_of(key)[0], 15)

        v_sample = drawn(params)
        params, _, _ = module.step(params, v, weights, key, 15, lr)
        return params, v_sample

    def nade_gradient(self, params, v, weights):
        return self.rnn_nade.gradient(params, v, weights, most_notes(v))

    def nade_step(self, params, v, weights, lr):
        return self.rnn_nade.step(params, v, weights, lr, most_notes(v))


class InTorch(InNumPy):
    def __init__(self):
        self.torch = pytest.importorskip("torch")
        from benchmarks.by_hand import torch_lstm_rtrbm, torch_rnn_nade, torch_step

        self.module, self.lstm_rtrbm, self.rnn_nade = torch_step, torch_lstm_rtrbm, torch_rnn_nade

    def array(self, x, dtype="float64"):
        return self.torch.tensor(np.array(x), dtype=getattr(self.torch, dtype), requires_grad=True)

    def rng(self):
        return self.torch.Generator().manual_seed(0)


@pytest.fixture(params=[InNumPy, InJax, InTorch], ids=["numpy", "jax", "torch"])
def library(request):
    found = request.param()
    if request.param is InJax:
        with found.jax.enable_x64(True):
            yield found
    else:
        yield found


def arrays(library, *values, dtype="float64"):
    return [library.array(x, dtype) for x in values]


def most_notes(v):
    """The largest number of notes in a frame, which JAX needs for compilation."""
    return int(v.sum(axis=-1).max())


def as_numpy(x):
    return np.asarray(x.detach() if hasattr(x, "detach") else x)


@pytest.fixture(scope="session")
def recorded(theano_reference):
    with np.load(theano_reference / "synthetic_srs_float64.npz") as archive:
        return dict(archive)


def test_the_gradient_at_given_particles_is_theanos(library, recorded):
    params = arrays(library, *(recorded[f"final_{name}"] for name in NAMES))
    v, v_sample, weights = arrays(library, recorded["grad_v"], recorded["grad_v_sample"], np.full(40, 1 / 40))
    cost, gradients = library.module.gradient(params, v, v_sample, weights)
    np.testing.assert_allclose(as_numpy(cost), recorded["grad_cost"], rtol=1e-12)
    for name, g in zip(NAMES, gradients, strict=True):
        np.testing.assert_allclose(as_numpy(g), recorded[f"grad_{name}"], rtol=0, atol=1e-13, err_msg=name)


def test_the_gradient_of_several_sequences_is_the_mean_of_theirs(library):
    """Compare with NumPy on each sequence alone. Data after the end of the shorter sequence have no effect."""
    from benchmarks.by_hand import numpy_step

    rng = np.random.default_rng(1)
    params = [rng.normal(scale=0.3, size=p.shape) for p in initial_params(12, 8, 6, "float64")]
    v, v_sample = (rng.integers(2, size=(9, 2, 12)).astype(float) for _ in range(2))
    lengths = 9, 5
    mask = (np.arange(9)[:, None] < lengths).astype(float)
    singly = [
        numpy_step.gradient(params, v[:n, i], v_sample[:n, i], np.full(n, 1 / n))[1] for i, n in enumerate(lengths)
    ]
    _, gradients = library.module.gradient(arrays(library, *params), *arrays(library, v, v_sample, frame_weights(mask)))
    for name, found, one, other in zip(NAMES, gradients, *singly, strict=True):
        np.testing.assert_allclose(as_numpy(found), (one + other) / 2, rtol=0, atol=1e-13, err_msg=name)


def test_a_step_goes_down_the_gradient_at_the_particles_that_it_draws(library):
    params = initial_params(12, 8, 6, "float64")
    frames = random_frames(20, 1, 12, "float64")
    v, weights = arrays(library, frames, frame_weights(np.ones(20)))
    after, v_sample = library.step(library.module, arrays(library, *params), v, weights, 0.5)
    _, gradients = library.module.gradient(arrays(library, *params), v, v_sample, weights)
    for name, before, found, g in zip(NAMES, params, after, gradients, strict=True):
        np.testing.assert_allclose(as_numpy(found), before - 0.5 * as_numpy(g), rtol=0, atol=1e-14, err_msg=name)


def test_the_chain_draws_from_the_rbm(library):
    """Compare 20,000 chains of 20 steps in an RBM of 3 and 2 units with the sum over its states."""
    rng = np.random.default_rng(2)
    W, bv, bh = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=2)
    states = (np.arange(8)[:, None] >> np.arange(3)) % 2
    p = np.exp(states @ bv) * (1 + np.exp(states @ W + bh)).prod(axis=1)
    n = 20000
    bv_t, bh_t, v = np.tile(bv, (n, 1)), np.tile(bh, (n, 1)), np.zeros((n, 3))
    v_sample = as_numpy(library.negative(*arrays(library, W, bv_t, bh_t, v), 20))
    found = np.bincount((v_sample @ [1, 2, 4]).astype(int), minlength=8) / n
    # Five standard deviations of a fraction of 20,000 draws are below 0.018.
    np.testing.assert_allclose(found, p / p.sum(), atol=0.018)


def moved(params, seed=1):
    """Random parameters of the given shapes, large enough that each of them has an effect."""
    rng = np.random.default_rng(seed)
    return [rng.normal(scale=0.3, size=p.shape) for p in params]


def in_gates(value, names):
    """The parameters, or gradients, of the handwritten LSTM-RTRBM, from those of this library: `value(name)`."""
    gates = [np.concatenate([value(name + gate) for gate in "ifgo"], axis=-1) for name in ("Wv", "Ws", "b")]
    return [value(name) for name in names[:5]] + gates


RELATED = {
    "LSTM-RTRBM": (build_lstm_rtrbm, in_gates),
    "RNN-NADE": (build_rnn_nade, lambda value, names: [value(name) for name in names]),
}


class Related:
    """This library's graph of a related model with 12 visible, 8 hidden and 6 recurrent units and random parameters."""

    def __init__(self, name, batched):
        build, self.by_hand = RELATED[name]
        self.name = name
        built = build(12, 8, 6, batched=batched)
        self.names = [param.name for param in built.params]
        rng = np.random.default_rng(3)
        for param in built.params:
            param.set_value(rng.normal(scale=0.3, size=param.get_value().shape))
        values = {param.name: param.get_value() for param in built.params}
        self.params = self.by_hand(values.get, self.names)

        given = built.v_sample.type("given")
        outputs = [built.cost, *pt.grad(built.cost, list(built.params), consider_constant=[built.v_sample])]
        givens = {} if name == "RNN-NADE" else {built.v_sample: given}
        inputs = [built.v, built.mask, given] if batched else [built.v, given]
        with pytensor.config.change_flags(cxx=""):
            self.function = pytensor.function(inputs, outputs, givens=givens, mode=AS_WRITTEN, on_unused_input="ignore")

    def gradient(self, *inputs):
        """The cost and its gradient with respect to the parameters of the handwritten step."""
        cost, *gradients = self.function(*inputs)
        return cost, self.by_hand(dict(zip(self.names, gradients, strict=True)).get, self.names)


@pytest.fixture(scope="module", params=[False, True], ids=["window", "sequences"])
def batched(request):
    return request.param


@pytest.fixture(scope="module", params=RELATED)
def related(request, batched):
    return Related(request.param, batched)


def test_the_gradient_of_a_related_model_is_this_projects(library, related, batched):
    """One sequence, and three sequences of which two end before the window does."""
    shape = (9, 3, 12) if batched else (9, 12)
    rng = np.random.default_rng(4)
    v, v_sample = (rng.integers(2, size=shape).astype(float) for _ in range(2))
    mask = (np.arange(9)[:, None] < [9, 5, 1]).astype(float) if batched else np.ones(9)
    particles = v_sample if related.name == "RNN-NADE" else v_sample.reshape(-1, 12)
    expected_cost, expected = related.gradient(v, *([mask] if batched else []), particles)
    params = arrays(library, *related.params)
    v, v_sample, weights = arrays(library, v, v_sample, frame_weights(mask))
    if related.name == "RNN-NADE":
        cost, gradients = library.nade_gradient(params, v, weights)
    else:
        cost, gradients = library.lstm_rtrbm.gradient(params, v, v_sample, weights)
    np.testing.assert_allclose(as_numpy(cost), expected_cost, rtol=1e-12)
    for i, (g, e) in enumerate(zip(gradients, expected, strict=True)):
        np.testing.assert_allclose(as_numpy(g), e, rtol=0, atol=1e-13, err_msg=f"parameter {i}")


@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-14), ("float32", 1e-6)])
def test_the_lstm_rtrbm_goes_down_the_gradient_at_the_particles_that_it_draws(library, dtype, atol):
    params = moved(initial_lstm_rtrbm(12, 8, 6, dtype))
    frames = random_frames(20, 1, 12, dtype)
    v, weights = arrays(library, frames, frame_weights(np.ones(20)), dtype=dtype)
    after, v_sample = library.step(library.lstm_rtrbm, arrays(library, *params, dtype=dtype), v, weights, 0.5)
    _, gradients = library.lstm_rtrbm.gradient(arrays(library, *params, dtype=dtype), v, v_sample, weights)
    for before, found, g in zip(params, after, gradients, strict=True):
        assert as_numpy(found).dtype == dtype
        np.testing.assert_allclose(as_numpy(found), before - 0.5 * as_numpy(g), rtol=0, atol=atol)


@pytest.mark.parametrize(("dtype", "atol"), [("float64", 1e-14), ("float32", 1e-6)])
def test_the_rnn_nade_goes_down_its_gradient(library, dtype, atol):
    """The frames include some without notes."""
    params = moved(initial_rnn_nade(12, 8, 6, dtype))
    frames = random_frames(20, 1, 12, dtype)
    assert 0 in frames.sum(axis=1)
    v, weights = arrays(library, frames, frame_weights(np.ones(20)), dtype=dtype)
    after, monitor = library.nade_step(arrays(library, *params, dtype=dtype), v, weights, 0.5)
    cost, gradients = library.nade_gradient(arrays(library, *params, dtype=dtype), v, weights)
    assert as_numpy(monitor) == -as_numpy(cost)
    for before, found, g in zip(params, after, gradients, strict=True):
        assert as_numpy(found).dtype == dtype
        np.testing.assert_allclose(as_numpy(found), before - 0.5 * as_numpy(g), rtol=0, atol=atol)


def test_annealing_in_numpy_finds_log_z():
    from benchmarks.by_hand.numpy_annealing import anneal
    from rnnrbm_pt.evaluation.estimate import log_mean_exp
    from rnnrbm_pt.evaluation.exact import log_partition

    draws = np.random.default_rng(0)
    W, bv, bh = (draws.normal(scale=0.4, size=shape) for shape in ((12, 10), (8, 12), (8, 10)))
    rows = [np.repeat(b, 50, axis=0) for b in (bv, bh)]
    log_w, v = anneal(W, *rows, np.linspace(0, 1, 60), np.zeros((400, 12)), draws)
    base = np.log1p(np.exp(bv)).sum(axis=1) + np.log1p(np.exp(bh)).sum(axis=1)
    ratio, errors = log_mean_exp(log_w.reshape(8, 50))
    assert v.shape == (400, 12) and errors.max() < 0.2
    assert np.abs((base + ratio - log_partition(W, bv, bh)) / errors).max() < 3.5
