"""JAX code, imported when the first graph needs it."""
