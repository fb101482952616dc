"""Operations that rewrites put into graphs, as NumPy computes them. `compile.dispatch` has their code for backends."""

import rnnrbm_pt.streams  # noqa: F401  (before them: it registers rewrites, which import the modules of this folder)
