"""Two replacements for the Numba backend: a layer of units sampled in one pass, and lighter matrix products.

The graph that is written, and that every other backend compiles, has a product, a sigmoid, a uniform draw and a
comparison where it samples a layer of an RBM. `SampleUnits` is these four in one loop, and gives the same bits from the
same stream. Importing this module registers both rewrites with PyTensor under the tag of its Numba mode; Numba itself
is imported when the first graph needs it.

How the exact bit gets cheap is told in `numba_rows`.
"""

import math
from functools import cache

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.graph.traversal import ancestors
from pytensor.scalar.basic import Add, Cast
from pytensor.scalar.math import Sigmoid
from pytensor.scan.op import Scan
from pytensor.tensor.basic import get_underlying_scalar_constant_value
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot
from pytensor.tensor.random.basic import UniformRV
from pytensor.tensor.random.op import RNGConsumerOp
from pytensor.tensor.type import TensorType

from rnnrbm_pt.compile.dispatch.numba.key import cache_key
from rnnrbm_pt.compile.dispatch.numba.rows import FASTMATH, compare_row
from rnnrbm_pt.compile.rewriting.bernoulli import CLOSE, SingleTrial
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.ours import OurOp

SMALL = 1_000_000
"""Multiplications of a product of matrices that OpenBLAS has a quicker way for, at most."""

FEWEST_ROWS = 32
"""Of the part of a product."""

VERSION = 9
"""Of the code that Numba compiles for these operations."""


class SampleUnits(OurOp, RNGConsumerOp):
    """Sample a layer of binary units given the other one: bits ~ Bernoulli(sigmoid(x W + b)).

    Inputs rng, x (n, d), W (d, m), b (n, m) or (1, m); outputs the next rng and the bits (n, m), of the floats' dtype.
    """

    __props__ = ("inplace",)

    def __init__(self, inplace=False):
        self.inplace = inplace
        if inplace:
            self.destroy_map = {0: [0]}

    def make_node(self, rng, x, W, b):
        if not (x.type.ndim == W.type.ndim == b.type.ndim == 2 and x.type.dtype == W.type.dtype == b.type.dtype):
            raise TypeError(f"expected three matrices of one dtype, found {x.type}, {W.type} and {b.type}")
        bits = TensorType(x.type.dtype, shape=(x.type.shape[0], W.type.shape[1]))()
        return Apply(self, [rng, x, W, b], [rng.type(), bits])

    def update(self, node):
        return {node.inputs[0]: node.outputs[0]}

    def infer_shape(self, *fgraph_node_shapes):
        # PyTensor 3.0 gives (fgraph, node, shapes), and 3.3 warns of whoever takes an fgraph.
        _, x, W, _ = fgraph_node_shapes[-1]
        return [None, (x[0], W[1])]

    def perform(self, node, inputs, outputs):
        rng, x, W, b = inputs
        if not self.inplace:
            rng = _copy_rng(rng)
        p = mean_of_layer(x, W, b)
        u = rng.random(p.shape)
        outputs[0][0] = rng
        outputs[1][0] = np.vectorize(SingleTrial().impl, otypes=[p.dtype])(u, p)


def mean_of_layer(x, W, b):
    """sigmoid(x W + b), by NumPy."""
    return 1 / (1 + np.exp(-(np.dot(x, W) + b)))


def sampled(op, stream, layer, like):
    """The next stream and the bits of a layer that `layer_of` found, in the place of the variable `like`."""
    x, W, b, is_row = layer
    next_stream, bits = op(stream, x, W, b)
    if is_row:
        bits = bits[0]
    copy_stack_trace(like, bits)
    return next_stream, bits


def _copy_rng(rng):
    bit_generator = type(rng.bit_generator)()
    bit_generator.state = rng.bit_generator.state
    return np.random.Generator(bit_generator)


class Product(OurOp, Op):
    """The product of two matrices of one float type, as Numba's own np.dot does it.

    PyTensor's product chooses among BLAS calls for every combination of strides, and takes Numba up to 20 s to compile
    for each pair of layouts that occurs. This one takes under a second.
    """

    __props__ = ()

    def make_node(self, x, y):
        return Apply(self, [x, y], [TensorType(x.type.dtype, shape=(x.type.shape[0], y.type.shape[1]))()])

    def infer_shape(self, *fgraph_node_shapes):
        shapes = fgraph_node_shapes[-1]
        return [(shapes[0][0], shapes[1][1])]

    def perform(self, node, inputs, outputs):
        outputs[0][0] = np.dot(*inputs)


