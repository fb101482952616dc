"""Number of parameters of a model of given sizes, known before the model is built."""

from typing import Any

from rnnrbm_pt.checks import choice, integer
from rnnrbm_pt.graphs.biaxial_rnn import WINDOW, build_biaxial_rnn, shape_of_w
from rnnrbm_pt.graphs.lstm_rtrbm import build_lstm_rtrbm
from rnnrbm_pt.graphs.rnn_nade import build_rnn_nade
from rnnrbm_pt.graphs.rnnrbm import build_rnnrbm
from rnnrbm_pt.graphs.rtrbm import build_rtrbm
from rnnrbm_pt.models.settings import DEFAULT_R, frames_of
from rnnrbm_pt.models.types import Arrays

GATES = {"tanh": 1, "lstm": 4, "gru": 3}
"""Number of pairs of matrices Wv and Wu of each recurrence."""

MATRICES = {
    build_rnnrbm: lambda v, h, u, g: v * h + u * (h + v) + g * u * (v + u),  # W; Wuh, Wuv; Wvu, Wuu of each gate
    build_rnn_nade: lambda v, h, u, g: 2 * v * h + u * (h + v) + g * u * (v + u),  # and V
    build_rtrbm: lambda v, h, u, g: v * h + h * h,  # W, Wuh
    build_lstm_rtrbm: lambda v, h, u, g: v * h + h * h + u * h + 4 * u * (v + u),  # W, Wuh, Wsh; Wv, Ws of four gates
    build_biaxial_rnn: lambda v, h, u, g: v + 3 * h * (h + u) + g * u * u,  # bv, Whh, Wuh; Wu of each gate
}
"""Minimum number of entries in a model's matrices, for v visible, h hidden and u recurrent units and g gates."""


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
        If a size is invalid, W has another shape, or the arrays together are smaller than the parameters.
    """
    given = settings.get("r", DEFAULT_R), settings.get("dt", 0.3), None, settings.get("n_visible")
    v = frames_of(*given, settings.get("visible", "binary")).n_visible
    names = "n_hidden", "n_hidden_recurrent"
    h, u = (integer(name, settings[name], 1) if name in settings else 0 for name in names)
    if "W" in arrays or kind.builder in MATRICES:
        found = arrays["W"].shape if "W" in arrays else "none"
        shape = v, h
        if kind.builder is build_biaxial_rnn:
            shape = shape_of_w(h, integer("window", settings.get("window", WINDOW), 1))
        if found != shape:
            raise ValueError(f"W: expected an array of shape {shape}, found {found}")
    recurrence = choice("recurrence", settings.get("recurrence", "tanh"), GATES)
    least = MATRICES.get(kind.builder, lambda v, h, u, g: v * h + u)(v, h, u, GATES[recurrence])
    held = sum(array.size for array in arrays.values() if array.dtype.kind == "f")
    if least > held:
        sizes = f"{v:,} visible, {h:,} hidden and {u:,} recurrent units"
        raise ValueError(f"expected at least {least:,} parameters for {sizes}, found {held:,} numbers")
