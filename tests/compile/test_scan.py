"""Products moved out of recurrences: fewer products inside, the same numbers and gradients."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from pytensor.scan.op import Scan
from pytensor.scan.utils import until

from rnnrbm_pt.graphs.lstm_rtrbm import build_lstm_rtrbm
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.ours import ours

REWRITES = "rnnrbm_products_of_sequences", "rnnrbm_outputs_of_states", "rnnrbm_merge", "rnnrbm_merge_sequences"
FAST = Mode("py", "fast_run")
WITHOUT = FAST.excluding(*REWRITES)


def products_in(function):
    """{name of a scan: number of matrix products in its step}, for the scans of a compiled function."""
    return {
        node.op.name: sum(
            any(name in str(inner.op) for name in ("Dot", "dot", "Gem")) for inner in node.op.fgraph.toposort()
        )
        for node in function.maker.fgraph.toposort()
        if isinstance(node.op, Scan)
    }


def gradient_function(graphs, mode):
    negative = graphs.v_sample.type()
    inputs = [graphs.v, negative] + ([] if graphs.mask is None else [graphs.mask])
    gradient = pt.grad(graphs.cost, list(graphs.params), consider_constant=[graphs.v_sample])
    return pytensor.function(inputs, [graphs.cost, *gradient], givens={graphs.v_sample: negative}, mode=mode)


@pytest.mark.parametrize("batched", [False, True])
def test_the_gradient_of_the_tutorials_recurrence(batched):
    graphs = build_rnnrbm(6, 5, 4, k=1, batched=batched)
    random = np.random.RandomState(1)
    for p in graphs.params:
        p.set_value(0.5 * random.standard_normal(p.get_value().shape))
    with_, without = (gradient_function(graphs, mode) for mode in (FAST, WITHOUT))
    # Each scan keeps one product: the state times Wuu, and the gradient of the state times Wuu'.
    assert products_in(with_) == {"recurrence": 1, "grad_of_recurrence": 1}
    assert min(products_in(without).values()) >= 3
    for n_steps in (1, 2, 7):
        v, negative = (random.rand(2, n_steps, 3, 6) < 0.4).astype(float)
        inputs = (v, negative.reshape(-1, 6), np.ones((n_steps, 3))) if batched else (v[:, 0], negative[:, 0])
        for found, expected in zip(with_(*inputs), without(*inputs), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_the_gates_of_an_lstm_are_one_product_and_one_sequence():
    graphs = build_lstm_rtrbm(6, 5, 4, k=1, learn_initial=True, dynamic_visible_bias=True)
    random = np.random.RandomState(1)
    for p in graphs.params:
        p.set_value(0.5 * random.standard_normal(p.get_value().shape))
    with_, without = (gradient_function(graphs, mode) for mode in (FAST, WITHOUT))
    # The products with Wuh, Wsh and the gates. In the gradient, those with Wuv and Wsv are computed before the scan.
    assert products_in(with_) == {"recurrence": 3, "grad_of_recurrence": 3}
    for node in with_.maker.fgraph.toposort():
        if isinstance(node.op, Scan):
            sequences = node.op.outer_seqs(node.inputs)
            assert len(set(sequences)) == len(sequences)
    v, negative = (random.rand(2, 7, 6) < 0.4).astype(float)
    for found, expected in zip(with_(v, negative), without(v, negative), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def scan_of(step, x, W, state):
    outputs = pytensor.scan(step, sequences=ours(x), outputs_info=[state, None], non_sequences=W, return_updates=False)
    return [outputs[0], outputs[1]]


CASES = {
    "a product of a function of the sequence": lambda x_t, s, W: (pt.tanh(s + pt.dot(2 * x_t, W)), s),
    "an output of states and sequences": lambda x_t, s, W: (pt.tanh(s), pt.dot(s * x_t, W) + x_t),
    "an output whose product enters the state too": lambda x_t, s, W: (pt.tanh(pt.dot(s, W)), pt.dot(s, W)),
    "a product of two sequences' sum from the left": lambda x_t, s, W: (s + 1, pt.dot(W, x_t)),
    "a transposed matrix": lambda x_t, s, W: (s + pt.dot(x_t, W.T), pt.dot(s, W.T)),
}


ONE_OR_MANY = [(name, ndim) for name in CASES for ndim in (2, 3) if ndim == 2 or "from the left" not in name]


@pytest.mark.parametrize("name, ndim", ONE_OR_MANY)
def test_the_same_numbers(name, ndim):
    step = CASES[name]
    x, W, state = pt.tensor("x", shape=(None,) * ndim), pt.matrix("W"), pt.tensor("state", shape=(None,) * (ndim - 1))
    outputs = scan_of(step, x, W, state)
    with_, without = (pytensor.function([x, W, state], outputs, mode=mode) for mode in (FAST, WITHOUT))
    random = np.random.RandomState(2)
    for n_steps in (1, 5):
        inputs = [random.standard_normal(shape) for shape in ((n_steps, 3, 4)[: x.ndim], (4, 4), (3, 4)[-state.ndim :])]
        inputs[0] = random.standard_normal((n_steps, *inputs[2].shape))
        for found, expected in zip(with_(*inputs), without(*inputs), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_what_must_stay_stays():
    x, W, state = pt.matrix("x"), pt.matrix("W"), pt.vector("state")
    (states, _) = scan_of(lambda x_t, s, W: (pt.tanh(pt.dot(s, W) + x_t), s), x, W, state)
    function = pytensor.function([x, W, state], states, mode=FAST)
    assert list(products_in(function).values()) == [1]
    # The number of steps of a while-scan is unknown beforehand, so the rewrites leave it unchanged.
    outputs = pytensor.scan(
        lambda x_t, W: (pt.dot(x_t, W), until(x_t[0] > 0)), sequences=ours(x), non_sequences=W, return_updates=False
    )
    function = pytensor.function([x, W], outputs, mode=FAST)
    assert list(products_in(function).values()) == [1]
    assert len(function(np.array([[-1.0, 0], [1, 0], [-1, 0]]), np.eye(2))) == 2
