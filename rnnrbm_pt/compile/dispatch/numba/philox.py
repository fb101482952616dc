"""Draws from Philox streams, and a layer of units sampled with such a stream."""

import numba
import numpy as np
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.dispatch.numba.philox_kernels import (
    BLOCK,
    SPARE,
    VERSION,
    advanced,
    exact_uniform,
    layers,
    u32,
    words_of_row,
)
from rnnrbm_pt.compile.dispatch.numba.products import check_shapes, dense
from rnnrbm_pt.compile.ops.philox import PhiloxSampleUnits
from rnnrbm_pt.streams.philox4x32 import PhiloxBinomial


@register_funcify_and_cache_key(PhiloxBinomial)
def numba_funcify_PhiloxBinomial(op: PhiloxBinomial, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.inputs[1].type.numpy_dtype
    uniform = exact_uniform(dtype.name)
    ndim = node.inputs[1].type.ndim
    last = ndim - 1

    @numba_njit
    def philox_binomial(state, p):
        bits = np.empty(p.shape, dtype)
        m = p.shape[last] if ndim else 1
        q = (m + 3) // 4
        words = np.empty(4 * q + SPARE, np.uint32)
        k0, k1, d0, d1 = state
        for i, p_i in enumerate(p.flat):
            row, j = u32(i // m), i % m
            if j == 0:
                words_of_row(k0, k1, d0, d1, row, q, words, 0)
            bits.flat[i] = uniform(words[j], k0, k1, d0, d1, row, j, q) < p_i
        return advanced(state, 1), bits

    return philox_binomial, cache_key("philox", VERSION, "PhiloxBinomial", dtype.name, ndim)


@register_funcify_and_cache_key(PhiloxSampleUnits)
def numba_funcify_PhiloxSampleUnits(op: PhiloxSampleUnits, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.inputs[1].type.numpy_dtype
    scratch, sample_rows = layers(dtype.name)
    parallel = node.inputs[0].type.parallel

    @numba_njit(parallel=parallel)
    def philox_sample_units(state, x, W, b):
        n = x.shape[0]
        check_shapes(x, W, b)
        bits = np.empty((n, W.shape[1]), dtype)
        k0, k1, d0, d1 = state
        x_, W_, b_ = dense(x), dense(W), np.ascontiguousarray(b)
        all_b, all_bits = b_.reshape(-1), bits.reshape(-1)
        blocks = max(1, n // BLOCK) if parallel else 1
        for block in numba.prange(blocks):
            start, stop = n * block // blocks, n * (block + 1) // blocks
            words, logits = scratch(stop - start, W.shape[1])
            sample_rows(start, stop, k0, k1, d0, d1, x_, W_, b_, bits, all_b, all_bits, words, logits)
        return advanced(state, 1), bits

    return philox_sample_units, cache_key("philox", VERSION, "PhiloxSampleUnits", dtype.name, parallel)
