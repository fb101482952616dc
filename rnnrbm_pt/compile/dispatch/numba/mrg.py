"""Draws from MRG31k3p streams, and a layer of units sampled with such a stream."""

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.dispatch.numba.products import product_of_layer
from rnnrbm_pt.compile.dispatch.numba.rows import compare_row
from rnnrbm_pt.compile.ops.mrg import MRGSampleUnits
from rnnrbm_pt.streams.mrg31k3p import M1, M2, NORM, MRGBinomial

VERSION = 4
"""Version of this code, a part of the cache keys. Increase it when the code changes."""


@numba_njit
def step(states, s):
    """Advance state s by one step and return z.

    2^31 is 1 mod M1 and 21069 mod M2, so the high bits of a number are folded onto its low bits.
    """
    state = states[s]
    x = (np.int64(state[1]) << 22) + np.int64(state[2]) * 129
    x = (x & M1) + (x >> 31)
    if x >= M1:
        x -= M1
    y = (np.int64(state[3]) << 15) + np.int64(state[5]) * 32769
    y = (y & M1) + 21069 * (y >> 31)
    if y >= M2:
        y -= M2
    state[2] = state[1]
    state[1] = state[0]
    state[0] = x
    state[5] = state[4]
    state[4] = state[3]
    state[3] = y
    return x - y if x > y else x - y + M1


@register_funcify_and_cache_key(MRGBinomial)
def numba_funcify_MRGBinomial(op: MRGBinomial, node: Apply, **kwargs: object) -> Kernel:
    inplace = op.inplace
    dtype = node.inputs[1].type.numpy_dtype
    norm = NORM[dtype.name]
    kind = dtype.type

    @numba_njit
    def mrg_binomial(states, p):
        if not inplace:
            states = states.copy()
        bits = np.empty(p.shape, dtype)
        s = 0
        for i, p_i in enumerate(p.flat):
            bits.flat[i] = kind(kind(step(states, s)) * norm < p_i)
            s += 1
            if s == states.shape[0]:
                s = 0
        return states, bits

    return mrg_binomial, cache_key("mrg", VERSION, "MRGBinomial", inplace, dtype.name)


@register_funcify_and_cache_key(MRGSampleUnits)
def numba_funcify_MRGSampleUnits(op: MRGSampleUnits, node: Apply, **kwargs: object) -> Kernel:
    inplace = op.inplace
    compare = compare_row()
    dtype = node.inputs[1].type.numpy_dtype
    norm = NORM[dtype.name]
    kind = dtype.type
    one = kind(1)

    @numba_njit
    def mrg_sample_units(states, x, W, b):
        if not inplace:
            states = states.copy()
        bits = product_of_layer(x, W, b)
        logits = np.empty(bits.shape[1], dtype)
        u = np.empty(bits.shape[1], dtype)
        s = 0
        for i in range(bits.shape[0]):
            row = 0 if b.shape[0] == 1 else i
            for j in range(bits.shape[1]):
                u[j] = kind(step(states, s)) * norm
                s += 1
                if s == states.shape[0]:
                    s = 0
            for j in range(bits.shape[1]):
                logits[j] = bits[i, j] + b[row, j]
            if compare(logits, u, bits[i]) > 0:
                for j in range(bits.shape[1]):
                    bits[i, j] = u[j] < one / (one + np.exp(-logits[j]))
        return states, bits

    return mrg_sample_units, cache_key("mrg", VERSION, "MRGSampleUnits", inplace, dtype.name)
