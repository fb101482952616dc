"""Annealed importance sampling with Philox streams."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply, Variable
from pytensor.tensor.random.op import RNGConsumerOp
from pytensor.tensor.type import TensorType

from rnnrbm_pt.compile.ops.philox import sample_by_numpy
from rnnrbm_pt.ours import OurOp, Shapes
from rnnrbm_pt.streams.philox4x32 import next_draw


class PhiloxAnnealing(OurOp, RNGConsumerOp):
    """Annealing chains and their log-weights; see `graphs.ais`. The rows are independent chains.

    For each pair b, b_next of consecutive betas,

        h ~ Bernoulli(sigmoid(b v W + bh)),  v ~ Bernoulli(sigmoid(b h W_back + bv)),  x = v W
        log_w += sum_j softplus(b_next x + bh)_j - softplus(b x + bh)_j

    The inputs are betas (k,), the stream of h, the stream of v, v (n, d), log_w (n,) in float64, W (d, m),
    bh (n, m) or (1, m), W_back (m, d), and bv (n, d) or (1, d). The outputs are the two advanced streams, the last v
    (n, d) and log_w (n,).
    """

    __props__ = ()

    def make_node(
        self,
        betas: Variable,
        rng_h: Variable,
        rng_v: Variable,
        v: Variable,
        log_w: Variable,
        W: Variable,
        bh: Variable,
        W_back: Variable,
        bv: Variable,
    ) -> Apply:
        floats = betas, v, W, bh, W_back, bv
        if [x.type.ndim for x in floats] != [1, 2, 2, 2, 2, 2] or len({x.type.dtype for x in floats}) > 1:
            raise TypeError(f"expected a vector and five matrices of one dtype, found {floats}")
        if log_w.type.ndim != 1 or log_w.type.dtype != "float64":
            raise TypeError(f"log_w: expected a vector of float64, found {log_w.type}")
        outputs = [rng_h.type(), rng_v.type(), TensorType(v.type.dtype, shape=v.type.shape)()]
        outputs.append(TensorType("float64", shape=log_w.type.shape)())
        return Apply(self, [betas, rng_h, rng_v, v, log_w, W, bh, W_back, bv], outputs)

    def update(self, node: Apply) -> dict[Variable, Variable]:
        return {node.inputs[1]: node.outputs[0], node.inputs[2]: node.outputs[1]}

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:  # PyTensor 3.0 gives the fgraph, 3.3 does not
        shapes = fgraph_node_shapes[-1]
        return [None, None, shapes[3], shapes[4]]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        betas, rng_h, rng_v, v, log_w, W, bh, W_back, bv = inputs
        for b, b_next in pairwise(betas):
            h = sample_by_numpy(rng_h, b * v, W, bh)
            v = sample_by_numpy(rng_v, b * h, W_back, bv)
            rng_h, rng_v = next_draw(rng_h), next_draw(rng_v)
            x = np.dot(v, W)
            after, before = (np.logaddexp(0, b_ * x + bh).sum(axis=1, dtype="float64") for b_ in (b_next, b))
            log_w = log_w + (after - before)
        for output, value in zip(outputs, (rng_h, rng_v, v, log_w), strict=True):
            output[0] = value.copy()
