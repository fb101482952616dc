"""Streams of Philox on Numba: the draw, and a layer of units sampled in one pass as in `fused`, on one core or several.

Importing this module registers its rewrites with PyTensor; Numba itself is imported when the first graph needs it.
"""

from functools import cache

import numpy as np
from pytensor.compile import optdb
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter

from rnnrbm_pt.graphs.fused import SampleUnits, dense, layer_of, mean_of_layer, sampled, tell_numba
from rnnrbm_pt.graphs.numba_key import cache_key
from rnnrbm_pt.graphs.numba_rows import compare_row
from rnnrbm_pt.graphs.philox4x32 import MULTIPLIERS, ROUNDS, SECOND_WORD, WEYL, PhiloxBinomial, next_draw, uniforms

BLOCK, MOST_BLOCKS = 48, 16
"""Rows of a layer that a core takes at once, at least, and the most parts of a layer: BLAS is slow with few rows."""


class PhiloxSampleUnits(SampleUnits):
    """`SampleUnits` that draws from a stream of Philox."""

    def perform(self, node, inputs, outputs):
        state, x, W, b = inputs
        p = mean_of_layer(x, W, b)
        outputs[0][0] = next_draw(state)
        outputs[1][0] = (uniforms(state, p.shape, p.dtype.name) < p).astype(p.dtype)


@node_rewriter([PhiloxBinomial])
def local_philox_sample_units(fgraph, node):
    """Replace philox_binomial(stream, sigmoid(x W + b)) by `PhiloxSampleUnits`."""
    _tell_numba()
    layer = layer_of(node.inputs[1])
    return None if layer is None else list(sampled(PhiloxSampleUnits(), node.inputs[0], layer, node.outputs[1]))


# Where its kin of `fused` is.
optdb.register(
    "rnnrbm_philox_sample_units",
    dfs_rewriter(local_philox_sample_units, ignore_newtrees=True),
    "numba",
    position=48.6,
)


