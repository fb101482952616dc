"""Prediction of the next frame: E[v_t | v_1, ..., v_{t-1}], given the biases of each step."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

Expect = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], ArrayLike]
"""expect(bv, bh, weights, start) -> estimates of E[v], one per row of biases.

Each estimate uses one Gibbs chain, which begins at the same row of `start`.
"""


def averaging_weights(burn_in: int, n_average: int, dtype: str) -> np.ndarray:
    """Weights of the steps of a Gibbs chain: `burn_in` zeros, then `n_average` times 1 / n_average."""
    return np.repeat([0, 1 / n_average], [burn_in, n_average]).astype(dtype)


def predict_next(expect: Expect, bv_t: np.ndarray, bh_t: np.ndarray, weights: np.ndarray, n_samples: int) -> np.ndarray:
    """Estimate the expected frame of each step as the mean over samples.

    Parameters
    ----------
    expect : callable
        See `Expect`.
    bv_t, bh_t : arrays, shape (n_steps, n_visible) and (n_steps, n_hidden)
        Biases of each step, which depend on the earlier frames.
    weights : array
        See `averaging_weights`.
    n_samples : int
        Number of Gibbs chains per step.

    Returns
    -------
    array, shape (n_steps, n_visible)
    """
    bv, bh = np.tile(bv_t, (n_samples, 1)), np.tile(bh_t, (n_samples, 1))
    mean = np.asarray(expect(bv, bh, weights, np.zeros_like(bv)))
    return mean.reshape(n_samples, *bv_t.shape).mean(axis=0)
