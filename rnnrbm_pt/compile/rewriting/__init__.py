"""Rewrites of this package's graphs. Importing this subpackage registers all of them with PyTensor.

The rewrites leave all other graphs unchanged; see `scope`.
"""

from rnnrbm_pt.compile.rewriting import (
    annealing,
    bernoulli,
    chain,
    elementwise,
    jax,
    layer,
    nade,
    products,
    scan,
    scope,
    streams,
)

__all__ = [
    "annealing",
    "bernoulli",
    "chain",
    "elementwise",
    "jax",
    "layer",
    "nade",
    "products",
    "scan",
    "scope",
    "streams",
]
