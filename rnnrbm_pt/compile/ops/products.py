"""Products of matrices, and a copy that makes them faster."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.tensor.type import TensorType

from rnnrbm_pt.ours import OurOp, Shapes


class Product(OurOp, Op):
    """The product of two matrices of one float type, as Numba's own np.dot does it.

    PyTensor's product chooses among BLAS calls for every combination of strides, and takes Numba up to 20 s to compile
    for each pair of layouts that occurs. This one takes under a second.
    """

    __props__ = ()

    def make_node(self, x: Variable, y: Variable) -> Apply:
        return Apply(self, [x, y], [TensorType(x.type.dtype, shape=(x.type.shape[0], y.type.shape[1]))()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        shapes = fgraph_node_shapes[-1]
        return [(shapes[0][0], shapes[1][1])]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        outputs[0][0] = np.dot(*inputs)


class InOrder(OurOp, Op):
    """A copy of a matrix whose rows lie one after another."""

    __props__ = ()

    def make_node(self, x: Variable) -> Apply:
        return Apply(self, [x], [x.type()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        return [fgraph_node_shapes[-1][0]]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        outputs[0][0] = np.array(inputs[0], order="C")
