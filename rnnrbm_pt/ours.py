"""Markers by which this package's rewrites recognise its own graphs: a base class for its Ops, and the Op `ours`.

A graph with neither marker compiles as if this package had not been imported; see `compile.rewriting.scope`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pytensor.compile.builders import OpFromGraph
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op

Shapes = list[Sequence[Variable] | None]
"""Return type of an Op's `infer_shape`: the shape of each output, or None for an output without a shape."""


class OurOp:
    """Base class of this package's Ops and scalar Ops."""


class Ours(OurOp, Op):
    """Identity Op that marks a graph as built by this package. The first rewrite removes it."""

    __props__ = ()
    view_map = {0: [0]}

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        outputs[0][0] = inputs[0]

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:  # PyTensor 3.0 passes the fgraph first, 3.3 does not
        return [fgraph_node_shapes[-1][0]]

    def pullback(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], output_gradients: Sequence[Variable]
    ) -> list[Variable]:
        return list(output_gradients)

    def pushforward(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], eval_points: Sequence[Variable]
    ) -> list[Variable]:
        return list(eval_points)


class NamedGraph(OurOp, OpFromGraph):
    """A named subgraph. A backend may replace it by its own code; otherwise the inner graph is inlined."""


def named_graph(name: str, inputs: Sequence[Variable], compute: Callable[..., Variable]) -> Any:
    """Build ``compute(*inputs)`` as a named subgraph.

    Parameters
    ----------
    name : str
        Name of the subgraph, by which backends recognise it.
    inputs : list of variables
        All variables that `compute` uses.
    compute : callable
        Builds the output variable from the inputs.

    Returns
    -------
    variable
        The output of the subgraph.
    """
    inner = [x.type() for x in inputs]
    return NamedGraph(inner, [compute(*inner)], inline=True, name=name)(*inputs)


NADE_LOGITS = "nade_logits"
"""Name of the subgraph that computes the logits of a NADE; see `graphs.nade`."""

GRADIENT = "_LOp"
"""Suffix that PyTensor appends to the name of a subgraph to name its gradient."""

MANY_THREADS = "rnnrbm_many_threads"
"""Tag of the rewrites that let Numba's threads share the frames of an operation."""

TANGENT = "_rop"
"""Suffix that PyTensor appends to the name of a subgraph to name its directional derivative."""

ours: Any = Ours()
"""``ours(x)`` equals x and lets this package's rewrites change the graph."""
