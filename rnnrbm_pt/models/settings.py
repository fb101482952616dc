"""Checks of the settings that the constructors of models take."""

from functools import partial

from rnnrbm_pt.graphs.rbm import VISIBLE
from rnnrbm_pt.graphs.sequence import NONLINEARITIES
from rnnrbm_pt.io.checks import boolean, choice, integer, plain
from rnnrbm_pt.music.pianoroll import check_range
from rnnrbm_pt.music.preprocessing import Preprocessing

AT_LEAST_1 = partial(integer, least=1)

SETTINGS = {
    **dict.fromkeys(("n_hidden", "n_hidden_recurrent", "k", "k_generate"), AT_LEAST_1),
    **dict.fromkeys(("learn_initial", "visible_from_u"), boolean),
    "nonlinearity": partial(choice, allowed=NONLINEARITIES),
    "visible": partial(choice, allowed=VISIBLE),
}
"""How each setting that only some models have is checked."""


def checked_settings(settings):
    """Settings of a model, each checked and as Python's own value, which a file can hold.

    Parameters
    ----------
    settings : dict
        A subclass may have settings beside those of `SETTINGS`; of these, NumPy's scalars alone are replaced.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        For the first setting that is not valid.
    """
    return {name: SETTINGS[name](name, x) if name in SETTINGS else plain(x) for name, x in settings.items()}


DEFAULT_R = 21, 109
"""The tutorial's range of MIDI notes: the 88 keys of a piano."""


def checked_width(r, n_visible, visible):
    """The range of notes and the width of a frame, of which one gives the other for notes.

    Parameters
    ----------
    r, n_visible, visible
        As `RnnRbm` takes them.

    Returns
    -------
    r : (int, int) or None
        None where `n_visible` is given: real-valued units are no notes.
    n_visible : int

    Raises
    ------
    ValueError
        If one of them is not valid, or there is a width beside a range, or a width of notes.
    """
    if n_visible is None:
        low, high = check_range(r)
        return (low, high), high - low
    n_visible = AT_LEAST_1("n_visible", n_visible)
    if visible != "gaussian":
        raise ValueError(
            f"n_visible: expected visible='gaussian' beside it, since notes have a range r, found {visible!r}"
        )
    if r is not None and check_range(r) != DEFAULT_R:
        raise ValueError(f"n_visible: expected either n_visible or r, found {n_visible} and {r!r}")
    return None, n_visible


def as_preprocessing(preprocess):
    """A `Preprocessing` as it is, or the one that a dict describes; a ValueError for anything else."""
    if isinstance(preprocess, dict):
        return Preprocessing.from_json(preprocess)
    if not isinstance(preprocess, Preprocessing):
        raise ValueError(f"preprocess: expected a Preprocessing or a dict, found {preprocess!r}")
    return preprocess
