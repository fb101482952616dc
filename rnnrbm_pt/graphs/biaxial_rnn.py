"""The biaxial RNN: a recurrent network along time and another along the notes, with weights that all notes share.

Every note has its own state in the network along time. The input of a note is its neighbourhood: the notes around it,
by their distance from it. The second network runs through the notes of a frame, from the lowest to the highest, and
gives the probability of each note.

    u_t[n]  = RNN(around_n(v_t), u_tm1[n])               along time: GRU, LSTM or tanh
    bh_t[n] = bh + u_tm1[n] Wuh
    bv_t[n] = bv[n] + u_tm1[n] Wuv
    h_t[n]  = GRU(bh_t[n] + below_n(v_t) W, h_t[n - 1])  along the notes
    p(v_t[n] = 1 | v_t[<n], v_1 ... v_tm1) = sigmoid(bv_t[n] + h_t[n] V)

The model follows the BALSTM of Johnson, Generating polyphonic music using tied parallel networks, EvoMUSART 2017. The
differences are the GRU and the input features of a note. The weights do not depend on n, so a transposed piece has the
same likelihood, except for bv and for effects at the ends of the range. As for a NADE, the likelihood, its gradient and
samples are exact.
"""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np
import pytensor.tensor as pt
from pytensor import scan
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.builders import NadeCommon, sources_of_randomness
from rnnrbm_pt.graphs.cells import Cell, OverFrames
from rnnrbm_pt.graphs.dropout import Dropout, dropped_frames, dropped_units
from rnnrbm_pt.graphs.lstm import FORGET_BIAS
from rnnrbm_pt.graphs.moved_biases import gate_params
from rnnrbm_pt.graphs.nade import Conditionals
from rnnrbm_pt.graphs.nade_sequence import nade_graphs
from rnnrbm_pt.graphs.parameters import shared_glorot, shared_zeros
from rnnrbm_pt.graphs.rbm import floored
from rnnrbm_pt.graphs.recurrences import check_recurrence
from rnnrbm_pt.graphs.relative_notes import heard, notes_around, notes_below
from rnnrbm_pt.graphs.rnnrbm import recurrent_cell
from rnnrbm_pt.graphs.sequence import Carried
from rnnrbm_pt.graphs.sequence import recurrence as recurrence_of
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Count, Params, Tensors
from rnnrbm_pt.ours import ours
from rnnrbm_pt.streams.draw import bernoulli

N_GATES = 3
"""Number of sums in the GRU along the notes: the update gate z, the reset gate r and the new state g."""

WINDOW = 12
"""Default number of notes on each side that have a feature of their own: an octave."""

GATES = {"gru": dict.fromkeys("zrg", 0.0), "lstm": {"i": 0.0, "f": FORGET_BIAS, "o": 0.0, "g": 0.0}, "tanh": {"u": 0.0}}
"""The gates of each network along time: the letter that ends the names of their parameters, and their initial bias."""

STATES = {"gru": ("u0",), "lstm": ("u0", "c0"), "tanh": ("u0",)}
"""Names of the learned initial states of each network along time."""


def next_note(x_n: TensorVariable, h: TensorVariable, Whh: TensorVariable, n: int) -> TensorVariable:
    """The state of the GRU along the notes after one more note, by the equations of `graphs.gru`.

    Parameters
    ----------
    x_n : matrix, shape (n_frames, 3 n_hidden)
        The contributions of the note to the sums of z, r and g.
    h : matrix, shape (n_frames, n_hidden)
        The state after the note below.
    Whh : matrix, shape (n_hidden, 3 n_hidden)
        Weights from the state to the sums of z, r and g.
    n : int
        Number of hidden units. It is an int because Gauss-Newton products fail with a size taken from the parameters.

    Returns
    -------
    matrix like h
    """
    z, r = pt.split(pt.sigmoid(x_n[:, : 2 * n] + pt.dot(h, Whh[:, : 2 * n])), [n, n], axis=-1)
    g = pt.tanh(x_n[:, 2 * n :] + pt.dot(r * h, Whh[:, 2 * n :]))
    return z * h + (1 - z) * g


