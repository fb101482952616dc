"""The logits of a NADE, their gradient and their tangent, frame by frame; see `compile.ops.nade`.

The hidden units of a frame change only after a note, so they are computed once per note. The units from one note to the
next are a run: they share the hidden units. A run is one call, because LLVM does not inline these functions, and a call
per unit would take longer than its work.

Threads share blocks of frames. The blocks do not depend on the number of threads, and neither do the sums over them.
"""

from collections.abc import Callable

import numba
import numpy as np
from pytensor.graph.basic import Apply
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from rnnrbm_pt.compile.dispatch.numba.elementwise import vector_sigmoid
from rnnrbm_pt.compile.dispatch.numba.key import Kernel, cache_key
from rnnrbm_pt.compile.dispatch.numba.rows import FASTMATH
from rnnrbm_pt.compile.ops.nade import NadeGradient, NadeLogits, NadeTangent

VERSION = 2
"""Version of this code, a part of the cache keys. Increase it when the code changes."""

FRAMES_PER_BLOCK = 50
MOST_SUMS = 8
"""Maximum number of blocks in the gradient. Each of them has its own sums, of the size of W and V."""


@numba_njit(fastmath=FASTMATH)
def logits_of_run(h, V, bv, start, stop, logits):
    """Write the logits of the units from start to stop, which share the hidden units h."""
    n_hidden = np.uint64(h.shape[0])
    for i in range(start, stop):
        V_i, total = V[i], bv[i]
        for j in range(n_hidden):
            total += h[j] * V_i[j]
        logits[i] = total


@numba_njit(fastmath=FASTMATH)
def gradient_of_run(g, start, stop, h, V, dV, dh):
    """Add the gradients with respect to V and to h of the units from start to stop, which share the hidden units h."""
    n_hidden = np.uint64(h.shape[0])
    for i in range(start, stop):
        g_i, V_i, dV_i = g[i], V[i], dV[i]
        for j in range(n_hidden):
            dV_i[j] += g_i * h[j]
            dh[j] += g_i * V_i[j]


@numba_njit(fastmath=FASTMATH)
def tangents_of_run(h, dh, V, dV, dbv, start, stop, tangents):
    """Write the tangents of the units from start to stop, which share the hidden units h and their tangent dh."""
    n_hidden = np.uint64(h.shape[0])
    for i in range(start, stop):
        V_i, dV_i, total = V[i], dV[i], dbv[i]
        for j in range(n_hidden):
            total += h[j] * dV_i[j] + dh[j] * V_i[j]
        tangents[i] = total


@numba_njit(fastmath=FASTMATH)
def add_scaled(scale, x, out):
    for j in range(out.shape[0]):
        out[j] += scale * x[j]


@numba_njit(fastmath=FASTMATH)
def through_sigmoid(h, dh, da):
    """Add dh h (1 - h) to da, and reset dh to zero."""
    for j in range(da.shape[0]):
        da[j] += dh[j] * (h[j] - h[j] * h[j])
        dh[j] = 0


