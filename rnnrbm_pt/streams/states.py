"""States of random generators as arrays, and checks of such arrays.

NumPy and compiled code do not check states. If the position of a Mersenne Twister is beyond its key, they read memory
that does not belong to it. So every state is checked here before a generator gets it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from rnnrbm_pt.streams.mrg31k3p import M1, M2

KEY_LENGTH = 624
"""Number of words in the key of a Mersenne Twister; also its largest position."""


def packed_stream(value: np.random.Generator | np.ndarray) -> np.ndarray:
    """The state of a stream as an array. For a NumPy generator, its key and its position, shape (625,)."""
    if not isinstance(value, np.random.Generator):
        return value
    state = value.bit_generator.state["state"]
    return np.append(state["key"], np.uint32(state["pos"]))


def unpacked_stream(
    packed: np.ndarray, value: np.random.Generator | np.ndarray, name: str = "stream"
) -> np.random.Generator | np.ndarray:
    """The inverse of `packed_stream`.

    Parameters
    ----------
    packed : array
        The state.
    value : Generator or array
        The current value of the stream, which determines its kind.
    name : str
        Name of the stream in error messages.

    Returns
    -------
    Generator or array
        A value for the stream's `set_value`.

    Raises
    ------
    ValueError
        If `packed` is not a state of this kind of stream.
    """
    if isinstance(value, np.random.Generator):
        key, position = checked_twister(packed, name)
        value.bit_generator.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}
        return value
    kind, fits = ("MRG31k3p", are_mrg_states) if value.ndim == 2 else ("Philox", is_philox_state)
    if packed.shape != value.shape or packed.dtype != value.dtype or not fits(packed):
        raise ValueError(f"{name}: expected a state of {kind}, found other numbers")
    return packed


def checked_twister(packed: np.ndarray, name: str) -> tuple[NDArray[np.uint32], int]:
    """Check the state of a Mersenne Twister, and split it into key and position.

    Parameters
    ----------
    packed : uint32 vector, shape (625,)
        The key, then the position.
    name : str
        Name of the state in error messages.

    Returns
    -------
    key : uint32 vector, shape (624,)
    position : int

    Raises
    ------
    ValueError
        If the type or the shape is wrong, the position is beyond the key, or the key is zero.
    """
    if packed.dtype != np.uint32 or packed.shape != (KEY_LENGTH + 1,):
        raise ValueError(f"{name}: expected 625 numbers of uint32, found {packed.dtype} of shape {packed.shape}")
    if packed[-1] > KEY_LENGTH:
        raise ValueError(f"{name}: expected a position from 0 to {KEY_LENGTH}, found {packed[-1]}")
    if not packed[:-1].any():
        raise ValueError(f"{name}: expected the key of a Mersenne Twister, found only zeros, which would never change")
    return packed[:-1], int(packed[-1])


def set_random_state(random_state: np.random.RandomState, packed: np.ndarray, gauss: np.ndarray, name: str) -> None:
    """Set a RandomState to the result of `packed_random_state`.

    Parameters
    ----------
    random_state : numpy.random.RandomState
    packed : uint32 vector, shape (625,)
        The key, then the position.
    gauss : vector, shape (2,)
        Whether a normal number is kept for the next draw (0 or 1), and that number.
    name : str
        Name of the state in error messages.

    Raises
    ------
    ValueError
        If the arrays are not a valid state.
    """
    key, position = checked_twister(packed, name)
    has_gauss, cached = map(float, gauss)
    if has_gauss not in (0, 1) or not math.isfinite(cached):
        raise ValueError(f"{name}: expected 0 or 1 and a finite number, found {has_gauss} and {cached}")
    random_state.set_state(("MT19937", key, position, int(has_gauss), cached))


def packed_random_state(random_state: np.random.RandomState) -> tuple[NDArray[np.uint32], np.ndarray]:
    """The state of a RandomState as two arrays.

    Parameters
    ----------
    random_state : numpy.random.RandomState

    Returns
    -------
    packed : uint32 vector, shape (625,)
        The key, then the position.
    gauss : vector, shape (2,)
        Whether a normal number is kept for the next draw (0 or 1), and that number.
    """
    _, key, position, has_gauss, cached = random_state.get_state()
    return np.append(key, np.uint32(position)), np.array([has_gauss, cached])


def are_mrg_states(states: np.ndarray) -> bool:
    """Whether all rows are valid states of MRG31k3p: each half is below its modulus, and not zero."""
    x, y = states[:, :3], states[:, 3:]
    in_range = (states >= 0).all() and (x < M1).all() and (y < M2).all()
    return bool(in_range and x.any(axis=1).all() and y.any(axis=1).all())


def is_philox_state(state: np.ndarray) -> bool:
    """Whether a vector is a valid state of Philox: its count of draws is below 2^63."""
    return bool(state[3] < 2**31)
