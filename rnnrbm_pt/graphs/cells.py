"""A recurrence as a value.

`rnnrbm_cell`, `rtrbm_cell` and `lstm_rtrbm_cell` make the cells of the library's models, each beside its equations. A
recurrence of your own is one more function that returns a `Cell`; see `graphs.builders`.
"""

from collections.abc import Callable
from typing import NamedTuple

from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.types import Tensors, Updates

OverFrames = tuple[Tensors, TensorVariable, TensorVariable, Updates]
"""What `Cell.over_frames` returns."""


class Cell(NamedTuple):
    """A recurrence whose state gives each step the biases of an RBM, or of a NADE.

    Both functions are symbolic, and do not know whether they train or generate: v_t and the states are vectors, or
    matrices with one row per sequence.
    """

    params: tuple
    """The shared variables to learn: all that the two functions use. The first is W, shape (n_visible, n_hidden)."""
    biases: Callable
    """biases(*state) -> bv_t, bh_t, shapes (..., n_visible) and (..., n_hidden): the time-dependent biases."""
    next_state: Callable
    """next_state(v_t, *state) -> tuple of the states after v_t, shape (..., n) each."""
    initial: tuple
    """Vectors, shape (n,) each: the states before the first frame."""
    constants: tuple = ()
    """Expressions of the parameters that the two functions use, and that are computed once for all steps."""
    over_frames: Callable | None = None
    """over_frames(v, carried, dropout) -> states, bv_t, bh_t, updates: a faster way to run over given frames than
    `sequence.recurrence`, if the cell has one. It says itself what is dropped."""
