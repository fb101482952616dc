"""The conditional logits of a NADE, their gradient and their tangent, each in one pass over the units.

    a_1 = bh,  logit_i = bv_i + V_i . sigmoid(a_i),  a_{i+1} = a_i + v_i W_i

If v_i is 0, a does not change. So the hidden units of a frame are computed once per note instead of once per unit. In
music this is about 5 times per frame instead of 88.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op

from rnnrbm_pt.ours import OurOp, Shapes


def check_inputs(inputs: Sequence[Variable]) -> None:
    """Raise TypeError unless all inputs are matrices of one dtype."""
    if any(x.type.ndim != 2 or x.type.dtype != inputs[0].type.dtype for x in inputs):
        raise TypeError(f"expected matrices of one dtype, found {', '.join(str(x.type) for x in inputs)}")


class NadeOp(OurOp, Op):
    """An operation of a NADE.

    Parameters
    ----------
    parallel : bool
        Whether threads of the Numba backend share the frames. The results are the same.
    """

    __props__ = ("parallel",)

    def __init__(self, parallel: bool = False) -> None:
        self.parallel = parallel


def hidden_units(v_i: np.ndarray, W_i: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return sigmoid(a) for all frames, and advance a in place to the next unit."""
    h = 1 / (1 + np.exp(-a))
    a += v_i[:, None] * W_i
    return h


class NadeLogits(NadeOp):
    """The logit of each unit of given frames, given the units before it: shape (n, d).

    The inputs are v (n, d), W (d, m), V (d, m), bv (n, d) and bh (n, m).
    """

    def make_node(self, *inputs: Variable) -> Apply:
        check_inputs(inputs)
        return Apply(self, list(inputs), [inputs[3].type()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:  # PyTensor 3.0 gives the fgraph, 3.3 does not
        return [fgraph_node_shapes[-1][3]]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        v, W, V, bv, bh = inputs
        a, logits = bh.copy(), bv.copy()
        for i in range(v.shape[1]):
            logits[:, i] += hidden_units(v[:, i], W[i], a) @ V[i]
        outputs[0][0] = logits


class NadeGradient(NadeOp):
    """The gradients with respect to W, V and bh of a cost whose gradient with respect to the logits is g.

    The inputs are those of `NadeLogits` and g (n, d). The outputs are like W, V and bh. The gradient with respect to bv
    is g.
    """

    def make_node(self, *inputs: Variable) -> Apply:
        check_inputs(inputs)
        _, W, V, _, bh, _ = inputs
        return Apply(self, list(inputs), [W.type(), V.type(), bh.type()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        _, W, V, _, bh, _ = fgraph_node_shapes[-1]
        return [W, V, bh]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        v, W, V, _, bh, g = inputs
        a = bh.copy()
        h = [hidden_units(v[:, i], W[i], a) for i in range(v.shape[1])]
        dW, dV, da = np.zeros_like(W), np.zeros_like(V), np.zeros_like(bh)
        for i in reversed(range(v.shape[1])):  # da is the gradient with respect to a_{i+1}
            dW[i] = v[:, i] @ da
            dV[i] = g[:, i] @ h[i]
            da += g[:, i, None] * V[i] * h[i] * (1 - h[i])
        for output, value in zip(outputs, (dW, dV, da), strict=True):
            output[0] = value


class NadeTangent(NadeOp):
    """The derivative of the logits along a direction, shape (n, d): the product of their Jacobian and a vector.

    The inputs are those of `NadeLogits` and the direction dv, dW, dV, dbv, dbh, each like its counterpart.
    """

    def make_node(self, *inputs: Variable) -> Apply:
        check_inputs(inputs)
        return Apply(self, list(inputs), [inputs[3].type()])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        return [fgraph_node_shapes[-1][3]]

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        v, W, V, _, bh, dv, dW, dV, dbv, dbh = inputs
        a, da, tangent = bh.copy(), dbh.copy(), dbv.copy()
        for i in range(v.shape[1]):
            h = hidden_units(v[:, i], W[i], a)
            tangent[:, i] += h @ dV[i] + (h * (1 - h) * da) @ V[i]
            da += v[:, i, None] * dW[i] + dv[:, i, None] * W[i]
        outputs[0][0] = tangent