class InOrder(OurOp, Op):
    """A copy of a matrix whose rows lie one after another."""

    __props__ = ()

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def infer_shape(self, *fgraph_node_shapes):
        return [fgraph_node_shapes[-1][0]]

    def perform(self, node, inputs, outputs):
        outputs[0][0] = np.array(inputs[0], order="C")


def _is_uniform(variable):
    """Whether a variable is the draw of a uniform(0, 1)."""
    if variable.owner is None or not isinstance(variable.owner.op, UniformRV):
        return False
    low, high = variable.owner.inputs[2:]
    return all(
        get_underlying_scalar_constant_value(bound, raise_not_constant=False) == value
        for bound, value in ((low, 0), (high, 1))
    )


def _is_elemwise(variable, scalar_op):
    return (
        variable.owner is not None
        and isinstance(variable.owner.op, Elemwise)
        and isinstance(variable.owner.op.scalar_op, scalar_op)
    )


def _product_of(variable):
    """The two matrices whose product a variable is, and whether it is the only row of it; None where it is none."""
    if variable.owner is None:
        return None
    if isinstance(variable.owner.op, Dot):
        return *variable.owner.inputs, False
    drops_row = isinstance(variable.owner.op, DimShuffle) and variable.owner.op.new_order == (1,)
    inner = variable.owner.inputs[0]
    if drops_row and inner.owner is not None and isinstance(inner.owner.op, Dot):
        return *inner.owner.inputs, True
    return None


def vector_of(row):
    """The vector of which a matrix is the only row; the variable itself if it is something else."""
    if row.owner is not None and isinstance(row.owner.op, DimShuffle) and row.owner.op.new_order == ("x", 0):
        return row.owner.inputs[0]
    return row


def layer_of(p):
    """The matrices x, W, b of p = sigmoid(x W + b), and whether p is their only row; None if p is something else."""
    if not _is_elemwise(p, Sigmoid) or not _is_elemwise(p.owner.inputs[0], Add):
        return None
    terms = p.owner.inputs[0].owner.inputs
    products = [(i, found) for i, term in enumerate(terms) if (found := _product_of(term)) is not None]
    if not products:
        return None
    i, (x, W, is_row) = products[0]
    rest = [term for j, term in enumerate(terms) if j != i]
    b = rest[0] if len(rest) == 1 else pt.add(*rest)
    if is_row:
        b = pt.expand_dims(b, 0)
    dtype = p.type.dtype
    if b.type.ndim != 2 or {x.type.dtype, W.type.dtype, b.type.dtype} != {dtype} or dtype not in ("float32", "float64"):
        return None
    if (x.type.shape[0] == 1 and b.type.shape[0] != 1) or (W.type.shape[1] == 1) != (b.type.shape[1] == 1):
        return None  # the biases are not a row for each row of the product, nor one row for all
    return x, W, b, is_row


@node_rewriter([Elemwise])
def local_sample_units(fgraph, node):
    """Replace cast(single_trial(uniform, sigmoid(x W + b))) by `SampleUnits`."""
    if not isinstance(node.op.scalar_op, Cast) or not _is_elemwise(node.inputs[0], SingleTrial):
        return None
    bit = node.inputs[0]
    u, p = bit.owner.inputs
    draw = vector_of(u)  # PyTensor turns a vector of bits that enters a product into a row here already
    if not _is_uniform(draw) or any(len(fgraph.clients[x]) != 1 for x in (draw, u, bit)):
        return None
    layer = layer_of(p)
    if layer is None or p.type.dtype != node.outputs[0].type.dtype:
        return None
    if u.type.broadcastable != p.type.broadcastable:
        return None  # several draws for one probability
    tell_numba()
    next_rng, bits = sampled(SampleUnits(), draw.owner.inputs[0], layer, node.outputs[0])
    return {draw.owner.outputs[0]: next_rng, node.outputs[0]: bits}


@node_rewriter([SampleUnits])
def local_sample_units_inplace(fgraph, node):
    """Let the stream advance where it is, instead of in a copy."""
    if node.op.inplace:
        return None
    return type(node.op)(inplace=True)(*node.inputs, return_list=True)


