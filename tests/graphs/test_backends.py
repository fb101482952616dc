"""One word for each backend, and bounded threads."""

import logging
import warnings

import numpy as np
import pytensor.tensor as pt
import pytest
from threadpoolctl import threadpool_info

from rnnrbm_pt.graphs.backends import (
    BACKENDS,
    backend_mode,
    bounded_threads,
    c_blas,
    compile_function,
    no_blas_warnings,
)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("floatX", ["float64", "float32"])
def test_compiles(backend, floatX):
    x = pt.vector("x", dtype=floatX)
    f = compile_function([x], pt.dot(x, x), mode=backend_mode(backend), floatX=floatX)
    result = f(np.array([3, 4], dtype=floatX))
    assert result == 25 and result.dtype == floatX


def test_other_words_are_refused():
    with pytest.raises(ValueError, match="expected one of numba, c, jax, found 'tpu'"):
        backend_mode("tpu")


def test_threads_are_bounded_within_and_put_back():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    with bounded_threads(2):  # also loads the libraries
        before = threads()
        with bounded_threads():
            assert set(threads()) == {1}
        assert threads() == before


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
