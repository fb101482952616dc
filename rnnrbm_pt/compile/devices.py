"""Sharing the sequences of an update among several JAX devices and processes.

Each of n devices gets n_sequences / n consecutive sequences, and computes as if there were no others. Quantities of all
sequences are sums over the devices, which the graph requests with `compile.ops.devices`. Every device holds all
parameters, and everything else that an update changes. The copies stay equal, because all devices continue from the
same sums.

After `jax.distributed.initialize` in every process, the devices of all processes count as one set. The processes may
run on one host or on several. Every process reads the same data and makes the same model. Only the first process writes
files.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pytensor.graph.basic import Variable

from rnnrbm_pt.checks import integer

if TYPE_CHECKING:
    from jax import Array
    from jax.sharding import PartitionSpec

Compiled = Callable[..., Any]
"""A function from JAX arrays to JAX arrays."""


def count_devices(devices: int | str) -> int:
    """The number of devices that a setting requests.

    Parameters
    ----------
    devices : int or "all"
        The setting.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If JAX has fewer devices, or if several processes would leave some devices unused.
    """
    import jax

    there, n_processes = len(jax.devices()), jax.process_count()
    found = there if devices == "all" else integer("devices", devices, 1)
    if found > there:
        raise ValueError(f"devices: expected at most the {there} that JAX has, or 'all', found {found}")
    if found < there and n_processes > 1:
        raise ValueError(f"devices: expected the {there} of all {n_processes} processes, or 'all', found {found}")
    return found


def check_shares(n_sequences: int, n_devices: int) -> None:
    """Raise ValueError unless all devices get the same number of sequences."""
    if n_sequences % n_devices:
        raise ValueError(f"n_sequences: expected a multiple of the {n_devices} devices, found {n_sequences}")


# ---------------------------------------------------------------------------------------------------
# Where a function runs


class OneDevice:
    """Where a function runs: on one device, JAX's first."""

    def state(self, value: Any) -> "Array":
        """The value of a shared variable, on the device."""
        import jax

        if not isinstance(value, jax.Array):
            return jax.device_put(value)
        return value.addressable_data(0) if len(value.sharding.device_set) > 1 else value

    def inputs(self, arrays: Sequence[np.ndarray], variables: Sequence[Variable]) -> Sequence[Any]:
        """The inputs of a call, in the form that the compiled function takes."""
        return arrays

    def shape(self, variable: Variable, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one device's part of a variable."""
        return shape

    def jit(self, function: Compiled, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> Compiled:
        """Wrap a function so that JAX compiles it at the first call."""
        import jax

        return jax.jit(function)


class ManyDevices(OneDevice):
    """Where a function runs: on several devices, which share its sequences.

    Parameters
    ----------
    n : int
        Number of devices.
    axes : dict {variable: int}
        The axis of the sequences of each input, output and shared variable that has one. Every device holds all other
        variables in full.
    """

    def __init__(self, n: int, axes: Mapping[Variable, int]) -> None:
        import jax
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        from rnnrbm_pt.compile.dispatch.jax.devices import SEQUENCES

        self.n, self.axes = n, dict(axes)
        self.mesh = Mesh(np.array(jax.devices()[:n]), (SEQUENCES,))
        self.whole = NamedSharding(self.mesh, PartitionSpec())

    def state(self, value: Any) -> "Array":
        import jax

        if isinstance(value, jax.Array) and value.sharding == self.whole:
            return value
        return self._put(np.asarray(value), self.whole.spec)

    def inputs(self, arrays: Sequence[np.ndarray], variables: Sequence[Variable]) -> Sequence[Any]:
        return [self._put(array, self.spec(x)) for array, x in zip(arrays, variables, strict=True)]

    def shape(self, variable: Variable, shape: tuple[int, ...]) -> tuple[int, ...]:
        if variable not in self.axes:
            return shape
        axis = self.axes[variable]
        check_shares(shape[axis], self.n)
        return *shape[:axis], shape[axis] // self.n, *shape[axis + 1 :]

    def jit(self, function: Compiled, inputs: Sequence[Variable], outputs: Sequence[Variable]) -> Compiled:
        import jax

        from rnnrbm_pt.compile.dispatch.jax.devices import shared_sequences

        place = next(i for i, x in enumerate(inputs) if x in self.axes)
        axis = self.axes[inputs[place]]

        def share(*arrays: "Array") -> tuple["Array", ...]:
            with shared_sequences(arrays[place].shape[axis], self.n):
                return tuple(function(*arrays))

        ins, outs = (tuple(map(self.spec, variables)) for variables in (inputs, outputs))
        mapped = jax.shard_map(share, mesh=self.mesh, in_specs=ins, out_specs=outs, check_vma=False)
        return jax.jit(mapped, out_shardings=self.whole)

    def spec(self, variable: Variable) -> "PartitionSpec":
        """The axis of the sequences of a variable, in JAX's notation."""
        from jax.sharding import PartitionSpec

        if variable not in self.axes:
            return PartitionSpec()
        return PartitionSpec(*[None] * self.axes[variable], *self.mesh.axis_names)

    def _put(self, array: np.ndarray, spec: "PartitionSpec") -> "Array":
        """Put an array on the devices. Each process supplies the parts for its own devices."""
        import jax
        from jax.sharding import NamedSharding

        return jax.make_array_from_callback(array.shape, NamedSharding(self.mesh, spec), lambda part: array[part])


# ---------------------------------------------------------------------------------------------------
# Processes


def is_first_process() -> bool:
    """Whether this is the first process, which writes the files."""
    import jax

    return jax.process_index() == 0


def check_processes(arrays: Mapping[str, np.ndarray], text: str) -> None:
    """Check that all processes have the same arrays and the same text.

    Parameters
    ----------
    arrays : dict {str: array}
        The arrays to compare, by name.
    text : str
        The text to compare.

    Raises
    ------
    ValueError
        In all processes, if any process differs from the first.
    """
    import jax
    from jax.experimental.multihost_utils import process_allgather

    if jax.process_count() == 1:
        return
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    found = np.asarray(process_allgather(np.frombuffer(digest.digest(), np.uint32)))
    others = [i for i, one in enumerate(found) if not np.array_equal(one, found[0])]
    if others:
        which = ", ".join(map(str, others))
        expected = "the model, seed and data of process 0 in all processes"
        raise ValueError(f"devices: expected {expected}, found differences in process {which}")


def of_first_process(values: dict[str, Any]) -> dict[str, Any]:
    """Replace the numbers by those of the first process, since other processes may have rounded differently."""
    import jax
    from jax.experimental.multihost_utils import broadcast_one_to_all

    if jax.process_count() == 1:
        return values
    numbers = {name: value for name, value in values.items() if isinstance(value, (bool, float))}
    found = {name: type(x)(broadcast_one_to_all(np.float64(x))) for name, x in numbers.items()}
    return values | found
