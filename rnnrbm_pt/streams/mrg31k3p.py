"""MRG31k3p, the generator of Theano's `MRG_RandomStreams`: in NumPy, and as a PyTensor Op.

It combines two linear recurrences (L'Ecuyer and Touzin, Fast combined multiple recursive generators with multipliers of
the form a = +-2^q +-2^r, Winter Simulation Conference 2000):

    x_n = (2^22 x_{n-2} + (2^7 + 1) x_{n-3})         mod M1, M1 = 2^31 - 1
    y_n = (2^15 y_{n-1} + (2^15 + 1) y_{n-3})        mod M2, M2 = 2^31 - 21069
    u_n = z_n / 2^31, z_n = x_n - y_n if that is positive, else x_n - y_n + M1

A state is a row (x_n, x_{n-1}, x_{n-2}, y_n, y_{n-1}, y_{n-2}). A stream has `N_STREAMS` states, as in Theano for draws
of symbolic size. Element i of a draw comes from state i mod N_STREAMS, and each use advances that state by one step.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytensor.graph.basic import Apply

from rnnrbm_pt.streams.stream_type import StreamBinomial, StreamType

M1 = 2**31 - 1
M2 = 2**31 - 21069

N_STREAMS = 60 * 256
"""Number of states in a stream: Theano's number for draws of symbolic size."""

NORM = {"float64": np.float64(2**-31), "float32": np.float32(4.6566126e-10)}
"""Factor that turns z into a uniform number. Theano's float32 factor is slightly below 2^-31, so u stays below 1."""

COMPANIONS = (
    (((0, 2**22, 2**7 + 1), (1, 0, 0), (0, 1, 0)), M1),
    (((2**15, 0, 2**15 + 1), (1, 0, 0), (0, 1, 0)), M2),
)
"""The matrices that advance (x_n, x_{n-1}, x_{n-2}) and (y_n, y_{n-1}, y_{n-2}) by one step, with their moduli."""


def _product(a: NDArray[np.uint64], b: NDArray[np.uint64], modulus: int) -> NDArray[np.uint64]:
    """a b mod modulus, for uint64 matrices with elements below 2^31. Three products of 62 bits add up to 64 bits."""
    return a @ b % np.uint64(modulus)


@cache
def jump_matrices(log2_steps: int) -> tuple[NDArray[np.uint64], ...]:
    """The two companion matrices to the power 2^log2_steps."""
    jumps = []
    for companion, modulus in COMPANIONS:
        jump = np.array(companion, dtype=np.uint64)
        for _ in range(log2_steps):
            jump = _product(jump, jump, modulus)
        jumps.append(jump)
    return tuple(jumps)


def jump_ahead(states: NDArray[np.int32], log2_steps: int) -> NDArray[np.int32]:
    """Advance each state by 2^log2_steps steps.

    Parameters
    ----------
    states : int32 matrix, shape (n, 6)
        One state per row.
    log2_steps : int
        Base-2 logarithm of the number of steps.

    Returns
    -------
    int32 matrix, shape (n, 6)
        The new states.
    """
    halves = np.split(states.astype(np.uint64), 2, axis=1)
    jumped = [
        _product(half, jump.T, modulus)
        for half, jump, (_, modulus) in zip(halves, jump_matrices(log2_steps), COMPANIONS, strict=True)
    ]
    return np.concatenate(jumped, axis=1).astype(np.int32)


def parallel_states(first: NDArray[np.int32], n_streams: int = N_STREAMS) -> NDArray[np.int32]:
    """States at distances of 2^72 steps, starting with the given state.

    Parameters
    ----------
    first : int32 matrix, shape (1, 6)
        The first state.
    n_streams : int
        Number of states.

    Returns
    -------
    int32 matrix, shape (n_streams, 6)
        One state per row.
    """
    states, log2_steps = first, 72
    while len(states) < n_streams:  # double the number of states: append the same states, 2^j jumps later
        states = np.concatenate([states, jump_ahead(states, log2_steps)])
        log2_steps += 1
    return np.ascontiguousarray(states[:n_streams])


