"""One uniform and one comparison instead of each single-trial binomial, with the same draws.

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
- The stream is NumPy's: one double per draw. At p = 0 so does the legacy `RandomState`, which Theano drew from, while a
  `Generator` spends none there; the rewrite does as the former. How far a stream advances then depends on the shape of
  a draw alone, never on its values, so that uniforms can be drawn in blocks. The bit is 0 in all. A sigmoid is exactly
  0 only for arguments below -709 (float64) or -88 (float32).
- Where U is among the two largest doubles below 1, NumPy may reject it and draw again: not kept (once in 10^16 draws).
- NumPy raises ValueError where p is not in [0, 1]. A compiled comparison does not look; it returns some bit.
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
    """Replace binomial(n=1, p) by one uniform draw and one comparison that returns the same bit."""
    rng, size, n, p = node.inputs
    if get_underlying_scalar_constant_value(n, raise_not_constant=False) != 1:
        return None
    if not all(n.type.broadcastable):  # an array of ones asks for as many draws of one p
        return None
    if p.type.dtype not in ("float64", "float32"):
        return None
    register_numba()
    shape = pt.shape(p) if isinstance(size.type, NoneTypeT) else size
    next_rng, u = pt.random.uniform(0.0, 1.0, size=shape, rng=rng, dtype="float64", return_next_rng=True)
    bit = single_trial(u, p)
    copy_stack_trace(node.outputs[1], [u, bit])
    return [next_rng, bit]
