"""Functions compiled by JAX, from graphs of unknown sizes.

JAX compiles for fixed shapes, but a graph takes its sizes from its parameters and inputs. So a function is compiled
when it is called, once for each combination of shapes. Parameters and inputs are replaced by variables with these
shapes, and integers such as n_steps by constants. PyTensor then derives all other sizes.

Updated values stay on the device as JAX arrays until they are read. Call `to_host` before a function of another backend
uses them.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytensor
from numpy.typing import ArrayLike
from pytensor.compile.mode import get_mode
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import graph_inputs
from pytensor.link.basic import Container
from pytensor.tensor import as_tensor
from pytensor.tensor.type import TensorType

from rnnrbm_pt.compile.calls import COMPILING
from rnnrbm_pt.compile.devices import OneDevice
from rnnrbm_pt.compile.rewriting.scope import HoldsOurs
from rnnrbm_pt.interrupts import deferred_interrupts, lifted_deferral


@cache
def prepare_jax() -> None:
    """Configure JAX: allow float64, register the Ops of this package, and keep compiled code for later processes.

    JAX's cache is next to PyTensor's, unless JAX already has another folder, for example from the environment variable
    JAX_COMPILATION_CACHE_DIR.

    Raises
    ------
    ImportError
        If JAX is not installed.
    """
    try:
        with deferred_interrupts():  # an interrupted import may crash
            import jax
            import pytensor.link.jax.dispatch  # sets jax_enable_x64 according to PyTensor's floatX
    except ImportError as error:
        raise ImportError('backend jax: JAX is not installed: pip install "rnnrbm-pt[jax]"') from error

    from rnnrbm_pt.compile.dispatch import register_jax

    config: Any = jax.config  # its options are attributes at run time only
    config.update("jax_enable_x64", True)
    if not config.jax_compilation_cache_dir:
        config.update("jax_compilation_cache_dir", str(Path(pytensor.config.compiledir) / "jax"))
        config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    register_jax()


class DeviceContainer(Container):
    """The value of a shared variable on the device. Reading it gives a NumPy array."""

    @classmethod
    def of(cls, shared: SharedVariable) -> "DeviceContainer":
        """Replace the container of a shared variable by one of this class, with the same value."""
        if not isinstance(shared.container, cls):
            old = shared.container
            shared.container = cls(
                old.type,
                old.storage,
                readonly=old.readonly,
                strict=old.strict,
                allow_downcast=old.allow_downcast,
                name=old.name,
            )
        return shared.container

    def __get__(self) -> np.ndarray:
        return np.asarray(self.storage[0])

    data = property(__get__, Container.__set__)
    value = property(__get__, Container.__set__)


def to_host(shared_variables: Iterable[SharedVariable]) -> None:
    """Turn the values of shared variables back into NumPy arrays, for functions of other backends."""
    for shared in shared_variables:
        if isinstance(shared.container, DeviceContainer):
            shared.container.storage[0] = shared.get_value()


def _is_size(variable: SharedVariable) -> bool:
    """Whether a shared variable is an integer, which the graph may use as a size."""
    return isinstance(variable.type, TensorType) and variable.type.ndim == 0 and variable.type.dtype.startswith("int")


def static(type_: TensorType, shape: Sequence[int]) -> TensorType:
    """A tensor type with the given static shape.

    An axis of length 1 stays of unknown length if the type leaves it unknown. For PyTensor a static length of 1 means
    that the axis broadcasts, and a scan that was built without this refuses such an input.
    """
    return type_.clone(shape=[known if found == 1 else found for known, found in zip(type_.shape, shape, strict=True)])


class JaxFunction:
    """A function compiled by JAX: the counterpart of `pytensor.function` for the other backends.

    Parameters
    ----------
    inputs : list of tensor variables
    outputs : tensor variable or list of tensor variables
    updates : dict {shared variable: variable}, optional
        Random streams must be `PhiloxStreams`.
    floatX : {"float64", "float32"}
        Float type of the graph.
    place : OneDevice, optional
        Where the function runs; see `compile.devices`. By default, one device.

    Notes
    -----
    Shared integers, such as n_steps, count as sizes: a new value needs a new compilation.
    """

    def __init__(
        self,
        inputs: Sequence[Variable],
        outputs: Variable | Sequence[Variable],
        updates: Mapping[SharedVariable, Variable] | None = None,
        *,
        floatX: str,
        place: OneDevice | None = None,
    ) -> None:
        prepare_jax()
        self.inputs, self.floatX = list(inputs), floatX
        self.place = place or OneDevice()
        self.single = isinstance(outputs, Variable)
        self.outputs = [outputs] if isinstance(outputs, Variable) else list(outputs)
        self.updates = dict(updates or {})
        needed = list(graph_inputs([*self.outputs, *self.updates.values()]))
        shared = [variable for variable in needed if isinstance(variable, SharedVariable)]
        self.sizes = [variable for variable in shared if _is_size(variable)]
        self.shared = [variable for variable in shared if not _is_size(variable)]
        self.shared += [variable for variable in self.updates if variable not in self.shared]
        self._containers = [DeviceContainer.of(variable) for variable in self.shared]
        self._updated = [self._containers[self.shared.index(variable)] for variable in self.updates]
        self._compiled: dict[tuple, Callable[..., Any]] = {}

    def __call__(self, *values: ArrayLike) -> np.ndarray | list[np.ndarray]:
        """Compute the outputs, as NumPy arrays, and update the shared variables."""
        import jax

        arrays = [np.asarray(value, x.type.dtype) for value, x in zip(values, self.inputs, strict=True)]
        sizes = tuple(int(size.get_value(borrow=True)) for size in self.sizes)
        shapes = tuple(array.shape for array in arrays)
        key = sizes, shapes
        for container in self._containers:
            container.storage[0] = self.place.state(container.storage[0])
        state = [container.storage[0] for container in self._containers]
        if key in self._compiled:
            results = self._compiled[key](*self.place.inputs(arrays, self.inputs), *state)
        else:
            with lifted_deferral():  # nothing changes before the results are there
                function = self.compile(sizes, shapes)
                inputs = self.place.inputs(arrays, self.inputs)
                results = jax.block_until_ready(function(*inputs, *state))
            self._compiled[key] = function
        for container, result in zip(self._updated, results[len(self.outputs) :], strict=True):
            container.storage[0] = result
        outputs = [np.asarray(result) for result in results[: len(self.outputs)]]
        return outputs[0] if self.single else outputs

    def compile(self, sizes: Sequence[int], shapes: Sequence[tuple[int, ...]]) -> Callable[..., Any]:
        """Compile for given sizes and shapes of the inputs.

        Parameters
        ----------
        sizes : sequence of int
            Values of `self.sizes`.
        shapes : sequence of tuple of int
            Shape of each input.

        Returns
        -------
        callable
            Takes the inputs and the values of `self.shared`, and returns the outputs and the updates. JAX compiles it
            at the first call.
        """
        from pytensor.link.jax.dispatch import jax_funcify

        with COMPILING, pytensor.config.change_flags(floatX=self.floatX):
            fgraph = self.static_graph(sizes, shapes)
            fgraph.attach_feature(HoldsOurs())
            # XLA fuses by itself, and newer versions of PyTensor also exclude fusion for JAX. Here fusion would do
            # harm: the result of a fused check of sizes is unknown while JAX traces, so it could not be a size.
            get_mode("JAX").excluding("fusion").optimizer.rewrite(fgraph)
            with warnings.catch_warnings():  # about assertions on shapes, which JAX checks itself
                warnings.filterwarnings("ignore", message="Skipping Assert", category=UserWarning)
                function = jax_funcify(fgraph)
            return self.place.jit(function, [*self.inputs, *self.shared], [*self.outputs, *self.updates])

    def static_graph(self, sizes: Sequence[int], shapes: Sequence[tuple[int, ...]]) -> FunctionGraph:
        """The graph of the function on one device, with all sizes known. See `compile` for the parameters."""
        seen = [self.place.shape(x, shape) for x, shape in zip(self.inputs, shapes, strict=True)]
        inputs = [static(x.type, shape)(x.name) for x, shape in zip(self.inputs, seen, strict=True)]
        state = []
        for shared in self.shared:
            type_ = shared.type
            if isinstance(type_, TensorType):
                type_ = static(type_, self.place.shape(shared, shared.get_value(borrow=True).shape))
            state.append(type_(shared.name))
        constants = [as_tensor(size, dtype=x.type.dtype) for size, x in zip(sizes, self.sizes, strict=True)]
        replace = dict(zip([*self.inputs, *self.shared, *self.sizes], [*inputs, *state, *constants], strict=True))
        outputs = clone_replace([*self.outputs, *self.updates.values()], replace, rebuild_strict=False)
        return FunctionGraph([*inputs, *state], outputs, clone=False)
