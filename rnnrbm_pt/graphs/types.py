"""Type aliases of the graphs."""

from collections.abc import Callable, Sequence

from pytensor.graph.basic import Variable
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

Params = tuple[TensorSharedVariable, ...]
"""The parameters of a model, in the tutorial's order."""
Tensors = tuple[TensorVariable, ...]
Rngs = Sequence[Variable]
"""Random generators."""
Updates = dict[Variable, Variable]
"""{random generator: next random generator}"""
Count = int | Variable
"""An int, or an integer scalar."""
InitialStates = Variable | Sequence[Variable] | Callable[[Sequence[Variable]], Sequence[Variable]] | None
"""The states before the first generated frame: one, several, or a function of the model's own."""
Objective = tuple[TensorVariable, TensorVariable, TensorVariable, Updates]
"""(v_sample, cost, monitor, updates), as `build_rbm` and `build_nade` return them."""
Generate = Callable[..., tuple[TensorVariable, Tensors, Updates]]
"""Constructs the graph that generates from a cell, as `generate_graph` does."""
SampleFrames = Callable[..., tuple[TensorVariable, TensorVariable, Variable]]
"""Draws frames, as `nade.sample_nade` does: it takes and gives the same."""
