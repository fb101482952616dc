"""This package's Ops on JAX: draws of Philox4x32-10, laid out as in `philox4x32`, and Ops with known types and sizes.

Where JAX allows float64, PyTensor makes sums and filled arrays float64 even in float32 graphs. That costs time, and a
scan that carries float32 refuses such arrays. JAX also has to know sizes as it traces, so integer arithmetic must keep
them known.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.jax.dispatch import jax_funcify
from pytensor.tensor.basic import Alloc
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.math import Sum

from rnnrbm_pt.compile.dispatch.jax.devices import rows_of_all
from rnnrbm_pt.compile.ops.jax import SizeElemwise, TypedAlloc, TypedSum, is_arithmetic_of_sizes
from rnnrbm_pt.streams.philox4x32 import MULTIPLIERS, ROUNDS, SECOND_WORD, WEYL, PhiloxBinomial

Compute = Callable[..., Any]
"""A function of JAX arrays that computes an Op; PyTensor traces it."""

Funcify = Callable[..., Compute]
"""A function from an Op and its node to a `Compute`; the term is PyTensor's."""


def philox4x32(counter: Sequence[Array], key: Array) -> tuple[Array, ...]:
    """The four words of each counter; see `rnnrbm_pt.streams.philox4x32`.

    The code computes with 64-bit numbers, which JAX must allow. Products read only the lower halves, so the upper
    halves may hold anything. This saves a CPU from packing and unpacking vectors in every round.

    Parameters
    ----------
    counter : four arrays of uint32, of one shape
    key : array of uint32, shape (2,)

    Returns
    -------
    four arrays of uint32, shaped like the counter
    """
    x0, x1, x2, x3 = (x.astype(jnp.uint64) for x in counter)
    k0, k1 = key
    low, half = np.uint64(2**32 - 1), np.uint64(32)
    for _ in range(ROUNDS):
        p0, p1 = (x0 & low) * np.uint64(MULTIPLIERS[0]), (x2 & low) * np.uint64(MULTIPLIERS[1])
        x0, x2 = (p1 >> half) ^ x1 ^ k0.astype(jnp.uint64), (p0 >> half) ^ x3 ^ k1.astype(jnp.uint64)
        x1, x3 = p1, p0
        k0, k1 = k0 + np.uint32(WEYL[0]), k1 + np.uint32(WEYL[1])
    return tuple(x.astype(jnp.uint32) for x in (x0, x1, x2, x3))


def words(state: Array, shape: tuple[int, ...], second: bool = False) -> Array:
    """The words of one draw, uint32 of the given shape. With `second`, the words for the lower bits of float64."""
    *rows, m = shape or (1,)
    n, q = int(np.prod(rows)), -(-m // 4)
    column, row = (jax.lax.broadcasted_iota(jnp.uint32, (n, q), axis) for axis in (1, 0))
    row = rows_of_all(row)
    d0, d1 = state[2], state[3] | np.uint32(SECOND_WORD if second else 0)
    four = philox4x32((column, row, jnp.full((n, q), d0), jnp.full((n, q), d1)), state[:2])
    found = jnp.concatenate(four, axis=1)[:, :m].reshape(shape)
    return jax.lax.optimization_barrier(found)  # without it XLA recomputes them for each use


def uniforms(first: Array, state: Array, dtype: str) -> Array:
    """The uniform numbers of one draw, given its first words: multiples of 2^-24 (float32) or 2^-53 in [0, 1)."""
    if dtype == "float32":
        return (first >> np.uint32(8)).astype(jnp.float32) * np.float32(2**-24)
    second = words(state, first.shape, second=True) >> np.uint32(11)
    return (first.astype(jnp.float64) * 2.0**21 + second.astype(jnp.float64)) * 2.0**-53


def bits(state: Array, p: Array) -> Array:
    """uniform < p for each element of p, bool. For float64, the first word alone decides nearly always."""
    dtype, first = p.dtype.name, words(state, p.shape)

    def exact(first: Array, p: Array) -> Array:
        return uniforms(first, state, dtype) < p

    if dtype == "float32":
        return exact(first, p)

    def by_first_word(first: Array, p: Array) -> Array:
        number, place = first.astype(dtype), p * 2.0**32
        found = number < place
        undecided = found & (place < number + 1)  # once in 4,000,000,000 draws
        return jax.lax.cond(undecided.any(), exact, lambda first, p: found, first, p)

    # A graphics card waits for its host at each branch.
    return jax.lax.platform_dependent(first, p, cpu=by_first_word, default=exact)


def next_draw(state: Array) -> Array:
    """The state after one draw: d + 1 mod 2^63."""
    d0 = state[2] + np.uint32(1)
    d1 = (state[3] + (d0 == 0).astype(jnp.uint32)) & np.uint32(SECOND_WORD - 1)
    return jnp.stack([state[0], state[1], d0, d1])


@jax_funcify.register(PhiloxBinomial)
def jax_funcify_PhiloxBinomial(op: PhiloxBinomial, node: Apply, **kwargs: object) -> Compute:
    dtype = node.inputs[1].type.dtype

    def draw(state: Array, p: Array) -> tuple[Array, Array]:
        p = jnp.asarray(p, dtype)
        return next_draw(state), bits(state, p).astype(dtype)

    return draw


def _of_its_type(funcify: Funcify) -> Funcify:
    def funcify_typed(op: Op, node: Apply, **kwargs: object) -> Compute:
        compute, dtype = funcify(op, node=node, **kwargs), node.outputs[0].type.dtype
        return lambda *inputs: jnp.asarray(compute(*inputs), dtype)

    return funcify_typed


def _with_known_sizes(funcify: Funcify) -> Funcify:
    def funcify_elemwise(op: Op, node: Apply, **kwargs: object) -> Compute:
        compute = funcify(op, node=node, **kwargs)
        if not is_arithmetic_of_sizes(node):
            return compute

        def sizes(*inputs: Any) -> Any:
            if any(isinstance(x, jax.core.Tracer) for x in inputs):
                return compute(*inputs)
            with jax.ensure_compile_time_eval():
                return jax.tree.map(int, compute(*inputs))

        return sizes

    return funcify_elemwise


jax_funcify.register(TypedSum, _of_its_type(jax_funcify.dispatch(Sum)))
jax_funcify.register(TypedAlloc, _of_its_type(jax_funcify.dispatch(Alloc)))
jax_funcify.register(SizeElemwise, _with_known_sizes(jax_funcify.dispatch(Elemwise)))
