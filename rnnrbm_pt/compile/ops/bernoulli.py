"""The bit of a binomial draw with one trial, as NumPy computes it from a uniform number."""

import math
from collections.abc import Sequence

import numpy as np
from pytensor.graph.basic import Apply, Variable
from pytensor.scalar.basic import ScalarOp, ScalarType, ScalarVariable, int64
from pytensor.tensor.elemwise import Elemwise

from rnnrbm_pt.ours import OurOp

CLOSE = 1e-15
"""If u is closer to 1 - p than this, compute the exact threshold.

exp(log1p(-p)) differs from 1 - p by at most two units in the last place, which are 2.2e-16 near 1.
"""


class SingleTrial(OurOp, ScalarOp):
    """The bit that NumPy's binomial(n=1, p) returns if its stream yields the uniform number u.

    The inputs are u, a float64 in [0, 1), and p, a probability of any float type. The output is an int64. As an
    `Elemwise`, PyTensor fuses it with the operations around it.
    """

    nin = 2
    nout = 1
    __props__ = ()

    def output_types(self, types: Sequence[ScalarType]) -> list[ScalarType]:
        if types[0].dtype != "float64":
            raise TypeError(f"u: expected float64, the type of NumPy's stream, found {types[0].dtype}")
        return [int64]

    def impl(self, u: float, p: float) -> np.int64:
        u, p = float(u), float(p)
        upper = p > 0.5
        rare = 1.0 - p if upper else p
        threshold = 1.0 - rare
        if abs(u - threshold) < CLOSE:
            threshold = math.exp(math.log1p(-rare))
        return np.int64((u > threshold) != upper)

    def c_code(self, node: Apply, name: str, inputs: list[str], outputs: list[str], sub: dict[str, str]) -> str:
        (u, p), (z,) = inputs, outputs
        return f"""
        {{
            const double u_ = {u}, p_ = (double) {p};
            const int upper_ = p_ > 0.5;
            const double rare_ = upper_ ? 1.0 - p_ : p_;
            double threshold_ = 1.0 - rare_;
            if (fabs(u_ - threshold_) < {CLOSE!r}) threshold_ = exp(log1p(-rare_));
            {z} = (npy_int64) ((u_ > threshold_) != upper_);
        }}
        """

    def c_headers(self, **kwargs: object) -> list[str]:
        return ["<math.h>"]

    def c_code_cache_version(self) -> tuple[int, ...]:
        return (1,)

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False], [False]]

    def L_op(
        self, inputs: Sequence[ScalarVariable], outputs: Sequence[Variable], output_gradients: Sequence[Variable]
    ) -> list[Variable]:
        return [x.zeros_like() for x in inputs]


single_trial_scalar = SingleTrial(name="single_trial")
single_trial = Elemwise(single_trial_scalar, name="single_trial")
