"""A whole Gibbs chain with Philox streams."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.tensor.random.op import RNGConsumerOp
from pytensor.tensor.type import TensorType

from rnnrbm_pt.compile.ops.philox import sample_by_numpy
from rnnrbm_pt.ours import OurOp, Shapes
from rnnrbm_pt.streams.philox4x32 import next_draw


class PhiloxGibbsChain(OurOp, RNGConsumerOp):
    """k steps of h ~ Bernoulli(sigmoid(v W + bh)), v ~ Bernoulli(sigmoid(h W_back + bv)), independently for each row.

    The inputs are k, the stream of h, the stream of v, v (n, d), W (d, m), bh (n, m) or (1, m), W_back (m, d), and
    bv (n, d) or (1, d). The outputs are the two advanced streams and the last v (n, d). With `with_h`, the last h
    (n, m) is one more output; for k = 0 its values are undefined.
    """

    __props__ = ("with_h",)

    def __init__(self, with_h: bool = False) -> None:
        self.with_h = with_h
        super().__init__()

    def make_node(
        self,
        k: Variable,
        rng_h: Variable,
        rng_v: Variable,
        v: Variable,
        W: Variable,
        bh: Variable,
        W_back: Variable,
        bv: Variable,
    ) -> Apply:
        k = pt.as_tensor(k, dtype="int64")
        matrices = v, W, bh, W_back, bv
        if any(x.type.ndim != 2 or x.type.dtype != v.type.dtype for x in matrices) or k.type.ndim:
            raise TypeError(f"expected a number and five matrices of one dtype, found {k.type}, {matrices}")
        last = TensorType(v.type.dtype, shape=v.type.shape)()
        last_h = [TensorType(v.type.dtype, shape=(v.type.shape[0], W.type.shape[1]))()] if self.with_h else []
        return Apply(self, [k, rng_h, rng_v, *matrices], [rng_h.type(), rng_v.type(), last, *last_h])

    def update(self, node: Apply) -> dict[Variable, Variable]:
        return {node.inputs[1]: node.outputs[0], node.inputs[2]: node.outputs[1]}

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:  # PyTensor 3.0 gives the fgraph, 3.3 does not
        v, W = fgraph_node_shapes[-1][3:5]
        return [None, None, v, *([(v[0], W[1])] if self.with_h else [])]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        k, rng_h, rng_v, v, W, bh, W_back, bv = inputs
        h = np.zeros((len(v), W.shape[1]), v.dtype)
        for _ in range(k):
            h = sample_by_numpy(rng_h, v, W, bh)
            v = sample_by_numpy(rng_v, h, W_back, bv)
            rng_h, rng_v = next_draw(rng_h), next_draw(rng_v)
        for output, value in zip(outputs, [rng_h, rng_v, v, h][: len(outputs)], strict=True):
            output[0] = value.copy()
