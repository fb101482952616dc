"""Expected frame-level accuracy and precision of samples of the next frame.

The accuracy is that of Bay, Ehmann and Downie, Evaluation of multiple-F0 estimation and tracking systems, ISMIR 2009,
with expected counts.
"""

from collections.abc import Iterable

import numpy as np

from rnnrbm_pt.evaluation.estimate import Estimate, ratio_estimate
from rnnrbm_pt.evaluation.frames import frames_per_block, in_blocks, repeated
from rnnrbm_pt.evaluation.prediction import Expect


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
        One tuple per sequence: an array that is not used, bv_t, bh_t and v_t of its frames.
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
    for _, bv, bh, v in in_blocks(observed, frames_per_block(n_samples)):
        bv_rows, bh_rows = repeated(n_samples, bv, bh, dtype=dtype, padded=padded)
        p = np.asarray(expect(bv_rows, bh_rows, weights), dtype=np.float64).reshape(-1, n_samples, v.shape[1])[: len(v)]
        v = v[:, None]
        hits.append((v * p).sum(axis=2))
        expected.append(p.sum(axis=2))
        unions.append((v + p - v * p).sum(axis=2))
    all_hits = np.concatenate(hits)
    accuracy = ratio_estimate(all_hits, np.concatenate(unions), n_total)
    return accuracy, ratio_estimate(all_hits, np.concatenate(expected), n_total)
