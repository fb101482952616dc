"""The operations of a NADE (logits, gradient, tangent) agree with NumPy and with the scan, for any memory layout."""

import subprocess
import sys

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.gradient import pushforward
from pytensor.scan.op import Scan

from rnnrbm_pt.compile.dispatch import register_jax, register_numba
from rnnrbm_pt.compile.jax_functions import JaxFunction, prepare_jax
from rnnrbm_pt.compile.modes import bounded_threads, with_threads
from rnnrbm_pt.compile.ops.nade import NadeGradient, NadeLogits, NadeTangent
from rnnrbm_pt.graphs.nade import nade_logits, pass_over_units
from rnnrbm_pt.models.compiling import CompileSettings

PYTHON = pytensor.compile.mode.Mode("py", "fast_compile")

TOLERANCE = {"float32": 3e-5, "float64": 1e-12}
"""The order of sums differs, which changes tens of units in the last place."""


def values_of(n, d, m, dtype, p=0.2, seed=0):
    """v, W, V, bv, bh, and a gradient with respect to the logits."""
    rng = np.random.default_rng(seed)
    shapes = (d, m), (d, m), (n, d), (n, m), (n, d)
    return [(rng.random((n, d)) < p).astype(dtype), *(rng.normal(size=shape).astype(dtype) for shape in shapes)]


def symbols_of(dtype):
    return [pt.matrix(name, dtype=dtype) for name in ("v", "W", "V", "bv", "bh", "g")]


def by_scan(dtype):
    """The logits and the gradients of the scan, computed step by step in Python."""
    v, W, V, bv, bh, g = symbols = symbols_of(dtype)
    logits = pass_over_units(v, W, V, bv, bh)
    gradients = pt.grad((logits * g).sum(), [W, V, bh])
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_compile")
    return pytensor.function(symbols, [logits, *gradients], mode=mode)


def by_operations(dtype, mode):
    register_numba()
    if mode == "JAX":
        prepare_jax()
        register_jax()
    symbols = symbols_of(dtype)
    outputs = [NadeLogits()(*symbols[:-1]), *NadeGradient()(*symbols)]
    return pytensor.function(symbols, outputs, mode=mode, on_unused_input="ignore")


BACKENDS = {"python": pytensor.compile.mode.Mode("py", None), "numba": "NUMBA", "jax": "JAX"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_equal_to_the_scan(backend, dtype):
    scan, function = by_scan(dtype), by_operations(dtype, BACKENDS[backend])
    for sizes in ((7, 5, 4, 0.3), (1, 1, 1, 1.0), (3, 9, 2, 1.0), (4, 6, 3, 0.0), (0, 5, 4, 0.5), (20, 88, 150, 0.05)):
        *sizes, p = sizes
        values = values_of(*sizes, dtype, p)
        expected = scan(*values) if sizes[0] else None
        found = function(*values)
        assert [x.dtype for x in found] == [dtype] * 4
        if expected is None:
            assert found[0].shape == (0, 5) and all(not x.any() for x in found[1:])
            continue
        for x, y in zip(found, expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * np.abs(y).max())


def test_threads_find_what_one_finds_and_leave_no_frame_out():
    register_numba()
    symbols, directions = symbols_of("float64"), symbols_of("float64")[:5]
    mode = with_threads(pytensor.compile.mode.get_mode("NUMBA"))

    def compiled(parallel):
        outputs = [NadeLogits(parallel)(*symbols[:-1]), *NadeGradient(parallel)(*symbols)]
        outputs.append(NadeTangent(parallel)(*symbols[:-1], *directions))
        return pytensor.function([*symbols, *directions], outputs, mode=mode)

    alone, together, scan = compiled(False), compiled(True), by_scan("float64")
    for n in (0, 1, 99, 100, 537):
        values = values_of(n, 6, 5, "float64", 0.4)
        values_and_directions = values + directions_like(values[:5])
        expected = alone(*values_and_directions)
        for n_threads in (1, 2):
            with bounded_threads(n_threads):
                found = together(*values_and_directions)
            assert all(np.array_equal(x, y) for x, y in zip(found, expected, strict=True))
        if n:
            for x, y in zip(expected, scan(*values), strict=False):
                np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-11)


def test_a_model_with_threads_shares_its_frames():
    symbols = symbols_of("float64")[:5]
    logits = nade_logits(*symbols)
    for threads in (1, 2):
        compiling = CompileSettings.checked("numba", threads, "float64")
        function = pytensor.function(symbols, logits, mode=compiling.mode)
        (op,) = (node.op for node in function.maker.fgraph.toposort() if isinstance(node.op, NadeLogits))
        assert op.parallel == (threads > 1)


def test_any_layout_and_inputs_stay_as_they_are():
    values = values_of(6, 5, 4, "float64", seed=3)
    function = by_operations("float64", "NUMBA")
    expected = function(*values)
    turned = [np.asfortranarray(x) for x in values]
    apart = [np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3] for x in values]
    for others in (turned, apart):
        before = [x.copy() for x in others]
        for x, y in zip(function(*others), expected, strict=True):
            np.testing.assert_array_equal(x, y)
        assert all(np.array_equal(x, y) for x, y in zip(others, before, strict=True))


