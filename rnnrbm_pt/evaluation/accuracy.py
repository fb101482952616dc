"""Expected frame-level accuracy and precision of a sample of each next frame.

The accuracy is that of Bay, Ehmann and Downie, Evaluation of multiple-F0 estimation and tracking systems, ISMIR 2009,
with expected counts.
"""

import numpy as np

from rnnrbm_pt.evaluation.estimate import ratio_estimate
from rnnrbm_pt.evaluation.frames import frames_per_block, in_blocks, repeated


def accuracy_and_precision(expect, observed, weights, n_total, *, n_samples, dtype, padded):
    """The expected accuracy TP / (TP + FP + FN) and the expected precision TP / (TP + FP), of the same samples.

    Parameters
    ----------
    expect : callable
        expect(bv, bh, weights) -> an estimate of E[v] under each row of biases, by one sample each.
    observed : iterable of tuples of arrays
        Of frames: anything, bv_t, bh_t and v_t, one tuple per sequence.
    weights : array
        See `evaluation.prediction.averaging_weights`.
    n_total : int
        Number of frames that those of `observed` were drawn from.
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
        p = expect(*repeated(n_samples, bv, bh, dtype=dtype, padded=padded), weights)
        p = np.asarray(p, dtype=np.float64).reshape(-1, n_samples, v.shape[1])[: len(v)]
        v = v[:, None]
        hits.append((v * p).sum(axis=2))
        expected.append(p.sum(axis=2))
        unions.append((v + p - v * p).sum(axis=2))
    hits, expected, unions = map(np.concatenate, (hits, expected, unions))
    return ratio_estimate(hits, unions, n_total), ratio_estimate(hits, expected, n_total)
