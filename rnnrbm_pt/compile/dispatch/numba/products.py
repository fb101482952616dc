"""Matrix products by BLAS, or by our own code where that is faster."""

from collections.abc import Callable

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba.core import cgutils, types
from numba.extending import intrinsic, overload
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.ops.products import InOrder, OnlyRow, Product

VERSION = 14
"""Version of the code of products and layers, a part of their cache keys. Increase it when the code changes."""

SMALL = 1_000_000
"""Largest number of multiplications for which OpenBLAS has a faster kernel, on processors with AVX-512."""

AT_ONCE = SMALL if get_host_cpu_features().get("avx512f") else 2**62
"""Largest number of multiplications in a product that is not divided."""

WIDE, NARROW = 128, 32
"""Number of bytes of a sum of rows that are computed at once: for wide rows, and for narrow rows."""

FEWEST_ROWS = 32
"""Smallest number of rows in a part of a product."""


def dense(a):
    """A matrix in a layout that BLAS accepts: the matrix itself if possible, else a copy."""
    raise NotImplementedError("for Numba only")


@overload(dense)
def overload_dense(a):
    # BLAS accepts contiguous rows or columns. A transposed matrix qualifies; a reversed matrix must be copied.
    if a.layout in "CF":
        return lambda a: a
    return lambda a: np.ascontiguousarray(a)


def sum_of_rows(size: int) -> Callable:
    """Make a Numba function that computes some columns of a sum of rows of a matrix.

    sum_of_rows(x, y, some, n, out, row, at) adds up x[row, i] y[i] for the first n numbers i in `some`, in this order.
    It writes three times `size` bytes of the sum to out[row], from column `at` on. A part that would exceed the row is
    moved back to its end.

    The sum is kept in registers. In a loop over `out`, LLVM would check for overlapping arrays each time, and would
    compute the columns that do not fill a vector one by one.
    """

    @intrinsic
    def sum_of_rows(typingctx, x, y, some, n, out, row, at):
        def codegen(context, builder, signature, args):
            x_, y_, some_, out_ = (
                context.make_array(kind)(context, builder, array)
                for kind, array in ((x, args[0]), (y, args[1]), (some, args[2]), (out, args[4]))
            )
            n, row, at = args[3], args[5], args[6]
            length, width = cgutils.unpack_tuple(builder, y_.shape)
            align = y.dtype.bitwidth // 8
            columns = max(1, size // align)
            last = builder.sub(width, ir.Constant(at.type, columns))
            places = [builder.add(at, ir.Constant(at.type, k * columns)) for k in range(3)]
            places = [builder.select(builder.icmp_signed("<", place, last), place, last) for place in places]
            vector = ir.VectorType(context.get_value_type(y.dtype), columns)
            same = ir.Constant(ir.VectorType(ir.IntType(32), columns), [0] * columns)

            def vector_at(data, place):
                return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())

            at_x, at_out = builder.mul(row, length), builder.mul(row, width)
            totals = [cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * columns)) for _ in places]
            with cgutils.for_range(builder, n) as loop:
                i = builder.zext(builder.load(builder.gep(some_.data, [loop.index])), n.type)
                x_i = builder.load(builder.gep(x_.data, [builder.add(at_x, i)]))
                x_i = builder.insert_element(ir.Constant(vector, ir.Undefined), x_i, ir.IntType(32)(0))
                x_i = builder.shuffle_vector(x_i, x_i, same)
                for total, place in zip(totals, places, strict=True):
                    y_i = builder.load(vector_at(y_.data, builder.add(builder.mul(i, width), place)), align=align)
                    product = builder.fmul(x_i, y_i, flags=["contract"])
                    builder.store(builder.fadd(builder.load(total), product, flags=["contract"]), total)
            for total, place in zip(totals, places, strict=True):
                builder.store(builder.load(total), vector_at(out_.data, builder.add(at_out, place)), align=align)
            return context.get_dummy_value()

        return types.void(x, y, some, types.int64, out, types.int64, types.int64), codegen

    return sum_of_rows


wide_sum, narrow_sum, single_sum = map(sum_of_rows, (WIDE, NARROW, 1))


@numba_njit
def product_of_row(x, y, out, row):
    some, n = np.empty(x.shape[1] + 1, np.uint32), 0
    for i in range(x.shape[1]):  # without a branch, since it would be unpredictable
        some[n] = i
        n += np.int64(x[row, i] != 0)
    m, wide, narrow = out.shape[1], WIDE // out.itemsize, NARROW // out.itemsize
    if m >= wide:
        for at in range(0, m, 3 * wide):
            wide_sum(x, y, some, n, out, row, at)
    elif m >= narrow:
        for at in range(0, m, 3 * narrow):
            narrow_sum(x, y, some, n, out, row, at)
    else:
        for at in range(0, m, 3):
            single_sum(x, y, some, n, out, row, at)


