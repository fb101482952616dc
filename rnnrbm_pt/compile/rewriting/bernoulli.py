"""Rewrite of each binomial draw with one trial to a uniform draw and a comparison, with the same results.

The tutorial draws with ``rng.binomial(n=1, p=p)``. NumPy's general binomial takes about 30 ns per draw. For one trial,
its inversion algorithm only compares one uniform number with a threshold. So the rewrite makes the replacement::

    binomial(n=1, p)  ->  single_trial(uniform(0, 1, size=p.shape), p)

It replaces only `BinaryBinomialRV`, PyTensor's binomial under a name of its own, which `bernoulli` uses. It runs with
PyTensor's canonicalisation, so it applies to every backend, and inside scans.

Comparison with NumPy
---------------------
- The bit is NumPy's. For p <= 1/2 NumPy returns U > exp(log1p(-p)), and for p > 1/2 it returns
  1 - (U > exp(log1p(-(1 - p)))). The thresholds equal 1 - p and p except for the last bits. So exp and log1p are
  computed only if U is very close to the threshold.
- The stream is NumPy's: one double per draw. At p = 0 the legacy `RandomState`, which Theano used, also consumes one
  double, but a `Generator` consumes none. The rewrite follows `RandomState`. So a stream advances by an amount that
  depends only on the shape of a draw, and uniform numbers can be drawn in blocks. The bit is 0 in every case. A sigmoid
  is exactly 0 only for arguments below -709 (float64) or -88 (float32).
- If U is one of the two largest doubles below 1, NumPy may reject it and draw again. The rewrite does not. This happens
  once in 10^16 draws.
- NumPy raises ValueError if p is not in [0, 1]. The compiled comparison does not check p, and returns some bit.
"""

import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.tensor.basic import get_underlying_scalar_constant_value
from pytensor.tensor.rewriting.basic import register_canonicalize
from pytensor.tensor.type_other import NoneTypeT

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.compile.ops.bernoulli import single_trial
from rnnrbm_pt.streams.binomial import BinaryBinomialRV


@register_canonicalize
@node_rewriter([BinaryBinomialRV])
def local_binomial_single_trial(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
    """Replace binomial(n=1, p) by a uniform draw and a comparison that returns the same bit."""
    rng, size, n, p = node.inputs
    if get_underlying_scalar_constant_value(n, raise_not_constant=False) != 1:
        return None
    if not all(n.type.broadcastable):  # an array of ones means several draws for one p
        return None
    if p.type.dtype not in ("float64", "float32"):
        return None
    register_numba()
    shape = pt.shape(p) if isinstance(size.type, NoneTypeT) else size
    next_rng, u = pt.random.uniform(0.0, 1.0, size=shape, rng=rng, dtype="float64", return_next_rng=True)
    bit = single_trial(u, p)
    copy_stack_trace(node.outputs[1], [u, bit])
    return [next_rng, bit]
