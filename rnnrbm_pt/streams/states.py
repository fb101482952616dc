"""States of random generators as arrays, which are checked before a generator gets them.

NumPy and compiled code do not check a state: a position beyond the key of a Mersenne Twister reads foreign memory.
"""

import math

import numpy as np
from numpy.typing import NDArray

from rnnrbm_pt.streams.mrg31k3p import M1, M2

KEY_LENGTH = 624
"""Words of the key of a Mersenne Twister, and its highest position."""


def packed_stream(value: np.random.Generator | np.ndarray) -> np.ndarray:
    """The state of a stream as an array; from a generator of NumPy, its key and position, shape (625,)."""
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
    value : Generator, or array
        The current value of the stream.
    name : str
        Its name in an error.

    Returns
    -------
    Generator or array
        A value for the stream's `set_value`.

    Raises
    ------
    ValueError
        If it is not a state of such a stream.
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
    """The key and the position of a Mersenne Twister.

    Parameters
    ----------
    packed : uint32 vector, shape (625,)
        The key, then the position.
    name : str
        Its name in an error.

    Returns
    -------
    key : uint32 vector, shape (624,)
    position : int

    Raises
    ------
    ValueError
        If it has another type or shape, the position lies beyond the key, or the key is zero.
    """
    if packed.dtype != np.uint32 or packed.shape != (KEY_LENGTH + 1,):
        raise ValueError(f"{name}: expected 625 numbers of uint32, found {packed.dtype} of shape {packed.shape}")
    if packed[-1] > KEY_LENGTH:
        raise ValueError(f"{name}: expected a position from 0 to {KEY_LENGTH}, found {packed[-1]}")
    if not packed[:-1].any():
        raise ValueError(f"{name}: expected the key of a Mersenne Twister, found zeros, from which it never moves")
    return packed[:-1], int(packed[-1])


def set_random_state(random_state: np.random.RandomState, packed: np.ndarray, gauss: np.ndarray, name: str) -> None:
    """Set a RandomState to a state from `packed_random_state`.

    Parameters
    ----------
    random_state : numpy.random.RandomState
    packed : uint32 vector, shape (625,)
    gauss : vector, shape (2,)
        Whether a normal number is kept for the next draw, and that number.
    name : str
        Its name in an error.

    Raises
    ------
    ValueError
        If this is not such a state.
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
    key and position : uint32 vector, shape (625,)
    gauss : vector, shape (2,)
    """
    _, key, position, has_gauss, cached = random_state.get_state()
    return np.append(key, np.uint32(position)), np.array([has_gauss, cached])


def are_mrg_states(states: np.ndarray) -> bool:
    """Whether the rows are states of MRG31k3p: each half below its modulus, and not all zeros."""
    x, y = states[:, :3], states[:, 3:]
    in_range = (states >= 0).all() and (x < M1).all() and (y < M2).all()
    return bool(in_range and x.any(axis=1).all() and y.any(axis=1).all())


def is_philox_state(state: np.ndarray) -> bool:
    """Whether a vector is a state of Philox: its count of draws is below 2^63."""
    return bool(state[3] < 2**31)
