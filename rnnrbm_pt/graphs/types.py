"""Type aliases for the graphs."""

from collections.abc import Callable, Sequence

from pytensor.graph.basic import Variable
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

Params = tuple[TensorSharedVariable, ...]
"""The parameters of a model, in the tutorial's order."""
Tensors = tuple[TensorVariable, ...]
"""Several tensors."""
Rngs = Sequence[Variable]
"""Random generators."""
Updates = dict[Variable, Variable]
"""{random generator: next random generator}"""
Count = int | Variable
"""An int, or an integer scalar."""
InitialStates = Variable | Sequence[Variable] | Callable[[Sequence[Variable]], Sequence[Variable]] | None
"""The states before the first generated frame: one, several, or a function of the model's initial states."""
Objective = tuple[TensorVariable, TensorVariable, TensorVariable, Updates]
"""(v_sample, cost, monitor, updates), as returned by `build_rbm` and `build_nade`."""
Generate = Callable[..., tuple[TensorVariable, Tensors, Updates]]
"""A function that constructs a generation graph, such as `generate_graph`."""
SampleFrames = Callable[..., tuple[TensorVariable, TensorVariable, Variable]]
"""A function that draws frames, with the arguments and results of `nade.sample_nade`."""
