"""The RNN-NADE's training step in NumPy, with the gradient written out.

The hidden units of a frame change only after a note. So they have one row at the beginning of each frame and one for
each note, not one for each visible unit: for music about 5 instead of 88.
"""

import numpy as np

from benchmarks.by_hand.numpy_step import descend, gradient_through_time, log_p, rows, sigmoid, states, time_biases


def rows_of_notes(frames):
    """Where the rows of hidden units are.

    Parameters
    ----------
    frames : array, shape (n_frames, n_visible)
        Zeros and ones.

    Returns
    -------
    first : vector (n_frames,)
        The first row of each frame.
    row : array (n_frames, n_visible)
        The row that each visible unit is given.
    frame : vector (n_rows,)
        The frame of each row.
    """
    on = frames != 0
    n_rows = on.sum(axis=1) + 1
    first = n_rows.cumsum() - n_rows
    row = first[:, None] + on.cumsum(axis=1) - on
    return first, row, np.repeat(np.arange(len(frames)), n_rows)


def cost_and_gradient(params, v, weights, u_tm1, u_t, bv_t, bh_t):
    """The cost, -log p(v) averaged by weights, and its gradient."""
    W, V, *rest = params
    frames, weights = rows(v), weights.ravel()
    first, row, frame = rows_of_notes(frames)
    units = np.arange(frames.shape[1])

    notes_before = frames[frame] * (row[frame] < np.arange(len(frame))[:, None])
    h = sigmoid(bh_t[frame] + notes_before @ W)
    logit = bv_t + (h @ V.T)[row, units]
    cost = -weights @ log_p(frames, logit)

    dbv_t = weights[:, None] * (sigmoid(logit) - frames)
    dlogit = np.zeros((len(frame), len(units)), W.dtype)
    dlogit[row, units] = dbv_t
    da = dlogit @ V * (h * (1 - h))
    dbh_t = np.add.reduceat(da, first)
    rest = gradient_through_time([W, *rest], frames, u_tm1, u_t, dbv_t, dbh_t)
    return cost, [notes_before.T @ da, dlogit.T @ h, *rest]


def gradient(params, v, weights):
    W, _, *rest = params
    rnn = [W, *rest]
    u_tm1, u_t = states(rnn, v)
    return cost_and_gradient(params, v, weights, u_tm1, u_t, *time_biases(rnn, u_tm1))


def step(params, v, weights, lr):
    """Changes params; returns the monitor, the log-likelihood."""
    with np.errstate(over="ignore"):  # exp(-x) of a saturated unit is inf, and its probability 0
        cost, gradients = gradient(params, v, weights)
    descend(params, gradients, lr)
    return -cost
