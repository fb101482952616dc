"""Annealed importance sampling with Philox streams, in blocks of chains."""

import numba
import numpy as np
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from rnnrbm_pt.compile.dispatch.numba import annealing_kernels, philox_kernels
from rnnrbm_pt.compile.dispatch.numba.annealing_kernels import BLOCK, annealing, sums_of_fours
from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.dispatch.numba.philox_kernels import advanced
from rnnrbm_pt.compile.dispatch.numba.products import check_shapes
from rnnrbm_pt.compile.ops.annealing import PhiloxAnnealing


@register_funcify_and_cache_key(PhiloxAnnealing)
def numba_funcify_PhiloxAnnealing(op: PhiloxAnnealing, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.inputs[3].type.numpy_dtype
    anneal_rows = annealing(dtype.name)
    parallel = node.inputs[1].type.parallel

    @numba_njit(parallel=parallel)
    def philox_annealing(betas, rng_h, rng_v, v, log_w, W, bh, W_back, bv):
        n, d, m = v.shape[0], v.shape[1], W.shape[1]
        if W_back.shape != (m, d) or log_w.shape[0] != n:
            raise ValueError("the shapes of the inputs of an annealing do not fit")
        last, total = np.ascontiguousarray(v).copy(), np.ascontiguousarray(log_w).copy()
        check_shapes(last, W, bh)
        check_shapes(np.empty((n, m), dtype), W_back, bv)
        W_ = np.ascontiguousarray(W)
        bh_, bv_ = np.ascontiguousarray(bh), np.ascontiguousarray(bv)
        sums_v, sums_h = sums_of_fours(W_), sums_of_fours(np.ascontiguousarray(W_back))
        blocks = max(1, n // BLOCK)
        for block in numba.prange(blocks):
            start, stop = n * block // blocks, n * (block + 1) // blocks
            anneal_rows(start, stop, betas, rng_h, rng_v, last, total, W_, bh_, bv_, sums_v, sums_h)
        count = max(0, betas.shape[0] - 1)
        return advanced(rng_h, count), advanced(rng_v, count), last, total

    versions = philox_kernels.VERSION, annealing_kernels.VERSION
    return philox_annealing, cache_key("philox", *versions, "PhiloxAnnealing", dtype.name, parallel)
