"""Whether Gibbs chains forget where they started.

Annealed importance sampling knows only the states that its chains visit, in both directions. If an RBM has a mode that
no chain reaches, both directions miss its share of Z, agree with each other, and report a small error. To detect this,
chains are started at states far apart. If the chains mix, their last states have the same distribution. If they do not,
the last states of two groups differ in the direction d in which the starts differ:

    memory = (mean of v.d in group 1 - mean of v.d in group 2) / d.d,  d = start of group 1 - start of group 2

The memory is 1 for chains that never leave their starts, and 0 in expectation for chains that mix. A mode that cannot
be reached from any of the starts remains undetected.

The autocorrelation over k additional Gibbs steps measures how fast chains forget. It is taken across the chains of one
RBM, over all units together:

    sum_i cov(v_i, v_i after k steps) / sqrt(sum_i var(v_i) sum_i var(v_i after k steps))
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from rnnrbm_pt.evaluation.frames import frames_per_block, in_blocks, repeated
from rnnrbm_pt.evaluation.likelihood import Anneal

FRAMES = 100
"""Number of frames used to find out whether chains mix."""

FEWEST_STEPS = 100
"""Number of Gibbs steps of the first attempt."""

SLIGHT = 0.01
"""Harmless memory. The relative error of Z that it causes is about as large as the memory itself."""


LAGS = 1, 5, 25, 100
"""Gibbs steps between the two states of an autocorrelation."""


class Mixing(NamedTuple):
    """The memory of Gibbs chains, averaged over frames, for the two starts with the largest memory."""

    memory: float
    """From 0 (forgotten) to 1. It may be negative by chance."""
    standard_error: float
    starts: tuple[str, str]
    """Names of the two starts."""
    n_steps: int
    """Number of Gibbs steps before the measurement."""
    autocorrelation: Mapping[int, float] = MappingProxyType({})
    """{additional Gibbs steps: autocorrelation}, of the chains that start at the frames."""

    @property
    def mixes(self) -> bool:
        """Whether the memory is below `SLIGHT` or below four standard errors."""
        return self.memory < max(SLIGHT, 4 * self.standard_error)

    def to_json(self) -> dict[str, Any]:
        """Convert to a dict that `json.dumps` accepts, including `mixes`."""
        correlations = {str(lag): value for lag, value in self.autocorrelation.items()}
        return {**self._asdict(), "starts": list(self.starts), "autocorrelation": correlations, "mixes": self.mixes}


def mixing(
    anneal: Anneal,
    observed: Iterable[tuple[np.ndarray, ...]],
    *,
    n_chains: int,
    n_steps: int,
    dtype: str,
    padded: bool,
) -> Mixing:
    """Compare the last states of Gibbs chains that start at the frames, at silence and at all notes.

    Parameters
    ----------
    anneal : callable
        See `likelihood.Anneal`.
    observed : iterable of tuples of arrays
        For each sequence an array that is ignored, then bv_t, bh_t and v_t of its binary frames.
    n_chains : int
        Number of chains per frame and start, at least 2.
    n_steps : int
        Number of Gibbs steps.
    dtype : str
    padded : bool
        As for `evaluation.frames.repeated`.

    Returns
    -------
    Mixing
    """
    betas = np.ones(n_steps + 1, dtype)
    memories: dict[tuple[str, str], list[np.ndarray]] = {}
    moments: dict[int, np.ndarray] = {}
    for _, bv, bh, v in in_blocks(observed, frames_per_block(n_chains)):
        starts = {"the frames": v.astype(dtype), "silence": np.zeros_like(bv), "all notes": np.ones_like(bv)}
        ends, rows_after = {}, {}
        for name, start in starts.items():
            bv_rows, bh_rows, rows = repeated(n_chains, bv, bh, start, dtype=dtype, padded=padded)
            rows_after[name] = np.asarray(anneal(bv_rows, bh_rows, betas, rows)[1])
            ends[name] = by_frame(rows_after[name], n_chains, len(v))
        for pair in combinations(starts, 2):
            one, other = pair
            difference = (starts[one] - starts[other]).astype(np.float64)
            groups = ends[one], ends[other]
            memories.setdefault(pair, []).append(memory(difference, *groups))
        rows, before = rows_after["the frames"], 0
        for lag in LAGS:
            rows = np.asarray(anneal(bv_rows, bh_rows, np.ones(lag - before + 1, dtype), rows)[1])
            found = covariances(ends["the frames"], by_frame(rows, n_chains, len(v)))
            moments[lag], before = moments.get(lag, np.zeros(3)) + found, lag
    correlations = {lag: correlation(*found) for lag, found in moments.items()}
    pairs = [
        Mixing(*mean_memory(np.concatenate(blocks, axis=1)), pair, n_steps, correlations)
        for pair, blocks in memories.items()
    ]
    return max(pairs, key=lambda pair: (not pair.mixes, pair.memory))


def steps_that_mix(measure: Callable[[int], Mixing], most: int) -> Mixing:
    """Double the number of Gibbs steps until the chains forget where they start.

    Parameters
    ----------
    measure : callable
        measure(n_steps) -> Mixing.
    most : int
        Largest number of steps to try.

    Returns
    -------
    Mixing
        The last one, whose `n_steps` is the number found.
    """
    n_steps = FEWEST_STEPS
    while not (found := measure(n_steps)).mixes and 2 * n_steps <= most:
        n_steps *= 2
    return found


def by_frame(rows: np.ndarray, n_chains: int, n_frames: int) -> np.ndarray:
    """Reshape the states of chains, one per row, to float64 of shape (n_frames, n_chains, n_visible)."""
    return rows.astype(np.float64).reshape(-1, n_chains, rows.shape[1])[:n_frames]


def covariances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Covariance and the two variances across the chains of each frame, summed over frames and units.

    Parameters
    ----------
    one, other : arrays, shape (n_frames, n_chains, n_visible)
        The same chains at two times.

    Returns
    -------
    array, shape (3,)
    """
    one, other = (x - x.mean(axis=1, keepdims=True) for x in (one, other))
    return np.array([(one * other).sum(), (one**2).sum(), (other**2).sum()])


def correlation(covariance: float, variance: float, other_variance: float) -> float:
    """Correlation from the results of `covariances`. It is 1 if nothing varies, since the chains have not moved."""
    scale = np.sqrt(variance * other_variance)
    return float(covariance / scale) if scale > 0 else 1.0


def memory(difference: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The memory of two groups of chains.

    Parameters
    ----------
    difference : array, shape (n_frames, n_visible)
        Start of the first group minus start of the second group.
    one, other : arrays, shape (n_frames, n_chains, n_visible)
        The last states of the chains.

    Returns
    -------
    array, shape (2, n_frames or fewer)
        The memory and its variance for each frame. Frames with equal starts are left out.
    """
    length = (difference**2).sum(axis=1)  # (n_frames,)
    different = length > 0
    along = [np.einsum("fcv,fv->fc", ends, difference)[different] / length[different, None] for ends in (one, other)]
    variance = sum(x.var(axis=1, ddof=1) / x.shape[1] for x in along)
    return np.stack([along[0].mean(axis=1) - along[1].mean(axis=1), variance])


def mean_memory(memories: np.ndarray) -> tuple[float, float]:
    """Mean memory over frames and its standard error; both are 0 if there are no frames."""
    values, variances = memories
    if not len(values):
        return 0.0, 0.0
    return float(values.mean()), float(np.sqrt(variances.sum()) / len(values))