@numba_njit(fastmath=FASTMATH)
def slope(h, da, dh):
    """Set dh to the derivative of h = sigmoid(a) along da."""
    for j in range(h.shape[0]):
        dh[j] = (h[j] - h[j] * h[j]) * da[j]


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
    def block_of_logits(start, stop, v, W, V, bv, bh, logits):
        a, h = np.empty(W.shape[1], dtype), np.empty(W.shape[1], dtype)
        for n in range(start, stop):
            a[:] = bh[n]
            sigmoids(a, h)
            first = 0
            for i in range(v.shape[1]):
                if v[n, i] != 0:
                    logits_of_run(h, V, bv[n], first, i + 1, logits[n])
                    first = i + 1
                    add_scaled(v[n, i], W[i], a)
                    sigmoids(a, h)
            logits_of_run(h, V, bv[n], first, v.shape[1], logits[n])

    @numba_njit(parallel=op.parallel)
    def nade_logits(v, W, V, bv, bh):
        v_, W_, V_ = np.ascontiguousarray(v), np.ascontiguousarray(W), np.ascontiguousarray(V)
        bv_, bh_ = np.ascontiguousarray(bv), np.ascontiguousarray(bh)
        n, logits = v.shape[0], np.empty(v.shape, dtype)
        blocks = max(1, n // FRAMES_PER_BLOCK)
        for block in numba.prange(blocks):
            start, stop = n * block // blocks, n * (block + 1) // blocks
            block_of_logits(start, stop, v_, W_, V_, bv_, bh_, logits)
        return logits

    return nade_logits, cache_key("nade", VERSION, "logits", dtype.name, op.parallel)


@register_funcify_and_cache_key(NadeGradient)
def numba_funcify_NadeGradient(op: NadeGradient, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.outputs[0].type.numpy_dtype
    sigmoids = sigmoid_row(dtype)

    @numba_njit
    def block_of_gradient(start, stop, v, W, V, bh, g, dW, dV, dbh):
        n_visible, n_hidden = W.shape
        a, dh = np.empty(n_hidden, dtype), np.zeros(n_hidden, dtype)
        h, notes = np.empty((n_visible + 1, n_hidden), dtype), np.empty(n_visible, np.int64)
        for n in range(start, stop):
            a[:] = bh[n]
            sigmoids(a, h[0])
            last = 0
            for i in range(n_visible):
                if v[n, i] != 0:
                    notes[last] = i
                    last += 1
                    add_scaled(v[n, i], W[i], a)
                    sigmoids(a, h[last])
            da, end = dbh[n], n_visible
            while last > 0:
                note = notes[last - 1]
                gradient_of_run(g[n], note + 1, end, h[last], V, dV, dh)
                through_sigmoid(h[last], dh, da)
                add_scaled(v[n, note], da, dW[note])
                last, end = last - 1, note + 1
            gradient_of_run(g[n], 0, end, h[0], V, dV, dh)
            through_sigmoid(h[0], dh, da)

    @numba_njit(parallel=op.parallel)
    def nade_gradient(v, W, V, bv, bh, g):
        v_, W_, V_ = np.ascontiguousarray(v), np.ascontiguousarray(W), np.ascontiguousarray(V)
        bh_, g_ = np.ascontiguousarray(bh), np.ascontiguousarray(g)
        n, dbh = v.shape[0], np.zeros(bh.shape, dtype)
        blocks = max(1, min(MOST_SUMS, n // FRAMES_PER_BLOCK))
        dW = np.zeros((blocks, W.shape[0], W.shape[1]), dtype)
        dV = np.zeros((blocks, W.shape[0], W.shape[1]), dtype)
        for block in numba.prange(blocks):
            start, stop = n * block // blocks, n * (block + 1) // blocks
            block_of_gradient(start, stop, v_, W_, V_, bh_, g_, dW[block], dV[block], dbh)
        for block in range(1, blocks):
            dW[0] += dW[block]
            dV[0] += dV[block]
        return dW[0], dV[0], dbh

    return nade_gradient, cache_key("nade", VERSION, "gradient", dtype.name, op.parallel)


@register_funcify_and_cache_key(NadeTangent)
def numba_funcify_NadeTangent(op: NadeTangent, node: Apply, **kwargs: object) -> Kernel:
    dtype = node.outputs[0].type.numpy_dtype
    sigmoids = sigmoid_row(dtype)

    @numba_njit
    def block_of_tangents(start, stop, v, W, V, bh, dv, dW, dV, dbv, dbh, tangents):
        n_hidden = W.shape[1]
        a, da = np.empty(n_hidden, dtype), np.empty(n_hidden, dtype)
        h, dh = np.empty(n_hidden, dtype), np.empty(n_hidden, dtype)
        for n in range(start, stop):
            a[:], da[:] = bh[n], dbh[n]
            sigmoids(a, h)
            slope(h, da, dh)
            first = 0
            for i in range(v.shape[1]):
                if v[n, i] != 0 or dv[n, i] != 0:
                    tangents_of_run(h, dh, V, dV, dbv[n], first, i + 1, tangents[n])
                    first = i + 1
                    add_scaled(v[n, i], W[i], a)
                    add_scaled(v[n, i], dW[i], da)
                    add_scaled(dv[n, i], W[i], da)
                    sigmoids(a, h)
                    slope(h, da, dh)
            tangents_of_run(h, dh, V, dV, dbv[n], first, v.shape[1], tangents[n])

    @numba_njit(parallel=op.parallel)
    def nade_tangent(v, W, V, bv, bh, dv, dW, dV, dbv, dbh):
        v_, W_, V_ = np.ascontiguousarray(v), np.ascontiguousarray(W), np.ascontiguousarray(V)
        dv_, dW_, dV_ = np.ascontiguousarray(dv), np.ascontiguousarray(dW), np.ascontiguousarray(dV)
        bh_, dbv_, dbh_ = np.ascontiguousarray(bh), np.ascontiguousarray(dbv), np.ascontiguousarray(dbh)
        n, tangents = v.shape[0], np.empty(v.shape, dtype)
        blocks = max(1, n // FRAMES_PER_BLOCK)
        for block in numba.prange(blocks):
            start, stop = n * block // blocks, n * (block + 1) // blocks
            block_of_tangents(start, stop, v_, W_, V_, bh_, dv_, dW_, dV_, dbv_, dbh_, tangents)
        return tangents

    return nade_tangent, cache_key("nade", VERSION, "tangent", dtype.name, op.parallel)
