"""What every program starts from: parameters, frames and their weights, as NumPy arrays."""

import numpy as np

SEED = 0xBEEF


def normal_matrices(seed, dtype):
    """normal(rows, columns, scale), which draws a matrix."""
    rng = np.random.RandomState(seed)

    def normal(rows, columns, scale):
        return rng.normal(scale=scale, size=(rows, columns)).astype(dtype)

    return normal


def initial_params(n_visible, n_hidden, n_hidden_recurrent, dtype):
    """The tutorial's initial values of W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu."""
    normal = normal_matrices(SEED, dtype)
    return [
        normal(n_visible, n_hidden, 0.01),
        np.zeros(n_visible, dtype),
        np.zeros(n_hidden, dtype),
        normal(n_hidden_recurrent, n_hidden, 0.0001),
        normal(n_hidden_recurrent, n_visible, 0.0001),
        normal(n_visible, n_hidden_recurrent, 0.0001),
        normal(n_hidden_recurrent, n_hidden_recurrent, 0.0001),
        np.zeros(n_hidden_recurrent, dtype),
    ]


def initial_rnn_nade(n_visible, n_hidden, n_hidden_recurrent, dtype):
    """Initial values of W, V, bv, bh, Wuh, Wuv, Wvu, Wuu, bu: the tutorial's, with V after W."""
    W, *rest = initial_params(n_visible, n_hidden, n_hidden_recurrent, dtype)
    return [W, normal_matrices(SEED + 1, dtype)(n_visible, n_hidden, 0.01), *rest]


def initial_lstm_rtrbm(n_visible, n_hidden, n_hidden_recurrent, dtype):
    """Initial values of W, bv, bh, Wuh, Wsh, Wv, Ws, b; the last three have the gates i, f, g, o side by side."""
    normal = normal_matrices(SEED, dtype)
    return [
        normal(n_visible, n_hidden, 0.01),
        np.zeros(n_visible, dtype),
        np.zeros(n_hidden, dtype),
        normal(n_hidden, n_hidden, 0.0001),
        normal(n_hidden_recurrent, n_hidden, 0.01),
        normal(n_visible, 4 * n_hidden_recurrent, 0.01),
        normal(n_hidden_recurrent, 4 * n_hidden_recurrent, 0.01),
        np.zeros(4 * n_hidden_recurrent, dtype),
    ]


PARAMS = {"step": initial_params, "lstm_rtrbm": initial_lstm_rtrbm, "rnn_nade": initial_rnn_nade}
"""What makes the parameters, by what the names of the modules end in."""


def random_frames(n_steps, n_sequences, n_visible, dtype):
    """Frames with one note in twenty, about what music has; without the axis of sequences where there is one."""
    shape = (n_steps, n_visible) if n_sequences == 1 else (n_steps, n_sequences, n_visible)
    return (np.random.RandomState(0).random_sample(shape) < 0.05).astype(dtype)


def frame_weights(mask):
    """Weights by which the cost is the mean over sequences of the mean over the frames of each.

    Parameters
    ----------
    mask : array, shape (n_steps,) or (n_steps, n_sequences)
        1 for a frame, 0 behind the end of a sequence. No sequence is empty.

    Returns
    -------
    array like mask, of sum 1
    """
    return mask / mask.sum(axis=0) / mask[0].size
