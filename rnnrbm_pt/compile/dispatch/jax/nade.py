"""The logits of a NADE and their gradient on JAX; see `compile.ops.nade`.

The hidden units of a frame change only after a note. So a loop goes over numbers of notes, up to the largest of any
frame, and not over the units: each turn computes the hidden units after so many notes, of all frames at once.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from pytensor.graph.basic import Apply
from pytensor.link.jax.dispatch import jax_funcify

from rnnrbm_pt.compile.dispatch.jax.ops import Compute
from rnnrbm_pt.compile.ops.nade import NadeGradient, NadeLogits


def over_numbers_of_notes(v: Array, turn: Callable[..., tuple[Array, ...]], *sums: Array) -> tuple[Array, ...]:
    """Sums over n from 0 to the largest number of notes in a frame.

    Parameters
    ----------
    v : array, shape (n_frames, n_visible)
    turn : callable
        turn(v_n, here, *sums) -> the sums with the part of n: v_n has the first n notes of each frame, and `here` says
        which units come after exactly n of them.
    *sums : arrays
        What they start from.
    """
    notes = (v != 0).astype(jnp.int32)
    before = jnp.cumsum(notes, axis=1) - notes

    def body(n: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
        return turn(jnp.where(before < n, v, 0), before == n, *sums)

    return jax.lax.fori_loop(0, notes.sum(axis=1).max(initial=0) + 1, body, sums)


@jax_funcify.register(NadeLogits)
def jax_funcify_NadeLogits(op: NadeLogits, node: Apply, **kwargs: object) -> Compute:
    def nade_logits(v: Array, W: Array, V: Array, bv: Array, bh: Array) -> Array:
        def turn(v_n: Array, here: Array, logits: Array) -> tuple[Array]:
            return (logits + jnp.where(here, jax.nn.sigmoid(bh + v_n @ W) @ V.T, 0),)

        (logits,) = over_numbers_of_notes(v, turn, bv)
        return logits

    return nade_logits


@jax_funcify.register(NadeGradient)
def jax_funcify_NadeGradient(op: NadeGradient, node: Apply, **kwargs: object) -> Compute:
    def nade_gradient(v: Array, W: Array, V: Array, bv: Array, bh: Array, g: Array) -> tuple[Array, ...]:
        def turn(v_n: Array, here: Array, dW: Array, dV: Array, dbh: Array) -> tuple[Array, ...]:
            h, g_n = jax.nn.sigmoid(bh + v_n @ W), jnp.where(here, g, 0)
            da = (g_n @ V) * h * (1 - h)
            return dW + v_n.T @ da, dV + g_n.T @ h, dbh + da

        return over_numbers_of_notes(v, turn, jnp.zeros_like(W), jnp.zeros_like(V), jnp.zeros_like(bh))

    return nade_gradient
