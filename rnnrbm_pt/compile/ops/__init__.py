"""Operations that rewrites put into graphs, as NumPy computes them. `compile.dispatch` has their code for backends."""
