"""The logits of a NADE, their gradient and their tangent, frame by frame; see `compile.ops.nade`.

The hidden units of a frame change only after a note, so they are computed once per note.
"""

from collections.abc import Callable

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from rnnrbm_pt.compile.dispatch.numba.elementwise import vector_sigmoid
from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.dispatch.numba.rows import FASTMATH
from rnnrbm_pt.compile.ops.nade import NadeGradient, NadeLogits, NadeTangent

VERSION = 1
"""Version of this code, a part of the cache keys. Increase it when the code changes."""


@numba_njit(fastmath=FASTMATH)
def dot(x, y):
    total = x[0] * y[0]
    for j in range(1, x.shape[0]):
        total += x[j] * y[j]
    return total


@numba_njit(fastmath=FASTMATH)
def add_scaled(scale, x, out):
    for j in range(out.shape[0]):
        out[j] += scale * x[j]


@numba_njit(fastmath=FASTMATH)
def add_both(scale, x, out_x, y, out_y):
    for j in range(out_x.shape[0]):
        out_x[j] += scale * x[j]
        out_y[j] += scale * y[j]


@numba_njit(fastmath=FASTMATH)
def through_sigmoid(h, dh, da):
    """Add dh h (1 - h) to da, and reset dh to zero."""
    for j in range(da.shape[0]):
        da[j] += dh[j] * (h[j] - h[j] * h[j])
        dh[j] = 0


def sigmoid_row(dtype: np.dtype) -> Callable:
    """Make a Numba function row(a, h) that writes the sigmoid of the row a to the row h."""
    sigmoid = vector_sigmoid(dtype.name)

    @numba_njit(fastmath=FASTMATH)
    def row(a, h):
        for j in range(a.shape[0]):
            h[j] = sigmoid(a[j])

    return row


@register_funcify_and_cache_key(NadeLogits)
def numba_funcify_NadeLogits(op: NadeLogits, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.outputs[0].type.numpy_dtype
    sigmoids = sigmoid_row(dtype)

    @numba_njit
    def nade_logits(v, W, V, bv, bh):
        W, V = np.ascontiguousarray(W), np.ascontiguousarray(V)
        logits = np.empty(v.shape, dtype)
        a, h = np.empty(W.shape[1], dtype), np.empty(W.shape[1], dtype)
        for n in range(v.shape[0]):
            a[:] = bh[n]
            sigmoids(a, h)
            for i in range(v.shape[1]):
                logits[n, i] = bv[n, i] + dot(h, V[i])
                if v[n, i] != 0:
                    add_scaled(v[n, i], W[i], a)
                    sigmoids(a, h)
        return logits

    return nade_logits, cache_key("nade", VERSION, "logits", dtype.name)


@register_funcify_and_cache_key(NadeGradient)
def numba_funcify_NadeGradient(op: NadeGradient, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.outputs[0].type.numpy_dtype
    sigmoids = sigmoid_row(dtype)

    @numba_njit
    def nade_gradient(v, W, V, bv, bh, g):
        W, V = np.ascontiguousarray(W), np.ascontiguousarray(V)
        n_visible, n_hidden = W.shape
        dW, dV, dbh = np.zeros(W.shape, dtype), np.zeros(W.shape, dtype), np.zeros(bh.shape, dtype)
        a, dh = np.empty(n_hidden, dtype), np.zeros(n_hidden, dtype)
        h = np.empty((n_visible + 1, n_hidden), dtype)  # one row per note
        for n in range(v.shape[0]):
            a[:] = bh[n]
            sigmoids(a, h[0])
            last = 0
            for i in range(n_visible):
                if v[n, i] != 0:
                    add_scaled(v[n, i], W[i], a)
                    last += 1
                    sigmoids(a, h[last])
            da = dbh[n]
            for i in range(n_visible - 1, -1, -1):
                if v[n, i] != 0:
                    through_sigmoid(h[last], dh, da)
                    add_scaled(v[n, i], da, dW[i])
                    last -= 1
                add_both(g[n, i], h[last], dV[i], V[i], dh)
            through_sigmoid(h[0], dh, da)
        return dW, dV, dbh

    return nade_gradient, cache_key("nade", VERSION, "gradient", dtype.name)


@numba_njit(fastmath=FASTMATH)
def slope(h, da, dh):
    """Set dh to the derivative of h = sigmoid(a) along da."""
    for j in range(h.shape[0]):
        dh[j] = (h[j] - h[j] * h[j]) * da[j]


@register_funcify_and_cache_key(NadeTangent)
def numba_funcify_NadeTangent(op: NadeTangent, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.outputs[0].type.numpy_dtype
    sigmoids = sigmoid_row(dtype)

    @numba_njit
    def nade_tangent(v, W, V, bv, bh, dv, dW, dV, dbv, dbh):
        W, V = np.ascontiguousarray(W), np.ascontiguousarray(V)
        dW, dV = np.ascontiguousarray(dW), np.ascontiguousarray(dV)
        n_hidden = W.shape[1]
        tangent = np.empty(v.shape, dtype)
        a, da = np.empty(n_hidden, dtype), np.empty(n_hidden, dtype)
        h, dh = np.empty(n_hidden, dtype), np.empty(n_hidden, dtype)
        for n in range(v.shape[0]):
            a[:], da[:] = bh[n], dbh[n]
            sigmoids(a, h)
            slope(h, da, dh)
            for i in range(v.shape[1]):
                tangent[n, i] = dbv[n, i] + dot(h, dV[i]) + dot(dh, V[i])
                if v[n, i] != 0 or dv[n, i] != 0:
                    add_scaled(v[n, i], W[i], a)
                    add_scaled(v[n, i], dW[i], da)
                    add_scaled(dv[n, i], W[i], da)
                    sigmoids(a, h)
                    slope(h, da, dh)
        return tangent

    return nade_tangent, cache_key("nade", VERSION, "tangent", dtype.name)
