"""Expected frame-level accuracy and precision of predictions of the next frame.

The accuracy is that of Bay, Ehmann and Downie, Evaluation of multiple-F0 estimation and tracking systems, ISMIR 2009,
with expected counts.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from rnnrbm_pt.evaluation.estimate import Estimate, ratio_estimate
from rnnrbm_pt.evaluation.frames import frames_per_block, in_blocks, repeated
from rnnrbm_pt.evaluation.prediction import Expect

FEWEST = 25
"""Gibbs steps of the first attempt, as many as in the tutorial's generation."""

FRAMES_TO_SETTLE = 500
"""Number of frames used to find the necessary length of the chains."""

CLOSE = 0.01
"""Two accuracies agree if they differ by less than this, or by less than twice the standard error of the difference."""


class Settled(NamedTuple):
    """An expected accuracy, and whether its Gibbs chains forget where they start."""

    accuracy: Estimate
    precision: Estimate
    n_steps: int
    """Burn-in: Gibbs steps of a chain before the steps that count. 0 for a NADE, whose samples are exact."""
    agrees: bool
    """Whether chains with this burn-in give the same accuracy from both starts. If not, the limit was reached."""
    from_silence: Estimate
    """Accuracy of chains that start at silence, on the frames used to find the burn-in."""
    from_previous: Estimate
    """Accuracy of chains that start at the previous frame, on the same frames."""

    def to_json(self) -> dict[str, Any]:
        """Convert the fields about the chains to a dict that `json.dumps` accepts."""
        found = {"n_steps": self.n_steps, "agrees": self.agrees}
        return found | {"from_silence": float(self.from_silence), "from_previous": float(self.from_previous)}


def settle(measure: Callable[[int, str], Estimate], most: int) -> tuple[int, bool, Estimate, Estimate]:
    """Double the number of Gibbs steps until the accuracies from two starts agree.

    Parameters
    ----------
    measure : callable
        measure(n_steps, start) -> Estimate, with start "zeros" or "previous". It always measures the same frames, and
        its standard error is due to the draws alone.
    most : int
        Largest number of steps to try.

    Returns
    -------
    n_steps : int
    agrees : bool
    from_silence, from_previous : Estimate
        The accuracies at the last number of steps.
    """
    n_steps = FEWEST
    while True:
        silence, previous = measure(n_steps, "zeros"), measure(n_steps, "previous")
        error = np.hypot(silence.standard_error, previous.standard_error)
        agrees = abs(silence - previous) <= max(CLOSE, 2 * error)
        if agrees or 2 * n_steps > most:
            return n_steps, bool(agrees), silence, previous
        n_steps *= 2


def accuracy_and_precision(
    expect: Expect,
    observed: Iterable[tuple[np.ndarray, ...]],
    weights: np.ndarray,
    n_total: int,
    *,
    n_samples: int,
    dtype: str,
    padded: bool,
) -> tuple[Estimate, Estimate]:
    """The expected accuracy TP / (TP + FP + FN) and the expected precision TP / (TP + FP), from the same samples.

    Parameters
    ----------
    expect : callable
        See `evaluation.prediction.Expect`.
    observed : iterable of tuples of arrays
        For each sequence the arrays bv_t, bh_t, v_t and the starts of the Gibbs chains, with one row per frame.
    weights : array
        See `evaluation.prediction.averaging_weights`.
    n_total : int
        Number of all frames; the frames in `observed` were drawn from them.
    n_samples : int
        Number of samples per frame, at least 2.
    dtype : str
    padded : bool
        As for `evaluation.frames.repeated`.

    Returns
    -------
    accuracy, precision : Estimate
    """
    hits, expected, unions = [], [], []  # (n_frames, n_samples) per block
    for bv, bh, v, start in in_blocks(observed, frames_per_block(n_samples)):
        bv_rows, bh_rows, start_rows = repeated(n_samples, bv, bh, start, dtype=dtype, padded=padded)
        found = np.asarray(expect(bv_rows, bh_rows, weights, start_rows), dtype=np.float64)
        p = found.reshape(-1, n_samples, v.shape[1])[: len(v)]
        v = v[:, None]
        hits.append((v * p).sum(axis=2))
        expected.append(p.sum(axis=2))
        unions.append((v + p - v * p).sum(axis=2))
    all_hits = np.concatenate(hits)
    accuracy = ratio_estimate(all_hits, np.concatenate(unions), n_total)
    return accuracy, ratio_estimate(all_hits, np.concatenate(expected), n_total)
