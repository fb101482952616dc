"""How the rewrites of this package recognise its own graphs: the base of its Ops, and a mark.

See `compile.rewriting.scope`: a graph that holds neither compiles as if this package had not been imported.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pytensor.compile.builders import OpFromGraph
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op

Shapes = list[Sequence[Variable] | None]
"""What `infer_shape` of an Op returns: the shape of each output, None for an output that has no shape."""


class OurOp:
    """Base of the Ops, and scalar Ops, of this package."""


class Ours(OurOp, Op):
    """The input itself: a mark that says that this package wrote the graph. The first rewrite takes it out."""

    __props__ = ()
    view_map = {0: [0]}

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        outputs[0][0] = inputs[0]

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:  # PyTensor 3.0 gives the fgraph, 3.3 does not
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
    """A piece of a graph that a backend may have code of its own for, by its name; elsewhere it is its inner graph."""


def named_graph(name: str, inputs: Sequence[Variable], compute: Callable[..., Variable]) -> Any:
    """compute(*inputs), as a piece of a graph with a name.

    Parameters
    ----------
    name : str
    inputs : list of variables
        Everything that `compute` uses.
    compute : callable

    Returns
    -------
    variable
    """
    inner = [x.type() for x in inputs]
    return NamedGraph(inner, [compute(*inner)], inline=True, name=name)(*inputs)


NADE_LOGITS = "nade_logits"
"""Name of the graph of a NADE's logits; see `graphs.nade`."""

GRADIENT = "_LOp"
"""What PyTensor adds to the name of a graph for that of its gradient."""

TANGENT = "_rop"
"""What PyTensor adds to the name of a graph for that of its derivative along a direction."""

ours: Any = Ours()
"""ours(x): x, in a graph that the rewrites of this package may change."""
