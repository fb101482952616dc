"""Estimates with standard errors: means of frames, ratios, and logarithms of means."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike


class Estimate(float):
    """A number and its standard error.

    Attributes
    ----------
    standard_error : float
        Standard error of the number; 0 where it is exact, nan where only one frame of several was drawn.
    n_frames : int
        Number of frames that it is a mean over.
    exact : bool
        Whether no draws were needed, except for the choice of frames.
    n_low_ess : int
        Number of frames with a low effective sample size (ESS) in annealed importance sampling: their weights have a
        standard deviation above their mean. Where there are many, there were too few chains or temperatures, and
        neither the number nor its error is to be trusted. Their absence proves nothing: a mode that no chain found
        leaves no trace in the weights.
    effective_chains : float
        Mean over frames of the effective sample size in annealed importance sampling, n / (1 + variance of the weights
        by their mean squared), of n chains. 0 where there was none.
    """

    standard_error: float
    n_frames: int
    exact: bool
    n_low_ess: int
    effective_chains: float

    def __new__(
        cls,
        value: float,
        standard_error: float = 0.0,
        n_frames: int = 0,
        exact: bool = True,
        n_low_ess: int = 0,
        effective_chains: float = 0.0,
    ) -> Self:
        self = super().__new__(cls, value)
        self.standard_error, self.n_frames, self.exact = float(standard_error), int(n_frames), bool(exact)
        self.n_low_ess, self.effective_chains = int(n_low_ess), float(effective_chains)
        return self

    def __repr__(self) -> str:
        value, error = float(self), self.standard_error
        low = f", n_low_ess={self.n_low_ess}" if self.n_low_ess else ""
        return f"Estimate({value!r}, standard_error={error!r}, n_frames={self.n_frames}, exact={self.exact}{low})"


def log_mean_exp(log_weights: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The logarithm of the expectation of w, and its standard error, from samples of log w.

    By the delta method: with r the relative standard error of the mean of w, log(mean w) has the standard error r. On
    average it is too small by r^2 / 2, which is added: next to the small error of a mean over many frames it matters.

    Parameters
    ----------
    log_weights : array, shape (..., n_samples)
        At least 2 samples.

    Returns
    -------
    estimate, standard_error : arrays of float64, shape (...)
    """
    log_w = np.asarray(log_weights, dtype=np.float64)
    largest = log_w.max(axis=-1)
    w = np.exp(log_w - largest[..., None])
    mean = w.mean(axis=-1)
    relative = w.std(axis=-1, ddof=1) / np.sqrt(w.shape[-1]) / mean
    return largest + np.log(mean) + relative**2 / 2, relative


def error_of_mean(values: np.ndarray, errors: np.ndarray, n_total: int) -> float:
    """The standard error of the mean of n values, with errors of their own, out of n_total.

    The values are drawn without replacement. Their variance s^2 includes that of the errors: with f = n / n_total

        ((1 - f) s^2 + f mean(errors^2)) / n

    Parameters
    ----------
    values, errors : arrays, shape (n,)
        The errors are independent of each other.
    n_total : int

    Returns
    -------
    float
        nan if there is only one value out of several.
    """
    n = len(values)
    variance = np.mean(np.square(errors)) * n / n_total
    if n < n_total:
        variance += np.var(values, ddof=1) * (1 - n / n_total) if n > 1 else np.nan
    return float(np.sqrt(variance / n))


def ratio_estimate(hits: np.ndarray, counts: np.ndarray, n_total: int) -> Estimate:
    """The sum of hits over the sum of counts, estimated from some of n_total frames.

    Parameters
    ----------
    hits, counts : arrays, shape (n_frames, n_samples)
    n_total : int

    Returns
    -------
    Estimate
    """
    found = hits.sum() / counts.sum()
    residuals = hits - found * counts  # their mean is 0: the ratio, to first order
    errors = residuals.std(axis=1, ddof=1) / np.sqrt(hits.shape[1])
    error = error_of_mean(residuals.mean(axis=1), errors, n_total) / counts.mean()
    return Estimate(found, error, len(hits), exact=False)
