"""Philox4x32-10, the generator behind `PhiloxStreams`, and the Op that draws from it.

Philox is a counter-based generator (Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, SC
2011). Each random number is a function of a counter and a key, so there is no state to pass from one number to the
next. Numbers can be computed in any order, by vector instructions and on several cores. The draws of a frame do not
depend on the other frames, and they are the same on every backend.

A counter (x0, x1, x2, x3) with the key (k0, k1) goes through ten rounds, where hi and lo are the upper and lower 32
bits of a product:

    (x0, x1, x2, x3) -> (hi(M1 x2) ^ x1 ^ k0, lo(M1 x2), hi(M0 x0) ^ x3 ^ k1, lo(M0 x0))
    (k0, k1) -> (k0 + W0, k1 + W1) mod 2^32

The state of a stream is (key 0, key 1, d0, d1), all uint32, where d = d0 + 2^32 d1 < 2^63 counts its draws. Consider a
draw of n rows of m bits, with q = ceil(m / 4). Bit j of row i uses word j // q of the counter (j mod q, i, d0, d1). A
float32 uniform number is the upper 24 bits of this word. A float64 uniform number is the whole word, followed by 21
bits of the word at the same place of the draw d + 2^63.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pytensor.graph.basic import Apply

from rnnrbm_pt.streams.stream_type import StreamBinomial, StreamType

ROUNDS = 10
MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
SECOND_WORD = 1 << 31
"""The bit of d1 that is set for the lower bits of a float64 uniform number."""


def philox4x32(
    counter: Sequence[ArrayLike], key: Sequence[int] | NDArray[np.uint32], rounds: int = ROUNDS
) -> tuple[NDArray[np.uint32], ...]:
    """The four words of each counter.

    Parameters
    ----------
    counter : four uint32 arrays
        The four parts of the counters. They broadcast against each other.
    key : two integers
    rounds : int
        Number of rounds.

    Returns
    -------
    tuple of four uint32 arrays
    """
    x0, x1, x2, x3 = (np.asarray(x, dtype=np.uint64) for x in counter)
    k0, k1 = (int(k) for k in key)
    low = np.uint64(0xFFFFFFFF)
    for _ in range(rounds):
        p0, p1 = x0 * np.uint64(MULTIPLIERS[0]), x2 * np.uint64(MULTIPLIERS[1])
        x0, x1, x2, x3 = (
            (p1 >> np.uint64(32)) ^ x1 ^ np.uint64(k0),
            p1 & low,
            (p0 >> np.uint64(32)) ^ x3 ^ np.uint64(k1),
            p0 & low,
        )
        k0, k1 = (k0 + WEYL[0]) % 2**32, (k1 + WEYL[1]) % 2**32
    return tuple(x.astype(np.uint32) for x in np.broadcast_arrays(x0, x1, x2, x3))


def words(state: NDArray[np.uint32], shape: tuple[int, ...], second: bool = False) -> NDArray[np.uint32]:
    """The words of one draw.

    Parameters
    ----------
    state : uint32 vector, shape (4,)
        State of the stream.
    shape : tuple of int
        Shape of the draw. All axes except the last are rows.
    second : bool
        Whether to return the words for the lower bits of float64.

    Returns
    -------
    uint32 array with the given shape
    """
    *rows, m = shape or (1,)
    n, q = int(np.prod(rows)), -(-m // 4)
    key, d0, d1 = state[:2], state[2], state[3] | np.uint32(SECOND_WORD if second else 0)
    four = philox4x32((np.arange(q), np.arange(n)[:, np.newaxis], d0, d1), key)
    return np.concatenate(four, axis=1)[:, :m].reshape(shape)


def uniforms(state: NDArray[np.uint32], shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """The uniform numbers of one draw, as described at the top of this module.

    Parameters
    ----------
    state : uint32 vector, shape (4,)
        State of the stream.
    shape : tuple of int
        Shape of the draw.
    dtype : {'float64', 'float32'}

    Returns
    -------
    array of dtype, with the given shape
        Numbers in [0, 1): multiples of 2^-24 (float32) or 2^-53 (float64).
    """
    first = words(state, shape)
    if dtype == "float32":
        return (first >> np.uint32(8)).astype(np.float32) * np.float32(2**-24)
    second = words(state, shape, second=True)
    return (first * 2.0**21 + (second >> np.uint32(11))) * 2.0**-53


def next_draw(state: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The state after one draw: d + 1."""
    k0, k1, d0, d1 = (int(x) for x in state)
    d = (d0 + (d1 << 32) + 1) % 2**63
    return np.array([k0, k1, d % 2**32, d >> 32], dtype=np.uint32)


