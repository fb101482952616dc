"""Whether Gibbs chains forget where they started.

Annealed importance sampling, in both directions, knows only the states that its chains visit. If a second mode of an
RBM is one that they never reach, both directions leave out its share of Z, agree with each other, and report a small
error. So chains are started at states far apart. If they mix, their ends have one distribution. If they do not, the
ends of two groups still differ in the direction in which the starts differ:

    memory = (mean of v.d of one group - mean of v.d of the other) / d.d,  d = difference of the starts

It is 1 for chains that never leave their starts, and 0 in expectation for chains that mix. A mode that no start leads
to is not seen here either.

How fast chains forget is the autocorrelation of their frames over k further Gibbs steps. It is taken across the chains
of one RBM, over all units together:

    sum_i cov(v_i, v_i after k steps) / sqrt(sum_i var(v_i) sum_i var(v_i after k steps))
"""

from collections.abc import Iterable, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from rnnrbm_pt.evaluation.frames import frames_per_block, in_blocks, repeated
from rnnrbm_pt.evaluation.likelihood import Anneal

FRAMES = 100
"""Frames that are enough to see whether chains mix."""

SLIGHT = 0.01
"""Memory that does no harm: it is about the relative error of Z that chains with so much of it make."""


LAGS = 1, 5, 25, 100
"""Gibbs steps over which the autocorrelation of chains is taken."""


class Mixing(NamedTuple):
    """What chains remember of their starts, as a mean over frames, for the two starts where it is most."""

    memory: float
    """From 0, forgotten, to 1; up to chance, which may make it negative."""
    standard_error: float
    starts: tuple[str, str]
    """Names of the two starts."""
    n_steps: int
    """Gibbs steps after which it was measured."""
    autocorrelation: Mapping[int, float] = MappingProxyType({})
    """The autocorrelation of frames over further Gibbs steps, by their number. Chains start at the frames."""

    @property
    def mixes(self) -> bool:
        """Whether the memory is slight, or within four standard errors of none."""
        return self.memory < max(SLIGHT, 4 * self.standard_error)

    def to_json(self) -> dict[str, Any]:
        """A dict that `json.dumps` takes, with `mixes`."""
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
    """Start Gibbs chains at the frames, at silence and at all notes, and compare where they end.

    Parameters
    ----------
    anneal : callable
        See `likelihood.Anneal`.
    observed : iterable of tuples of arrays
        Of binary frames: anything, bv_t, bh_t and v_t, one tuple per sequence.
    n_chains : int
        Chains per frame and start, at least 2.
    n_steps : int
        Gibbs steps.
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


def by_frame(rows: np.ndarray, n_chains: int, n_frames: int) -> np.ndarray:
    """Ends of chains, one a row, as an array of float64, shape (n_frames, n_chains, n_visible)."""
    return rows.astype(np.float64).reshape(-1, n_chains, rows.shape[1])[:n_frames]


def covariances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Covariance and both variances across the chains of each frame, summed over frames and units.

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
    """The correlation of two such sums; 1 where nothing varies, since such chains have not moved."""
    scale = np.sqrt(variance * other_variance)
    return float(covariance / scale) if scale > 0 else 1.0


def memory(difference: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What two groups of chains remember of the difference of their starts.

    Parameters
    ----------
    difference : array, shape (n_frames, n_visible)
    one, other : arrays, shape (n_frames, n_chains, n_visible)
        The ends of the chains.

    Returns
    -------
    array, shape (2, n_frames or fewer)
        The memory and its variance for each frame; without frames where the starts are equal.
    """
    length = (difference**2).sum(axis=1)  # (n_frames,)
    different = length > 0
    along = [np.einsum("fcv,fv->fc", ends, difference)[different] / length[different, None] for ends in (one, other)]
    variance = sum(x.var(axis=1, ddof=1) / x.shape[1] for x in along)
    return np.stack([along[0].mean(axis=1) - along[1].mean(axis=1), variance])


def mean_memory(memories: np.ndarray) -> tuple[float, float]:
    """The mean over frames and its standard error; none of both where there are no frames."""
    values, variances = memories
    if not len(values):
        return 0.0, 0.0
    return float(values.mean()), float(np.sqrt(variances.sum()) / len(values))
