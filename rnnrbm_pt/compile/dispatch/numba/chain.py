"""A whole Gibbs chain with Philox streams, in blocks of rows."""

import numba
import numpy as np
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.dispatch.numba.philox_kernels import BLOCK, VERSION, advanced, counted, layers
from rnnrbm_pt.compile.dispatch.numba.products import check_shapes
from rnnrbm_pt.compile.ops.chain import PhiloxGibbsChain


@register_funcify_and_cache_key(PhiloxGibbsChain)
def numba_funcify_PhiloxGibbsChain(op: PhiloxGibbsChain, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.inputs[3].type.numpy_dtype
    scratch, sample_rows = layers(dtype.name)
    parallel = node.inputs[1].type.parallel

    @numba_njit(parallel=parallel)
    def gibbs_chain(k, rng_h, rng_v, v, W, bh, W_back, bv):
        n, d, m = v.shape[0], v.shape[1], W.shape[1]
        if W_back.shape != (m, d):
            raise ValueError("the shapes of the matrices of a Gibbs chain do not fit")
        last, h = np.ascontiguousarray(v).copy(), np.empty((n, m), dtype)
        check_shapes(last, W, bh)
        check_shapes(h, W_back, bv)
        W_, W_back_ = np.ascontiguousarray(W), np.ascontiguousarray(W_back)
        bh_, bv_ = np.ascontiguousarray(bh), np.ascontiguousarray(bv)
        all_bh, all_bv, all_h, all_last = bh_.reshape(-1), bv_.reshape(-1), h.reshape(-1), last.reshape(-1)
        k_ = np.int64(k.item())
        blocks = max(1, n // BLOCK)
        for block in numba.prange(blocks):
            start, stop = n * block // blocks, n * (block + 1) // blocks
            words_h, logits_h = scratch(stop - start, m)
            words_v, logits_v = scratch(stop - start, d)
            for step in range(k_):
                d0, d1 = counted(rng_h, step)
                key_h = rng_h[0], rng_h[1], d0, d1
                sample_rows(start, stop, *key_h, last, W_, bh_, h, all_bh, all_h, words_h, logits_h)
                d0, d1 = counted(rng_v, step)
                key_v = rng_v[0], rng_v[1], d0, d1
                sample_rows(start, stop, *key_v, h, W_back_, bv_, last, all_bv, all_last, words_v, logits_v)
        return advanced(rng_h, k_), advanced(rng_v, k_), last, h

    @numba_njit
    def without_h(k, rng_h, rng_v, v, W, bh, W_back, bv):
        return gibbs_chain(k, rng_h, rng_v, v, W, bh, W_back, bv)[:3]

    key = cache_key("philox", VERSION, "PhiloxGibbsChain", dtype.name, parallel, op.with_h)
    return gibbs_chain if op.with_h else without_h, key