def leading(x: TensorVariable) -> list[TensorVariable]:
    """The lengths of all axes except the last."""
    return [x.shape[i] for i in range(x.type.ndim - 1)]


class NotesBelow(NamedTuple):
    """The network along the notes: it gives the conditional probability of each note, and draws frames."""

    table: np.ndarray
    """Which features each note reads from the notes below it; see `relative_notes.notes_below`."""
    Whh: TensorVariable
    """Matrix (n_hidden, 3 n_hidden): weights from the state after one note to the sums of the next note."""
    n_hidden: int
    """Number of hidden units."""

    def hidden(self, v: TensorVariable, W: TensorVariable, bh: TensorVariable) -> TensorVariable:
        """The states of the network for given frames.

        Parameters
        ----------
        v : tensor, shape (..., n_visible)
            Binary frames.
        W : matrix, shape (n_features, 3 n_hidden)
            Weights from the features of a note to its sums.
        bh : tensor, shape (..., n_visible 3 n_hidden)
            Biases of the sums of each note.

        Returns
        -------
        tensor, shape (..., n_visible n_hidden)
        """
        n_visible, n = len(self.table), self.n_hidden
        frames = v.reshape((-1, n_visible))
        x = bh.reshape((-1, N_GATES * n)) + pt.dot(heard(frames, self.table), W)
        h = scan(
            partial(next_note, n=n),
            sequences=ours(x.reshape((-1, n_visible, N_GATES * n)).dimshuffle(1, 0, 2)),  # note by note
            outputs_info=pt.zeros((frames.shape[0], n)),
            non_sequences=[self.Whh],
            strict=True,
            return_updates=False,
            name="notes",
        )
        return h.dimshuffle(1, 0, 2).reshape((*leading(v), n_visible * n))

    def logits(
        self, v: TensorVariable, W: TensorVariable, V: TensorVariable, bv: TensorVariable, bh: TensorVariable
    ) -> TensorVariable:
        """The logit of each note, given the notes below it: the counterpart of `nade.nade_logits`.

        Parameters
        ----------
        v : tensor, shape (..., n_visible)
            Binary frames.
        W, bh
            See `hidden`.
        V : matrix, shape (n_hidden, 1)
            Weights from the state of the network to the logit.
        bv : tensor like v
            Visible biases.

        Returns
        -------
        tensor like v
        """
        h = self.hidden(v, W, bh).reshape((-1, self.n_hidden))
        return bv + pt.dot(h, V).reshape(v.shape)

    def sample(
        self,
        rng: Variable,
        n_frames: Count,
        W: TensorVariable,
        V: TensorVariable,
        bv: TensorVariable,
        bh: TensorVariable,
        *,
        floor: TensorVariable | None = None,
    ) -> tuple[TensorVariable, TensorVariable, Variable]:
        """Draw exact samples of frames, in one pass over the notes: the counterpart of `nade.sample_nade`.

        Parameters
        ----------
        rng, n_frames, floor
            See `sample_nade`.
        W, V, bv, bh
            See `logits`. The biases are vectors, or matrices with one row per frame.

        Returns
        -------
        v, mean_v, next_rng
            See `sample_nade`.
        """
        n_visible, n = len(self.table), self.n_hidden
        bv, bh = (pt.zeros((n_frames, 1), dtype=b.dtype) + b for b in (bv, bh))
        bh = bh.reshape((n_frames, n_visible, N_GATES * n)).dimshuffle(1, 0, 2)
        by_note = pt.constant(self.table.transpose(1, 0, 2).astype(W.dtype))
        places = pt.constant(np.eye(n_visible, dtype=W.dtype))

        def note(
            table_n: Variable,
            place_n: TensorVariable,
            bv_n: TensorVariable,
            bh_n: TensorVariable,
            h: TensorVariable,
            v: TensorVariable,
            rng: Variable,
            W: TensorVariable,
            V: TensorVariable,
            Whh: TensorVariable,
            *floor: TensorVariable,
        ) -> tuple[Variable, ...]:
            h = next_note(bh_n + pt.dot(pt.dot(v, table_n), W), h, Whh, n)
            p = pt.sigmoid(bv_n + pt.dot(h, V)[:, 0])
            next_rng, v_n = bernoulli(rng, p)
            v_n = floored(v_n, p, *floor) if floor else v_n
            return p, h, v + v_n[:, None] * place_n, next_rng

        mean_v, _, v, next_rng = scan(
            note,
            sequences=[by_note, places, bv.T, bh],
            outputs_info=[None, pt.zeros((n_frames, n)), pt.zeros((n_frames, n_visible)), rng],
            non_sequences=[W, V, self.Whh] + ([] if floor is None else [floor]),
            strict=True,
            return_updates=False,
            name="notes_sample",
        )
        return v[-1], mean_v.T, next_rng


