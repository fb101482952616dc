"""Expected frame-level accuracy and precision of samples of the next frame.

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
"""Steps of the shortest chains that are tried, those of the tutorial's generation."""

FRAMES_TO_SETTLE = 500
"""Frames that are enough to find out how long chains have to be."""

CLOSE = 0.01
"""Two accuracies that differ by less agree, or by less than twice the standard error of their difference."""


class Settled(NamedTuple):
    """An expected accuracy, and whether the Gibbs chains behind it had forgotten where they started."""

    accuracy: Estimate
    precision: Estimate
    n_steps: int
    """Gibbs steps of the chains before those that count; 0 of a NADE, whose samples are exact."""
    agrees: bool
    """Whether chains of that length from both starts gave the same accuracy. If not, no longer ones were tried."""
    from_silence: Estimate
    """The accuracy of chains that start at silence, on the frames that the length was found on."""
    from_previous: Estimate
    """The same of chains that start at the frame before."""

    def to_json(self) -> dict[str, Any]:
        """What is said of the chains, as a dict that `json.dumps` takes."""
        found = {"n_steps": self.n_steps, "agrees": self.agrees}
        return found | {"from_silence": float(self.from_silence), "from_previous": float(self.from_previous)}


def settle(measure: Callable[[int, str], Estimate], most: int) -> tuple[int, bool, Estimate, Estimate]:
    """Double the number of Gibbs steps until accuracies from two starts agree.

    Parameters
    ----------
    measure : callable
        measure(n_steps, start) -> Estimate, for a start of "zeros" or "previous"; always of the same frames, and with
        the error of the draws alone.
    most : int
        Steps that are not exceeded.

    Returns
    -------
    n_steps : int
    agrees : bool
    from_silence, from_previous : Estimate
        The last two accuracies.
    """
    n_steps = FEWEST
    while True:
        one, other = measure(n_steps, "zeros"), measure(n_steps, "previous")
        agrees = abs(one - other) <= max(CLOSE, 2 * np.hypot(one.standard_error, other.standard_error))
        if agrees or 2 * n_steps > most:
            return n_steps, bool(agrees), one, other
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
    """The expected accuracy TP / (TP + FP + FN) and the expected precision TP / (TP + FP), of the same samples.

    Parameters
    ----------
    expect : callable
        See `evaluation.prediction.Expect`.
    observed : iterable of tuples of arrays
        One tuple per sequence: bv_t, bh_t, v_t and the starts of Gibbs chains, of its frames.
    weights : array
        See `evaluation.prediction.averaging_weights`.
    n_total : int
        Number of all frames, from which those of `observed` were drawn.
    n_samples : int
        Samples per frame, at least 2.
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
