"""The type of random streams whose state is an array of integers: what their kinds have in common."""

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.link.c.type import CType
from pytensor.tensor.random.type import RandomType
from pytensor.tensor.type import TensorType


class StreamType(RandomType, CType):
    """A random state that is an array. Subclasses say of which type and shape; the name of the kind is for messages.

    It is no tensor type, so that `scan` carries it as it carries a NumPy generator: it returns the last one, and keeps
    no trace.
    """

    name_of_kind = ""
    dtype = ""
    shape = ()
    """None where an axis may have any length but 0."""

    def __init_subclass__(cls):
        # In C the state is what a tensor is: an array of NumPy's.
        for method in (
            "c_declare c_init c_extract c_cleanup c_sync c_headers c_libraries c_compile_args c_support_code "
            "c_init_code c_code_cache_version"
        ).split():
            setattr(cls, method, getattr(TensorType(cls.dtype, cls.shape), method))
        pytensor.compile.ops.register_view_op_c_code(cls, _MOVE, 1)
        pytensor.compile.ops.register_deep_copy_op_c_code(cls, _COPY, 1)

    def filter(self, data, strict=False, allow_downcast=None):
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
    def may_share_memory(a, b):
        return np.may_share_memory(a, b)

    @staticmethod
    def values_eq(a, b):
        return np.array_equal(a, b)

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return hash(type(self))

    def __repr__(self):
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


class StreamVariable(Variable):
    """A stream in a graph; it draws as PyTensor's random generators do."""

    op = None
    """The Op that draws: takes the stream and p, gives the next stream and the bits."""

    def binomial(self, n=1, p=0.5):
        """Draw 0 or 1 with the probabilities p.

        Parameters
        ----------
        n : int
            Trials: one is all that is offered.
        p : tensor of any shape
            Probabilities of 1. Compared with uniform numbers of its own float type.

        Returns
        -------
        next_stream : variable of the same type
        draw : tensor like p
        """
        if n != 1:
            raise ValueError(f"a stream of {self.type.name_of_kind} draws from one trial, not from n={n!r}")
        p = pt.as_tensor(p)
        if p.type.dtype not in ("float64", "float32"):
            p = pt.cast(p, pytensor.config.floatX)
        return self.op(self, p)
