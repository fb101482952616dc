"""The LSTM-RTRBM's training step in JAX: that of the RNN-RBM around other recurrences, a scan each."""

from functools import partial

import jax.numpy as jnp
from jax import lax
from jax.nn import sigmoid

from benchmarks.by_hand import jax_step


def lstm(v, Wv, Ws, b):
    """Its output before each frame, s_tm1, shape v.shape[:-1] + (n_hidden_recurrent,)."""
    gates = v @ Wv + b

    def recurrence(state, gates_t):
        s_tm1, c_tm1 = state
        i, f, g, o = jnp.split(gates_t + s_tm1 @ Ws, 4, axis=-1)
        c_t = sigmoid(f) * c_tm1 + sigmoid(i) * jnp.tanh(g)
        return (sigmoid(o) * jnp.tanh(c_t), c_t), s_tm1

    zeros = jnp.zeros_like(gates[0, ..., : len(Ws)])
    return lax.scan(recurrence, (zeros, zeros), gates)[1]


def biases(params, v):
    """bv_t, the same for all frames, and bh_t, shape v.shape[:-1] + (n_hidden,)."""
    W, bv, bh, Wuh, Wsh, *of_lstm = params
    bypass = lstm(v, *of_lstm) @ Wsh + bh

    def recurrence(u_tm1, x_t):
        return sigmoid(x_t + u_tm1 @ Wuh), u_tm1

    _, u_tm1 = lax.scan(recurrence, jnp.zeros_like(bypass[0]), v @ W + bypass)
    return bv, bypass + u_tm1 @ Wuh


gradient = partial(jax_step.gradient, biases=biases)
step = partial(jax_step.step, biases=biases)
