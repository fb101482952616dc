"""Names of backends, and limits on threads."""

import logging
import os
import subprocess
import sys
import warnings

import numpy as np
import pytensor.tensor as pt
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from rnnrbm_pt.compile.modes import (
    BACKENDS,
    backend_mode,
    bounded_threads,
    c_blas,
    compile_function,
    describe_backends,
    no_blas_warnings,
)
from rnnrbm_pt.ours import ours


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("floatX", ["float64", "float32"])
def test_compiles(backend, floatX):
    if backend == "jax":
        pytest.importorskip("jax")
    x = pt.vector("x", dtype=floatX)
    f = compile_function([x], pt.dot(ours(x), x), mode=backend_mode(backend), floatX=floatX)
    result = f(np.array([3, 4], dtype=floatX))
    assert result == 25 and result.dtype == floatX


def test_other_words_are_refused():
    with pytest.raises(ValueError, match="expected one of numba, c, jax, found 'tpu'"):
        backend_mode("tpu")


def test_threads_are_bounded_within_and_put_back():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    with bounded_threads():  # loads the BLAS libraries
        pass
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with bounded_threads(2):  # affects only Numba
            assert set(threads()) == {1}
        assert threads() == before


def test_numbas_threads_are_bounded_within_and_put_back():
    numba = pytest.importorskip("numba")
    before = numba.get_num_threads()
    with bounded_threads(1):
        assert numba.get_num_threads() == 1
    with bounded_threads(10**6):
        assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS
    assert numba.get_num_threads() == before


def test_warnings_come_back():
    logger = logging.getLogger("pytensor.tensor.blas")
    level = logger.level
    with no_blas_warnings():
        warnings.warn("PyTensor could not link to a BLAS installation.", stacklevel=1)
        assert logger.level == logging.ERROR
    assert logger.level == level
    with warnings.catch_warnings(), pytest.raises(UserWarning):
        warnings.simplefilter("error")
        warnings.warn("PyTensor could not link to a BLAS installation.", stacklevel=1)


def test_c_blas_is_flags_or_nothing():
    flags = c_blas()
    assert flags == "" or flags.startswith("-")


@pytest.mark.parametrize("flags", ["", "-lm"])
def test_a_blas_that_is_named_is_kept(flags):
    program = "from rnnrbm_pt.compile.modes import c_blas; print(repr(c_blas()))"
    environment = {**os.environ, "PYTENSOR_FLAGS": f"blas__ldflags={flags}"}
    command = [sys.executable, "-W", "error", "-c", program]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == repr(flags)


def test_each_backend_says_what_it_has_or_lacks(monkeypatch):
    described = describe_backends()
    assert list(described) == list(BACKENDS)
    assert "BLAS" in described["numba"][0] and "BLAS" in described["c"][0]
    monkeypatch.setattr("rnnrbm_pt.compile.modes.find_spec", lambda name: None)
    assert describe_backends()["jax"] == ['not installed: pip install "rnnrbm-pt[jax]"']
