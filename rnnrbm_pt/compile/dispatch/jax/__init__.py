"""JAX code of this package's Ops. Importing this package imports JAX; see `compile.dispatch.register_jax`."""

from rnnrbm_pt.compile.dispatch.jax import devices, nade, ops

__all__ = ["devices", "nade", "ops"]
