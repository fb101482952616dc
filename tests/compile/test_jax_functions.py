"""Functions compiled by JAX: shapes, values on the device, draws, and the gradient of several sequences."""

import os
import subprocess
import sys

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

from rnnrbm_pt.compile import jax_functions
from rnnrbm_pt.compile.modes import backend_mode, compile_function
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.streams.draw import bernoulli
from rnnrbm_pt.streams.philox import PhiloxStreams
from rnnrbm_pt.streams.philox4x32 import next_draw, uniforms


def test_what_to_install_where_jax_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setattr(jax_functions, "prepare_jax", jax_functions.prepare_jax.__wrapped__)
    with pytest.raises(ImportError, match=r'JAX is not installed: pip install "rnnrbm-pt\[jax\]"'):
        backend_mode("jax")


def test_what_was_compiled_is_kept_for_the_next_process(tmp_path):
    pytest.importorskip("jax")
    program = """
from rnnrbm_pt.compile.modes import backend_mode
backend_mode("jax")
import jax
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
assert jax.jit(lambda x: x * x + 1)(3.0) == 10
print(jax.config.jax_compilation_cache_dir)
"""
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    environment["PYTENSOR_FLAGS"] = f"base_compiledir={tmp_path}"

    def folder_of(**more):
        command = [sys.executable, "-c", program]
        run = subprocess.run(command, env=environment | more, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    kept = folder_of()
    assert kept.startswith(str(tmp_path)) and os.listdir(kept)
    assert folder_of(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own")) == str(tmp_path / "own")


@pytest.fixture(scope="module")
def compiled():
    """Compile a function for JAX, as the models do."""
    pytest.importorskip("jax")
    mode = backend_mode("jax")
    return lambda *args, floatX="float64": compile_function(*args, mode=mode, floatX=floatX)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_draws_are_numpys(compiled, dtype):
    with pytensor.config.change_flags(floatX=dtype):
        stream = PhiloxStreams(3).stream("rng")
        p = pt.tensor3("p")
        next_stream, draw = bernoulli(stream, p)
    function = compiled([p], draw, {stream: next_stream}, floatX=dtype)
    values = np.random.RandomState(0).rand(4, 5, 7).astype(dtype)
    for state in ([3, 0, 0, 0], [1, 2, 2**32 - 1, 4], [1, 2, 2**32 - 1, 2**31 - 1]):
        state = np.array(state, np.uint32)
        stream.set_value(state)
        drawn = function(values)
        assert drawn.dtype == dtype and np.array_equal(drawn, uniforms(state, values.shape, dtype) < values)
        assert np.array_equal(stream.get_value(), next_draw(state))
    for value in (values[:0], values[:, :, :0]):
        assert function(value).shape == value.shape


def test_values_stay_on_the_device_until_they_are_read(compiled):
    import jax

    w = pytensor.shared(np.zeros(3), name="w")
    x = pt.vector("x")
    function = compiled([x], (w * x).sum(), {w: w + x})
    assert function(np.ones(3)) == 0 and function(np.ones(3)) == 3
    assert isinstance(w.container.storage[0], jax.Array)
    value = w.get_value()
    assert type(value) is np.ndarray and list(value) == [2, 2, 2]
    value[:] = 5  # a copy
    assert function(np.ones(3)) == 6
    w.set_value(value)
    assert function(np.ones(3)) == 15
    jax_functions.to_host([w])
    other = pytensor.function([], w.sum(), mode="CVM")
    assert other() == 18 and function(np.ones(3)) == 18


def test_each_shape_and_size_is_compiled_once(compiled):
    n = pytensor.shared(np.int64(3), name="n")
    x = pt.vector("x")
    function = compiled([x], pt.zeros((n, x.shape[0])) + x)
    for size in (3, 5, 3, 5):
        n.set_value(np.int64(size))
        for length in (1, 2):
            assert function(np.ones(length)).shape == (size, length)
    assert len(function._compiled) == 4


def test_float32_stays(compiled):
    with pytensor.config.change_flags(floatX="float32"):
        x = pt.matrix("x")
        outputs = [x.sum(axis=0), pt.zeros((x.shape[0],)), x.mean()]
    results = compiled([x], outputs, floatX="float32")(np.ones((3, 2)))
    assert [result.dtype for result in results] == [np.float32] * 3
    assert [result.tolist() for result in results] == [[3, 3], [0, 0, 0], 1]


def test_the_gradient_of_several_sequences_is_the_mean_of_theirs(compiled):
    random = np.random.RandomState(3)
    one, many = (build_rnnrbm(6, 5, 4, k=2, batched=batched, streams=PhiloxStreams(1)) for batched in (False, True))
    for p, q in zip(one.params, many.params, strict=True):
        value = 0.5 * random.standard_normal(p.get_value().shape)
        p.set_value(value)
        q.set_value(value)

    def gradient(compiled, graphs, *inputs):
        negative = graphs.v_sample.type()
        outputs = [graphs.cost, *pt.grad(graphs.cost, list(graphs.params), consider_constant=[graphs.v_sample])]
        outputs = pytensor.graph.clone_replace(outputs, {graphs.v_sample: negative})
        return compiled([*inputs, negative], outputs)

    lengths = np.array([7, 3, 0, 5])
    v, negative = (random.rand(2, 7, 4, 6) < 0.4).astype(float)
    mask = (np.arange(7)[:, None] < lengths).astype(float)
    batch = gradient(compiled, many, many.v, many.mask)(v, mask, negative.reshape(-1, 6))
    plain = Mode("py", "fast_compile")
    single = gradient(lambda *args: pytensor.function(*args, mode=plain), one, one.v)
    each = [single(v[:n, i], negative[:n, i]) for i, n in enumerate(lengths) if n]
    for found, *expected in zip(batch, *each, strict=True):
        np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=0, atol=1e-13)
    assert all(np.isfinite(found).all() for found in batch)
