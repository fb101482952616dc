"""Ops that rewrites put into graphs, with NumPy implementations. `compile.dispatch` has their code for backends."""

import rnnrbm_pt.streams  # noqa: F401  (first, since it registers rewrites, which import the modules of this folder)
