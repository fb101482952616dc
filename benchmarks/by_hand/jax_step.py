"""The training step in JAX: one jitted function, scans for the recurrence and the chain, JAX's own random numbers."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax


def biases(params, v):
    """bv_t and bh_t, shape v.shape[:-1] + (n_visible,) and + (n_hidden,)."""
    _, bv, bh, Wuh, Wuv, Wvu, Wuu, bu = params
    inputs = v @ Wvu + bu

    def recurrence(u_tm1, x_t):
        return jnp.tanh(x_t + u_tm1 @ Wuu), u_tm1

    _, u_tm1 = lax.scan(recurrence, jnp.zeros_like(inputs[0]), inputs)
    return u_tm1 @ Wuv + bv, u_tm1 @ Wuh + bh


def bernoulli(key, logit):
    return jax.random.bernoulli(key, jax.nn.sigmoid(logit)).astype(logit.dtype)


def negative(W, bv_t, bh_t, v, key, k):
    def gibbs_step(v, key):
        key_h, key_v = jax.random.split(key)
        h = bernoulli(key_h, v @ W + bh_t)
        return bernoulli(key_v, h @ W.T + bv_t), None

    return lax.scan(gibbs_step, v, jax.random.split(key, k))[0]


def free_energy(W, bv_t, bh_t, v):
    return -(v * bv_t).sum(-1) - jax.nn.softplus(v @ W + bh_t).sum(-1)


def contrast(W, bv_t, bh_t, v, v_sample, weights):
    """The cost: F(v) - F(v_sample), averaged by weights."""
    return (weights * (free_energy(W, bv_t, bh_t, v) - free_energy(W, bv_t, bh_t, v_sample))).sum()


def log_p(v, logit):
    """log p(v) of units of probability sigmoid(logit), one number a frame."""
    return -jax.nn.softplus(jnp.where(v == 1, -logit, logit)).sum(-1)


def log_pseudo_likelihood(W, bv_t, bh_t, v, v_sample, weights, key):
    """The monitor: log p(v) given a draw of h given v_sample, unit by unit."""
    return (weights * log_p(v, bernoulli(key, v_sample @ W + bh_t) @ W.T + bv_t)).sum()


@partial(jax.jit, static_argnames="biases")
def gradient(params, v, v_sample, weights, biases=biases):
    return jax.value_and_grad(lambda params: contrast(params[0], *biases(params, v), v, v_sample, weights))(params)


def descend(params, gradients, lr):
    """Plain gradient descent: the parameters after it."""
    return [p - jnp.asarray(lr, p.dtype) * g for p, g in zip(params, gradients, strict=True)]


def keys_of(key):
    """Keys of the chain, of the monitor, and of the next update."""
    return jax.random.split(key, 3)


@partial(jax.jit, static_argnames=("k", "biases"), donate_argnums=0)
def step(params, v, weights, key, k, lr, biases=biases):
    """Returns the parameters after the update, the next key and the monitor. The memory of params is used again."""
    chain_key, monitor_key, next_key = keys_of(key)

    def cost(params):
        W = params[0]
        bv_t, bh_t = biases(params, v)
        constant = lax.stop_gradient((W, bv_t, bh_t))
        v_sample = negative(*constant, v, chain_key, k)
        monitor = log_pseudo_likelihood(*constant, v, v_sample, weights, monitor_key)
        return contrast(W, bv_t, bh_t, v, v_sample, weights), monitor

    gradients, monitor = jax.grad(cost, has_aux=True)(params)
    return descend(params, gradients, lr), next_key, monitor
