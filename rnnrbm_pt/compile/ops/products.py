"""Matrix products, and views and copies that make them faster."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.tensor.type import TensorType

from rnnrbm_pt.ours import OurOp, Shapes


class Product(OurOp, Op):
    """The product of two matrices, or of a vector and a matrix, with one float type, by Numba's np.dot.

    PyTensor's product chooses among BLAS calls for every combination of strides. Numba takes up to 20 s to compile it
    for each pair of layouts that occurs. This product compiles in under a second.
    """

    __props__ = ()

    def make_node(self, x: Variable, y: Variable) -> Apply:
        return Apply(self, [x, y], [TensorType(x.type.dtype, shape=x.type.shape[:-1] + y.type.shape[1:])()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        x, y = fgraph_node_shapes[-1]
        return [(*x[:-1], *y[1:])]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        outputs[0][0] = np.dot(*inputs)


class InOrder(OurOp, Op):
    """A contiguous copy of an array, row by row (C order)."""

    __props__ = ()

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [x.type()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        return [fgraph_node_shapes[-1][0]]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        outputs[0][0] = np.array(inputs[0], order="C")


class OnlyRow(OurOp, Op):
    """The only row of a matrix with one row, as a vector.

    PyTensor's own form is a view with strides unknown to Numba, so LLVM cannot vectorise reads from it.
    """

    __props__ = ()
    view_map = {0: [0]}

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [TensorType(x.type.dtype, shape=x.type.shape[1:])()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        return [fgraph_node_shapes[-1][0][1:]]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        (outputs[0][0],) = inputs[0]