class PhiloxType(StreamType):
    """The type of a stream: a uint32 vector, shape (4,). Two words are the key, and two words count the draws."""

    name_of_kind = "Philox"
    dtype = "uint32"
    shape = (4,)

    def __init__(self, parallel: bool = False) -> None:
        self.parallel = parallel
        """Whether several cores may share the rows of a draw. The numbers do not depend on it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PhiloxType) and self.parallel == other.parallel

    def __hash__(self) -> int:
        return hash((type(self), self.parallel))

    def __repr__(self) -> str:
        return f"PhiloxType(parallel={self.parallel})"


class PhiloxBinomial(StreamBinomial):
    """Draws from Philox streams; see `StreamBinomial`."""

    __props__ = ()
    stream_type = PhiloxType

    def perform(self, node: Apply, inputs: Sequence[np.ndarray], outputs: list[list[Any]]) -> None:
        state, p = inputs
        outputs[0][0] = next_draw(state)
        outputs[1][0] = np.asarray(uniforms(state, p.shape, p.dtype.name) < p, dtype=p.dtype)

    def c_support_code(self, **kwargs: object) -> str:
        return _C_PHILOX

    def c_code(self, node: Apply, name: str, inputs: list[str], outputs: list[str], sub: dict[str, str]) -> str:
        state, p = inputs
        next_state, bits = outputs
        double = node.inputs[1].type.dtype == "float64"
        float_type = "npy_float64" if double else "npy_float32"
        uniform = (
            "(w[i] * 2097152.0 + (w2[i] >> 11)) * 1.1102230246251565e-16"
            if double
            else "(npy_float32) (w[i] >> 8) * 5.9604644775390625e-8f"
        )
        return f"""
        {{
            Py_XDECREF({next_state});
            {next_state} = (PyArrayObject*) PyArray_NewCopy({state}, NPY_CORDER);
            Py_XDECREF({bits});
            {bits} = (PyArrayObject*) PyArray_NewLikeArray({p}, NPY_CORDER, NULL, 0);
            PyArrayObject *p_ = (PyArrayObject*) PyArray_GETCONTIGUOUS({p});
            const npy_intp size = {bits} ? PyArray_SIZE({bits}) : 0;
            const npy_intp m = PyArray_NDIM({p}) ? PyArray_DIM({p}, PyArray_NDIM({p}) - 1) : 1;
            const npy_intp q = (m + 3) / 4;
            npy_uint32 *w = (npy_uint32*) PyMem_Malloc(8 * q * sizeof(npy_uint32) + 1), *w2 = w + 4 * q;
            if (!{next_state} || !{bits} || !p_ || !w) {{
                Py_XDECREF(p_); PyMem_Free(w); if (!PyErr_Occurred()) PyErr_NoMemory(); {sub["fail"]}
            }}
            npy_uint32 *const s = (npy_uint32*) PyArray_DATA({next_state});
            const {float_type} *prob = ({float_type}*) PyArray_DATA(p_);
            {float_type} *bit = ({float_type}*) PyArray_DATA({bits});
            for (npy_intp row = 0; m && row < size / m; ++row, prob += m, bit += m) {{
                rnnrbm_philox_row((npy_uint32) row, q, s, 0, w);
                if ({int(double)}) rnnrbm_philox_row((npy_uint32) row, q, s, 1u << 31, w2);
                for (npy_intp i = 0; i < m; ++i) bit[i] = {uniform} < prob[i];
            }}
            if (++s[2] == 0) s[3] = (s[3] + 1) & 0x7fffffffu;
            PyMem_Free(w);
            Py_DECREF(p_);
        }}
        """


PhiloxType.draw = PhiloxBinomial()


_C_PHILOX = f"""
#ifndef RNNRBM_PHILOX
#define RNNRBM_PHILOX
/* The words of one row of a draw: word k of counter c goes to place k q + c. */
static void rnnrbm_philox_row(npy_uint32 row, npy_intp q, const npy_uint32 *state, npy_uint32 second, npy_uint32 *w)
{{
    for (npy_intp c = 0; c < q; ++c) {{
        npy_uint32 x0 = (npy_uint32) c, x1 = row, x2 = state[2], x3 = state[3] | second;
        npy_uint32 k0 = state[0], k1 = state[1];
        for (int round = 0; round < {ROUNDS}; ++round) {{
            const npy_uint64 p0 = (npy_uint64) x0 * {MULTIPLIERS[0]}u, p1 = (npy_uint64) x2 * {MULTIPLIERS[1]}u;
            x0 = (npy_uint32) (p1 >> 32) ^ x1 ^ k0;
            x1 = (npy_uint32) p1;
            x2 = (npy_uint32) (p0 >> 32) ^ x3 ^ k1;
            x3 = (npy_uint32) p0;
            k0 += {WEYL[0]}u;
            k1 += {WEYL[1]}u;
        }}
        w[c] = x0; w[q + c] = x1; w[2 * q + c] = x2; w[3 * q + c] = x3;
    }}
}}
#endif
"""
