"""Operations of PyTensor's that JAX computes with the types and sizes that the graph says."""

from pytensor.graph.basic import Apply
from pytensor.tensor.basic import Alloc
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import Sum

from rnnrbm_pt.ours import OurOp


class TypedSum(OurOp, Sum):
    """A sum of the type that the graph says. Where JAX allows float64, PyTensor's own is float64 there."""


class TypedAlloc(OurOp, Alloc):
    """A filled array of the type that the graph says; as `TypedSum`."""


class SizeElemwise(OurOp, Elemwise):
    """Arithmetic of integers which stays known where JAX knows them as it traces a graph: they may be sizes.

    PyTensor compares sizes too, and chooses one of two.
    """


def is_arithmetic_of_sizes(node: Apply) -> bool:
    """Whether all that an operation takes and gives are integers, or comparisons of them, without axes."""
    types = [x.type for x in (*node.inputs, *node.outputs)]
    return all(type_.ndim == 0 and type_.dtype.startswith(("int", "bool")) for type_ in types)
