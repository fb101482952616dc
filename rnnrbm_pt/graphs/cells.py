"""A recurrence as a value: the `Cell`.

Each model of the library has a function that makes its cell, next to its equations: `rnnrbm_cell`, `rtrbm_cell`,
`lstm_rtrbm_cell` and others. To define your own recurrence, write a function that returns a `Cell`; see
`graphs.builders`.
"""

from collections.abc import Callable
from typing import NamedTuple

from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.types import Tensors, Updates

OverFrames = tuple[Tensors, TensorVariable, TensorVariable, Updates]
"""Return value of `Cell.over_frames`: states, bv_t, bh_t, updates."""


class Cell(NamedTuple):
    """A recurrence whose state sets the biases of an RBM or a NADE at each time step.

    `biases` and `next_state` are symbolic functions, used for training and for generation alike. v_t and the states are
    vectors, or matrices with one row per sequence.
    """

    params: tuple
    """The shared variables to learn: all that the two functions use. The first is W, shape (n_visible, n_hidden)."""
    biases: Callable
    """biases(*state) -> bv_t, bh_t: the time-dependent biases, shapes (..., n_visible) and (..., n_hidden)."""
    next_state: Callable
    """next_state(v_t, *state) -> tuple of the states after v_t, shape (..., n) each."""
    initial: tuple
    """The states before the first frame: vectors, shape (n,) each."""
    constants: tuple = ()
    """Expressions of the parameters that the two functions use. They are computed once, before the loop."""
    over_frames: Callable | None = None
    """over_frames(v, carried, dropout) -> states, bv_t, bh_t, updates: optional. A faster way than
    `sequence.recurrence` to run over given frames. It applies dropout itself."""
