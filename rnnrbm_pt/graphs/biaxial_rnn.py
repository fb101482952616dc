"""The biaxial RNN: a recurrent network along time and another along the notes, with weights that all notes share.

The network along time is that of `graphs.tied`: every note has its own state, which sets its biases. The second network
runs through the notes of a frame, from the lowest to the highest, and gives the probability of each note.

    h_t[n] = GRU(bh_t[n] + below_n(v_t) W, h_t[n - 1])
    p(v_t[n] = 1 | v_t[<n], v_1 ... v_tm1) = sigmoid(bv_t[n] + h_t[n] V)

below_n(v_t) are the notes below n, by their distance from it, and bh_t[n] has one number for each sum of the GRU.

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
from rnnrbm_pt.graphs.nade import Conditionals
from rnnrbm_pt.graphs.nade_sequence import nade_graphs
from rnnrbm_pt.graphs.parameters import shared_glorot, shared_zeros
from rnnrbm_pt.graphs.rbm import floored
from rnnrbm_pt.graphs.relative_notes import heard, next_below, notes_below, shared_table
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.tied import WINDOW, TiedRnn, for_all_notes, leading
from rnnrbm_pt.graphs.types import Count, Params
from rnnrbm_pt.ours import ours
from rnnrbm_pt.streams.draw import bernoulli

N_GATES = 3
"""Number of sums in the GRU along the notes: the update gate z, the reset gate r and the new state g."""


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


class NotesBelow(NamedTuple):
    """The network along the notes: it gives the conditional probability of each note, and draws frames."""

    table: TensorVariable
    """Which features each note reads from the notes below it: `relative_notes.notes_below` as a shared table."""
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
        n_visible, n = self.table.type.shape[0], self.n_hidden
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
        n_visible, n = self.table.type.shape[0], self.n_hidden
        bv, bh = (pt.zeros((n_frames, 1), dtype=b.dtype) + b for b in (bv, bh))
        bh = bh.reshape((n_frames, n_visible, N_GATES * n)).dimshuffle(1, 0, 2)
        n_features = self.table.type.shape[2]
        shift, itself = (pt.constant(x.astype(W.dtype)) for x in next_below(n_features - notes_below(1, 0).shape[2]))

        def note(
            bv_n: TensorVariable,
            bh_n: TensorVariable,
            h: TensorVariable,
            features: TensorVariable,
            rng: Variable,
            W: TensorVariable,
            V: TensorVariable,
            Whh: TensorVariable,
            *floor: TensorVariable,
        ) -> tuple[Variable, ...]:
            h = next_note(bh_n + pt.dot(features, W), h, Whh, n)
            p = pt.sigmoid(bv_n + pt.dot(h, V)[:, 0])
            next_rng, v_n = bernoulli(rng, p)
            v_n = floored(v_n, p, *floor) if floor else v_n
            return v_n, p, h, pt.dot(features, shift) + v_n[:, None] * itself, next_rng

        v, mean_v, _, _, next_rng = scan(
            note,
            sequences=[bv.T, bh],
            outputs_info=[None, None, pt.zeros((n_frames, n)), pt.zeros((n_frames, n_features)), rng],
            non_sequences=[W, V, self.Whh] + ([] if floor is None else [floor]),
            strict=True,
            return_updates=False,
            name="notes_sample",
        )
        return v.T, mean_v.T, next_rng


def shape_of_w(n_hidden: int, window: int) -> tuple[int, int]:
    """The shape of W: features of the notes below a note by sums of the network along the notes."""
    return notes_below(1, window).shape[2], N_GATES * n_hidden


def sizes_of_w(shape: tuple[int, ...]) -> dict[str, int]:
    """The sizes n_hidden and window of a model, given the shape of its W: the inverse of `shape_of_w`."""
    return {"n_hidden": shape[1] // N_GATES, "window": shape[0] - notes_below(1, 0).shape[2]}


def biaxial_params(n_hidden: int, along_time: TiedRnn, random_state: np.random.RandomState) -> Params:
    """Make new parameters of the two networks.

    Parameters
    ----------
    n_hidden : int
        Number of hidden units of the network along the notes.
    along_time : TiedRnn
    random_state : numpy.random.RandomState
        Source of the weights.

    Returns
    -------
    tuple of shared variables
        W, V, bv, bh, Wuh, Wuv, Whh, and those of the network along time.
    """
    n, n_sums = along_time.n_hidden_recurrent, N_GATES * n_hidden
    return (
        shared_glorot(*shape_of_w(n_hidden, along_time.window), random_state=random_state, name="W"),
        shared_glorot(n_hidden, 1, random_state=random_state, name="V"),
        shared_zeros(along_time.n_visible, name="bv"),
        shared_zeros(n_sums, name="bh"),
        shared_glorot(n, n_sums, random_state=random_state, name="Wuh"),
        shared_glorot(n, 1, random_state=random_state, name="Wuv"),
        shared_glorot(n_hidden, n_sums, random_state=random_state, name="Whh"),
        *along_time.params(random_state),
    )


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
        As `build_rnn_nade` returns it. The params are those of `biaxial_params`. Each state and each bh_t holds the
        numbers of all notes, note by note.
    """
    rest: dict[str, Any] = dict(common)
    random_state, streams = sources_of_randomness(rest.pop("random_state", None), rest.pop("streams", None))
    along_time = TiedRnn(n_visible, n_hidden_recurrent, recurrence, nonlinearity, window, learn_initial)
    params = rest.pop("params", None) or biaxial_params(n_hidden, along_time, random_state)
    _, _, _, bh, _, _, Whh, *_ = params
    cell = along_time.cell(params, for_all_notes(bh, n_visible), random_state)
    below = NotesBelow(shared_table(notes_below(n_visible, window)), Whh, n_hidden)
    conditionals = Conditionals(below.logits, below.sample, below.hidden)
    graphs = nade_graphs(cell, streams=streams, conditionals=conditionals, **rest)
    return replace(graphs, mean_h=None)  # the hidden units are not probabilities
