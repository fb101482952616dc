"""Piano rolls: what they are, and the check that an array is one."""

from numbers import Integral

import numpy as np


def check_range(r, name="r"):
    """The pitches of a roll as two plain integers.

    Parameters
    ----------
    r : pair of int
        (low, high), MIDI note numbers, half open: low is in, high is out.
    name : str
        What to call the pair in an error.

    Returns
    -------
    (int, int)

    Raises
    ------
    ValueError
        Unless 0 <= low < high <= 128.
    """
    expected = f"{name}: expected two integers (low, high) with 0 <= low < high <= 128, found {r!r}"
    try:
        low, high = r
    except (TypeError, ValueError):
        raise ValueError(expected) from None
    if not (isinstance(low, Integral) and isinstance(high, Integral) and 0 <= low < high <= 128):
        raise ValueError(expected)
    return int(low), int(high)


def check_roll(roll, r=(21, 109), name="piano roll"):
    """A piano roll as an array of 0 and 1 in uint8, or an error that says what is wrong with it.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
        0 or 1 in any boolean, integer or floating type, time first. It may have no steps.
    r : pair of int
        (low, high), MIDI note numbers, half open: column i is note low + i.
    name : str
        What to call the roll in an error.

    Returns
    -------
    array of uint8, shape (n_steps, r[1] - r[0])
        A copy: what is done to it later leaves `roll` as it was.

    Raises
    ------
    ValueError
        If the roll has another number of dimensions or of columns, or holds anything but 0 and 1.
    """
    low, high = check_range(r)
    try:
        found = np.asarray(roll)
    except ValueError as error:
        raise ValueError(f"{name}: expected an array (n_steps, {high - low}), found {error}") from None
    if found.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected an array of 0 and 1, found one of {found.dtype}")
    if found.ndim != 2 or found.shape[1] != high - low:
        raise ValueError(
            f"{name}: expected shape (n_steps, {high - low}), notes {low} to {high - 1}, found {found.shape}"
        )
    other = (found != 0) & (found != 1)
    if other.any():
        step, column = np.argwhere(other)[0]
        raise ValueError(
            f"{name}: expected only 0 and 1, found {found[step, column]} at step {step}, note {low + column}"
        )
    return found.astype(np.uint8)


def check_real_roll(roll, r=(21, 109), name="roll"):
    """A roll of real numbers as an array of float64, or an error that says what is wrong with it.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
        Finite numbers, time first. It may have no steps.
    r : pair of int
        (low, high), half open: its width is that of a frame.
    name : str
        What to call the roll in an error.

    Returns
    -------
    array of float64, shape (n_steps, r[1] - r[0])
        A copy.

    Raises
    ------
    ValueError
        If the roll has another number of dimensions or of columns, or holds anything but finite numbers.
    """
    low, high = check_range(r)
    try:
        found = np.array(roll, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected an array (n_steps, {high - low}) of numbers, found {error}") from None
    if found.ndim != 2 or found.shape[1] != high - low:
        raise ValueError(f"{name}: expected shape (n_steps, {high - low}), found {found.shape}")
    if not np.isfinite(found).all():
        step, column = np.argwhere(~np.isfinite(found))[0]
        raise ValueError(f"{name}: expected finite numbers, found {found[step, column]} at step {step}, unit {column}")
    return found
