"""A layer of units, sampled with one of NumPy's generators."""

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
from pytensor.link.numba.dispatch.random import numba_deepcopy

from rnnrbm_pt.compile.dispatch.numba.bernoulli import single_trial
from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.dispatch.numba.products import VERSION, product_of_layer
from rnnrbm_pt.compile.dispatch.numba.rows import compare_row
from rnnrbm_pt.compile.ops.layer import SampleUnits


@register_funcify_and_cache_key(SampleUnits)
def numba_funcify_SampleUnits(op: SampleUnits, node: Apply, **kwargs: object) -> Kernel:
    inplace = op.inplace
    compare = compare_row(mirrored=True)
    dtype = node.inputs[1].type.numpy_dtype
    one = dtype.type(1)

    @numba_njit
    def sample_units(rng, x, W, b):
        if not inplace:
            rng = numba_deepcopy(rng)
        bits = product_of_layer(x, W, b)
        u = np.empty(bits.shape, np.float64)
        # Make all draws before the first comparison. NumPy's code takes thirty times as long if the upper halves of
        # vector registers are in use.
        for i in range(bits.shape[0]):
            for j in range(bits.shape[1]):
                u[i, j] = rng.random()
        logits = np.empty(bits.shape[1], dtype)
        for i in range(bits.shape[0]):
            row = 0 if b.shape[0] == 1 else i
            for j in range(bits.shape[1]):
                logits[j] = bits[i, j] + b[row, j]
            if compare(logits, u[i], bits[i]) > 0:
                for j in range(bits.shape[1]):
                    bits[i, j] = single_trial(u[i, j], one / (one + np.exp(-logits[j])))
        return rng, bits

    return sample_units, cache_key(VERSION, "SampleUnits", inplace, dtype.name)
