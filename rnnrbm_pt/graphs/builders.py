"""``build_*`` functions of sequence models: random streams, a cell, and the two graphs around it."""

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
    """Keywords that every ``build_*`` function takes; `build_rnnrbm` describes them."""

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
    """Keywords of the ``build_*`` functions of models with RBMs; `build_rnnrbm` describes them."""

    k: Count
    k_generate: Count
    visible: str
    particles: TensorVariable | None


def sources_of_randomness(
    random_state: np.random.RandomState | None = None, streams: Streams | None = None
) -> tuple[np.random.RandomState, Streams]:
    """What parameters and graphs are drawn from where the caller does not say: the tutorial's, in its order.

    Parameters
    ----------
    random_state : numpy.random.RandomState, optional
        Without it ``RandomState(0xbeef)``.
    streams : RandomStreams, optional
        Without it, those whose seed is the next draw of `random_state`.

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
    """Make the ``build_*`` function of a recurrence of your own, whose state moves the biases of an RBM.

    Parameters
    ----------
    cell_function : callable
        cell_function(n_visible, ..., random_state=, params=) -> Cell: makes its parameters from `random_state`, or uses
        those that are given. The first is W, shape (n_visible, n_hidden).

    Returns
    -------
    callable
        build(n_visible, ..., random_state=None, streams=None, params=None, **settings) -> SequenceGraphs. What
        `rbm_graphs` takes (k, k_generate, n_steps and so on) goes there; all else goes to `cell_function`.

    Examples
    --------
    >>> class GruRbm(SequenceModel):
    ...     builder = rbm_builder(gru_cell)
    """
    return _builder(cell_function, rbm_graphs, RbmCommon.__annotations__)


def nade_builder(cell_function: CellFunction) -> Builder:
    """Make the ``build_*`` function of a recurrence of your own, whose state moves the biases of a NADE.

    Parameters
    ----------
    cell_function : callable
        As for `rbm_builder`. The first two of its parameters are W and V, shape (n_visible, n_hidden).

    Returns
    -------
    callable
        As for `rbm_builder`, with the keywords of `nade_graphs`.
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