@pytest.mark.filterwarnings("ignore:Skipping Assert:UserWarning")  # about a broadcast, which JAX checks itself
@pytest.mark.parametrize("backend", ["numba", "jax"])
def test_the_graph_has_the_operations_on_numba_and_jax_and_scans_elsewhere(backend):
    if backend == "jax":
        prepare_jax()
    v, W, V, bv, bh, _ = symbols_of("float64")
    cost = (nade_logits(v, W, V, bv, bh) ** 2).sum()
    outputs = [cost, *pt.grad(cost, [W, V, bv, bh])]

    def ops(mode):
        function = pytensor.function([v, W, V, bv, bh], outputs, mode=mode)
        return [type(node.op) for node in function.maker.fgraph.toposort()], function

    compiled, function = ops(BACKENDS[backend])
    elsewhere, python = ops(pytensor.compile.mode.Mode("py", "fast_run"))
    assert compiled.count(NadeLogits) == compiled.count(NadeGradient) == 1 and Scan not in compiled
    assert elsewhere.count(Scan) == 2 and not {NadeLogits, NadeGradient} & set(elsewhere)
    if backend == "jax":
        function = JaxFunction([v, W, V, bv, bh], outputs, floatX="float64")
    values = values_of(6, 5, 4, "float64", seed=4)[:5]
    for x, y in zip(function(*values), python(*values), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-11)


@pytest.mark.slow
def test_a_gradient_in_the_frames_is_that_of_the_scan():
    v, W, V, bv, bh, _ = symbols_of("float64")
    cost = (nade_logits(v, W, V, bv, bh) ** 2).sum()
    values = values_of(6, 5, 4, "float64", seed=5)[:5]
    by_mode = [
        pytensor.function([v, W, V, bv, bh], pt.grad(cost, v), mode=mode)(*values)
        for mode in ("NUMBA", pytensor.compile.mode.Mode("py", "fast_compile"))
    ]
    np.testing.assert_allclose(*by_mode, rtol=1e-11)


def test_what_is_no_matrix_is_refused():
    symbols = symbols_of("float64")
    with pytest.raises(TypeError, match="expected matrices of one dtype"):
        NadeLogits()(*symbols[:4], pt.vector("bh"))
    with pytest.raises(TypeError, match="expected matrices of one dtype"):
        NadeGradient()(*symbols[:5], pt.matrix("g", dtype="float32"))


def directions_like(values, seed=7, of_frames=True):
    rng = np.random.default_rng(seed)
    dv, *rest = (rng.normal(size=x.shape).astype(x.dtype) for x in values)
    return [dv * (rng.random(dv.shape) < 0.3) * of_frames, *rest]


def tangent_of(dtype, mode, logits=nade_logits):
    """The derivative of the logits along a direction, from PyTensor's `pushforward`, and its operations."""
    symbols, directions = symbols_of(dtype)[:5], symbols_of(dtype)[:5]
    tangent = pushforward(logits(*symbols), symbols, directions, use_op_pushforward=True)
    if mode == "JAX":
        return JaxFunction([*symbols, *directions], tangent, floatX=dtype), {NadeTangent}
    function = pytensor.function([*symbols, *directions], tangent, mode=mode)
    return function, {type(node.op) for node in function.maker.fgraph.toposort()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_tangent_is_that_of_the_scan(backend, dtype):
    register_numba()
    scan, _ = tangent_of(dtype, PYTHON, pass_over_units)
    if backend == "python":
        symbols = symbols_of(dtype)[:5] + symbols_of(dtype)[:5]
        function, ops = pytensor.function(symbols, NadeTangent()(*symbols), mode=BACKENDS[backend]), {NadeTangent}
    else:
        function, ops = tangent_of(dtype, BACKENDS[backend])
    assert NadeTangent in ops and Scan not in ops
    for (*sizes, p), of_frames in (((7, 5, 4, 0.3), True), ((20, 88, 30, 0.05), False), ((1, 1, 1, 1.0), True)):
        values = values_of(*sizes, dtype, p)[:5]
        directions = directions_like(values, of_frames=of_frames)
        found, expected = function(*values, *directions), scan(*values, *directions)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * abs(expected).max())


def test_the_tangent_is_that_of_finite_differences():
    function, _ = tangent_of("float64", "NUMBA")
    values = values_of(6, 5, 4, "float64", seed=8)[:5]
    directions = directions_like(values)
    symbols = symbols_of("float64")[:5]
    logits = pytensor.function(symbols, pass_over_units(*symbols), mode=PYTHON)
    ahead, behind = (logits(*(x + step * d for x, d in zip(values, directions, strict=True))) for step in (1e-6, -1e-6))
    np.testing.assert_allclose(function(*values, *directions), (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mode", [PYTHON, "CVM"])
def test_a_graph_that_was_compiled_still_has_a_gradient(mode):
    """Backends change the inner graphs of the scans that they compile, so each function gets a copy."""
    v, W, V, bv, bh, _ = symbols_of("float64")
    logits = nade_logits(v, W, V, bv, bh)
    values = values_of(4, 5, 3, "float64", seed=6)[:5]
    with pytensor.config.change_flags(cxx=""):
        first = pytensor.function([v, W, V, bv, bh], logits, mode=mode)
        expected = first(*values)
        gradient = pytensor.function([v, W, V, bv, bh], pt.grad((logits**2).sum(), W), mode=mode)
        again = pytensor.function([v, W, V, bv, bh], logits, mode=mode)
    assert np.isfinite(gradient(*values)).all() and np.array_equal(again(*values), expected)


def test_a_strangers_named_graph_leaves_the_backend_alone():
    """Only graphs with a NADE register the code of this package with a backend."""
    program = """
import sys
import pytensor, pytensor.tensor as pt
from pytensor.compile.builders import OpFromGraph
from rnnrbm_pt import build_rbm
x = pt.vector("x")
pytensor.function([x], OpFromGraph([x], [x + 1])(x), mode="NUMBA")
assert "rnnrbm_pt.compile.rewriting.nade" in sys.modules
assert "rnnrbm_pt.compile.dispatch.numba" not in sys.modules
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