def product_into(x, y, out):
    """Write the product of two matrices in the layout of `dense` to a third.

    With AVX-512, OpenBLAS has a fast kernel for products of at most `SMALL` multiplications, which does not pack the
    matrices. Larger products are therefore computed in blocks of rows. For a single row x, the product is a weighted
    sum of the rows of y where x is not zero.
    """
    raise NotImplementedError("for Numba only")


@overload(product_into)
def overload_product_into(x, y, out):
    if (x.layout, y.layout, out.layout) != ("C", "C", "C"):
        return lambda x, y, out: np.dot(x, y, out)

    def product_into(x, y, out):
        n = x.shape[0]
        if n == 1:
            product_of_row(x, y, out, 0)
            return
        parts = (n * y.size + AT_ONCE - 1) // AT_ONCE
        if not 1 < parts <= n // FEWEST_ROWS:
            np.dot(x, y, out)
            return
        for part in range(parts):
            start, stop = n * part // parts, n * (part + 1) // parts
            np.dot(x[start:stop], y, out[start:stop])

    return product_into


def product_of_rows_into(x, y, out, start, stop):
    """Write rows start to stop of a product, like `product_into`, but without making a view of a single row."""
    raise NotImplementedError("for Numba only")


@overload(product_of_rows_into)
def overload_product_of_rows_into(x, y, out, start, stop):
    if (x.layout, y.layout, out.layout) != ("C", "C", "C"):
        return lambda x, y, out, start, stop: product_into(x[start:stop], y, out[start:stop])

    def product_of_rows_into(x, y, out, start, stop):
        if stop - start == 1:
            product_of_row(x, y, out, start)
        else:
            product_into(x[start:stop], y, out[start:stop])

    return product_of_rows_into


@numba_njit
def check_shapes(x, W, b):
    """Raise ValueError unless x W exists and b has either as many rows as x W or one row."""
    if x.shape[1] != W.shape[0] or b.shape[1] != W.shape[1] or (b.shape[0] != 1 and b.shape[0] != x.shape[0]):
        raise ValueError("the shape of the biases does not fit that of x W")


@numba_njit
def product_of_layer(x, W, b):
    """Check the shapes of a layer and compute x W."""
    check_shapes(x, W, b)
    product = np.empty((x.shape[0], W.shape[1]), x.dtype)
    product_into(dense(x), dense(W), product)
    return product


@register_funcify_and_cache_key(Product)
def numba_funcify_Product(op: Product, node: Apply, **kwargs: object) -> Kernel:
    x, y = node.inputs
    if x.type.ndim == 1:

        @numba_njit
        def product(x, y):
            out = np.empty(y.shape[1], x.dtype)
            np.dot(np.ascontiguousarray(x), dense(y), out)
            return out

    elif y.type.ndim == 1:

        @numba_njit
        def product(x, y):
            out = np.empty(x.shape[0], x.dtype)
            np.dot(dense(x), np.ascontiguousarray(y), out)
            return out

    elif x.type.shape[0] == 1:

        @numba_njit
        def product(x, y):
            out = np.empty((1, y.shape[1]), x.dtype)
            np.dot(dense(x[0]), dense(y), out[0])  # assigning to out[0] would take longer to compile
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

    kind = x.type.ndim, y.type.ndim, x.type.shape[0] == 1, y.type.shape[-1] == 1
    return product, cache_key(VERSION, "Product", *kind)


@register_funcify_and_cache_key(OnlyRow)
def numba_funcify_OnlyRow(op: OnlyRow, node: Apply, **kwargs: object) -> Kernel:
    @numba_njit
    def only_row(x):
        if x.shape[0] != 1:
            raise ValueError("a matrix of one row is expected")
        return x[0]

    return only_row, cache_key(VERSION, "OnlyRow")


@register_funcify_and_cache_key(InOrder)
def numba_funcify_InOrder(op: InOrder, node: Apply, **kwargs: object) -> Kernel:
    @numba_njit
    def in_order(x):
        out = np.empty(x.shape, x.dtype)
        out[...] = x
        return out

    return in_order, cache_key(VERSION, "InOrder", node.inputs[0].type.ndim)
