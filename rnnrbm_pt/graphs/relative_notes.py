"""Relative features: what a note reads of a frame, by the distances of the other notes from it.

Each feature is a sum over the notes of the frame, so one product with a table of 0 and 1 gives all features. The
features move with the note: transposing a frame transposes its features.
"""

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

OCTAVE = 12


def notes_around(n_visible: int, window: int) -> np.ndarray:
    """The features that a note reads from the previous frame.

    They are the note itself and its `window` neighbours on each side. Then come counts: of the notes in each of the 12
    pitch classes relative to the note, of all notes, and of the notes below it.

    Parameters
    ----------
    n_visible : int
        Number of notes.
    window : int
        Number of notes on each side that have a feature of their own.

    Returns
    -------
    array of 0 and 1, shape (n_visible, n_visible, 2 window + 15)
        table[i, n] is the contribution of note i to the features of note n.
    """
    return _table(n_visible, range(-window, window + 1), range(-n_visible + 1, n_visible))


def notes_below(n_visible: int, window: int) -> np.ndarray:
    """The features that a note reads from its own frame. Only the notes below it count, since they are drawn before it.

    Parameters
    ----------
    n_visible, window : int
        See `notes_around`.

    Returns
    -------
    array of 0 and 1, shape (n_visible, n_visible, window + 13)
        table[i, n] is the contribution of note i to the features of note n.
    """
    return _table(n_visible, range(-window, 0), range(-n_visible + 1, 0))


def _table(n_visible: int, near: range, heard: range) -> np.ndarray:
    notes = np.arange(n_visible)
    distance = notes[:, None] - notes  # distance of note i from note n
    one_by_one = distance[:, :, None] == np.array(near)
    pitch_classes = distance[:, :, None] % OCTAVE == np.arange(OCTAVE)
    counts = [np.ones((n_visible, n_visible), bool)] + [distance < 0] * (heard.stop > 0)
    table = np.concatenate([one_by_one, pitch_classes, np.stack(counts, axis=2)], axis=2)
    return table & (distance[:, :, None] >= heard.start) & (distance[:, :, None] < heard.stop)


def shared_table(table: np.ndarray) -> TensorSharedVariable:
    """A table of features as a variable of floatX.

    It is not a constant, because Numba does not keep code with constants of more than a megabyte.
    """
    return pytensor.shared(table.astype(pytensor.config.floatX), shape=table.shape)


def heard(v: TensorVariable, table: TensorVariable) -> TensorVariable:
    """The features of each note of given frames.

    Parameters
    ----------
    v : matrix, shape (n_frames, n_visible)
        Frames.
    table : tensor3, shape (n_visible, n_visible, n_features)
        The result of `notes_around` or `notes_below`, as a `shared_table`.

    Returns
    -------
    matrix, shape (n_frames n_visible, n_features)
        One row per note: all notes of the first frame, then all notes of the second frame, and so on.
    """
    n_visible, _, n_features = table.type.shape
    return pt.dot(v, table.reshape((n_visible, n_visible * n_features))).reshape((-1, n_features))


def next_below(window: int) -> tuple[np.ndarray, np.ndarray]:
    """How the features of `notes_below` go from one note to the note above it, so that no table is needed.

    Parameters
    ----------
    window : int
        See `notes_around`.

    Returns
    -------
    shift : array of 0 and 1, shape (window + 13, window + 13)
    itself : array of 0 and 1, shape (window + 13,)
        The features of the note above are features @ shift + itself, if the note sounds, else features @ shift.
    """
    shift = np.zeros((window + OCTAVE + 1,) * 2, bool)
    nearer, classes, count = np.arange(window), window + np.arange(OCTAVE), window + OCTAVE
    shift[nearer[1:], nearer[:-1]] = True  # one semitone further away; the furthest is forgotten
    shift[classes, np.roll(classes, 1)] = True
    shift[count, count] = True
    itself = np.zeros(len(shift), bool)
    itself[[window - 1, window + OCTAVE - 1, count]] = True
    return shift, itself
