"""Type aliases of the models."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.training.loop import Record

Model = Any
"""A `SequenceModel`. Importing the class here would be circular."""
Shared = Any
"""A named shared variable. The name of PyTensor's own type may be None."""
Rolls = Sequence[np.ndarray]
"""Sequences of frames, each of shape (n_steps, n_visible)."""
Arrays = dict[str, np.ndarray]
"""Arrays, by the names that files use."""
Build = Callable[..., SequenceGraphs]
"""build(**settings) makes further graphs of a model; see `SequenceModel.build`."""
OnUpdate = Callable[[int, int], object] | None
OnEpoch = Callable[[Record], object] | None
