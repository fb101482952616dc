"""By what the rewrites of this package know its own graphs: the base of its Ops, and a mark.

See `compile.rewriting.scope`: a graph that holds neither compiles as if this package had not been imported.
"""

from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op


class OurOp:
    """Base of the Ops, and scalar Ops, of this package."""


class Ours(OurOp, Op):
    """The input itself: a mark that says that this package wrote the graph. The first rewrite takes it out."""

    __props__ = ()
    view_map = {0: [0]}

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = inputs[0]

    def infer_shape(self, *fgraph_node_shapes):  # PyTensor 3.0 gives the fgraph, 3.3 does not
        return [fgraph_node_shapes[-1][0]]

    def L_op(self, inputs, outputs, output_gradients):
        return list(output_gradients)

    def R_op(self, inputs, eval_points):
        return [DisconnectedType()() if point is None else point for point in eval_points]


ours = Ours()
"""ours(x): x, in a graph that the rewrites of this package may change."""
