"""One uniform and one comparison in the place of each single-trial binomial, with the same draws.

The tutorial draws by ``rng.binomial(n=1, p=p)``. NumPy's general binomial takes about 30 ns per draw, but for one trial
its inversion algorithm only compares one uniform number with a threshold. `BinaryBinomialRV`, by which `bernoulli`
draws, is PyTensor's binomial under a name of its own, and a rewrite replaces it, and no other binomial::

    binomial(n=1, p)  ->  single_trial(uniform(0, 1, size=p.shape), p)

The rewrite runs with PyTensor's canonicalisation and so reaches every backend, inside scans too.

What is kept, and what is not
-----------------------------
- The bit is NumPy's. For p <= 1/2 NumPy returns U > exp(log1p(-p)), for p > 1/2 it returns
  1 - (U > exp(log1p(-(1 - p)))). The thresholds are 1 - p and p up to the last bits, so the two functions are
  evaluated only where U comes that close.
- The stream is NumPy's: one double a draw. At p = 0 so does the legacy `RandomState`, which Theano drew from, while a
  `Generator` spends none there; the rewrite does as the former. How far a stream advances then depends on the shape of
  a draw alone, never on its values, so that uniforms can be drawn in blocks. The bit is 0 in all. A sigmoid is exactly
  0 only for arguments below -709 (float64) or -88 (float32).
- Where U is among the two largest doubles below 1, NumPy may reject it and draw again: not kept (once in 10^16 draws).
- NumPy raises ValueError where p is not in [0, 1]. A compiled comparison does not look; it returns some bit.
"""

import math
from functools import cache

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.scalar.basic import ScalarOp, int64
from pytensor.tensor.basic import get_underlying_scalar_constant_value
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.rewriting.basic import register_canonicalize
from pytensor.tensor.type_other import NoneTypeT

from rnnrbm_pt.compile.dispatch.numba.key import cache_key
from rnnrbm_pt.ours import OurOp
from rnnrbm_pt.streams.binomial import BinaryBinomialRV

# exp(log1p(-p)) differs from 1 - p by at most two units in the last place, which are 2.2e-16 near 1.
CLOSE = 1e-15


class SingleTrial(OurOp, ScalarOp):
    """The bit that NumPy's binomial(n=1, p) returns when its stream yields the uniform number u.

    A scalar Op of two inputs, u (float64, in [0, 1)) and p (a probability of any float type), and one int64
    output. As an `Elemwise` it is fused by PyTensor with the operations around it.
    """

    nin = 2
    nout = 1
    __props__ = ()

    def output_types(self, types):
        if types[0].dtype != "float64":
            raise TypeError(f"u: expected float64, as NumPy's stream yields it, found {types[0].dtype}")
        return [int64]

    def impl(self, u, p):
        u, p = float(u), float(p)
        upper = p > 0.5
        rare = 1.0 - p if upper else p
        threshold = 1.0 - rare
        if abs(u - threshold) < CLOSE:
            threshold = math.exp(math.log1p(-rare))
        return np.int64((u > threshold) != upper)

    def c_code(self, node, name, inputs, outputs, sub):
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

    def c_headers(self, **kwargs):
        return ["<math.h>"]

    def c_code_cache_version(self):
        return (1,)

    def connection_pattern(self, node):
        return [[False], [False]]

    def L_op(self, inputs, outputs, output_gradients):
        return [x.zeros_like() for x in inputs]


single_trial_scalar = SingleTrial(name="single_trial")
single_trial = Elemwise(single_trial_scalar, name="single_trial")


@cache
def _tell_numba():
    """Register `SingleTrial` with Numba: when it is first needed, since Numba takes a second to import."""
    try:
        from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
    except ImportError:  # Numba is not installed: the other backends need nothing from here
        return

    @register_funcify_and_cache_key(SingleTrial)
    def numba_funcify_SingleTrial(op, node, **kwargs):
        @numba_njit
        def single_trial(u, p):
            p = np.float64(p)
            upper = p > 0.5
            rare = 1.0 - p if upper else p
            threshold = 1.0 - rare
            if abs(u - threshold) < CLOSE:
                threshold = math.exp(math.log1p(-rare))
            return np.int64((u > threshold) != upper)

        return single_trial, cache_key("bernoulli", 1, "SingleTrial")


@register_canonicalize
@node_rewriter([BinaryBinomialRV])
def local_binomial_single_trial(fgraph, node):
    """Replace binomial(n=1, p) by one uniform draw and one comparison that returns the same bit."""
    rng, size, n, p = node.inputs
    if get_underlying_scalar_constant_value(n, raise_not_constant=False) != 1:
        return None
    if not all(n.type.broadcastable):  # an array of ones asks for as many draws of one p
        return None
    if p.type.dtype not in ("float64", "float32"):
        return None
    _tell_numba()
    shape = p.shape if isinstance(size.type, NoneTypeT) else size
    next_rng, u = pt.random.uniform(0.0, 1.0, size=shape, rng=rng, dtype="float64", return_next_rng=True)
    bit = single_trial(u, p)
    copy_stack_trace(node.outputs[1], [u, bit])
    return [next_rng, bit]
