"""The logits of a NADE, their gradient and their tangent on JAX; see `compile.ops.nade`.

The hidden units of a frame change only after a note. So the loop is over the number of notes n, not over the units.
Iteration n computes the hidden units after n notes, for all frames at once. The loop ends with the fullest frame.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from pytensor.graph.basic import Apply
from pytensor.link.jax.dispatch import jax_funcify

from rnnrbm_pt.compile.dispatch.jax.ops import Compute
from rnnrbm_pt.compile.ops.nade import NadeGradient, NadeLogits, NadeTangent


def over_numbers_of_notes(sounds: Array, turn: Callable[..., tuple[Array, ...]], *sums: Array) -> tuple[Array, ...]:
    """Sum over n, from 0 to the largest number of notes in any frame.

    Parameters
    ----------
    sounds : array of bool, shape (n_frames, n_visible)
        Where the notes are.
    turn : callable
        ``turn(first, here, *sums)`` returns the sums with the term of n added. `first` marks the units before note n,
        where the first note has number 0. `here` marks the units with exactly n notes before them.
    *sums : arrays
        The initial values of the sums.

    Returns
    -------
    tuple of arrays
        The sums.
    """
    notes = sounds.astype(jnp.int32)
    before = jnp.cumsum(notes, axis=1) - notes

    def body(n: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        return turn(before < n, before == n, *sums)

    return jax.lax.fori_loop(0, notes.sum(axis=1).max(initial=0) + 1, body, sums)


@jax_funcify.register(NadeLogits)
def jax_funcify_NadeLogits(op: NadeLogits, node: Apply, **kwargs: object) -> Compute:
    def nade_logits(v: Array, W: Array, V: Array, bv: Array, bh: Array) -> Array:
        def turn(first: Array, here: Array, logits: Array) -> tuple[Array]:
            h = jax.nn.sigmoid(bh + jnp.where(first, v, 0) @ W)
            return (logits + jnp.where(here, h @ V.T, 0),)

        (logits,) = over_numbers_of_notes(v != 0, turn, bv)
        return logits

    return nade_logits


@jax_funcify.register(NadeGradient)
def jax_funcify_NadeGradient(op: NadeGradient, node: Apply, **kwargs: object) -> Compute:
    def nade_gradient(v: Array, W: Array, V: Array, bv: Array, bh: Array, g: Array) -> tuple[Array, ...]:
        def turn(first: Array, here: Array, dW: Array, dV: Array, dbh: Array) -> tuple[Array, ...]:
            v_n, g_n = jnp.where(first, v, 0), jnp.where(here, g, 0)
            h = jax.nn.sigmoid(bh + v_n @ W)
            da = (g_n @ V) * h * (1 - h)
            return dW + v_n.T @ da, dV + g_n.T @ h, dbh + da

        return over_numbers_of_notes(v != 0, turn, jnp.zeros_like(W), jnp.zeros_like(V), jnp.zeros_like(bh))

    return nade_gradient


@jax_funcify.register(NadeTangent)
def jax_funcify_NadeTangent(op: NadeTangent, node: Apply, **kwargs: object) -> Compute:
    def nade_tangent(*inputs: Array) -> Array:
        v, W, V, _, bh, dv, dW, dV, dbv, dbh = inputs

        def turn(first: Array, here: Array, tangent: Array) -> tuple[Array]:
            v_n, dv_n = jnp.where(first, v, 0), jnp.where(first, dv, 0)
            h = jax.nn.sigmoid(bh + v_n @ W)
            dh = h * (1 - h) * (dbh + v_n @ dW + dv_n @ W)
            return (tangent + jnp.where(here, h @ dV.T + dh @ V.T, 0),)

        (tangent,) = over_numbers_of_notes((v != 0) | (dv != 0), turn, dbv)
        return tangent

    return nade_tangent
