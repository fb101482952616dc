"""Elementwise functions for which `dispatch.numba.elementwise` has vectorisable code."""

import math
from collections.abc import Sequence

from pytensor.scalar.basic import BinaryScalarOp, Composite, ScalarType, Tanh
from pytensor.scalar.math import Sigmoid, Softplus

from rnnrbm_pt.ours import OurOp


class VectorSigmoid(OurOp, Sigmoid):
    """1 / (1 + exp(-x))."""


class VectorSoftplus(OurOp, Softplus):
    """log(1 + exp(x))."""


class VectorTanh(OurOp, Tanh):
    """(exp(2x) - 1) / (exp(2x) + 1)."""


class CrossEntropy(OurOp, BinaryScalarOp):
    """-v log p - (1 - v) log(1 - p) with p = sigmoid(x), for inputs v and x of one float type."""

    def output_types(self, types: Sequence[ScalarType]) -> list[ScalarType]:
        return [types[1]]

    def impl(self, v: float, x: float) -> float:
        return max(x, 0) - v * x + math.log1p(math.exp(-abs(x)))


class InlinedComposite(OurOp, Composite):
    """Several fused elementwise functions. The loop over the elements contains them inline, without calls."""


cross_entropy = CrossEntropy(name="cross_entropy")
