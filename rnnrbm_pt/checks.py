"""Checks of settings where they come in: each returns Python's own value, or raises a ValueError of one sentence.

The sentence gives the setting's name, what was expected and what was found. NumPy's numbers become Python's, so that
everything that was checked can be written as JSON. True and False are no numbers here.
"""

from collections.abc import Collection
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np

from rnnrbm_pt.quoting import quoted

LARGEST_SEED = 2**32 - 1
"""Of `numpy.random.RandomState`."""


def plain(value: Any) -> Any:
    """A NumPy scalar, or an array without axes, as Python's value; anything else as it is."""
    return value.item() if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0 else value


def integer(name: str, value: object, least: int | None = None, most: int | None = None) -> int:
    """Check a whole number, which has to be of an integer type.

    Parameters
    ----------
    name : str
        What to call it in an error.
    value : object
    least, most : int, optional
        Bounds, both of which are allowed values; `most` needs `least`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the value is of another type or out of bounds.
    """
    found = plain(value)
    whole = isinstance(found, Integral) and not isinstance(found, bool)
    if not whole or (least is not None and found < least) or (most is not None and found > most):
        bounds = "" if least is None else f" of at least {least}" if most is None else f" from {least} to {most}"
        raise ValueError(f"{name}: expected an integer{bounds}, found {quoted(found)}")
    return int(found)


def number(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> float:
    """Check a finite real number.

    Parameters
    ----------
    name : str
        What to call it in an error.
    value : object
    least, above : number, optional
        A lower bound that is an allowed value, or one that is not.
    below : number, optional
        An upper bound that is not an allowed value.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the value is no number, not finite or out of bounds.
    """
    found = plain(value)
    try:
        real = isinstance(found, Real) and not isinstance(found, bool) and isfinite(found)
    except OverflowError:  # an integer beyond the largest float
        real = False
    too_low = real and ((least is not None and found < least) or (above is not None and found <= above))
    if not real or too_low or (below is not None and found >= below):
        bounds = f" of at least {least}" if least is not None else f" above {above}" if above is not None else ""
        bounds += f" and below {below}" if below is not None else ""
        raise ValueError(f"{name}: expected a finite number{bounds}, found {quoted(found)}")
    return float(found)


def boolean(name: str, value: object) -> bool:
    """Check a setting that is on or off: True or False, or the integers 1 and 0, and nothing else that counts as one.

    Parameters
    ----------
    name : str
    value : object

    Returns
    -------
    bool

    Raises
    ------
    ValueError
    """
    found = plain(value)
    if not isinstance(found, Integral) or found not in (0, 1):
        raise ValueError(f"{name}: expected True or False, found {quoted(found)}")
    return bool(found)


def choice(name: str, value: object, allowed: Collection[str]) -> str:
    """Check a word that is one of a few.

    Parameters
    ----------
    name : str
    value : object
    allowed : iterable of str

    Returns
    -------
    str

    Raises
    ------
    ValueError
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: expected one of {', '.join(allowed)}, found {quoted(value)}")
    return str(value)  # of NumPy's strings too


def seed_number(value: object, name: str = "seed") -> int:
    """Check a seed: an integer that `numpy.random.RandomState` takes.

    Parameters
    ----------
    value : object
    name : str

    Returns
    -------
    int

    Raises
    ------
    ValueError
    """
    return integer(name, value, 0, LARGEST_SEED)


def check_kind(name: str, array: np.ndarray, kind: str) -> None:
    """Refuse an array of other numbers than it should have: "f" are floats, "i" and "u" integers."""
    if array.dtype.kind != kind:
        expected = {"f": "floats", "i": "integers", "u": "unsigned integers"}.get(kind, f"the kind {kind}")
        raise ValueError(f"{name}: expected an array of {expected}, found {array.dtype}")