@cache
def _tell_numba():
    """Register both Ops with Numba: when they are first needed, since Numba takes a second to import."""
    tell_numba()
    import numba
    from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

    u32, u64 = np.uint32, np.uint64
    m0, m1 = map(u64, MULTIPLIERS)
    w0, w1 = map(u32, WEYL)
    shift = u64(32)
    second_word = u32(SECOND_WORD)
    assert ROUNDS == 10  # written out below, so that LLVM sees one straight line and takes many counters at once

    @numba_njit(inline="always")
    def two_rounds(x0, x1, x2, x3, k0, k1):
        p, q = u64(x0) * m0, u64(x2) * m1
        x0, x1, x2, x3 = u32(q >> shift) ^ x1 ^ k0, u32(q), u32(p >> shift) ^ x3 ^ k1, u32(p)
        k0, k1 = u32(k0 + w0), u32(k1 + w1)
        p, q = u64(x0) * m0, u64(x2) * m1
        x0, x1, x2, x3 = u32(q >> shift) ^ x1 ^ k0, u32(q), u32(p >> shift) ^ x3 ^ k1, u32(p)
        return u32(x0), u32(x1), u32(x2), u32(x3), u32(k0 + w0), u32(k1 + w1)

    @numba_njit(inline="always")
    def four_words(x0, x1, x2, x3, k0, k1):
        x0, x1, x2, x3, k0, k1 = two_rounds(x0, x1, x2, x3, k0, k1)
        x0, x1, x2, x3, k0, k1 = two_rounds(x0, x1, x2, x3, k0, k1)
        x0, x1, x2, x3, k0, k1 = two_rounds(x0, x1, x2, x3, k0, k1)
        x0, x1, x2, x3, k0, k1 = two_rounds(x0, x1, x2, x3, k0, k1)
        x0, x1, x2, x3, k0, k1 = two_rounds(x0, x1, x2, x3, k0, k1)
        return x0, x1, x2, x3

    @numba_njit
    def words_of_row(k0, k1, d0, d1, row, words):
        q = words.shape[0] // 4
        for c in range(q):
            words[c], words[q + c], words[2 * q + c], words[3 * q + c] = four_words(u32(c), row, d0, d1, k0, k1)

    @numba_njit
    def word(k0, k1, d0, d1, row, j, q):
        four = np.array(four_words(u32(j % q), row, d0, d1, k0, k1), dtype=np.uint32)
        return four[j // q]

    @numba_njit
    def advanced(state):
        after = state.copy()
        after[2] = u32(state[2] + u32(1))
        if after[2] == 0:
            after[3] = u32(state[3] + u32(1)) & u32(SECOND_WORD - 1)
        return after

    def exact_uniform(dtype):
        """A function of the first word, and of where to find the second, that gives the uniform number."""
        if dtype.name == "float32":

            @numba_njit
            def uniform(first, k0, k1, d0, d1, row, j, q):
                return np.float32(first >> u32(8)) * np.float32(2**-24)

        else:

            @numba_njit
            def uniform(first, k0, k1, d0, d1, row, j, q):
                second = word(k0, k1, d0, d1 | second_word, row, j, q)
                return (first * 2.0**21 + (second >> u32(11))) * 2.0**-53

        return uniform

    @register_funcify_and_cache_key(PhiloxBinomial)
    def numba_funcify_PhiloxBinomial(op, node, **kwargs):
        dtype = node.inputs[1].type.numpy_dtype
        uniform = exact_uniform(dtype)
        ndim = node.inputs[1].type.ndim
        last = ndim - 1

        @numba_njit
        def philox_binomial(state, p):
            bits = np.empty(p.shape, dtype)
            m = p.shape[last] if ndim else 1
            q = (m + 3) // 4
            words = np.empty(4 * q, np.uint32)
            k0, k1, d0, d1 = state
            for i, p_i in enumerate(p.flat):
                row, j = u32(i // m), i % m
                if j == 0:
                    words_of_row(k0, k1, d0, d1, row, words)
                bits.flat[i] = uniform(words[j], k0, k1, d0, d1, row, j, q) < p_i
            return advanced(state), bits

        return philox_binomial, cache_key("philox", 2, "PhiloxBinomial", dtype.name, ndim)

    @register_funcify_and_cache_key(PhiloxSampleUnits)
    def numba_funcify_PhiloxSampleUnits(op, node, **kwargs):
        compare = compare_row()
        dtype = node.inputs[1].type.numpy_dtype
        uniform = exact_uniform(dtype)
        one = dtype.type(1)
        scale = np.float32(2**-32)
        parallel = node.inputs[0].type.parallel

        @numba_njit
        def sample_rows(start, stop, k0, k1, d0, d1, b, bits):
            m = bits.shape[1]
            q = (m + 3) // 4
            words = np.empty(4 * q, np.uint32)
            u = np.empty(m, np.float32)
            logits = np.empty(m, dtype)
            for i in range(start, stop):
                row = 0 if b.shape[0] == 1 else i
                words_of_row(k0, k1, d0, d1, u32(i), words)
                for j in range(m):
                    u[j] = np.float32(words[j]) * scale
                    logits[j] = bits[i, j] + b[row, j]
                if compare(logits, u, bits[i]) > 0:
                    for j in range(m):
                        exact = uniform(words[j], k0, k1, d0, d1, u32(i), j, q)
                        bits[i, j] = exact < one / (one + np.exp(-logits[j]))

        @numba_njit(parallel=parallel)
        def philox_sample_units(state, x, W, b):
            n = x.shape[0]
            if x.shape[1] != W.shape[0] or b.shape[1] != W.shape[1] or (b.shape[0] != 1 and b.shape[0] != n):
                raise ValueError("the shape of the biases does not fit that of x W")
            bits = np.empty((n, W.shape[1]), dtype)
            k0, k1, d0, d1 = state
            x_, W_ = dense(x), dense(W)
            blocks = max(1, min(MOST_BLOCKS, n // BLOCK)) if parallel else 1
            for block in numba.prange(blocks):
                start, stop = n * block // blocks, n * (block + 1) // blocks
                np.dot(x_[start:stop], W_, bits[start:stop])
                sample_rows(start, stop, k0, k1, d0, d1, b, bits)
            return advanced(state), bits

        return philox_sample_units, cache_key("philox", 2, "PhiloxSampleUnits", dtype.name, parallel)
