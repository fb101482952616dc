"""What a note hears of a frame: the notes around it, by their distance from it.

All features are sums over the notes of the frame, so they are one product with a table of 0 and 1. What a note hears
moves with it: a frame that is transposed gives the same features, transposed.
"""

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

OCTAVE = 12


def notes_around(n_visible: int, window: int) -> np.ndarray:
    """The table of what a note hears of the frame before: itself, the notes near it, pitch classes, and all notes.

    Parameters
    ----------
    n_visible : int
    window : int
        Notes on each side that are heard one by one.

    Returns
    -------
    array of 0 and 1, shape (n_visible, n_visible, 2 window + 15)
        table[i, n] has what note i adds to the features of note n.
    """
    return _table(n_visible, range(-window, window + 1), range(-n_visible + 1, n_visible))


def notes_below(n_visible: int, window: int) -> np.ndarray:
    """The table of what a note hears of its own frame: the notes below it alone, which are drawn before it.

    Parameters
    ----------
    n_visible, window : int
        As `notes_around` takes them.

    Returns
    -------
    array of 0 and 1, shape (n_visible, n_visible, window + 13)
    """
    return _table(n_visible, range(-window, 0), range(-n_visible + 1, 0))


def _table(n_visible: int, near: range, heard: range) -> np.ndarray:
    notes = np.arange(n_visible)
    distance = notes[:, None] - notes  # of note i from note n
    one_by_one = distance[:, :, None] == np.array(near)
    pitch_classes = distance[:, :, None] % OCTAVE == np.arange(OCTAVE)
    counts = [np.ones((n_visible, n_visible), bool)] + [distance < 0] * (heard.stop > 0)
    table = np.concatenate([one_by_one, pitch_classes, np.stack(counts, axis=2)], axis=2)
    return table & (distance[:, :, None] >= heard.start) & (distance[:, :, None] < heard.stop)


def heard(v: TensorVariable, table: np.ndarray) -> TensorVariable:
    """The features of each note of given frames, by a table.

    Parameters
    ----------
    v : matrix, shape (n_frames, n_visible)
    table : array, shape (n_visible, n_visible, n_features)

    Returns
    -------
    matrix, shape (n_frames n_visible, n_features)
        Note by note, then frame by frame.
    """
    n_visible, _, n_features = table.shape
    flat = pt.constant(table.reshape(n_visible, -1).astype(pytensor.config.floatX))
    return pt.dot(v, flat).reshape((-1, n_features))
