"""Operations of PyTensor's that JAX computes with the types and sizes that the graph says."""

from pytensor.tensor.basic import Alloc
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import Sum

from rnnrbm_pt.ours import OurOp


class TypedSum(OurOp, Sum):
    """A sum of the type that the graph says. Where JAX allows float64, PyTensor's own is float64 there."""


class TypedAlloc(OurOp, Alloc):
    """A filled array of the type that the graph says; as `TypedSum`."""


class SizeElemwise(OurOp, Elemwise):
    """Arithmetic of integers which stays known where JAX knows them as it traces a graph: they may be sizes."""
