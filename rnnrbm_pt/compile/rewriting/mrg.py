"""Streams of MRG31k3p on Numba: the draw, and a layer of units sampled in one pass as in `fused`.

Importing this module registers its rewrites with PyTensor; Numba itself is imported when the first graph needs it.
"""

from functools import cache

import numpy as np
from pytensor.graph.rewriting.basic import node_rewriter

from rnnrbm_pt.compile.dispatch.numba.key import cache_key
from rnnrbm_pt.compile.dispatch.numba.rows import compare_row
from rnnrbm_pt.compile.rewriting.layer import (
    SampleUnits,
    layer_of,
    mean_of_layer,
    product_of_layer,
    sampled,
    tell_numba,
)
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.streams.mrg31k3p import M1, M2, NORM, MRGBinomial, uniforms


class MRGSampleUnits(SampleUnits):
    """`SampleUnits` that draws from a stream of MRG31k3p."""

    def perform(self, node, inputs, outputs):
        states, x, W, b = inputs
        if not self.inplace:
            states = states.copy()
        p = mean_of_layer(x, W, b)
        u = uniforms(states, p.size, p.dtype.name).reshape(p.shape)
        outputs[0][0] = states
        outputs[1][0] = (u < p).astype(p.dtype)


@node_rewriter([MRGBinomial])
def local_mrg_sample_units(fgraph, node):
    """Replace mrg_binomial(states, sigmoid(x W + b)) by `MRGSampleUnits`."""
    _tell_numba()
    layer = layer_of(node.inputs[1])
    return None if layer is None else list(sampled(MRGSampleUnits(), node.inputs[0], layer, node.outputs[1]))


@node_rewriter([MRGBinomial])
def local_mrg_inplace(fgraph, node):
    """Let the states advance where they are, instead of in a copy."""
    if node.op.inplace:
        return None
    return MRGBinomial(inplace=True)(*node.inputs)


# Where their kin of `fused` are. `local_sample_units_inplace` of `fused` takes `MRGSampleUnits` too.
register("mrg_sample_units", local_mrg_sample_units, "numba", position=48.6)
register("mrg_inplace", local_mrg_inplace, "fast_run", "inplace", position=50.9)


@cache
def _tell_numba():
    """Register both Ops with Numba: when they are first needed, since Numba takes a second to import."""
    tell_numba()
    from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

    @numba_njit
    def step(states, s):
        """Take one state one step on; z. 2^31 is 1 mod M1 and 21069 mod M2: the high bits fold onto the low ones."""
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
    def numba_funcify_MRGBinomial(op, node, **kwargs):
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

        return mrg_binomial, cache_key("mrg", 4, "MRGBinomial", inplace, dtype.name)

    @register_funcify_and_cache_key(MRGSampleUnits)
    def numba_funcify_MRGSampleUnits(op, node, **kwargs):
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

        return mrg_sample_units, cache_key("mrg", 4, "MRGSampleUnits", inplace, dtype.name)
