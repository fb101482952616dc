"""Rewrite of the sampling of a layer to one operation, for the Numba backend.

A graph samples a layer of an RBM with a product, a sigmoid, a uniform draw and a comparison. Other backends compile
these four operations. On Numba, `SampleUnits` does all four in one loop, and draws the same bits from the same stream.
Importing this module registers the rewrite with PyTensor's Numba mode.

`dispatch.numba.rows` explains why the exact bit is cheap.
"""

import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.scalar.basic import Add, Cast, ScalarOp
from pytensor.scalar.math import Sigmoid
from pytensor.tensor.basic import get_underlying_scalar_constant_value
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot
from pytensor.tensor.random.basic import UniformRV

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.compile.ops.bernoulli import SingleTrial
from rnnrbm_pt.compile.ops.layer import SampleUnits
from rnnrbm_pt.compile.rewriting.scope import register

Layer = tuple[Variable, Variable, Variable, bool]
"""x, W, b and is_row: whether the probabilities are a vector, the only row of sigmoid(x W + b)."""


def _is_uniform(variable: Variable) -> bool:
    """Whether a variable is a draw from uniform(0, 1)."""
    if variable.owner is None or not isinstance(variable.owner.op, UniformRV):
        return False
    low, high = variable.owner.inputs[2:]
    return all(
        get_underlying_scalar_constant_value(bound, raise_not_constant=False) == value
        for bound, value in ((low, 0), (high, 1))
    )


def is_elemwise(variable: Variable, scalar_op: type[ScalarOp]) -> bool:
    """Whether a variable is the output of an elementwise operation of the given kind."""
    return (
        variable.owner is not None
        and isinstance(variable.owner.op, Elemwise)
        and isinstance(variable.owner.op.scalar_op, scalar_op)
    )


def _product_of(variable: Variable) -> tuple[Variable, Variable, bool] | None:
    """The two factors of a product, and whether the variable is its only row; None for other variables."""
    if variable.owner is None:
        return None
    if isinstance(variable.owner.op, Dot):
        return *variable.owner.inputs, False
    drops_row = isinstance(variable.owner.op, DimShuffle) and variable.owner.op.new_order == (1,)
    inner = variable.owner.inputs[0]
    if drops_row and inner.owner is not None and isinstance(inner.owner.op, Dot):
        return *inner.owner.inputs, True
    return None


def vector_of(row: Variable) -> Variable:
    """The vector from which a matrix of one row was made; for other variables, the variable itself."""
    if row.owner is not None and isinstance(row.owner.op, DimShuffle) and row.owner.op.new_order == ("x", 0):
        return row.owner.inputs[0]
    return row


def layer_of(p: Variable) -> Layer | None:
    """x, W, b and is_row if p is sigmoid(x W + b) or its only row; None for other variables."""
    if not is_elemwise(p, Sigmoid) or not is_elemwise(p.owner.inputs[0], Add):
        return None
    terms = p.owner.inputs[0].owner.inputs
    products = [(i, found) for i, term in enumerate(terms) if (found := _product_of(term)) is not None]
    if not products:
        return None
    i, (x, W, is_row) = products[0]
    rest = [term for j, term in enumerate(terms) if j != i]
    b = rest[0] if len(rest) == 1 else pt.add(*rest)
    if is_row:
        b = pt.expand_dims(b, 0)
    dtype = p.type.dtype
    if b.type.ndim != 2 or {x.type.dtype, W.type.dtype, b.type.dtype} != {dtype} or dtype not in ("float32", "float64"):
        return None
    if (x.type.shape[0] == 1 and b.type.shape[0] != 1) or (W.type.shape[1] == 1) != (b.type.shape[1] == 1):
        return None  # the biases have neither as many rows as the product nor one row
    return x, W, b, is_row


def sampled(op: SampleUnits, stream: Variable, layer: Layer, like: Variable) -> list[Variable]:
    """The next stream and the bits of a layer that `layer_of` found. The bits will replace the variable `like`."""
    x, W, b, is_row = layer
    next_stream, bits = op.make_node(stream, x, W, b).outputs
    if is_row:
        bits = pt.as_tensor(bits)[0]
    copy_stack_trace(like, bits)
    return [next_stream, bits]


@node_rewriter([Elemwise])
def local_sample_units(fgraph: FunctionGraph, node: Apply[Elemwise]) -> dict[Variable, Variable] | None:
    """Replace cast(single_trial(uniform, sigmoid(x W + b))) by `SampleUnits`."""
    if not isinstance(node.op.scalar_op, Cast) or not is_elemwise(node.inputs[0], SingleTrial):
        return None
    bit = node.inputs[0]
    u, p = bit.owner.inputs
    draw = vector_of(u)  # PyTensor has already turned a vector of bits that enters a product into a row
    if not _is_uniform(draw) or any(len(fgraph.clients[x]) != 1 for x in (draw, u, bit)):
        return None
    layer = layer_of(p)
    if layer is None or p.type.dtype != node.outputs[0].type.dtype:
        return None
    if u.type.broadcastable != p.type.broadcastable:
        return None  # several draws for one probability
    register_numba()
    next_rng, bits = sampled(SampleUnits(), draw.owner.inputs[0], layer, node.outputs[0])
    return {draw.owner.outputs[0]: next_rng, node.outputs[0]: bits}


# Before the rewrites of products (48.7) and the fusion of elementwise operations (49).
register("sample_units", local_sample_units, "numba", position=48.6)
