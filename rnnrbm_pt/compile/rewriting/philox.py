"""Streams of Philox on Numba: the draw, a layer of units sampled in one pass, and a whole Gibbs chain of such layers.

The rows of a layer are chains of their own. So a chain takes some rows through all its steps before the next ones:
they stay in the nearest cache meanwhile, and several cores may take rows at the same time. The bits are the graph's.

Importing this module registers its rewrites with PyTensor; Numba itself is imported when the first graph needs it.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.replace import graph_replace
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan
from pytensor.tensor.random.op import RNGConsumerOp
from pytensor.tensor.type import TensorType

from rnnrbm_pt.compile.dispatch.numba.key import cache_key
from rnnrbm_pt.compile.rewriting.layer import (
    SampleUnits,
    dense,
    fit,
    layer_of,
    mean_of_layer,
    sampled,
    tell_numba,
    vector_of,
)
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.ours import OurOp
from rnnrbm_pt.streams.philox4x32 import PhiloxBinomial, PhiloxType, next_draw, uniforms

BLOCK = 48
"""Rows of a layer that are taken at once, at least: BLAS is slow with few rows."""

VERSION = 11
"""Of the code that Numba compiles for these operations."""


class PhiloxSampleUnits(SampleUnits):
    """`SampleUnits` that draws from a stream of Philox."""

    def perform(self, node, inputs, outputs):
        state, x, W, b = inputs
        outputs[0][0] = next_draw(state)
        outputs[1][0] = _sampled_by_numpy(state, x, W, b)


def _sampled_by_numpy(state, x, W, b):
    p = mean_of_layer(x, W, b)
    return (uniforms(state, p.shape, p.dtype.name) < p).astype(p.dtype)


class PhiloxGibbsChain(OurOp, RNGConsumerOp):
    """k steps of h ~ Bernoulli(sigmoid(v W + bh)), v ~ Bernoulli(sigmoid(h W_back + bv)), each row by itself.

    Inputs k, the streams of h and of v, v (n, d), W (d, m), bh (n, m) or (1, m), W_back (m, d), bv (n, d) or (1, d);
    outputs the two streams after it and the last v (n, d).
    """

    __props__ = ()

    def make_node(self, k, rng_h, rng_v, v, W, bh, W_back, bv):
        k = pt.as_tensor(k, dtype="int64")
        matrices = v, W, bh, W_back, bv
        if any(x.type.ndim != 2 or x.type.dtype != v.type.dtype for x in matrices) or k.type.ndim:
            raise TypeError(f"expected a number and five matrices of one dtype, found {k.type}, {matrices}")
        last = TensorType(v.type.dtype, shape=v.type.shape)()
        return Apply(self, [k, rng_h, rng_v, *matrices], [rng_h.type(), rng_v.type(), last])

    def update(self, node):
        return {node.inputs[1]: node.outputs[0], node.inputs[2]: node.outputs[1]}

    def infer_shape(self, *fgraph_node_shapes):  # PyTensor 3.0 gives the fgraph, 3.3 does not
        return [None, None, fgraph_node_shapes[-1][3]]

    def perform(self, node, inputs, outputs):
        k, rng_h, rng_v, v, W, bh, W_back, bv = inputs
        for _ in range(k):
            h = _sampled_by_numpy(rng_h, v, W, bh)
            v = _sampled_by_numpy(rng_v, h, W_back, bv)
            rng_h, rng_v = next_draw(rng_h), next_draw(rng_v)
        for output, value in zip(outputs, (rng_h, rng_v, v), strict=True):
            output[0] = value.copy()


@node_rewriter([PhiloxBinomial])
def local_philox_sample_units(fgraph, node):
    """Replace philox_binomial(stream, sigmoid(x W + b)) by `PhiloxSampleUnits`."""
    _tell_numba()
    layer = layer_of(node.inputs[1])
    return None if layer is None else list(sampled(PhiloxSampleUnits(), node.inputs[0], layer, node.outputs[1]))


def _drawn_layer(bits):
    """The stream of bits that are drawn for a layer, and what `layer_of` finds; None if they are something else."""
    if bits.owner is None or not isinstance(bits.owner.op, PhiloxBinomial):
        return None
    layer = layer_of(bits.owner.inputs[1])
    return None if layer is None else (bits.owner, *layer)


class Chain(NamedTuple):
    """What makes a scan a Gibbs chain: which of its three states are what, and the inner variables of its layers."""

    h_stream: int
    v_stream: int
    v: int
    layers: list
    """W, bh, W_back, bv."""
    is_row: bool
    """Whether v is a vector."""


def _chain_of(op):
    """The `Chain` of a scan that samples two layers in turn and keeps the last bits alone; None of another one."""
    states = op.inner_untraced_sit_sot(op.inner_inputs)
    kept = [i for i, state in enumerate(states) if not isinstance(state.type, PhiloxType)]
    others = len(op.inner_inputs) - len(states) - op.info.n_non_seqs
    if len(states) != 3 or len(kept) != 1 or others or op.info.as_while:
        return None
    after, (v,) = op.inner_outputs, kept
    drawn_v = _drawn_layer(vector_of(after[v]))
    drawn_h = drawn_v and _drawn_layer(vector_of(drawn_v[1]))
    if not drawn_h or vector_of(drawn_h[1]) is not states[v]:
        return None
    (draw_v, _, W_back, bv, is_row), (draw_h, _, W, bh, _) = drawn_v, drawn_h
    streams = draw_h.inputs[0], draw_v.inputs[0]
    layers = [W, bh, W_back, bv]
    if not set(streams) <= set(states) or set(states) & set(ancestors(layers)):
        return None
    h_stream, v_stream = (states.index(stream) for stream in streams)
    if after[h_stream] is not draw_h.outputs[0] or after[v_stream] is not draw_v.outputs[0]:
        return None
    return Chain(h_stream, v_stream, v, layers, is_row)


@node_rewriter([Scan])
def local_philox_gibbs_chain(fgraph, node):
    """Replace a scan that is a Gibbs chain by `PhiloxGibbsChain`."""
    op, chain = node.op, _chain_of(node.op)
    if chain is None:
        return None
    _tell_numba()
    outer = dict(zip(op.inner_non_seqs(op.inner_inputs), op.outer_non_seqs(node.inputs), strict=True))
    layers = graph_replace(chain.layers, outer, strict=False)
    first = op.outer_untraced_sit_sot(node.inputs)
    v = pt.expand_dims(first[chain.v], 0) if chain.is_row else first[chain.v]
    after_h, after_v, last = PhiloxGibbsChain()(
        node.inputs[0], first[chain.h_stream], first[chain.v_stream], v, *layers
    )
    last = last[0] if chain.is_row else last
    copy_stack_trace(node.outputs[chain.v], last)
    after = {chain.h_stream: after_h, chain.v_stream: after_v, chain.v: last}
    return [after[i] for i in range(3)]


# Where their kin of `fused` are; what is left of scans after that.
register("philox_gibbs_chain", local_philox_gibbs_chain, "numba", position=48.4)
register("philox_sample_units", local_philox_sample_units, "numba", position=48.6)


@cache
def _tell_numba():
    """Register the Ops with Numba: when they are first needed, since Numba takes a second to import."""
    tell_numba()
    import numba
    from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

    from rnnrbm_pt.compile.dispatch.numba import philox_kernels

    words_of_row = philox_kernels.words().words_of_row
    counted, advanced = philox_kernels.words().counted, philox_kernels.words().advanced
    lanes, u32 = philox_kernels.LANES, np.uint32

    @register_funcify_and_cache_key(PhiloxBinomial)
    def numba_funcify_PhiloxBinomial(op, node, **kwargs):
        dtype = node.inputs[1].type.numpy_dtype
        uniform = philox_kernels.exact_uniform(dtype.name)
        ndim = node.inputs[1].type.ndim
        last = ndim - 1

        @numba_njit
        def philox_binomial(state, p):
            bits = np.empty(p.shape, dtype)
            m = p.shape[last] if ndim else 1
            q = (m + 3) // 4
            words = np.empty(4 * q + lanes, np.uint32)
            k0, k1, d0, d1 = state
            for i, p_i in enumerate(p.flat):
                row, j = u32(i // m), i % m
                if j == 0:
                    words_of_row(k0, k1, d0, d1, row, q, words, 0)
                bits.flat[i] = uniform(words[j], k0, k1, d0, d1, row, j, q) < p_i
            return advanced(state, 1), bits

        return philox_binomial, cache_key("philox", VERSION, "PhiloxBinomial", dtype.name, ndim)

    @register_funcify_and_cache_key(PhiloxSampleUnits)
    def numba_funcify_PhiloxSampleUnits(op, node, **kwargs):
        dtype = node.inputs[1].type.numpy_dtype
        scratch, sample_rows = philox_kernels.layers(dtype.name)
        parallel = node.inputs[0].type.parallel

        @numba_njit(parallel=parallel)
        def philox_sample_units(state, x, W, b):
            n = x.shape[0]
            fit(x, W, b)
            bits = np.empty((n, W.shape[1]), dtype)
            k0, k1, d0, d1 = state
            x_, W_, b_ = dense(x), dense(W), np.ascontiguousarray(b)
            blocks = max(1, n // BLOCK) if parallel else 1
            for block in numba.prange(blocks):
                start, stop = n * block // blocks, n * (block + 1) // blocks
                words, logits = scratch(stop - start, W.shape[1])
                sample_rows(start, stop, k0, k1, d0, d1, x_, W_, b_, bits, words, logits)
            return advanced(state, 1), bits

        return philox_sample_units, cache_key("philox", VERSION, "PhiloxSampleUnits", dtype.name, parallel)

    @register_funcify_and_cache_key(PhiloxGibbsChain)
    def numba_funcify_PhiloxGibbsChain(op, node, **kwargs):
        dtype = node.inputs[3].type.numpy_dtype
        scratch, sample_rows = philox_kernels.layers(dtype.name)
        parallel = node.inputs[1].type.parallel

        @numba_njit(parallel=parallel)
        def philox_gibbs_chain(k, rng_h, rng_v, v, W, bh, W_back, bv):
            n, d, m = v.shape[0], v.shape[1], W.shape[1]
            if W_back.shape != (m, d):
                raise ValueError("the shapes of the matrices of a Gibbs chain do not fit")
            last, h = np.ascontiguousarray(v).copy(), np.empty((n, m), dtype)
            fit(last, W, bh)
            fit(h, W_back, bv)
            W_, W_back_ = np.ascontiguousarray(W), np.ascontiguousarray(W_back)
            bh_, bv_ = np.ascontiguousarray(bh), np.ascontiguousarray(bv)
            k_ = np.int64(k.item())
            blocks = max(1, n // BLOCK)
            for block in numba.prange(blocks):
                start, stop = n * block // blocks, n * (block + 1) // blocks
                words_h, logits_h = scratch(stop - start, m)
                words_v, logits_v = scratch(stop - start, d)
                for step in range(k_):
                    d0, d1 = counted(rng_h, step)
                    sample_rows(start, stop, rng_h[0], rng_h[1], d0, d1, last, W_, bh_, h, words_h, logits_h)
                    d0, d1 = counted(rng_v, step)
                    sample_rows(start, stop, rng_v[0], rng_v[1], d0, d1, h, W_back_, bv_, last, words_v, logits_v)
            return advanced(rng_h, k_), advanced(rng_v, k_), last

        return philox_gibbs_chain, cache_key("philox", VERSION, "PhiloxGibbsChain", dtype.name, parallel)
