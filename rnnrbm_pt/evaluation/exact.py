"""The exact partition function of a small RBM, by summing over all states of its smaller layer."""

import math

import numpy as np
from numpy.typing import ArrayLike

LARGEST = 20
"""Largest number of units in the layer to sum over. The sum then has 2^20 terms and takes about a second per frame."""

_MAX_ELEMENTS = 2**21  # in one array: 16 MiB


def _states(start: int, stop: int, n: int) -> np.ndarray:
    """The integers from `start` to `stop - 1` in binary, one per row of n bits."""
    return ((np.arange(start, stop)[:, None] >> np.arange(n)) & 1).astype(float)


def log_partition(W: ArrayLike, bv: ArrayLike, bh: ArrayLike, visible: str = "binary") -> np.ndarray:
    """log Z of RBMs that share W.

    Z = sum_h exp(h.bh) prod_i (1 + exp((h W' + bv)_i)). The layers can be exchanged; the sum with fewer terms is
    computed. With Gaussian visible units, Z is the integral

        (2 pi)^(n_visible/2) sum_h exp(h.bh + bv.(h W') + 1/2 |h W'|^2)

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
        If the layer to sum over has more than `LARGEST` units.
    """
    W, bv, bh = (np.asarray(x, dtype=np.float64) for x in (W, bv, bh))
    if visible == "binary" and W.shape[0] < W.shape[1]:
        W, bv, bh = W.T, bh, bv
    n = W.shape[1]
    if n > LARGEST:
        layer = "hidden layer" if visible == "gaussian" else "smaller layer"
        raise ValueError(
            f"the exact likelihood: expected at most {LARGEST} units in the {layer}, found {n}; use annealed "
            "importance sampling for larger models"
        )
    total = np.full(len(bv), -np.inf)
    chunk = max(1, _MAX_ELEMENTS // max(1, len(bv) * W.shape[0]))
    for start in range(0, 2**n, chunk):
        h = _states(start, min(start + chunk, 2**n), n)
        x = h @ W.T  # (n_states, n_visible)
        log_terms = h @ bh.T  # (n_states, n_frames)
        if visible == "gaussian":
            log_terms += x @ bv.T + (x**2).sum(axis=1, keepdims=True) / 2
        else:
            log_terms += np.logaddexp(0, x[:, None] + bv).sum(axis=2)
        total = np.logaddexp(total, np.logaddexp.reduce(log_terms, axis=0))
    if visible == "gaussian":
        total += W.shape[0] / 2 * math.log(2 * math.pi)
    return total
