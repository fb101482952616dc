"""Functions that take seconds to compile, shared by all tests of the graphs."""

from types import SimpleNamespace

import pytensor
import pytensor.tensor as pt
import pytest

from oracles import MODES
from rnnrbm_pt.graphs.rbm import build_rbm
from rnnrbm_pt.streams.srs import RandomStreams


@pytest.fixture(scope="session")
def compiled_rbm():
    """compiled_rbm(mode, ndim_v, ndim_bias, k): compiled `build_rbm` with k steps, or with symbolic k if it is None."""
    made = {}

    def compiled(mode, ndim_v=2, ndim_bias=1, k=None):
        if (mode, ndim_v, ndim_bias, k) not in made:
            made[mode, ndim_v, ndim_bias, k] = compile_rbm(MODES[mode], ndim_v, ndim_bias, k)
        return made[mode, ndim_v, ndim_bias, k]

    return compiled


def compile_rbm(mode, ndim_v, ndim_bias, k):
    v = pt.tensor("v", shape=(None,) * ndim_v)
    W = pt.matrix("W")
    bv, bh = (pt.tensor(name, shape=(None,) * ndim_bias) for name in ("bv", "bh"))
    inputs = [v, W, bv, bh]
    if k is None:
        k = pt.iscalar("k")
        inputs.append(k)
    rngs = RandomStreams(1).rbm()
    v_sample, cost, monitor, updates = build_rbm(v, W, bv, bh, k, rngs=rngs)
    function = pytensor.function(inputs, [v_sample, cost, monitor], updates=updates, mode=mode)
    return SimpleNamespace(function=function, rngs=rngs, updates=updates)
