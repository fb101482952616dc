"""Type aliases of the models."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.training.loop import Record

Model = Any
"""A `SequenceModel`. The module that defines it imports those that use this name."""
Shared = Any
"""A shared variable with a name. PyTensor's own type has names that may be None."""
Rolls = Sequence[np.ndarray]
"""Sequences, shape (n_steps, n_visible) each."""
Arrays = dict[str, np.ndarray]
"""Arrays by the names that files have for them."""
Build = Callable[..., SequenceGraphs]
"""build(**settings): further graphs of a model; see `SequenceModel.build`."""
OnUpdate = Callable[[int, int], object] | None
OnEpoch = Callable[[Record], object] | None
