"""Numba code of this package's Ops. Importing this package imports Numba; see `compile.dispatch.register_numba`."""

from rnnrbm_pt.compile.dispatch.numba import (
    annealing,
    bernoulli,
    chain,
    elementwise,
    layer,
    mrg,
    nade,
    philox,
    products,
)

__all__ = ["annealing", "bernoulli", "chain", "elementwise", "layer", "mrg", "nade", "philox", "products"]
