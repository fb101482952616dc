"""The RNN-RBM: a recurrent network that sets the biases of an RBM at every time step.

    bv_t = bv + u_tm1 Wuv
    bh_t = bh + u_tm1 Wuh
    u_t  = tanh(bu + v_t Wvu + u_tm1 Wuu)

v_t is a frame, and u_t is the state of the RNN after this frame. Given the earlier frames, v_t has the distribution of
an RBM with the weights W and the biases bv_t and bh_t.

Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional sequences, ICML 2012.
An LSTM or a GRU may replace the last equation; see `graphs.lstm` and `graphs.gru`.
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.builders import sources_of_randomness
from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.dropout import Dropout
from rnnrbm_pt.graphs.parameters import shared_normal, shared_zeros
from rnnrbm_pt.graphs.recurrences import GATED, check_recurrence
from rnnrbm_pt.graphs.sequence import Carried, generate_graph, nonlinear, rbm_graphs
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Count, Generate, InitialStates, Params
from rnnrbm_pt.roles import moving_hidden, of_rbm
from rnnrbm_pt.streams.srs import RandomStreams, SameStreams


def rnnrbm_cell(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState,
    params: Params | None = None,
    W: TensorSharedVariable | None = None,
    nonlinearity: str = "tanh",
    learn_initial: bool = False,
) -> Cell:
    """The recurrence of the RNN-RBM: a simple RNN whose state sets both biases.

    Parameters
    ----------
    n_visible, n_hidden, n_hidden_recurrent : int
        Numbers of visible units, of hidden units of the conditional RBMs, and of hidden units of the RNN.
    random_state : numpy.random.RandomState
        Source of the initial parameters, which are drawn in the tutorial's order.
    params : tuple of shared variables, optional
        Parameters of another graph to share, in the order of `Cell.params`. By default, new parameters.
    W : shared matrix, shape (n_visible, n_hidden), optional
        Weights that were drawn before. Ignored if `params` is given.
    nonlinearity, learn_initial
        See `build_rnnrbm`.

    Returns
    -------
    Cell
        Its params are (W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu), followed by u0 if the initial state is learned.
    """
    f = nonlinear(nonlinearity)
    if params is None:
        if W is None:
            W = shared_normal(n_visible, n_hidden, 0.01, random_state=random_state, name="W")
        bv = shared_zeros(n_visible, name="bv")
        bh = shared_zeros(n_hidden, name="bh")
        Wuh = shared_normal(n_hidden_recurrent, n_hidden, 0.0001, random_state=random_state, name="Wuh")
        Wuv = shared_normal(n_hidden_recurrent, n_visible, 0.0001, random_state=random_state, name="Wuv")
        Wvu = shared_normal(n_visible, n_hidden_recurrent, 0.0001, random_state=random_state, name="Wvu")
        Wuu = shared_normal(n_hidden_recurrent, n_hidden_recurrent, 0.0001, random_state=random_state, name="Wuu")
        bu = shared_zeros(n_hidden_recurrent, name="bu")
        params = W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu  # the shared variables to learn
        of_rbm(W, bv, bh)
        moving_hidden(Wuh)
        if learn_initial:
            params += (shared_zeros(n_hidden_recurrent, name="u0"),)
    W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu, *learned = params

    # Sizes come from the parameters instead of being constants, so the compiled code serves models of any size.
    u0 = learned[0] if learned else pt.zeros((bu.shape[0],))
    u0.name = "u0"

    def biases(u_tm1):
        """The time-dependent biases of the RBM."""
        return bv + pt.dot(u_tm1, Wuv), bh + pt.dot(u_tm1, Wuh)  # (..., n_visible), (..., n_hidden)

    def next_state(v_t, u_tm1):
        """The state of the RNN after the frame v_t."""
        return (f(bu + pt.dot(v_t, Wvu) + pt.dot(u_tm1, Wuu)),)  # (..., n_hidden_recurrent)

    return Cell(params, biases, next_state, (u0,))


def recurrent_cell(*sizes: int, recurrence: str = "tanh", nonlinearity: str = "tanh", **settings: Any) -> Cell:
    """Make the cell of an RNN-RBM whose recurrent network is given by name.

    Parameters
    ----------
    *sizes : int
        n_visible, n_hidden and n_hidden_recurrent.
    recurrence, nonlinearity
        See `build_rnnrbm`.
    **settings
        random_state, params, W and learn_initial: see `rnnrbm_cell`.

    Returns
    -------
    Cell
    """
    check_recurrence(recurrence, nonlinearity)
    if recurrence in GATED:
        return GATED[recurrence](*sizes, **settings)
    return rnnrbm_cell(*sizes, nonlinearity=nonlinearity, **settings)


def build_rnnrbm(
    n_visible: int,
    n_hidden: int,
    n_hidden_recurrent: int,
    *,
    random_state: np.random.RandomState | None = None,
    streams: RandomStreams | SameStreams | None = None,
    k: Count = 15,
    k_generate: Count = 25,
    n_steps: Count = 200,
    u_init: InitialStates = None,
    batched: bool = False,
    carried: Carried | None = None,
    params: Params | None = None,
    recurrence: str = "tanh",
    nonlinearity: str = "tanh",
    learn_initial: bool = False,
    visible: str = "binary",
    particles: TensorVariable | None = None,
    dropout: Dropout | None = None,
    generate: Generate = generate_graph,
) -> SequenceGraphs:
    """Construct an RNN-RBM: its parameters, the training graph and the generation graph.

    Parameters
    ----------
    n_visible : int
        Number of visible units: the width of a frame.
    n_hidden : int
        Number of hidden units of the conditional RBMs.
    n_hidden_recurrent : int
        Number of hidden units of the RNN.
    random_state : numpy.random.RandomState, optional
        Source of the initial parameters. By default ``RandomState(0xbeef)``, the tutorial's seed.
    streams : RandomStreams, optional
        Source of the random streams of both graphs. By default, a `RandomStreams` whose seed is drawn from
        `random_state` before the parameters, as in the tutorial.
    k, k_generate : int or integer scalar
        Numbers of Gibbs steps in training and in generation.
    n_steps : int or integer scalar
        Number of frames to generate.
    u_init : vector, shape (n_hidden_recurrent,), optional
        State of the RNN before the first generated frame; for an LSTM, the pair u and c. By default the initial state
        of training, which is zero unless it is learned.
    batched : bool
        Whether v holds several sequences, shape (n_steps, n_sequences, n_visible), with a `mask`. The cost is then the
        mean of the costs of the sequences.
    carried : Carried, optional
        The states from which the sequences continue, for training on consecutive windows of several sequences; see
        `graphs.sequence`.
    params : tuple of shared variables, optional
        Parameters of another graph to share. By default, new parameters.
    recurrence : {"tanh", "lstm", "gru"}
        The recurrent network: the tutorial's simple RNN, an LSTM or a GRU. For an LSTM, `n_hidden_recurrent` is its
        number of cells.
    nonlinearity : {"tanh", "sigmoid", "relu"}
        Activation function of the simple RNN. The tutorial uses tanh.
    learn_initial : bool
        Whether to learn the state before the first frame, as a last parameter u0 (u0 and c0 for an LSTM). By default
        this state is zero.
    visible : {"binary", "gaussian"}
        Kind of the visible units; see `build_rbm`.
    particles : tensor like v, optional
        Where the Gibbs chains of training start, if not at the frames; see `build_rbm`.
    dropout : Dropout, optional
        Which units to drop in training; see `graphs.dropout`.
    generate : callable
        Function that constructs the generation graph; see `rbm_graphs`.

    Returns
    -------
    SequenceGraphs
        Unpacks as (v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate). The params are
        (W, bv, bh, Wuh, Wuv, Wvu, Wuu, bu), or the parameters of `lstm_cell` or `gru_cell`.

    Examples
    --------
    >>> v, v_sample, cost, monitor, params, updates_train, v_t, updates_generate = build_rnnrbm(88, 150, 100)
    >>> gradient = pt.grad(cost, params, consider_constant=[v_sample])
    """
    random_state, streams = sources_of_randomness(random_state, streams)
    cell = recurrent_cell(
        n_visible,
        n_hidden,
        n_hidden_recurrent,
        random_state=random_state,
        params=params,
        recurrence=recurrence,
        nonlinearity=nonlinearity,
        learn_initial=learn_initial,
    )
    return rbm_graphs(
        cell,
        streams=streams,
        k=k,
        k_generate=k_generate,
        n_steps=n_steps,
        u_init=u_init,
        batched=batched,
        carried=carried,
        visible=visible,
        particles=particles,
        dropout=dropout,
        generate=generate,
    )