def advance(states: NDArray[np.int32]) -> NDArray[np.int64]:
    """Advance states by one step, in place.

    Parameters
    ----------
    states : int32 matrix, shape (n, 6)
        One state per row.

    Returns
    -------
    z : int64 vector, shape (n,)
        The random integers, from 1 to M1.
    """
    _, x2, x3, y1, _, y3 = states.T.astype(np.int64)
    x = (2**22 * x2 + (2**7 + 1) * x3) % M1
    y = (2**15 * y1 + (2**15 + 1) * y3) % M2
    states[:, [1, 2, 4, 5]] = states[:, [0, 1, 3, 4]]
    states[:, 0] = x
    states[:, 3] = y
    return np.where(x > y, x - y, x - y + M1)


def uniforms(states: NDArray[np.int32], size: int, dtype: str) -> np.ndarray:
    """Draw uniform numbers, and advance the states in place.

    Parameters
    ----------
    states : int32 matrix, shape (n_streams, 6)
        The states of a stream.
    size : int
        Number of draws.
    dtype : {'float64', 'float32'}

    Returns
    -------
    vector of dtype, shape (size,)
        Uniform numbers in (0, 1).
    """
    z = [advance(states[: min(len(states), size - drawn)]) for drawn in range(0, size, len(states))]
    return np.concatenate([*z, np.empty(0, np.int64)]).astype(dtype) * NORM[dtype]


class MRGType(StreamType):
    """The type of a stream: an int32 matrix, shape (n_streams, 6), one state per row."""

    name_of_kind = "MRG31k3p"
    dtype = "int32"
    shape = (None, 6)


mrg_type = MRGType()


class MRGBinomial(StreamBinomial):
    """Draws from MRG31k3p streams; see `StreamBinomial`."""

    __props__ = ("inplace",)
    stream_type = MRGType

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace
        if inplace:
            self.destroy_map = {0: [0]}

    def perform(self, node: Apply, inputs: Sequence[np.ndarray], outputs: list[list[Any]]) -> None:
        states, p = inputs
        if not self.inplace:
            states = states.copy()
        u = uniforms(states, p.size, p.dtype.name).reshape(p.shape)
        outputs[0][0] = states
        outputs[1][0] = np.asarray(u < p, dtype=p.dtype)

    def c_code(self, node: Apply, name: str, inputs: list[str], outputs: list[str], sub: dict[str, str]) -> str:
        states, p = inputs
        next_states, bits = outputs
        float_type, norm = {"float64": ("npy_float64", "4.656612873077392578125e-10")}.get(
            node.inputs[1].type.dtype, ("npy_float32", "4.6566126e-10f")
        )
        take = (
            f"Py_INCREF({states}), {states}"
            if self.inplace
            else f"(PyArrayObject*) PyArray_NewCopy({states}, NPY_CORDER)"
        )
        return f"""
        {{
            Py_XDECREF({next_states});
            {next_states} = ({take});
            Py_XDECREF({bits});
            {bits} = (PyArrayObject*) PyArray_NewLikeArray({p}, NPY_CORDER, NULL, 0);
            PyArrayObject *p_ = (PyArrayObject*) PyArray_GETCONTIGUOUS({p});
            if (!{next_states} || !{bits} || !p_) {{ Py_XDECREF(p_); {sub["fail"]} }}
            const {float_type} *prob = ({float_type}*) PyArray_DATA(p_);
            {float_type} *bit = ({float_type}*) PyArray_DATA({bits});
            npy_int32 *const first = (npy_int32*) PyArray_DATA({next_states});
            npy_int32 *const end = first + 6 * PyArray_DIM({next_states}, 0), *s = first;
            for (npy_intp i = 0, n = PyArray_SIZE({bits}); i < n; ++i) {{
                // One step: 2^31 is 1 mod M1 and 21069 mod M2, so the high bits fold onto the low ones.
                npy_int64 x = ((npy_int64) s[1] << 22) + (npy_int64) s[2] * 129;
                x = (x & {M1}) + (x >> 31);
                if (x >= {M1}) x -= {M1};
                npy_int64 y = ((npy_int64) s[3] << 15) + (npy_int64) s[5] * 32769;
                y = (y & {M1}) + 21069 * (y >> 31);
                if (y >= {M2}) y -= {M2};
                s[2] = s[1]; s[1] = s[0]; s[0] = (npy_int32) x;
                s[5] = s[4]; s[4] = s[3]; s[3] = (npy_int32) y;
                const npy_int32 z = (npy_int32) (x > y ? x - y : x - y + {M1});
                bit[i] = ({float_type}) z * {norm} < prob[i];
                s += 6;
                if (s == end) s = first;
            }}
            Py_DECREF(p_);
        }}
        """


MRGType.draw = MRGBinomial()
