"""Implementations of this package's Ops for Numba and JAX."""
