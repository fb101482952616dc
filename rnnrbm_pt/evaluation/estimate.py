"""Estimates with standard errors: means over frames, ratios of sums, and logarithms of means."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike


class Estimate(float):
    """A number and its standard error.

    Attributes
    ----------
    standard_error : float
        Standard error of the number. It is 0 if the number is exact, and nan if one frame was drawn out of several.
    n_frames : int
        Number of frames in the mean.
    exact : bool
        Whether the number is exact for its frames: nothing was sampled except perhaps the frames themselves.
    n_low_ess : int
        Number of frames with a low effective sample size (ESS) in annealed importance sampling: the standard deviation
        of the weights exceeds their mean. Many such frames mean too few chains or temperatures, and an unreliable
        number and error. Their absence proves nothing, since a mode that no chain finds does not affect the weights.
    effective_chains : float
        Effective sample size in annealed importance sampling, averaged over frames. With n chains it is
        n / (1 + variance of the weights / squared mean of the weights). 0 without annealed importance sampling.
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
    """Estimate log E[w] and its standard error from samples of log w.

    By the delta method, the standard error of log(mean w) is the relative standard error r of mean w. On average
    log(mean w) is too small by r^2 / 2. This is added, since it is not negligible in a mean over many frames.

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
    """Standard error of the mean of n out of n_total values, which have errors of their own.

    The values are drawn without replacement. Their variance s^2 includes the errors. With f = n / n_total the squared
    standard error is

        ((1 - f) s^2 + f mean(errors^2)) / n

    Parameters
    ----------
    values, errors : arrays, shape (n,)
        Values and their standard errors, which are independent of each other.
    n_total : int

    Returns
    -------
    float
        nan if there is one value out of several.
    """
    n = len(values)
    variance = np.mean(np.square(errors)) * n / n_total
    if n < n_total:
        variance += np.var(values, ddof=1) * (1 - n / n_total) if n > 1 else np.nan
    return float(np.sqrt(variance / n))


def ratio_estimate(hits: np.ndarray, counts: np.ndarray, n_total: int) -> Estimate:
    """Estimate the sum of hits divided by the sum of counts from some of n_total frames.

    Parameters
    ----------
    hits, counts : arrays, shape (n_frames, n_samples)
    n_total : int

    Returns
    -------
    Estimate
    """
    found = hits.sum() / counts.sum()
    residuals = hits - found * counts  # mean 0; linearises the ratio
    errors = residuals.std(axis=1, ddof=1) / np.sqrt(hits.shape[1])
    error = error_of_mean(residuals.mean(axis=1), errors, n_total) / counts.mean()
    return Estimate(found, error, len(hits), exact=False)
