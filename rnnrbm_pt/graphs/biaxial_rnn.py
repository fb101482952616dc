"""A recurrent network along time and one along the notes of each frame, whose weights all notes share.

Each note has a network along time of its own, which hears the notes around it, by their distance from it. A second
network goes through the notes of a frame from the lowest to the highest, and says whether each of them sounds.

    u_t[n]  = RNN(around_n(v_t), u_tm1[n])               along time: GRU, LSTM or tanh
    bh_t[n] = bh + u_tm1[n] Wuh
    bv_t[n] = bv[n] + u_tm1[n] Wuv
    h_t[n]  = GRU(bh_t[n] + below_n(v_t) W, h_t[n - 1])  along the notes
    p(v_t[n] = 1 | v_t[<n], v_1 ... v_tm1) = sigmoid(bv_t[n] + h_t[n] V)

The model is the BALSTM of Johnson, Generating polyphonic music using tied parallel networks, EvoMUSART 2017. It differs
in the GRU and in what a note hears. The weights do not depend on n, so a piece that is transposed has the same
likelihood, up to bv and to what the ends of the range change. The likelihood, its gradient and samples are exact, as a
NADE's are.
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
"""Sums of the GRU along the notes: of the update gate z, of the reset gate r, and of the new state g."""

WINDOW = 12
"""How many notes on each side a note hears one by one: an octave."""

GATES = {"gru": dict.fromkeys("zrg", 0.0), "lstm": {"i": 0.0, "f": FORGET_BIAS, "o": 0.0, "g": 0.0}, "tanh": {"u": 0.0}}
"""Letters of the gates of each network along time, with which the names of their parameters end; and their biases."""

STATES = {"gru": ("u0",), "lstm": ("u0", "c0"), "tanh": ("u0",)}
"""Names of the initial states of each network along time, where they are learned."""


def next_note(x_n: TensorVariable, h: TensorVariable, Whh: TensorVariable, n: int) -> TensorVariable:
    """The state of the GRU along the notes after one more note; the equations are those of `graphs.gru`.

    Parameters
    ----------
    x_n : matrix, shape (n_frames, 3 n_hidden)
        What the note adds to the sums of z, r and g.
    h : matrix, shape (n_frames, n_hidden)
        The state after the note below.
    Whh : matrix, shape (n_hidden, 3 n_hidden)
    n : int
        Number of hidden units. A Gauss-Newton product cannot be had where it is asked of the parameters.

    Returns
    -------
    matrix like h
    """
    z, r = pt.split(pt.sigmoid(x_n[:, : 2 * n] + pt.dot(h, Whh[:, : 2 * n])), [n, n], axis=-1)
    g = pt.tanh(x_n[:, 2 * n :] + pt.dot(r * h, Whh[:, 2 * n :]))
    return z * h + (1 - z) * g


def leading(x: TensorVariable) -> list[TensorVariable]:
    """The lengths of all axes but the last."""
    return [x.shape[i] for i in range(x.type.ndim - 1)]


class NotesBelow(NamedTuple):
    """The network along the notes: the conditional probabilities of a frame's notes, and samples of them."""

    table: np.ndarray
    """What each note hears of the notes below it; see `relative_notes.notes_below`."""
    Whh: TensorVariable
    """Matrix (n_hidden, 3 n_hidden): from the state after one note to the sums of the next."""
    n_hidden: int

    def hidden(self, v: TensorVariable, W: TensorVariable, bh: TensorVariable) -> TensorVariable:
        """The states of the network for given frames.

        Parameters
        ----------
        v : tensor, shape (..., n_visible)
        W : matrix, shape (n_features, 3 n_hidden)
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
        """The logit of each note of given frames, given the notes below it: what `nade.nade_logits` is to a NADE.

        Parameters
        ----------
        v, bv : tensors, shape (..., n_visible)
        W, bh
            As `hidden` takes them.
        V : matrix, shape (n_hidden, 1)

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
        """Draw frames, exactly, in one pass over the notes: what `nade.sample_nade` is to a NADE.

        Parameters
        ----------
        rng, n_frames, floor
            As `sample_nade` takes them.
        W, V, bv, bh
            As `logits` takes them; the biases are vectors, or matrices with a row a frame.

        Returns
        -------
        v, mean_v, next_rng
            As `sample_nade` gives them.
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
    """The shape of W: what a note hears of those below it, and the sums of the network along the notes."""
    return notes_below(1, window).shape[2], N_GATES * n_hidden


def sizes_of_w(shape: tuple[int, ...]) -> dict[str, int]:
    """The sizes of a model whose W has this shape; `shape_of_w` the other way round."""
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
    """New parameters of the two networks.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, recurrence, window, learn_initial
        As `biaxial_cell` takes them.

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
    """The networks along time of all notes as one recurrence, whose state moves the biases of the one along the notes.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent, random_state, params, recurrence, nonlinearity, window, learn_initial
        As `build_biaxial_rnn` takes them.

    Returns
    -------
    Cell
        Its params are (W, V, bv, bh, Wuh, Wuv, Whh), then those of the network along time, then u0 (and c0) if learned.
        Its states are vectors of n_visible n_hidden_recurrent numbers, note by note.
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
    )._replace(biases=lambda u_tm1, *_: (u_tm1, u_tm1))  # all products with the states at once, after the scan

    def by_note(x: Variable) -> TensorVariable:
        """A row for each note of each frame."""
        return pt.as_tensor(x).reshape((-1, n_hidden_recurrent))

    def by_frame(x: TensorVariable, n: int, like: TensorVariable) -> TensorVariable:
        """The first axes of `like`, then n numbers of each note."""
        return x.reshape((*leading(like), n_visible * n))

    def biases_like(like: TensorVariable, u: TensorVariable) -> Tensors:
        """The biases of the notes, and those of the sums of the network along the notes, from a row for each note."""
        return bv + by_frame(pt.dot(u, Wuv), 1, like), by_frame(bh + pt.dot(u, Wuh), N_GATES * n_hidden, like)

    def biases(u_tm1: TensorVariable, *_: TensorVariable) -> Tensors:
        """The same of one step, where the states have as many axes as a frame."""
        return biases_like(u_tm1, by_note(u_tm1))

    def next_state(v_t: TensorVariable, *state: TensorVariable) -> Tensors:
        """The states of the networks of all notes after v_t."""
        x = heard(v_t.reshape((-1, n_visible)), around)
        after = of_note.next_state(x, *map(by_note, state))
        return tuple(by_frame(u, n_hidden_recurrent, like) for u, like in zip(after, state, strict=True))

    def over_frames(v: TensorVariable, carried: Carried | None, dropout: Dropout | None) -> OverFrames:
        """The same over given frames: each note of each sequence is a sequence of what it hears."""
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
    """Construct a biaxial RNN: its parameters, the graph that trains it and the graph that generates from it.

    Parameters
    ----------
    n_visible : int
        Number of notes: the width of a frame.
    n_hidden : int
        Number of hidden units of the network along the notes.
    n_hidden_recurrent : int
        Number of hidden units of the network along time, of each note.
    recurrence : {"gru", "lstm", "tanh"}
        The network along time.
    window : int
        How many notes on each side a note hears one by one. Of all notes it hears how many sound, and how many of each
        pitch class, by its distance from the note.
    nonlinearity, learn_initial, **common
        As `build_rnnrbm` takes them: random_state, streams, n_steps, u_init, batched,
        carried, params, dropout. Dropout of hidden units concerns those of the network along time, as the network along
        the notes reads them.

    Returns
    -------
    SequenceGraphs
        As `build_rnn_nade` returns them. Its params are those of `biaxial_cell`, and each state and each bh_t has the
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
    return replace(graphs, mean_h=None)  # its hidden units are no probabilities
