"""Annealed importance sampling in NumPy, all chains at once."""

import numpy as np

from benchmarks.by_hand.numpy_step import bernoulli, softplus


def anneal(W, bv, bh, betas, v, rng):
    """The log-weights of chains that start at v, and their ends; see `rnnrbm_pt.graphs.ais`.

    v W is computed once for a temperature: the weight needs it twice, and the next draw once more.
    """
    log_w, x, W_back = np.zeros(len(v)), v @ W, np.ascontiguousarray(W.T)
    for b, b_next in zip(betas[:-1], betas[1:], strict=True):
        h = bernoulli(b * x + bh, rng)
        v = bernoulli(b * (h @ W_back) + bv, rng)
        x = v @ W
        log_w += (softplus(b_next * x + bh) - softplus(b * x + bh)).sum(axis=1)
    return log_w, v
