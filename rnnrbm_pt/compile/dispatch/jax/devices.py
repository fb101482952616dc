"""Several JAX devices: the positions of a device's sequences among those of all devices, and sums over all devices."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np
from jax import Array
from pytensor.graph.basic import Apply
from pytensor.link.jax.dispatch import jax_funcify

from rnnrbm_pt.compile.ops.devices import SumOverDevices

SEQUENCES = "sequences"
"""Name of the axis in the mesh of devices."""

_SHARE: ContextVar[tuple[int, int] | None] = ContextVar("_SHARE", default=None)


@contextmanager
def shared_sequences(n_sequences: int, n_devices: int) -> Iterator[None]:
    """Within the block, trace functions for one of several devices.

    Parameters
    ----------
    n_sequences : int
        Number of sequences on each device.
    n_devices : int
        Number of devices.
    """
    token = _SHARE.set((n_sequences, n_devices))
    try:
        yield
    finally:
        _SHARE.reset(token)


def rows_of_all(rows: Array) -> Array:
    """Convert row numbers on this device to row numbers among the frames of all devices.

    Parameters
    ----------
    rows : array of uint32
        Row t n + i is frame t of sequence i, where i counts the n sequences of this device.

    Returns
    -------
    array of uint32
        Row t N + i, where i counts the N sequences of all devices. With one device, the given rows.
    """
    share = _SHARE.get()
    if share is None:
        return rows
    n, n_devices = np.uint32(share[0]), np.uint32(share[1])
    device = jax.lax.axis_index(SEQUENCES).astype("uint32")
    return (rows // n * n_devices + device) * n + rows % n


@jax_funcify.register(SumOverDevices)
def jax_funcify_SumOverDevices(op: SumOverDevices, node: Apply, **kwargs: object) -> Callable[..., Any]:
    def sum_over_devices(*terms: Array) -> Array | tuple[Array, ...]:
        sums = jax.lax.psum(terms, SEQUENCES)
        return sums[0] if len(sums) == 1 else sums

    return sum_over_devices