def shape_of_w(n_hidden: int, window: int) -> tuple[int, int]:
    """The shape of W: features of the notes below a note by sums of the network along the notes."""
    return notes_below(1, window).shape[2], N_GATES * n_hidden


def sizes_of_w(shape: tuple[int, ...]) -> dict[str, int]:
    """The sizes n_hidden and window of a model, given the shape of its W: the inverse of `shape_of_w`."""
    return {"n_hidden": shape[1] // N_GATES, "window": shape[0] - notes_below(1, 0).shape[2]}


def biaxial_params(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    recurrence: str,
    window: int,
    learn_initial: bool,
) -> Params:
    """Make new parameters of the two networks.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, recurrence, window, learn_initial
        See `biaxial_cell`.

    Returns
    -------
    tuple of shared variables
    """
    n_around = notes_around(n_visible, window).shape[2]
    params: Params = (
        shared_glorot(*shape_of_w(n_hidden, window), random_state=random_state, name="W"),
        shared_glorot(n_hidden, 1, random_state=random_state, name="V"),
        shared_zeros(n_visible, name="bv"),
        shared_zeros(N_GATES * n_hidden, name="bh"),
        shared_glorot(n_hidden_recurrent, N_GATES * n_hidden, random_state=random_state, name="Wuh"),
        shared_glorot(n_hidden_recurrent, 1, random_state=random_state, name="Wuv"),
        shared_glorot(n_hidden, N_GATES * n_hidden, random_state=random_state, name="Whh"),
    )
    for gate, bias in GATES[recurrence].items():
        params += gate_params(gate, n_around, n_hidden_recurrent, random_state=random_state, bias=bias)
    if learn_initial:
        params += tuple(shared_zeros(n_hidden_recurrent, name=name) for name in STATES[recurrence])
    return params


def biaxial_cell(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    params: Params | None = None,
    recurrence: str = "gru",
    nonlinearity: str = "tanh",
    window: int = WINDOW,
    learn_initial: bool = False,
) -> Cell:
    """The network along time of all notes, as one recurrence. Its state sets the biases of the network along the notes.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, params, recurrence, nonlinearity, window, learn_initial
        See `build_biaxial_rnn`.

    Returns
    -------
    Cell
        Its params are (W, V, bv, bh, Wuh, Wuv, Whh), the parameters of the network along time, and u0 (and c0) if the
        initial state is learned. Its states are vectors of n_visible n_hidden_recurrent numbers, note by note.
    """
    check_recurrence(recurrence, nonlinearity)
    if params is None:
        params = biaxial_params(
            n_visible,
            n_hidden,
            n_hidden_recurrent,
            random_state=random_state,
            recurrence=recurrence,
            window=window,
            learn_initial=learn_initial,
        )
    W, V, bv, bh, Wuh, Wuv, Whh, *along_time = params
    around = notes_around(n_visible, window)
    of_note = recurrent_cell(
        around.shape[2],
        n_hidden,
        n_hidden_recurrent,
        random_state=random_state,
        params=(W, bv, bh, Wuh, Wuv, *along_time),
        recurrence=recurrence,
        nonlinearity=nonlinearity,
        learn_initial=learn_initial,
    )._replace(biases=lambda u_tm1, *_: (u_tm1, u_tm1))  # products with the states are computed after the scan, at once

    def by_note(x: Variable) -> TensorVariable:
        """Reshape states to one row per note of each frame."""
        return pt.as_tensor(x).reshape((-1, n_hidden_recurrent))

    def by_frame(x: TensorVariable, n: int, like: TensorVariable) -> TensorVariable:
        """Reshape n numbers per note to the leading axes of `like`, with the notes of a frame side by side."""
        return x.reshape((*leading(like), n_visible * n))

    def biases_like(like: TensorVariable, u: TensorVariable) -> Tensors:
        """The visible biases and the biases of the network along the notes, given states with one row per note."""
        return bv + by_frame(pt.dot(u, Wuv), 1, like), by_frame(bh + pt.dot(u, Wuh), N_GATES * n_hidden, like)

    def biases(u_tm1: TensorVariable, *_: TensorVariable) -> Tensors:
        """The biases of one time step. The states have as many axes as a frame."""
        return biases_like(u_tm1, by_note(u_tm1))

    def next_state(v_t: TensorVariable, *state: TensorVariable) -> Tensors:
        """The states of all notes after the frame v_t."""
        x = heard(v_t.reshape((-1, n_visible)), around)
        after = of_note.next_state(x, *map(by_note, state))
        return tuple(by_frame(u, n_hidden_recurrent, like) for u, like in zip(after, state, strict=True))

    def over_frames(v: TensorVariable, carried: Carried | None, dropout: Dropout | None) -> OverFrames:
        """Run over given frames. Each note of each sequence becomes a sequence of its own features."""
        read, updates = dropped_frames(v, dropout)
        x = heard(read.reshape((-1, n_visible)), around).reshape((v.shape[0], -1, around.shape[2]))
        if carried is not None:
            carried = Carried(pt.repeat(carried.fresh, n_visible), [by_note(state) for state in carried.states])
        states, u_tm1, _ = recurrence_of(of_note, x, carried)
        u, more = dropped_units(by_note(u_tm1), dropout)
        bv_t, bh_t = biases_like(v, u)
        states = tuple(by_frame(state, n_hidden_recurrent, v) for state in states)
        return states, bv_t, bh_t, updates | more

    initial = tuple(pt.tile(state, n_visible) for state in of_note.initial)
    return Cell(params, biases, next_state, initial, of_note.constants, over_frames)


def build_biaxial_rnn(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    recurrence: str = "gru",
    nonlinearity: str = "tanh",
    window: int = WINDOW,
    learn_initial: bool = False,
    **common: Unpack[NadeCommon],
) -> SequenceGraphs:
    """Construct a biaxial RNN: its parameters, the training graph and the generation graph.

    Parameters
    ----------
    n_visible : int
        Number of notes: the width of a frame.
    n_hidden : int
        Number of hidden units of the network along the notes.
    n_hidden_recurrent : int
        Number of hidden units per note of the network along time.
    recurrence : {"gru", "lstm", "tanh"}
        The network along time.
    window : int
        Number of notes on each side that have a feature of their own. Further features count all sounding notes, and
        the sounding notes of each pitch class relative to the note.
    nonlinearity, learn_initial, **common
        random_state, streams, n_steps, u_init, batched, carried, params and dropout: see `build_rnnrbm`. Dropout of
        hidden units drops units of the network along time, where the network along the notes reads them.

    Returns
    -------
    SequenceGraphs
        As `build_rnn_nade` returns it. The params are those of `biaxial_cell`. Each state and each bh_t holds the
        numbers of all notes, note by note.
    """
    rest: dict[str, Any] = dict(common)
    random_state, streams = sources_of_randomness(rest.pop("random_state", None), rest.pop("streams", None))
    cell = biaxial_cell(
        n_visible,
        n_hidden,
        n_hidden_recurrent,
        random_state=random_state,
        params=rest.pop("params", None),
        recurrence=recurrence,
        nonlinearity=nonlinearity,
        window=window,
        learn_initial=learn_initial,
    )
    below = NotesBelow(notes_below(n_visible, window), cell.params[6], n_hidden)
    conditionals = Conditionals(below.logits, below.sample, below.hidden)
    graphs = nade_graphs(cell, streams=streams, conditionals=conditionals, **rest)
    return replace(graphs, mean_h=None)  # the hidden units are not probabilities
