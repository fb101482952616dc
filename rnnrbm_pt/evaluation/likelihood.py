"""Likelihoods of frames: exact, or with log Z estimated by annealed importance sampling (AIS).

These functions know no model. They take compiled functions and arrays; `models.scorer` has them for a model.
"""

import numpy as np

from rnnrbm_pt.evaluation.estimate import Estimate, error_of_mean, log_mean_exp
from rnnrbm_pt.evaluation.frames import in_blocks, repeated


def log_likelihoods(observed, log_partition=None, *, block):
    """log p(v_t | v_1, ..., v_{t-1}) of frames, and the standard errors.

    Parameters
    ----------
    observed : iterable of tuples of arrays
        Free energy (or log p, where there is no `log_partition`), bv_t, bh_t and v_t of frames, one tuple per sequence.
    log_partition : callable, optional
        log_partition(bv, bh) -> log Z and its standard errors, shape (n_frames,) each.
    block : int
        Frames that `log_partition` gets at a time.

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


def annealed_log_partition(anneal, bv, bh, *, n_chains, n_temperatures, reverse, dtype, padded):
    """log Z of the RBM of each frame by annealed importance sampling.

    Parameters
    ----------
    anneal : callable
        anneal(bv, bh, betas, v) -> log-weights, end and log Z of the base of chains that start at v. See `graphs.ais`.
    bv, bh : arrays, shape (n_frames, n_visible) and (n_frames, n_hidden)
    n_chains : int
        Chains per frame.
    n_temperatures : int
        Number of inverse temperatures, evenly spaced from 0 to 1.
    reverse : bool
        Whether to anneal from 1 to 0, starting where chains from 0 to 1 end after as many further Gibbs steps.
    dtype : str
    padded : bool
        As for `evaluation.frames.repeated`.

    Returns
    -------
    log_z, standard_errors : arrays of float64, shape (n_frames,)
    """
    betas = np.linspace(0, 1, n_temperatures).astype(dtype)
    rows = repeated(n_chains, bv, bh, dtype=dtype, padded=padded)
    log_w, v, log_z_base = anneal(*rows, betas, np.zeros_like(rows[0]))
    if reverse:
        _, v, _ = anneal(*rows, np.ones_like(betas), np.asarray(v))
        log_w, _, _ = anneal(*rows, np.ascontiguousarray(betas[::-1]), np.asarray(v))
    ratio, errors = log_mean_exp(np.reshape(log_w, (-1, n_chains))[: len(bv)])
    log_z_base = np.asarray(log_z_base)[::n_chains][: len(bv)]
    return log_z_base - ratio if reverse else log_z_base + ratio, errors


def mean_log_likelihood(log_p, errors, n_total, *, n_chains, exact):
    """The mean of log-likelihoods of frames, all of which weigh the same.

    Parameters
    ----------
    log_p, errors : arrays, shape (n_frames,)
        As `log_likelihoods` gives them.
    n_total : int
        Number of frames that those of `log_p` were drawn from.
    n_chains : int
        Chains per frame.
    exact : bool

    Returns
    -------
    Estimate
    """
    n_low_ess = np.count_nonzero(errors * np.sqrt(n_chains) > 1)
    return Estimate(log_p.mean(), error_of_mean(log_p, errors, n_total), len(log_p), exact, n_low_ess)
