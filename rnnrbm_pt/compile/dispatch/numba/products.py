"""Products of matrices by BLAS, or by hand where that is faster."""

import numpy as np
from llvmlite.binding import get_host_cpu_features
from numba.extending import overload
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.dispatch.numba.rows import FASTMATH
from rnnrbm_pt.compile.ops.products import InOrder, Product

VERSION = 10
"""Version of the code of products and layers. It enters their cache keys: increase it when the code changes."""

SMALL = 1_000_000
"""Most multiplications in a product for which OpenBLAS has a quicker way, where a processor has vectors of 512 bits."""

AT_ONCE = SMALL if get_host_cpu_features().get("avx512f") else 2**62
"""Most multiplications in a product that is not divided."""

FEWEST_ROWS = 32
"""Fewest rows in a part of a product."""


def dense(a):
    """A matrix in a layout that BLAS takes: the matrix itself if possible, else a copy."""
    raise NotImplementedError("for Numba only")


@overload(dense)
def overload_dense(a):
    # BLAS takes rows or columns that lie one after another; a transposed matrix is such, a reversed one is copied.
    if a.layout in "CF":
        return lambda a: a
    return lambda a: np.ascontiguousarray(a)


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


def product_into(x, y, out):
    """Write the product of two matrices from `dense` into a third.

    With AVX-512, OpenBLAS has a fast kernel for products of at most `SMALL` multiplications, which packs no matrices.
    Larger products are therefore computed some rows at a time. One row of bits is a sum of the rows of y where it has
    ones.
    """
    raise NotImplementedError("for Numba only")


@overload(product_into)
def overload_product_into(x, y, out):
    if (x.layout, y.layout) != ("C", "C"):
        return lambda x, y, out: np.dot(x, y, out)

    def product_into(x, y, out):
        n = x.shape[0]
        if n == 1:
            product_of_row(x[0], y, out[0])
            return
        parts = (n * y.size + AT_ONCE - 1) // AT_ONCE
        if not 1 < parts <= n // FEWEST_ROWS:
            np.dot(x, y, out)
            return
        for part in range(parts):
            start, stop = n * part // parts, n * (part + 1) // parts
            np.dot(x[start:stop], y, out[start:stop])

    return product_into


@numba_njit
def check_shapes(x, W, b):
    """Raise ValueError unless x W exists, and b has one row for each row of it or one row for all."""
    if x.shape[1] != W.shape[0] or b.shape[1] != W.shape[1] or (b.shape[0] != 1 and b.shape[0] != x.shape[0]):
        raise ValueError("the shape of the biases does not fit that of x W")


@numba_njit
def product_of_layer(x, W, b):
    """x W, after `check_shapes`."""
    check_shapes(x, W, b)
    product = np.empty((x.shape[0], W.shape[1]), x.dtype)
    product_into(dense(x), dense(W), product)
    return product


@register_funcify_and_cache_key(Product)
def numba_funcify_Product(op: Product, node: Apply, **kwargs: object) -> Kernel:
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
def numba_funcify_InOrder(op: InOrder, node: Apply, **kwargs: object) -> Kernel:
    @numba_njit
    def in_order(x):
        return np.ascontiguousarray(x).copy()

    return in_order, cache_key(VERSION, "InOrder")
