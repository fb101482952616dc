"""Rewrites of matrix products to cheaper operations, for the Numba backend.

Importing this module registers the rewrites with PyTensor's Numba mode.
"""

from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.math import Dot

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.compile.ops.products import InOrder, OnlyRow, Product
from rnnrbm_pt.compile.rewriting.scope import register


@node_rewriter([Dot])
def local_product(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
    """Replace a product of two float matrices of one dtype by `Product`."""
    x, y = node.inputs
    if x.type.dtype != y.type.dtype or x.type.dtype not in ("float32", "float64"):
        return None
    register_numba()
    product = Product().make_node(x, y).outputs
    copy_stack_trace(node.outputs, product)
    return product


def _vector_of(x: Variable, new_order: tuple) -> Variable | None:
    """The vector from which a matrix of one row, ("x", 0), or of one column, (0, "x"), was made."""
    if x.owner is None or not isinstance(x.owner.op, DimShuffle) or x.owner.op.new_order != new_order:
        return None
    (vector,) = x.owner.inputs
    return vector if vector.type.ndim == 1 else None


@node_rewriter([DimShuffle])
def local_vector_product(fgraph: FunctionGraph, node: Apply[DimShuffle]) -> list[Variable] | None:
    """Multiply a vector directly, not as a matrix of one row or column. Replace other only rows by `OnlyRow`."""
    (x,) = node.inputs
    if x.type.ndim != 2 or node.op.new_order not in ((0,), (1,)) or x.type.dtype not in ("float32", "float64"):
        return None
    row = node.op.new_order == (1,)
    if x.owner is not None and isinstance(x.owner.op, Product):
        left, right = x.owner.inputs
        vector = _vector_of(left, ("x", 0)) if row else _vector_of(right, (0, "x"))
        if vector is not None:
            factors = (vector, right) if row else (left, vector)
            product = Product().make_node(*factors).outputs
            copy_stack_trace(node.outputs, product)
            return product
    if not row:
        return None
    register_numba()
    only = OnlyRow().make_node(x).outputs
    copy_stack_trace(node.outputs, only)
    return only


@node_rewriter([Scan])
def local_matrices_in_order(fgraph: FunctionGraph, node: Apply[Scan]) -> list[Variable] | None:
    """Copy transposed matrices to C order before a scan that multiplies by them, since the products are faster then."""
    inner, outer = node.op.inner_non_seqs(node.op.inner_inputs), node.op.outer_non_seqs(node.inputs)
    factors = {x.owner.inputs[1] for x in ancestors(node.op.inner_outputs) if x.owner and isinstance(x.owner.op, Dot)}
    replaced = {
        matrix: InOrder().make_node(matrix).out
        for x, matrix in zip(inner, outer, strict=True)
        if x in factors and _is_transposed(matrix) and matrix.type.dtype in ("float32", "float64")
    }
    if not replaced:
        return None
    register_numba()
    copy_stack_trace(list(replaced), list(replaced.values()))
    outputs = node.op.make_node(*[replaced.get(x, x) for x in node.inputs]).outputs
    copy_stack_trace(node.outputs, outputs)
    return outputs


def _is_transposed(x: Variable) -> bool:
    return x.owner is not None and isinstance(x.owner.op, DimShuffle) and x.owner.op.new_order == (1, 0)


# After products are moved out of scans (1.6). The rewrites of layers (48.6) look for products, so they run in between.
register("in_order", local_matrices_in_order, "numba", position=48.5)
register("product", local_product, "numba", position=48.7)
register("vector_product", local_vector_product, "numba", position=48.71)
