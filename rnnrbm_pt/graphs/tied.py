"""A recurrent network along time whose weights all notes share: a tied recurrence.

Every note has its own state. The input of a note is its neighbourhood: the notes around it, by their distance from it.
The weights do not depend on the note n, so what the network learns in one key it knows in every key.

    u_t[n]  = RNN(around_n(v_t), u_tm1[n])      GRU, LSTM or tanh
    bv_t[n] = bv[n] + u_tm1[n] Wuv
    bh_t[n] = bh[n] + u_tm1[n] Wuh              the biases of the hidden units of note n

The name is that of Johnson, Generating polyphonic music using tied parallel networks, EvoMUSART 2017. The models are in
`graphs.tied_rnn_rbm` and `graphs.biaxial_rnn`.
"""

from typing import NamedTuple

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.cells import Cell, OverFrames
from rnnrbm_pt.graphs.dropout import Dropout, dropped_frames, dropped_units
from rnnrbm_pt.graphs.lstm import FORGET_BIAS
from rnnrbm_pt.graphs.moved_biases import gate_params
from rnnrbm_pt.graphs.parameters import shared_zeros
from rnnrbm_pt.graphs.recurrences import check_recurrence
from rnnrbm_pt.graphs.relative_notes import heard, notes_around, shared_table
from rnnrbm_pt.graphs.rnnrbm import recurrent_cell
from rnnrbm_pt.graphs.sequence import Carried
from rnnrbm_pt.graphs.sequence import recurrence as recurrence_of
from rnnrbm_pt.graphs.types import Params, Tensors

WINDOW = 12
"""Default number of notes on each side that have a feature of their own: an octave."""

GATES = {"gru": dict.fromkeys("zrg", 0.0), "lstm": {"i": 0.0, "f": FORGET_BIAS, "o": 0.0, "g": 0.0}, "tanh": {"u": 0.0}}
"""The gates of each network: the letter that ends the names of their parameters, and their initial bias."""

STATES = {"gru": ("u0",), "lstm": ("u0", "c0"), "tanh": ("u0",)}
"""Names of the learned initial states of each network."""


def leading(x: TensorVariable) -> list[TensorVariable]:
    """The lengths of all axes except the last."""
    return [x.shape[i] for i in range(x.type.ndim - 1)]


def for_all_notes(x: Variable, n_visible: int) -> TensorVariable:
    """Repeat a vector for each of n_visible notes, note by note. (Gauss-Newton products fail with `pt.tile`.)"""
    x = pt.as_tensor(x)
    return (pt.zeros((n_visible, 1), dtype=x.dtype) + x).reshape((-1,))


class TiedRnn(NamedTuple):
    """The settings of a tied recurrence."""

    n_visible: int
    """Number of notes: the width of a frame."""
    n_hidden_recurrent: int
    """Number of units per note."""
    recurrence: str = "gru"
    """The network: gru, lstm or tanh."""
    nonlinearity: str = "tanh"
    """Activation function of the simple RNN; see `build_rnnrbm`."""
    window: int = WINDOW
    """Number of notes on each side that have a feature of their own. Further features count all sounding notes, and the
    sounding notes of each pitch class relative to the note."""
    learn_initial: bool = False
    """Whether to learn the state before the first frame. All notes start from the same state."""

    def params(self, random_state: np.random.RandomState) -> Params:
        """Make new parameters, except for those that set the biases: three for each gate, and u0 (and c0) if learned.

        Parameters
        ----------
        random_state : numpy.random.RandomState
            Source of the weights.

        Returns
        -------
        tuple of shared variables
        """
        check_recurrence(self.recurrence, self.nonlinearity)
        n_features, n = notes_around(1, self.window).shape[2], self.n_hidden_recurrent
        params: Params = ()
        for gate, bias in GATES[self.recurrence].items():
            params += gate_params(gate, n_features, n, random_state=random_state, bias=bias)
        if self.learn_initial:
            params += tuple(shared_zeros(n, name=name) for name in STATES[self.recurrence])
        return params

    def cell(self, params: Params, bh: TensorVariable, random_state: np.random.RandomState) -> Cell:
        """The recurrence, whose state sets the biases of each note.

        Parameters
        ----------
        params : tuple of shared variables
            All parameters of the model. It finds those of `TiedRnn.params` by name, and also bv, Wuv with one column,
            and Wuh with one column for each hidden unit of a note.
        bh : vector
            The hidden biases of all notes, note by note, without the contribution of the state.
        random_state : numpy.random.RandomState

        Returns
        -------
        Cell
            Its states are vectors of n_visible n_hidden_recurrent numbers, note by note.
        """
        return _cell(self, params, bh, random_state)


