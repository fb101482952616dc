"""Rewrites of this package's graphs. Importing this package registers all of them with PyTensor.

They change no graph that holds nothing of this package: see `scope`.
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
