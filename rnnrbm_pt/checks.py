"""Checks of settings. Each check returns a plain Python value or raises a ValueError.

The error message names the setting, the expected value and the value found. NumPy numbers become Python numbers, so
that checked values can be written as JSON. True and False do not count as numbers.
"""

from collections.abc import Collection
from math import isfinite
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from rnnrbm_pt.quoting import quoted

if TYPE_CHECKING:  # commands check their options before they need NumPy
    import numpy as np

LARGEST_SEED = 2**32 - 1
"""Largest seed that `numpy.random.RandomState` accepts."""


def plain(value: Any) -> Any:
    """Convert a NumPy scalar or zero-dimensional array to a Python value. Return other values unchanged."""
    is_scalar = type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0
    return value.item() if is_scalar else value


def integer(name: str, value: object, least: int | None = None, most: int | None = None) -> int:
    """Check that a value is of an integer type and within bounds.

    Parameters
    ----------
    name : str
        Name of the setting, for error messages.
    value : object
    least, most : int, optional
        Smallest and largest allowed value. `most` requires `least`.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the value is not of an integer type or is out of bounds.
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
    """Check that a value is a finite real number within bounds.

    Parameters
    ----------
    name : str
        Name of the setting, for error messages.
    value : object
    least : number, optional
        Inclusive lower bound.
    above : number, optional
        Exclusive lower bound.
    below : number, optional
        Exclusive upper bound.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the value is not a number, is not finite or is out of bounds.
    """
    found = plain(value)
    try:
        real = isinstance(found, Real) and not isinstance(found, bool) and isfinite(found)
    except OverflowError:  # an integer larger than any float
        real = False
    too_low = real and ((least is not None and found < least) or (above is not None and found <= above))
    if not real or too_low or (below is not None and found >= below):
        bounds = f" of at least {least}" if least is not None else f" above {above}" if above is not None else ""
        bounds += f" and below {below}" if below is not None else ""
        raise ValueError(f"{name}: expected a finite number{bounds}, found {quoted(found)}")
    return float(found)


def boolean(name: str, value: object) -> bool:
    """Check that a value is True, False, or the integer 1 or 0.

    Parameters
    ----------
    name : str
        Name of the setting, for error messages.
    value : object

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If the value is anything else.
    """
    found = plain(value)
    if not isinstance(found, Integral) or found not in (0, 1):
        raise ValueError(f"{name}: expected True or False, found {quoted(found)}")
    return bool(found)


def choice(name: str, value: object, allowed: Collection[str]) -> str:
    """Check that a value is one of a few words.

    Parameters
    ----------
    name : str
        Name of the setting, for error messages.
    value : object
    allowed : iterable of str
        The allowed words.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the value is not one of the allowed words.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: expected one of {', '.join(allowed)}, found {quoted(value)}")
    return str(value)  # converts NumPy strings


def seed_number(value: object, name: str = "seed") -> int:
    """Check that a value is a seed that `numpy.random.RandomState` accepts.

    Parameters
    ----------
    value : object
    name : str
        Name of the setting, for error messages.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the value is not an integer from 0 to 2**32 - 1.
    """
    return integer(name, value, 0, LARGEST_SEED)


def check_kind(name: str, array: "np.ndarray", kind: str) -> None:
    """Check the kind of an array's dtype: "f" for floats, "i" for integers, "u" for unsigned integers."""
    if array.dtype.kind != kind:
        expected = {"f": "floats", "i": "integers", "u": "unsigned integers"}.get(kind, f"the kind {kind}")
        raise ValueError(f"{name}: expected an array of {expected}, found {array.dtype}")