def _cell(tied: TiedRnn, params: Params, bh: TensorVariable, random_state: np.random.RandomState) -> Cell:
    n_visible, n_hidden_recurrent = tied.n_visible, tied.n_hidden_recurrent
    named = {p.name: p for p in params}
    names = [f"{part}{gate}" for gate in GATES[tied.recurrence] for part in ("Wv", "Wu", "b")]
    names += STATES[tied.recurrence] if tied.learn_initial else ()
    bv, Wuh, Wuv = named["bv"], named["Wuh"], named["Wuv"]
    n_hidden = Wuh.get_value(borrow=True).shape[1]
    table = shared_table(notes_around(n_visible, tied.window))
    n_features = table.type.shape[2]
    of_note = recurrent_cell(
        n_features,
        n_hidden,
        n_hidden_recurrent,
        random_state=random_state,
        params=(named["W"], bv, bh, Wuh, Wuv, *(named[name] for name in names)),
        recurrence=tied.recurrence,
        nonlinearity=tied.nonlinearity,
        learn_initial=tied.learn_initial,
    )._replace(biases=lambda u_tm1, *_: (u_tm1, u_tm1))  # products with the states are computed after the scan, at once

    def by_note(x: Variable) -> TensorVariable:
        """Reshape states to one row per note of each frame."""
        return pt.as_tensor(x).reshape((-1, n_hidden_recurrent))

    def by_frame(x: TensorVariable, n: int, like: TensorVariable) -> TensorVariable:
        """Reshape n numbers per note to the leading axes of `like`, with the notes of a frame side by side."""
        return x.reshape((*leading(like), n_visible * n))

    def biases_like(like: TensorVariable, u: TensorVariable) -> Tensors:
        """The visible biases and the biases of all notes, given states with one row per note."""
        return bv + by_frame(pt.dot(u, Wuv), 1, like), bh + by_frame(pt.dot(u, Wuh), n_hidden, like)

    def biases(u_tm1: TensorVariable, *_: TensorVariable) -> Tensors:
        """The biases of one time step. The states have as many axes as a frame."""
        return biases_like(u_tm1, by_note(u_tm1))

    def next_state(v_t: TensorVariable, *state: TensorVariable) -> Tensors:
        """The states of all notes after the frame v_t."""
        x = heard(v_t.reshape((-1, n_visible)), table)
        after = of_note.next_state(x, *map(by_note, state))
        return tuple(by_frame(u, n_hidden_recurrent, like) for u, like in zip(after, state, strict=True))

    def over_frames(v: TensorVariable, carried: Carried | None, dropout: Dropout | None) -> OverFrames:
        """Run over given frames. Each note of each sequence becomes a sequence of its own features."""
        read, updates = dropped_frames(v, dropout)
        x = heard(read.reshape((-1, n_visible)), table).reshape((v.shape[0], -1, n_features))
        if carried is not None:
            carried = Carried(pt.repeat(carried.fresh, n_visible), [by_note(state) for state in carried.states])
        states, u_tm1, _ = recurrence_of(of_note, x, carried)
        u, more = dropped_units(by_note(u_tm1), dropout)
        bv_t, bh_t = biases_like(v, u)
        states = tuple(by_frame(state, n_hidden_recurrent, v) for state in states)
        return states, bv_t, bh_t, updates | more

    initial = tuple(for_all_notes(state, n_visible) for state in of_note.initial)
    return Cell(params, biases, next_state, initial, (*of_note.constants, table), over_frames)
