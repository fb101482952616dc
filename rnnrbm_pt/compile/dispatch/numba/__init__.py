"""Numba code, imported when the first graph needs it."""