@node_rewriter([Dot])
def local_product(fgraph, node):
    """Replace a product of two float matrices of one dtype by `Product`."""
    x, y = node.inputs
    if x.type.dtype != y.type.dtype or x.type.dtype not in ("float32", "float64"):
        return None
    tell_numba()
    product = Product()(x, y)
    copy_stack_trace(node.outputs[0], product)
    return [product]


@node_rewriter([Scan])
def local_matrices_in_order(fgraph, node):
    """Copy the transposed matrices that each step of a scan multiplies by, once: products with them take less time."""
    inner, outer = node.op.inner_non_seqs(node.op.inner_inputs), node.op.outer_non_seqs(node.inputs)
    factors = {x.owner.inputs[1] for x in ancestors(node.op.inner_outputs) if x.owner and isinstance(x.owner.op, Dot)}
    replaced = {
        matrix: InOrder()(matrix)
        for x, matrix in zip(inner, outer, strict=True)
        if x in factors and _is_transposed(matrix) and matrix.type.dtype in ("float32", "float64")
    }
    if not replaced:
        return None
    tell_numba()
    copy_stack_trace(list(replaced), list(replaced.values()))
    outputs = node.op(*[replaced.get(x, x) for x in node.inputs], return_list=True)
    copy_stack_trace(node.outputs, outputs)
    return outputs


def _is_transposed(x):
    return x.owner is not None and isinstance(x.owner.op, DimShuffle) and x.owner.op.new_order == (1, 0)


# After the rewrites that move products out of scans (1.6) and before elementwise operations are fused (49).
register("in_order", local_matrices_in_order, "numba", position=48.5)
register("sample_units", local_sample_units, "numba", position=48.6)
register("product", local_product, "numba", position=48.7)
register("sample_units_inplace", local_sample_units_inplace, "numba", "inplace", position=50.9)


def dense(a):
    """A matrix in a layout that BLAS takes: itself, if it can be."""
    raise NotImplementedError("for Numba only")


def fit(x, W, b):
    """Raise ValueError unless x and W can be multiplied, and b has a row for each row of x W or one for all."""
    raise NotImplementedError("for Numba only")


def product_into(x, y, out):
    """Put the product of two matrices that `dense` gave into a third, some rows at a time where that is quicker.

    Of one row of bits, rows of y are added up where it has ones. Where a processor has vectors of 512 bits, OpenBLAS
    takes products of at most `SMALL` multiplications as they lie, and packs the matrices of larger ones first.
    """
    raise NotImplementedError("for Numba only")


def product_of_layer(x, W, b):
    """x W, after a look at whether b does `fit`."""
    raise NotImplementedError("for Numba only")


