"""Products of matrices, and views and copies that make them faster."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.tensor.type import TensorType

from rnnrbm_pt.ours import OurOp, Shapes


class Product(OurOp, Op):
    """The product of two matrices, or of a vector and a matrix, of one float type, as Numba's own np.dot does it.

    PyTensor's product chooses among BLAS calls for every combination of strides, and takes Numba up to 20 s to compile
    for each pair of layouts that occurs. This one takes under a second.
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
    """A copy of an array whose numbers lie one after another, row by row."""

    __props__ = ()

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [x.type()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        return [fgraph_node_shapes[-1][0]]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        outputs[0][0] = np.array(inputs[0], order="C")


class OnlyRow(OurOp, Op):
    """The row of a matrix that has one row.

    PyTensor's own form is a view whose distances Numba does not know, so that no vector instructions read it.
    """

    __props__ = ()
    view_map = {0: [0]}

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [TensorType(x.type.dtype, shape=x.type.shape[1:])()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        return [fgraph_node_shapes[-1][0][1:]]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        (outputs[0][0],) = inputs[0]
