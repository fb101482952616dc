"""The bit of a binomial draw with one trial."""

import math

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.ops.bernoulli import CLOSE, SingleTrial


@numba_njit
def single_trial(u, p):
    """The rule of `SingleTrial`."""
    p = np.float64(p)
    upper = p > 0.5
    rare = 1.0 - p if upper else p
    threshold = 1.0 - rare
    if abs(u - threshold) < CLOSE:
        threshold = math.exp(math.log1p(-rare))
    return np.int64((u > threshold) != upper)


@register_funcify_and_cache_key(SingleTrial)
def numba_funcify_SingleTrial(op: SingleTrial, node: Apply, **kwargs: object) -> Kernel:
    return single_trial, cache_key("SingleTrial", 1)