@cache
def tell_numba():
    """Register the Ops with Numba: when they are first needed, since Numba takes a second to import."""
    from llvmlite.binding import get_host_cpu_features
    from numba.extending import overload
    from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
    from pytensor.link.numba.dispatch.random import numba_deepcopy

    @overload(dense)
    def overload_dense(a):
        # BLAS takes rows or columns that lie one after another; a transposed matrix is such, a reversed one is copied.
        if a.layout in "CF":
            return lambda a: a
        return lambda a: np.ascontiguousarray(a)

    at_once = SMALL if get_host_cpu_features().get("avx512f") else 2**62

    @numba_njit(fastmath=FASTMATH)
    def add_four(x, y, some, out):
        i, j, k, n = some[0], some[1], some[2], some[3]
        y_i, y_j, y_k, y_n = y[i], y[j], y[k], y[n]
        x_i, x_j, x_k, x_n = x[i], x[j], x[k], x[n]
        for c in range(out.shape[0]):
            out[c] += (x_i * y_i[c] + x_j * y_j[c]) + (x_k * y_k[c] + x_n * y_n[c])

    @numba_njit(fastmath=FASTMATH)
    def product_of_row(x, y, out):
        some, n = np.empty(x.shape[0] + 1, np.int64), 0
        for i in range(x.shape[0]):  # without a branch, which nobody could foresee
            some[n] = i
            n += np.int64(x[i] != 0)
        out[:] = 0
        fours = n // 4 * 4
        for at in range(0, fours, 4):
            add_four(x, y, some[at : at + 4], out)
        for at in range(fours, n):
            x_i, y_i = x[some[at]], y[some[at]]
            for c in range(out.shape[0]):
                out[c] += x_i * y_i[c]

    @overload(product_into)
    def overload_product_into(x, y, out):
        if (x.layout, y.layout) != ("C", "C"):
            return lambda x, y, out: np.dot(x, y, out)

        def product_into(x, y, out):
            n = x.shape[0]
            if n == 1:
                product_of_row(x[0], y, out[0])
                return
            parts = (n * y.size + at_once - 1) // at_once
            if not 1 < parts <= n // FEWEST_ROWS:
                np.dot(x, y, out)
                return
            for part in range(parts):
                start, stop = n * part // parts, n * (part + 1) // parts
                np.dot(x[start:stop], y, out[start:stop])

        return product_into

    @overload(fit)
    def overload_fit(x, W, b):
        def fit(x, W, b):
            if x.shape[1] != W.shape[0] or b.shape[1] != W.shape[1] or (b.shape[0] != 1 and b.shape[0] != x.shape[0]):
                raise ValueError("the shape of the biases does not fit that of x W")

        return fit

    @overload(product_of_layer)
    def overload_product_of_layer(x, W, b):
        def product_of_layer(x, W, b):
            fit(x, W, b)
            product = np.empty((x.shape[0], W.shape[1]), x.dtype)
            product_into(dense(x), dense(W), product)
            return product

        return product_of_layer

    @register_funcify_and_cache_key(Product)
    def numba_funcify_Product(op, node, **kwargs):
        x, y = node.inputs
        if x.type.shape[0] == 1:

            @numba_njit
            def product(x, y):
                out = np.empty((1, y.shape[1]), x.dtype)
                np.dot(dense(x[0]), dense(y), out[0])  # an assignment would take longer to compile
                return out

        elif y.type.shape[1] == 1:

            @numba_njit
            def product(x, y):
                out = np.empty((x.shape[0], 1), x.dtype)
                out[:, 0] = np.dot(dense(x), np.ascontiguousarray(y[:, 0]))
                return out

        else:

            @numba_njit
            def product(x, y):
                if x.shape[1] != y.shape[0]:
                    raise ValueError("incompatible array sizes for a product of matrices")
                out = np.empty((x.shape[0], y.shape[1]), x.dtype)
                product_into(dense(x), dense(y), out)
                return out

        return product, cache_key(VERSION, "Product", x.type.shape[0] == 1, y.type.shape[1] == 1)

    @register_funcify_and_cache_key(InOrder)
    def numba_funcify_InOrder(op, node, **kwargs):
        @numba_njit
        def in_order(x):
            return np.ascontiguousarray(x).copy()

        return in_order, cache_key(VERSION, "InOrder")

    @register_funcify_and_cache_key(SampleUnits)
    def numba_funcify_SampleUnits(op, node, **kwargs):
        inplace = op.inplace
        compare = compare_row(mirrored=True)
        dtype = node.inputs[1].type.numpy_dtype
        one = dtype.type(1)

        @numba_njit
        def exact_bit(u, x):
            p = np.float64(one / (one + np.exp(-x)))
            upper = p > 0.5
            rare = 1.0 - p if upper else p
            threshold = 1.0 - rare
            if abs(u - threshold) < CLOSE:
                threshold = math.exp(math.log1p(-rare))
            return (u > threshold) != upper

        @numba_njit
        def sample_units(rng, x, W, b):
            if not inplace:
                rng = numba_deepcopy(rng)
            bits = product_of_layer(x, W, b)
            u = np.empty(bits.shape, np.float64)
            # All draws before the first comparison: NumPy's code, called with the upper halves of vector registers in
            # use, takes thirty times as long.
            for i in range(bits.shape[0]):
                for j in range(bits.shape[1]):
                    u[i, j] = rng.random()
            logits = np.empty(bits.shape[1], dtype)
            for i in range(bits.shape[0]):
                row = 0 if b.shape[0] == 1 else i
                for j in range(bits.shape[1]):
                    logits[j] = bits[i, j] + b[row, j]
                if compare(logits, u[i], bits[i]) > 0:
                    for j in range(bits.shape[1]):
                        bits[i, j] = exact_bit(u[i, j], logits[j])
            return rng, bits

        return sample_units, cache_key(VERSION, "SampleUnits", inplace, dtype.name)
