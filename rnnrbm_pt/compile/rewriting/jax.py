"""Rewrite for JAX: Ops with the types and sizes that the graph declares, and draws from Philox streams.

Importing this module registers the rewrite with PyTensor. JAX itself is imported when a graph first needs it.
"""

from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.tensor.basic import Alloc
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import Sum

from rnnrbm_pt.compile.dispatch import register_jax
from rnnrbm_pt.compile.ops.jax import SizeElemwise, TypedAlloc, TypedSum, is_arithmetic_of_sizes
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.streams.philox4x32 import PhiloxBinomial


@node_rewriter([Sum, Alloc, Elemwise, PhiloxBinomial])
def local_for_jax(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
    """Replace PyTensor's Ops by the Ops of `compile.ops.jax`."""
    register_jax()
    op = node.op
    if type(op) is Sum:
        ours = TypedSum(op.axis, op.dtype, op.acc_dtype)
    elif type(op) is Alloc:
        ours = TypedAlloc()
    elif type(op) is Elemwise and is_arithmetic_of_sizes(node):
        ours = SizeElemwise(op.scalar_op, op.inplace_pattern, name=op.name)
    else:
        return None
    replaced = ours.make_node(*node.inputs).outputs
    copy_stack_trace(node.outputs, replaced)
    return replaced


# After all other rewrites, since they look for PyTensor's own Ops.
register("for_jax", local_for_jax, "jax", position=99)
