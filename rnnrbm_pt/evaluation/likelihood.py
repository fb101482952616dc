"""Likelihoods of frames: exact, or with log Z estimated by annealed importance sampling (AIS).

These functions take compiled functions and arrays, so they work with any model; `models.scorer` calls them.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.evaluation.estimate import Estimate, error_of_mean, log_mean_exp
from rnnrbm_pt.evaluation.frames import in_blocks, repeated

LogPartition = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""log_partition(bv, bh) -> log Z and its standard errors, shape (n_frames,) each."""

Anneal = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], tuple[ArrayLike, ArrayLike, ArrayLike]]
"""anneal(bv, bh, betas, v) -> log-weights, last states, and log Z of the base, for chains that start at v.

See `graphs.ais`.
"""


def log_likelihoods(
    observed: Iterable[tuple[np.ndarray, ...]], log_partition: LogPartition | None = None, *, block: int
) -> np.ndarray:
    """log p(v_t | v_1, ..., v_{t-1}) of frames, and the standard errors.

    Parameters
    ----------
    observed : iterable of tuples of arrays
        For each sequence the free energies (or log p, without `log_partition`), bv_t, bh_t and v_t of its frames.
    log_partition : callable, optional
        See `LogPartition`.
    block : int
        Number of frames per call of `log_partition`.

    Returns
    -------
    array of float64, shape (2, n_frames)
        Log-likelihoods in nats, and their standard errors.
    """
    found = [np.empty((2, 0))]
    for log_p, bv, bh, _ in in_blocks(observed, block):
        log_p, errors = np.asarray(log_p, dtype=np.float64), np.zeros(len(log_p))
        if log_partition is not None:
            log_z, errors = log_partition(bv, bh)
            log_p = -log_p - log_z
        found.append(np.stack([log_p, errors]))
    return np.concatenate(found, axis=1)


def annealed_log_partition(
    anneal: Anneal,
    bv: np.ndarray,
    bh: np.ndarray,
    *,
    n_chains: int,
    n_temperatures: int,
    reverse: bool,
    reverse_steps: int = 0,
    dtype: str,
    padded: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """log Z of the RBM of each frame by annealed importance sampling.

    Parameters
    ----------
    anneal : callable
        See `Anneal`.
    bv, bh : arrays, shape (n_frames, n_visible) and (n_frames, n_hidden)
    n_chains : int
        Number of chains per frame.
    n_temperatures : int
        Number of inverse temperatures, evenly spaced from 0 to 1.
    reverse : bool
        Whether to anneal from 1 to 0. These chains start where forward chains end after additional Gibbs steps.
    reverse_steps : int
        Number of additional Gibbs steps, at least as many as temperatures.
    dtype : str
    padded : bool
        As for `evaluation.frames.repeated`.

    Returns
    -------
    log_z, standard_errors : arrays of float64, shape (n_frames,)
    """
    betas = np.linspace(0, 1, n_temperatures).astype(dtype)
    bv_rows, bh_rows = repeated(n_chains, bv, bh, dtype=dtype, padded=padded)
    log_w, v, log_z_base = anneal(bv_rows, bh_rows, betas, np.zeros_like(bv_rows))
    if reverse:
        _, v, _ = anneal(bv_rows, bh_rows, np.ones(max(reverse_steps + 1, n_temperatures), dtype), np.asarray(v))
        log_w, _, _ = anneal(bv_rows, bh_rows, np.ascontiguousarray(betas[::-1]), np.asarray(v))
    ratio, errors = log_mean_exp(np.reshape(log_w, (-1, n_chains))[: len(bv)])
    log_z_base = np.asarray(log_z_base)[::n_chains][: len(bv)]
    return log_z_base - ratio if reverse else log_z_base + ratio, errors


def mean_log_likelihood(log_p: np.ndarray, errors: np.ndarray, n_total: int, *, n_chains: int, exact: bool) -> Estimate:
    """Mean log-likelihood per frame. All frames have the same weight.

    Parameters
    ----------
    log_p, errors : arrays, shape (n_frames,)
        As returned by `log_likelihoods`.
    n_total : int
        Number of all frames; the frames in `log_p` were drawn from them.
    n_chains : int
        Number of chains per frame.
    exact : bool
        Whether log Z was computed exactly.

    Returns
    -------
    Estimate
    """
    n_low_ess = int(np.count_nonzero(errors * np.sqrt(n_chains) > 1))
    effective = 0.0 if exact else (n_chains / (1 + n_chains * errors**2)).mean()
    return Estimate(log_p.mean(), error_of_mean(log_p, errors, n_total), len(log_p), exact, n_low_ess, effective)
