"""Makers of ``build_*`` functions: each combines random streams, a cell, and the training and generation graphs."""

from collections.abc import Callable, Collection
from typing import Any, TypedDict

import numpy as np
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.cells import Cell
from rnnrbm_pt.graphs.dropout import Dropout
from rnnrbm_pt.graphs.nade_sequence import nade_graphs
from rnnrbm_pt.graphs.sequence import Carried, rbm_graphs
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Count, Generate, InitialStates, Params
from rnnrbm_pt.streams.srs import SEED, RandomStreams, SameStreams, stream_seed

CellFunction = Callable[..., Cell]
Builder = Callable[..., SequenceGraphs]
Streams = RandomStreams | SameStreams


class NadeCommon(TypedDict, total=False):
    """Keywords of every ``build_*`` function; see `build_rnnrbm`."""

    random_state: np.random.RandomState | None
    streams: Streams | None
    n_steps: Count
    u_init: InitialStates
    batched: bool
    carried: Carried | None
    params: Params | None
    dropout: Dropout | None
    generate: Generate


class RbmCommon(NadeCommon, total=False):
    """Keywords of the ``build_*`` functions of models with RBMs; see `build_rnnrbm`."""

    k: Count
    k_generate: Count
    visible: str
    particles: TensorVariable | None


def sources_of_randomness(
    random_state: np.random.RandomState | None = None, streams: Streams | None = None
) -> tuple[np.random.RandomState, Streams]:
    """Fill in the sources of randomness as the tutorial does, in its order.

    Parameters
    ----------
    random_state : numpy.random.RandomState, optional
        Source of the initial parameters. By default ``RandomState(0xbeef)``.
    streams : RandomStreams, optional
        Source of the random streams of graphs. By default, a `RandomStreams` whose seed is the next draw of
        `random_state`.

    Returns
    -------
    random_state, streams
    """
    if random_state is None:
        random_state = np.random.RandomState(SEED)
    if streams is None:
        streams = RandomStreams(stream_seed(random_state))
    return random_state, streams


def rbm_builder(cell_function: CellFunction) -> Builder:
    """Make the ``build_*`` function of your own recurrence, whose state sets the biases of an RBM.

    Parameters
    ----------
    cell_function : callable
        ``cell_function(n_visible, ..., random_state=, params=) -> Cell``. It draws new parameters from `random_state`,
        or uses `params`. The first parameter is W, shape (n_visible, n_hidden).

    Returns
    -------
    callable
        ``build(n_visible, ..., random_state=None, streams=None, params=None, **settings) -> SequenceGraphs``. The
        settings that `rbm_graphs` knows (k, k_generate, n_steps and so on) go to `rbm_graphs`. All other settings go to
        `cell_function`.

    Examples
    --------
    >>> class GruRbm(SequenceModel):
    ...     builder = rbm_builder(gru_cell)
    """
    return _builder(cell_function, rbm_graphs, RbmCommon.__annotations__)


def nade_builder(cell_function: CellFunction) -> Builder:
    """Make the ``build_*`` function of your own recurrence, whose state sets the biases of a NADE.

    Parameters
    ----------
    cell_function : callable
        See `rbm_builder`. The first two parameters are W and V, shape (n_visible, n_hidden).

    Returns
    -------
    callable
        See `rbm_builder`; `nade_graphs` takes the place of `rbm_graphs`.
    """
    return _builder(cell_function, nade_graphs, NadeCommon.__annotations__)


def _builder(cell_function: CellFunction, graphs_function: Builder, keywords: Collection[str]) -> Builder:
    def build(
        *sizes: int,
        random_state: np.random.RandomState | None = None,
        streams: Streams | None = None,
        params: Params | None = None,
        **settings: Any,
    ) -> SequenceGraphs:
        random_state, streams = sources_of_randomness(random_state, streams)
        of_graphs = {name: settings.pop(name) for name in keywords if name in settings}
        cell = cell_function(*sizes, random_state=random_state, params=params, **settings)
        return graphs_function(cell, streams=streams, **of_graphs)

    return build
