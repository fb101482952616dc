"""An RNN-NADE whose weights are shared by all notes: each note has a recurrent network and a NADE unit of its own, which
hear the notes around it, by their distance from it.

    u_t[n]  = RNN(around_n(v_t), u_tm1[n])                 LSTM, GRU or tanh, the same for all notes n
    bh_t[n] = bh + u_tm1[n] Wuh
    bv_t[n] = bv[n] + u_tm1[n] Wuv
    p(v_t[n] = 1 | v_t[<n]) = sigmoid(bv_t[n] + V . sigmoid(bh_t[n] + below_n(v_t) W))

Johnson, Generating polyphonic music using tied parallel networks, EvoMUSART 2017, whose TP-LSTM-NADE this resembles. A
piece that is transposed has the same likelihood, up to bv and to what happens at the ends of the range.
"""

import os
from functools import partial
from typing import Any, NamedTuple, Unpack

import numpy as np
import pytensor.tensor as pt
from pytensor import scan
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.builders import NadeCommon, nade_builder
from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.moved_biases import gate_params
from rnnrbm_pt.graphs.nade import Conditionals
from rnnrbm_pt.graphs.parameters import shared_normal, shared_zeros
from rnnrbm_pt.graphs.rbm import floored
from rnnrbm_pt.graphs.recurrences import check_recurrence
from rnnrbm_pt.graphs.relative_notes import heard, heights, notes_around, notes_below
from rnnrbm_pt.graphs.rnnrbm import recurrent_cell
from rnnrbm_pt.graphs.sequence import Carried, recurrence
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Count, Params, Tensors
from rnnrbm_pt.roles import moving_hidden, of_rbm
from rnnrbm_pt.streams.draw import bernoulli

ACT = {"sigmoid": pt.sigmoid, "tanh": pt.tanh, "relu": lambda x: pt.maximum(x, 0)}[os.environ.get("ACT", "sigmoid")]


def hidden_units(v, W, bh, below):
    """The hidden units of each note of given frames, given the notes below it."""
    rows = bh.reshape((-1, W.shape[1]))  # (n_frames n_visible, n_hidden)
    return ACT(rows + pt.dot(heard(v, below), W))


def tied_logits(v, W, V, bv, bh, *, below):
    frames = v.reshape((-1, v.shape[-1]))
    h = hidden_units(frames, W, bh, below)
    return pt.dot(h, V).reshape(frames.shape).reshape(v.shape) + bv


def sample_tied_nade(rng, n_frames, W, V, bv, bh, *, below, floor=None):
    """Draw frames, exactly, in one pass over the notes, from the lowest."""
    n_visible = len(below)
    bv = pt.zeros((n_frames, 1), dtype=bv.dtype) + bv
    bh = pt.zeros((n_frames, 1), dtype=bh.dtype) + bh
    bh = bh.reshape((n_frames, n_visible, W.shape[1]))
    table = pt.constant(below.transpose(1, 0, 2).astype(W.dtype))  # (note, heard note, n_features)
    places = pt.constant(np.eye(n_visible, dtype=W.dtype))

    def note(table_n, place_n, bv_n, bh_n, drawn, rng, W, V, *floor):
        h = ACT(bh_n + pt.dot(pt.dot(drawn, table_n), W))
        p = pt.sigmoid(bv_n + pt.dot(h, V)[:, 0])
        next_rng, v_n = bernoulli(rng, p)
        v_n = floored(v_n, p, *floor) if floor else v_n
        return p, drawn + v_n[:, None] * place_n, next_rng

    mean_v, drawn, next_rng = scan(
        note,
        sequences=[table, places, bv.T, bh.dimshuffle(1, 0, 2)],
        outputs_info=[None, pt.zeros_like(bv), rng],
        non_sequences=[W, V] + ([] if floor is None else [floor]),
        strict=True,
        return_updates=False,
        n_steps=n_visible,
        name="tied_nade_sample",
    )
    return drawn[-1], mean_v.T, next_rng


def glorot(rows, cols, name, random_state):
    scale = np.sqrt(2 / (rows + cols))
    return shared_normal(rows, cols, scale, random_state=random_state, name=name)


