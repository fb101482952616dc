"""The training step in NumPy, with the gradient through time written out."""

import numpy as np


def states(params, v):
    """The state of the RNN before each frame, u_tm1, shape (n_steps, ..., n_hidden_recurrent), and after it, u_t."""
    *_, Wvu, Wuu, bu = params
    u = v @ Wvu + bu
    np.tanh(u[0], out=u[0])
    for t in range(1, len(u)):
        u[t] += u[t - 1] @ Wuu
        np.tanh(u[t], out=u[t])
    return np.concatenate([np.zeros_like(u[:1]), u[:-1]]), u


def time_biases(params, u_tm1):
    """bv_t = bv + u_tm1 Wuv and bh_t = bh + u_tm1 Wuh, one row a frame."""
    _, bv, bh, Wuh, Wuv, *_ = params
    u_tm1 = rows(u_tm1)
    return u_tm1 @ Wuv + bv, u_tm1 @ Wuh + bh


def biases(params, v):
    return time_biases(params, states(params, v)[0])


def rows(x):
    """One frame a row, where there are several sequences."""
    return x.reshape(-1, x.shape[-1])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def bernoulli(logit, rng):
    """Bits of probability sigmoid(logit); u < 1 / (1 + e^-x), without the division."""
    return (rng.random(logit.shape, dtype=logit.dtype) * (1 + np.exp(-logit)) < 1).astype(logit.dtype)


def negative(W, bv_t, bh_t, v, rng, k):
    v = rows(v)
    for _ in range(k):
        h = bernoulli(v @ W + bh_t, rng)
        v = bernoulli(h @ W.T + bv_t, rng)
    return v


def log_p(v, logit):
    """log p(v) of units of probability sigmoid(logit), one number a frame."""
    return -softplus(np.where(v == 1, -logit, logit)).sum(axis=1)


def log_pseudo_likelihood(W, bv_t, bh_t, v, v_sample, weights, rng):
    """The monitor: log p(v) given a draw of h given v_sample, unit by unit."""
    return weights @ log_p(v, bernoulli(v_sample @ W + bh_t, rng) @ W.T + bv_t)


def free_energy(v, x, bv_t):
    """F(v) where x = v W + bh_t."""
    return -(v * bv_t).sum(axis=1) - softplus(x).sum(axis=1)


def contrast(W, bv_t, bh_t, v, v_sample, weights):
    """The cost, F(v) - F(v_sample) averaged by weights, and its gradient in W, bv_t and bh_t."""
    column = weights[:, None]
    x, x_sample = v @ W + bh_t, v_sample @ W + bh_t
    cost = weights @ (free_energy(v, x, bv_t) - free_energy(v_sample, x_sample, bv_t))
    mean_h, mean_h_sample = column * sigmoid(x), column * sigmoid(x_sample)
    dW = v_sample.T @ mean_h_sample - v.T @ mean_h
    return cost, dW, column * (v_sample - v), mean_h_sample - mean_h


def cost_and_gradient(params, v, v_sample, weights, u_tm1, u_t, bv_t, bh_t):
    cost, dW, dbv_t, dbh_t = contrast(params[0], bv_t, bh_t, rows(v), v_sample, weights.ravel())
    return cost, [dW, *gradient_through_time(params, rows(v), u_tm1, u_t, dbv_t, dbh_t)]


def gradient_through_time(params, frames, u_tm1, u_t, dbv_t, dbh_t):
    """The gradient in all parameters but W, from that in the biases of each frame."""
    *_, Wuh, Wuv, _, Wuu, _ = params
    du_tm1 = (dbv_t @ Wuv.T + dbh_t @ Wuh.T).reshape(u_t.shape)
    da = 1 - u_t * u_t  # of the argument of tanh
    da[-1] = 0  # the state after the last frame decides nothing
    for t in range(len(da) - 2, -1, -1):
        da[t] *= du_tm1[t + 1] + da[t + 1] @ Wuu.T

    u_tm1, da = rows(u_tm1), rows(da)
    return [
        dbv_t.sum(axis=0),
        dbh_t.sum(axis=0),
        u_tm1.T @ dbh_t,
        u_tm1.T @ dbv_t,
        frames.T @ da,
        u_tm1.T @ da,
        da.sum(axis=0),
    ]


def gradient(params, v, v_sample, weights):
    u_tm1, u_t = states(params, v)
    bv_t, bh_t = time_biases(params, u_tm1)
    return cost_and_gradient(params, v, rows(v_sample), weights, u_tm1, u_t, bv_t, bh_t)


def step(params, v, weights, rng, k, lr):
    """Changes params; returns the monitor."""
    with np.errstate(over="ignore"):  # exp(-x) of a saturated unit is inf, and its probability 0
        u_tm1, u_t = states(params, v)
        bv_t, bh_t = time_biases(params, u_tm1)
        v_sample = negative(params[0], bv_t, bh_t, v, rng, k)
        monitor = log_pseudo_likelihood(params[0], bv_t, bh_t, rows(v), v_sample, weights.ravel(), rng)
        _, gradients = cost_and_gradient(params, v, v_sample, weights, u_tm1, u_t, bv_t, bh_t)
    descend(params, gradients, lr)
    return monitor


def descend(params, gradients, lr):
    """Plain gradient descent. Changes params, and the gradients, whose memory it uses."""
    for param, g in zip(params, gradients, strict=True):
        g *= param.dtype.type(lr)
        param -= g
