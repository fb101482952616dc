"""Numba code of this package's Ops. Importing it imports Numba: see `compile.dispatch.register_numba`."""

from rnnrbm_pt.compile.dispatch.numba import bernoulli, chain, elementwise, layer, mrg, nade, philox, products

__all__ = ["bernoulli", "chain", "elementwise", "layer", "mrg", "nade", "philox", "products"]
