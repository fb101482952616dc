"""A layer of binary units, sampled given the other layer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply, Variable
from pytensor.tensor.random.op import RNGConsumerOp
from pytensor.tensor.type import TensorType

from rnnrbm_pt.compile.ops.bernoulli import SingleTrial
from rnnrbm_pt.ours import OurOp, Shapes


class SampleUnits(OurOp, RNGConsumerOp):
    """Sample a layer of binary units given the other layer: bits ~ Bernoulli(sigmoid(x W + b)).

    The inputs are rng, x (n, d), W (d, m), and b (n, m) or (1, m). The outputs are the next rng and the bits (n, m), in
    the float type of the inputs.
    """

    __props__ = ("inplace",)

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace
        if inplace:
            self.destroy_map = {0: [0]}

    def make_node(self, rng: Variable, x: Variable, W: Variable, b: Variable) -> Apply:
        if not (x.type.ndim == W.type.ndim == b.type.ndim == 2 and x.type.dtype == W.type.dtype == b.type.dtype):
            raise TypeError(f"expected three matrices of one dtype, found {x.type}, {W.type} and {b.type}")
        bits = TensorType(x.type.dtype, shape=(x.type.shape[0], W.type.shape[1]))()
        return Apply(self, [rng, x, W, b], [rng.type(), bits])

    def update(self, node: Apply) -> dict[Variable, Variable]:
        return {node.inputs[0]: node.outputs[0]}

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        # PyTensor 3.0 passes (fgraph, node, shapes), and 3.3 warns about an Op that takes an fgraph.
        _, x, W, _ = fgraph_node_shapes[-1]
        return [None, (x[0], W[1])]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        rng, x, W, b = inputs
        if not self.inplace:
            rng = _copy_rng(rng)
        p = mean_of_layer(x, W, b)
        u = rng.random(p.shape)
        outputs[0][0] = rng
        outputs[1][0] = np.vectorize(SingleTrial().impl, otypes=[p.dtype])(u, p)


def mean_of_layer(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """sigmoid(x W + b), computed by NumPy."""
    return 1 / (1 + np.exp(-(np.dot(x, W) + b)))


def _copy_rng(rng: np.random.Generator) -> np.random.Generator:
    bit_generator = type(rng.bit_generator)()
    bit_generator.state = rng.bit_generator.state
    return np.random.Generator(bit_generator)
