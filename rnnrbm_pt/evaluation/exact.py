"""The partition function of an RBM by summing over all states of its smaller layer: for small models, exactly."""

import math

import numpy as np

LARGEST = 20
"""Units of the smaller layer up to which the sum, of 2^20 terms a frame, is worth the wait: about a second a frame."""

_ELEMENTS = 2**21  # of an array at a time: 16 MiB


def _softplus(x):
    return np.logaddexp(0, x)


def _states(start, stop, n):
    """Those of the 2^n binary vectors that are `start` to `stop - 1` in binary, one a row."""
    return ((np.arange(start, stop)[:, None] >> np.arange(n)) & 1).astype(float)


def log_partition(W, bv, bh, visible="binary"):
    """log Z of RBMs that share W.

    Z = sum_h exp(h.bh) prod_i (1 + exp((h W' + bv)_i)), or the same with the layers exchanged, whichever has fewer
    terms. With Gaussian visible units Z = (2 pi)^(n_visible/2) sum_h exp(h.bh + bv.(h W') + 1/2 |h W'|^2), an integral.

    Parameters
    ----------
    W : array, shape (n_visible, n_hidden)
    bv, bh : arrays, shape (n_frames, n_visible) and (n_frames, n_hidden)
    visible : {"binary", "gaussian"}

    Returns
    -------
    array, shape (n_frames,)
        In nats.

    Raises
    ------
    ValueError
        If the layer that has to be summed over has more than `LARGEST` units.
    """
    W, bv, bh = (np.asarray(x, dtype=np.float64) for x in (W, bv, bh))
    if visible == "binary" and W.shape[0] < W.shape[1]:
        W, bv, bh = W.T, bh, bv
    n = W.shape[1]
    if n > LARGEST:
        layer = "hidden layer" if visible == "gaussian" else "smaller layer"
        raise ValueError(
            f"the exact likelihood: expected at most {LARGEST} units in the {layer}, found {n}; for more it is "
            "estimated by annealed importance sampling"
        )
    total = np.full(len(bv), -np.inf)
    chunk = max(1, _ELEMENTS // max(1, len(bv) * W.shape[0]))
    for start in range(0, 2**n, chunk):
        h = _states(start, min(start + chunk, 2**n), n)
        x = h @ W.T  # (n_states, n_visible)
        log_terms = h @ bh.T  # (n_states, n_frames)
        if visible == "gaussian":
            log_terms += x @ bv.T + (x**2).sum(axis=1, keepdims=True) / 2
        else:
            log_terms += _softplus(x[:, None] + bv).sum(axis=2)
        total = np.logaddexp(total, np.logaddexp.reduce(log_terms, axis=0))
    if visible == "gaussian":
        total += W.shape[0] / 2 * math.log(2 * math.pi)
    return total
