"""The sizes of a model and the shapes of its parameters, known before the model is built."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rnnrbm_pt.checks import choice, integer
from rnnrbm_pt.graphs.biaxial_rnn import build_biaxial_rnn, shape_of_w, sizes_of_w
from rnnrbm_pt.graphs.lstm_rtrbm import build_lstm_rtrbm
from rnnrbm_pt.graphs.rnn_nade import build_rnn_nade
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.graphs.rtrbm import build_rtrbm
from rnnrbm_pt.graphs.tied import WINDOW
from rnnrbm_pt.graphs.tied_rnn_rbm import build_tied_rnn_rbm
from rnnrbm_pt.models.settings import DEFAULT_R, frames_of
from rnnrbm_pt.models.types import Arrays

GATES = {"tanh": 1, "lstm": 4, "gru": 3}
"""Number of pairs of matrices Wv and Wu of each recurrence."""

MATRICES = {
    build_rnnrbm: lambda v, h, u, g: v * h + u * (h + v) + g * u * (v + u),  # W; Wuh, Wuv; Wvu, Wuu of each gate
    build_rnn_nade: lambda v, h, u, g: 2 * v * h + u * (h + v) + g * u * (v + u),  # and V
    build_rtrbm: lambda v, h, u, g: v * h + h * h,  # W, Wuh
    build_lstm_rtrbm: lambda v, h, u, g: v * h + h * h + u * h + 4 * u * (v + u),  # W, Wuh, Wsh; Wv, Ws of four gates
    build_tied_rnn_rbm: lambda v, h, u, g: v * v * h + u * h + g * u * u,  # W, Wuh; Wu of each gate
    build_biaxial_rnn: lambda v, h, u, g: v + 3 * h * (h + u) + g * u * u,  # bv, Whh, Wuh; Wu of each gate
}
"""Minimum number of entries in a model's matrices, for v visible, h hidden and u recurrent units and g gates."""

RECURRENT = {
    build_rnnrbm: ("Wuh", 3),
    build_rnn_nade: ("Wuh", 4),
    build_lstm_rtrbm: ("Wsh", 4),
    build_tied_rnn_rbm: ("Wuh", 3),
    build_biaxial_rnn: ("Wuh", 4),
}
"""For each builder of graphs, the name and the position of a parameter with one row per recurrent unit."""


class Weights(NamedTuple):
    """The relation between the shape of W, the first parameter, and the sizes of a model."""

    shape: Callable[[int, int, int], tuple[int, int]] = lambda v, h, window: (v, h)
    """The shape, for v visible and h hidden units and a window."""
    sizes: Callable[[tuple[int, ...]], dict[str, int]] = lambda shape: {"n_hidden": shape[1]}
    """The sizes that the shape tells, as keywords of the constructor."""
    visible: tuple[str, int] = ("W", 0)
    """The name and the position of a parameter with one row per visible unit."""


WEIGHTS = {
    build_tied_rnn_rbm: Weights(lambda v, h, _: (v, v * h), lambda shape: {"n_hidden": shape[1] // max(shape[0], 1)}),
    build_biaxial_rnn: Weights(lambda _, h, window: shape_of_w(h, window), sizes_of_w, ("bv", 2)),
}
"""For each builder whose W is not a matrix of visible units by hidden units."""


def check_sizes(kind: Any, settings: dict[str, Any], arrays: Arrays) -> None:
    """Check that a file has enough numbers for its sizes, before a model of these sizes is allocated.

    Parameters
    ----------
    kind : class
        Class of the model.
    settings : dict
        Keywords of the constructor.
    arrays : dict {str: array}
        Arrays of the file.

    Raises
    ------
    ValueError
        If a size is invalid, W of a model of this package has another shape, or the arrays together are smaller than
        the parameters.
    """
    given = settings.get("r", DEFAULT_R), settings.get("dt", 0.3), None, settings.get("n_visible")
    v = frames_of(*given, settings.get("visible", "binary")).n_visible
    names = "n_hidden", "n_hidden_recurrent"
    h, u = (integer(name, settings[name], 1) if name in settings else 0 for name in names)
    if kind.builder in MATRICES:  # a user's own function may give W any shape
        found = arrays["W"].shape if "W" in arrays else "none"
        window = integer("window", settings.get("window", WINDOW), 1) if kind.builder in WEIGHTS else 0
        shape = WEIGHTS.get(kind.builder, Weights()).shape(v, h, window)
        if found != shape:
            raise ValueError(f"W: expected an array of shape {shape}, found {found}")
    recurrence = choice("recurrence", settings.get("recurrence", "tanh"), GATES)
    least = MATRICES.get(kind.builder, lambda v, h, u, g: v * h + u)(v, h, u, GATES[recurrence])
    held = sum(array.size for array in arrays.values() if array.dtype.kind == "f")
    if least > held:
        sizes = f"{v:,} visible, {h:,} hidden and {u:,} recurrent units"
        raise ValueError(f"expected at least {least:,} parameters for {sizes}, found {held:,} numbers")