def tied_nade_cell(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    params: Params | None = None,
    recurrence: str = "gru",
    nonlinearity: str = "tanh",
    window: int = 12,
    n_heights: int = 4,
    learn_initial: bool = False,
) -> Cell:
    check_recurrence(recurrence, nonlinearity)
    around, below = notes_around(n_visible, window), notes_below(n_visible, window)
    n_heard = around.shape[2] + n_heights
    if params is None:
        W = glorot(below.shape[2], n_hidden, "W", random_state)
        V = glorot(n_hidden, 1, "V", random_state)
        bv, bh = shared_zeros(n_visible, name="bv"), shared_zeros(n_hidden, name="bh")
        Wuh = glorot(n_hidden_recurrent, n_hidden, "Wuh", random_state)
        Wuv = glorot(n_hidden_recurrent, 1, "Wuv", random_state)
        params = W, V, bv, bh, Wuh, Wuv
        of_rbm(W, V, bv, bh)
        moving_hidden(Wuh)
        gates = {"lstm": "ifog", "gru": "zrg", "tanh": "u"}[recurrence]
        for gate in gates:
            names = gate_params(gate, n_heard, n_hidden_recurrent, random_state=random_state, bias=float(gate == "f"))
            params += names
        if learn_initial:
            params += (shared_zeros(n_hidden_recurrent, name="u0"),)
            if recurrence == "lstm":
                params += (shared_zeros(n_hidden_recurrent, name="c0"),)
    W, V, bv, bh, Wuh, Wuv, *of_rnn = params
    of_note = recurrent_cell(
        n_heard,
        n_hidden,
        n_hidden_recurrent,
        random_state=random_state,
        params=(W, bv, bh, Wuh, Wuv, *of_rnn),
        recurrence=recurrence,
        nonlinearity=nonlinearity,
        learn_initial=learn_initial,
    )

    def biases_of_note(u_tm1, *_):
        return pt.dot(u_tm1, Wuv), bh + pt.dot(u_tm1, Wuh)

    of_note = of_note._replace(biases=biases_of_note)
    where = pt.constant(heights(n_visible, n_heights).astype(W.dtype))

    def features(v):  # v matrix
        x = heard(v, around)
        if n_heights:
            at = pt.zeros((v.shape[0], 1, 1), dtype=v.dtype) + where
            x = pt.concatenate([x, at.reshape((v.shape[0] * n_visible, n_heights))], axis=1)
        return x

    def by_note(state):
        return state.reshape((-1, n_hidden_recurrent))

    def biases(*state):
        moved, bh_t = biases_of_note(*map(by_note, state))
        lead = [state[0].shape[i] for i in range(state[0].type.ndim - 1)]
        return bv + moved.reshape((*lead, n_visible)), bh_t.reshape((*lead, n_visible * n_hidden))

    def next_state(v_t, *state):
        after = of_note.next_state(features(v_t.reshape((-1, n_visible))), *map(by_note, state))
        return tuple(u.reshape(s.shape) for u, s in zip(after, state, strict=True))

    def over_frames(v, carried):
        lead = [v.shape[i] for i in range(v.type.ndim - 1)]
        n_steps = v.shape[0]
        rows = v.reshape((-1, n_visible))
        x = features(rows).reshape((n_steps, -1, n_heard))
        if carried is not None:
            carried = Carried(pt.repeat(carried.fresh, n_visible), [by_note(state) for state in carried.states])
        states, moved, bh_t = recurrence_(of_note, x, carried)
        states = tuple(state.reshape((*lead, n_visible * n_hidden_recurrent)) for state in states)
        bv_t = bv + moved.reshape((*lead, n_visible))
        return states, bv_t, bh_t.reshape((*lead, n_visible * n_hidden))

    initial = tuple(pt.tile(state, n_visible) for state in of_note.initial)
    return Cell(params, biases, next_state, initial, of_note.constants, over_frames)


recurrence_ = recurrence


def build_tied_nade(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    recurrence: str = "gru",
    nonlinearity: str = "tanh",
    learn_initial: bool = False,
    window: int = 12,
    n_heights: int = 4,
    **common: Unpack[NadeCommon],
) -> SequenceGraphs:
    below = notes_below(n_visible, window)

    def mean_h(v, W, bh):
        h = hidden_units(v.reshape((-1, n_visible)), W, bh, below)
        return h.reshape(bh.shape)

    conditionals = Conditionals(partial(tied_logits, below=below), partial(sample_tied_nade, below=below), mean_h)
    settings = {"recurrence": recurrence, "nonlinearity": nonlinearity, "learn_initial": learn_initial}
    settings |= {"window": window, "n_heights": n_heights, "conditionals": conditionals}
    return nade_builder(tied_nade_cell)(n_visible, n_hidden, n_hidden_recurrent, **settings, **common)
