"""Random streams whose state is an array of integers, MRG31k3p and Philox: their types, variables and Op."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from numpy.typing import ArrayLike
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.link.c.op import COp
from pytensor.link.c.type import CType
from pytensor.tensor.random.op import RNGConsumerOp
from pytensor.tensor.random.type import RandomType
from pytensor.tensor.type import TensorType

from rnnrbm_pt.ours import OurOp, Shapes


class Advancing:
    """Base of shared streams: every compiled function that draws from a stream advances it, as in Theano.

    The default update of a stream is the result of the last draw in the graph. ``updates={stream: next_stream}`` states
    it explicitly. Scans also use the default updates: a stream that is used within a step is one of the updates that
    the scan returns.
    """

    _default_update: Variable | None

    @property
    def default_update(self) -> Variable | None:
        return self._default_update

    @default_update.setter
    def default_update(self, next_stream: Variable) -> None:  # SharedVariable's own setter warns that it is deprecated
        self._default_update = next_stream


class StreamVariable(Variable):
    """A stream in a graph. It has the interface of PyTensor's random generators."""

    type: "StreamType"

    def binomial(self, n: int = 1, p: ArrayLike | Variable = 0.5) -> tuple[Variable, Variable]:
        """Draw 0 or 1 with the probabilities p.

        Parameters
        ----------
        n : int
            Number of trials, which must be 1.
        p : tensor of any shape
            Probabilities of 1. They are compared with uniform numbers of the same float type.

        Returns
        -------
        next_stream : variable of the same type
            The stream after the draw.
        draw : tensor like p
            0 or 1.

        Raises
        ------
        ValueError
            If n is not 1.
        """
        if n != 1:
            raise ValueError(f"n: expected 1 trial for a stream of {self.type.name_of_kind}, found {n!r}")
        p = pt.as_tensor(p)
        if p.type.dtype not in ("float64", "float32"):
            p = pt.cast(p, pytensor.config.floatX)
        next_stream, bits = self.type.draw.make_node(self, p).outputs
        return next_stream, bits


class StreamSharedVariable(Advancing, SharedVariable, StreamVariable):
    """A shared stream whose value is an array of integers."""


class StreamType(RandomType, CType):
    """The type of a random state that is an array. Subclasses define its dtype and shape.

    It is not a tensor type, so `scan` treats it like a NumPy generator: it returns only the last state.
    """

    variable_type = StreamVariable
    name_of_kind = ""
    """Name of the kind of streams in error messages."""
    dtype = ""
    shape: tuple[int | None, ...] = ()
    """Length of each axis. None means any length except 0."""
    draw: "StreamBinomial"
    """The Op that draws from streams of this type."""

    def __init_subclass__(cls) -> None:
        # In C the state is a NumPy array, like a tensor.
        for method in (
            "c_declare c_init c_extract c_cleanup c_sync c_headers c_libraries c_compile_args c_support_code "
            "c_init_code c_code_cache_version"
        ).split():
            setattr(cls, method, getattr(TensorType(cls.dtype, cls.shape), method))
        pytensor.compile.ops.register_view_op_c_code(cls, _MOVE, 1)
        pytensor.compile.ops.register_deep_copy_op_c_code(cls, _COPY, 1)

    def filter(self, data: ArrayLike, strict: bool = False, allow_downcast: bool | None = None) -> np.ndarray:
        if strict and not (isinstance(data, np.ndarray) and data.dtype == self.dtype):
            raise TypeError(
                f"state of {self.name_of_kind}: expected an array of {self.dtype}, found {type(data).__name__}"
            )
        given = np.asarray(data)
        fits = given.ndim == len(self.shape) and all(
            found > 0 if wanted is None else found == wanted
            for found, wanted in zip(given.shape, self.shape, strict=True)
        )
        if not fits or given.dtype.kind not in "iu":
            wanted = ", ".join("n" if n is None else str(n) for n in self.shape)
            raise TypeError(
                f"state of {self.name_of_kind}: expected integers of shape ({wanted}), "
                f"found {given.dtype} of shape {given.shape}"
            )
        return np.ascontiguousarray(given, dtype=self.dtype)

    @staticmethod
    def may_share_memory(a: np.ndarray, b: np.ndarray) -> bool:
        return np.may_share_memory(a, b)

    @staticmethod
    def values_eq(a: np.ndarray, b: np.ndarray) -> bool:
        return np.array_equal(a, b)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return type(self).__name__


_MOVE = """
    Py_XDECREF(%(oname)s);
    %(oname)s = %(iname)s;
    Py_XINCREF(%(oname)s);
"""
_COPY = """
    Py_XDECREF(%(oname)s);
    %(oname)s = (PyArrayObject*) PyArray_NewCopy(%(iname)s, NPY_CORDER);
    if (!%(oname)s) {%(fail)s}
"""


class StreamBinomial(OurOp, COp, RNGConsumerOp):
    """Draw 0 or 1 from a stream whose state is an array, as uniform < p in the float type of p.

    The inputs are the stream and p, a float tensor of any shape. The outputs are the next stream and the bits, which
    have the type of p.
    """

    stream_type: type[StreamType]

    def make_node(self, stream: Variable, p: ArrayLike | Variable) -> Apply:
        p = pt.as_tensor(p)
        if not isinstance(stream.type, self.stream_type):
            raise TypeError(f"expected a stream of {self.stream_type.name_of_kind}, found {stream.type}")
        if p.type.dtype not in ("float64", "float32"):
            raise TypeError(f"p: expected float64 or float32, found {p.type.dtype}")
        return Apply(self, [stream, p], [stream.type(), TensorType(p.type.dtype, shape=p.type.shape)()])

    def update(self, node: Apply) -> dict[Variable, Variable]:
        return {node.inputs[0]: node.outputs[0]}

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:  # PyTensor 3.0 gives the fgraph, 3.3 does not
        shapes = fgraph_node_shapes[-1]
        return [None, shapes[1]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True, False], [False, False]]

    def L_op(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], output_gradients: Sequence[Variable]
    ) -> list[Variable]:
        return [disconnected_type(), disconnected_type()]

    def c_code_cache_version(self) -> tuple[int, ...]:
        return (1,)
