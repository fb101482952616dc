"""Reading and writing the parameters of a model as arrays."""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.io.named_arrays import read_named_arrays
from rnnrbm_pt.io.pickled_arrays import read_pickled_arrays
from rnnrbm_pt.models.compiling import CompileSettings, locked
from rnnrbm_pt.models.settings import DEFAULT_R
from rnnrbm_pt.models.sizes import RECURRENT, WEIGHTS, Weights
from rnnrbm_pt.models.types import Arrays, Shared
from rnnrbm_pt.quoting import quoted

Given = Mapping[str, ArrayLike] | Iterable[ArrayLike] | FilePath
"""Arrays by name, arrays in the order of the parameters, or a file that holds them."""


class ParamArrays:
    """The parameters of a model as arrays.

    Parameters
    ----------
    params : tuple of shared variables
        The named parameters, in the tutorial's order.
    compiling : CompileSettings
        Provides the model's lock, so that parameters do not change in the middle of an update.
    """

    def __init__(self, params: tuple[Shared, ...], compiling: CompileSettings) -> None:
        self._params, self.compiling = params, compiling

    @locked
    def get(self) -> Arrays:
        """Copy the parameters.

        Returns
        -------
        dict {str: array}
            The arrays by name, in the tutorial's order.
        """
        return {p.name: p.get_value() for p in self._params}

    def set(self, params: Given) -> None:
        """Set all parameters, or none if any value is invalid.

        The state of the optimiser, the random states and the log do not change.

        Parameters
        ----------
        params : dict {str: array}, list of arrays, or path
            Arrays by name, or in the tutorial's order. They are converted to the model's float type. A file can be an
            .npz archive of named arrays, an .npz archive as ``np.savez(file, *arrays)`` writes it, or a model file. It
            can also be a pickle of a list or dict of arrays or Theano shared variables. Nothing in a pickle is
            executed.

        Raises
        ------
        ValueError
            If a parameter is missing, unknown, of another shape, or not finite.

        Examples
        --------
        >>> model.set_params(other.get_params())
        """
        self.put(*_read(params))

    @locked
    def put(self, label: str, given: dict[str, Any] | list[Any]) -> None:
        """Set all parameters from arrays. Errors begin with `label`, which names the file of the arrays, if any."""
        names = [p.name for p in self._params]
        if not isinstance(given, dict):
            if len(given) != len(names):
                raise ValueError(f"{label}expected {len(names)} arrays, {', '.join(names)}, found {len(given)}")
            given = dict(zip(names, given, strict=True))
        elif label:  # a file may hold further arrays
            given = {name: array for name, array in given.items() if name in names}
        if given.keys() != set(names):
            found = ", ".join(quoted(name) for name in given) or "none"
            raise ValueError(f"{label}expected the parameters {', '.join(names)}, found {found}")
        values = [_converted(f"{label}{p.name}", given[p.name], p.get_value()) for p in self._params]
        for p, value in zip(self._params, values, strict=True):
            p.set_value(value)


def from_arrays(kind: Any, params: Given, **settings: Any) -> Any:
    """Make a model from given parameters, whose shapes determine its sizes.

    Parameters
    ----------
    params : dict {str: array}, list of arrays, or path
        Parameters, as `set_params` takes them. The first is W.
    **settings
        Keywords of the constructor. Sizes given here take precedence; a class of your own may need them. Give the range
        `r` if the notes are not the 88 keys of a piano, and the `window` of a `TiedRnnRbm` if it is not 12.

    Returns
    -------
    SequenceModel

    Raises
    ------
    ValueError
        If the parameters do not fit together.

    Examples
    --------
    >>> model = RnnRbm.from_arrays("theano_params.npz", dt=0.3)
    """
    label, given = _read(params)

    def shape_of(name: str, place: int) -> tuple[int, ...]:
        if isinstance(given, dict):
            array = given.get(name)
        else:
            array = given[place] if place < len(given) else None
        if array is None:
            raise ValueError(f"{label}expected the parameters of {kind.__name__}, found no {name}")
        return np.shape(array)

    shape = shape_of("W", 0)
    if len(shape) != 2:
        raise ValueError(f"{label}W: expected a matrix, found an array of shape {shape}")
    of_w = WEIGHTS.get(kind.builder, Weights())
    sizes, n_visible = of_w.sizes(shape), (*shape_of(*of_w.visible), 0)[0]
    if kind.builder in RECURRENT:
        sizes["n_hidden_recurrent"] = (*shape_of(*RECURRENT[kind.builder]), 0)[0]
    if settings.get("visible") == "gaussian":
        sizes["n_visible"] = n_visible
    elif "r" not in settings and n_visible != DEFAULT_R[1] - DEFAULT_R[0]:
        raise ValueError(f"r: expected the range of the {n_visible} notes, found none")
    model = kind(**sizes | settings)
    model.param_arrays.put(label, given)
    return model


def _read(params: Given) -> tuple[str, dict[str, Any] | list[Any]]:
    """Read arrays, by name or in order. Also return the beginning of errors, which names the file, if there is one."""
    if not isinstance(params, (str, os.PathLike)):
        return "", dict(params) if isinstance(params, Mapping) else list(params)
    with open(params, "rb") as file:
        zipped = file.read(2) == b"PK"
    arrays = read_named_arrays(params) if zipped else read_pickled_arrays(params)
    if isinstance(arrays, dict) and arrays and all(re.fullmatch(r"arr_\d+", name) for name in arrays):
        return f"{params}: ", [arrays[name] for name in sorted(arrays, key=lambda name: int(name[4:]))]
    return f"{params}: ", arrays


def _converted(name: str, given: ArrayLike, like: np.ndarray) -> np.ndarray:
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name}: expected an array, found lists of different lengths") from error
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name}: expected an array of real numbers, found {array.dtype}")
    if array.shape != like.shape:
        raise ValueError(f"{name}: expected an array of shape {like.shape}, found {array.shape}")
    with np.errstate(over="ignore"):
        array = array.astype(like.dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, found NaN or infinite values")
    return array
