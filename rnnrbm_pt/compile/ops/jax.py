"""PyTensor's Ops for JAX, with the types and sizes that the graph declares."""

from pytensor.graph.basic import Apply
from pytensor.tensor.basic import Alloc
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import Sum

from rnnrbm_pt.ours import OurOp


class TypedSum(OurOp, Sum):
    """A sum with the type that the graph declares. PyTensor's own sum is float64 if JAX allows float64."""


class TypedAlloc(OurOp, Alloc):
    """A filled array with the type that the graph declares; see `TypedSum`."""


class SizeElemwise(OurOp, Elemwise):
    """Integer arithmetic whose results JAX knows while it traces, if it knows the inputs: they may be sizes.

    This includes comparisons of sizes and choices between them, which PyTensor also makes.
    """


def is_arithmetic_of_sizes(node: Apply) -> bool:
    """Whether all inputs and outputs of an operation are scalars of an integer or boolean type."""
    types = [x.type for x in (*node.inputs, *node.outputs)]
    return all(type_.ndim == 0 and type_.dtype.startswith(("int", "bool")) for type_ in types)
