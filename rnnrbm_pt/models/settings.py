"""Checks of the settings that the constructors of models take."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypedDict

from pytensor.compile.mode import Mode

from rnnrbm_pt.checks import boolean, choice, integer, plain
from rnnrbm_pt.graphs.rbm import VISIBLE
from rnnrbm_pt.graphs.recurrences import RECURRENCES
from rnnrbm_pt.graphs.sequence import NONLINEARITIES
from rnnrbm_pt.music.frames import NoteFrames, RealFrames
from rnnrbm_pt.music.pianoroll import check_range
from rnnrbm_pt.music.preprocessing import Preprocessing

AT_LEAST_1 = partial(integer, least=1)

SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("n_hidden", "n_hidden_recurrent", "k", "k_generate", "window"), AT_LEAST_1),
    **dict.fromkeys(("learn_initial", "dynamic_visible_bias"), boolean),
    "recurrence": partial(choice, allowed=RECURRENCES),
    "nonlinearity": partial(choice, allowed=NONLINEARITIES),
    "visible": partial(choice, allowed=VISIBLE),
}
"""The check of each setting that only some models have."""


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Check the settings of a model and convert them to Python values that a file can hold.

    Parameters
    ----------
    settings : dict
        Keywords of the constructor. A subclass may have settings besides those of `SETTINGS`. They are not checked, but
        NumPy scalars are converted.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        For the first invalid setting.
    """
    return {name: SETTINGS[name](name, x) if name in SETTINGS else plain(x) for name, x in settings.items()}


DEFAULT_R = NoteFrames.r
"""The tutorial's range of MIDI notes: the 88 keys of a piano."""


class Common(TypedDict, total=False):
    """Keywords that every model takes; see `SequenceModel`."""

    seed: int | None
    backend: str
    floatX: str | None
    streams: str | None
    threads: int
    devices: int | str
    mode: Mode | None
    preprocess: Preprocessing | dict[str, Any] | None
    n_visible: int | None


def frames_of(r: Any, dt: float, preprocess: Any, n_visible: int | None, visible: str) -> NoteFrames | RealFrames:
    """Make the frames of a model from its settings.

    Parameters
    ----------
    r, dt, preprocess, n_visible, visible
        See `SequenceModel` and `RnnRbm`.

    Returns
    -------
    NoteFrames or RealFrames

    Raises
    ------
    ValueError
        If a setting is invalid, or if `n_visible` is given for notes or together with `r`.
    """
    if visible != "gaussian":
        if n_visible is not None:
            n_visible = AT_LEAST_1("n_visible", n_visible)
            raise ValueError(
                f"n_visible: expected visible='gaussian' with it, because notes have a range r; found {visible!r}"
            )
        return NoteFrames(r, dt, as_preprocessing(preprocess))
    if n_visible is None:
        low, high = check_range(r)
        return RealFrames(high - low, dt)
    if r is not None and check_range(r) != DEFAULT_R:
        raise ValueError(f"n_visible: expected either n_visible or r, found {n_visible} and {r!r}")
    return RealFrames(n_visible, dt)


def as_preprocessing(preprocess: Any) -> Preprocessing:
    """Return a `Preprocessing` unchanged, or make one from a dict; a ValueError for anything else."""
    if preprocess is None:
        return Preprocessing()
    if isinstance(preprocess, dict):
        return Preprocessing.from_json(preprocess)
    if not isinstance(preprocess, Preprocessing):
        raise ValueError(f"preprocess: expected a Preprocessing or a dict, found {preprocess!r}")
    return preprocess
