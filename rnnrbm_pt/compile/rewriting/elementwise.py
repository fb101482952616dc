"""Rewrites of sigmoid, softplus and tanh to vectorisable forms, for the Numba backend.

Importing this module registers the rewrites with PyTensor's Numba mode. `dispatch.numba.elementwise` has the code and
describes its accuracy.
"""

from collections.abc import Sequence
from itertools import permutations

from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.scalar.basic import Add, Composite, Mul, Neg, ScalarOp, Sub, Tanh
from pytensor.scalar.math import Sigmoid, Softplus
from pytensor.tensor.basic import Split, get_underlying_scalar_constant_value
from pytensor.tensor.elemwise import Elemwise

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.compile.ops.elementwise import InlinedComposite, VectorSigmoid, VectorSoftplus, VectorTanh, cross_entropy
from rnnrbm_pt.compile.ops.products import InOrder
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.ours import OurOp

FLOATS = "float64", "float32"

VECTORISED = {Sigmoid: VectorSigmoid, Softplus: VectorSoftplus, Tanh: VectorTanh}
"""PyTensor's functions and their vectorisable forms."""


@node_rewriter([Elemwise])
def local_vectorised(fgraph: FunctionGraph, node: Apply[Elemwise]) -> list[Variable] | None:
    """Replace elementwise functions by their vectorisable forms."""
    scalar_op = node.op.scalar_op
    (x, *others), y = node.inputs, node.outputs[0]
    if type(scalar_op) not in VECTORISED or others or x.type.dtype != y.type.dtype:
        return None
    if x.type.dtype not in FLOATS:
        return None
    register_numba()
    vectorised = VECTORISED[type(scalar_op)](scalar_op.output_types_preference, name=scalar_op.name)
    replacement = Elemwise(vectorised, node.op.inplace_pattern).make_node(x).outputs
    copy_stack_trace(y, replacement)
    return replacement


def _terms(x: Variable, scalar_op: type[ScalarOp]) -> Sequence[Variable]:
    """The two operands of an elementwise operation; empty for other variables."""
    if x.owner is None or not isinstance(x.owner.op, Elemwise) or type(x.owner.op.scalar_op) is not scalar_op:
        return ()
    return x.owner.inputs if len(x.owner.inputs) == 2 else ()


def _weighted_softplus(x: Variable) -> tuple[Variable, Variable] | None:
    """v and y if x is v softplus(y); None for other variables."""
    for v, function in permutations(_terms(x, Mul), 2):
        if function.owner and isinstance(function.owner.op, Elemwise):
            if type(function.owner.op.scalar_op) is Softplus:
                return v, function.owner.inputs[0]
    return None


@node_rewriter([Elemwise])
def local_cross_entropy(fgraph: FunctionGraph, node: Apply[Elemwise]) -> list[Variable] | None:
    """Replace v softplus(-x) + (1 - v) softplus(x) by `CrossEntropy`, with one exponential and logarithm, not two."""
    for first, second in permutations(_terms(node.outputs[0], Add), 2):
        if not (weighted := _weighted_softplus(first)) or not (others := _weighted_softplus(second)):
            continue
        (v, minus_x), (rest, x) = weighted, others
        negative = minus_x.owner is not None and isinstance(minus_x.owner.op, Elemwise)
        if not negative or type(minus_x.owner.op.scalar_op) is not Neg or minus_x.owner.inputs[0] is not x:
            continue
        one_and_v = _terms(rest, Sub)
        if not one_and_v or one_and_v[1] is not v:
            continue
        if get_underlying_scalar_constant_value(one_and_v[0], raise_not_constant=False) != 1:
            continue
        if len({v.type.dtype, x.type.dtype, node.outputs[0].type.dtype}) > 1 or x.type.dtype not in FLOATS:
            continue
        register_numba()
        replacement = Elemwise(cross_entropy).make_node(v, x).outputs
        copy_stack_trace(node.outputs, replacement)
        return replacement
    return None


@node_rewriter([Elemwise])
def local_parts_in_order(fgraph: FunctionGraph, node: Apply[Elemwise]) -> list[Variable] | None:
    """Copy the parts of a split array to contiguous memory before elementwise operations read them.

    LLVM cannot vectorise reads from memory that Numba considers strided. Also, an operation that works in place on a
    part, such as the update of a parameter, would change its memory layout. Numba would then compile everything again.
    """
    if not any(x.owner and isinstance(x.owner.op, Split) for x in node.inputs):
        return None
    register_numba()
    inputs = [InOrder().make_node(x).out if x.owner and isinstance(x.owner.op, Split) else x for x in node.inputs]
    replacement = node.op.make_node(*inputs).outputs
    copy_stack_trace(node.outputs, replacement)
    return replacement


@node_rewriter([Elemwise])
def local_inlined_composite(fgraph: FunctionGraph, node: Apply[Elemwise]) -> list[Variable] | None:
    """Inline a fused elementwise operation into its loop, if it contains functions of this package."""
    scalar_op = node.op.scalar_op
    if type(scalar_op) is not Composite or not any(
        isinstance(inner.op, OurOp) for inner in scalar_op.fgraph.apply_nodes
    ):
        return None
    inlined = InlinedComposite(scalar_op.inputs, scalar_op.outputs)
    replacement = Elemwise(inlined, node.op.inplace_pattern).make_node(*node.inputs).outputs
    copy_stack_trace(node.outputs, replacement)
    return replacement


register("cross_entropy", local_cross_entropy, "numba", position=48.75)

# After the rewrites of layers (48.6), which look for a sigmoid, and before the fusion of elementwise operations (49).
register("vectorised", local_vectorised, "numba", position=48.8)

# After the fusion of elementwise operations (49), and after they are made to work in place (50.5).
register("parts_in_order", local_parts_in_order, "numba", position=98)
register("inlined_composite", local_inlined_composite, "numba", position=99)
