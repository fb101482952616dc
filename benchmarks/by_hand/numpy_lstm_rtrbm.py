"""The LSTM-RTRBM's training step in NumPy, with the gradient through time written out."""

import numpy as np

from benchmarks.by_hand.numpy_step import contrast, descend, log_pseudo_likelihood, negative, rows, sigmoid


def sequences(v):
    """Frames of shape (n_steps, n_sequences, n_visible), of one sequence too."""
    return v.reshape(len(v), -1, v.shape[-1])


def lstm(params, v):
    """The LSTM before each frame, s_tm1 and c_tm1, and its gates i, f, g, o after all frames but the last."""
    *_, Wv, Ws, b = params
    gates = v @ Wv + b
    i, f, g, o = np.split(gates, 4, axis=-1)  # views
    s_tm1, c_tm1 = np.zeros_like(i), np.zeros_like(i)
    for t in range(len(v) - 1):
        gates[t] += s_tm1[t] @ Ws
        g_t = np.tanh(g[t])
        gates[t] = sigmoid(gates[t])
        g[t] = g_t
        c_tm1[t + 1] = f[t] * c_tm1[t] + i[t] * g_t
        s_tm1[t + 1] = o[t] * np.tanh(c_tm1[t + 1])
    return s_tm1, c_tm1, gates[:-1]


def hidden(params, v, s_tm1):
    """The expected hidden units before each frame, u_tm1, and bh_t."""
    W, _, bh, Wuh, Wsh, *_ = params
    x, bh_t = v @ W, s_tm1 @ Wsh + bh
    u_tm1 = np.zeros_like(x)
    for t in range(len(v) - 1):
        u_tm1[t + 1] = sigmoid(x[t] + bh_t[t])
        bh_t[t + 1] += u_tm1[t + 1] @ Wuh
    return u_tm1, bh_t


def biases(params, v):
    """bv_t, the same for all frames, and bh_t, one row a frame."""
    v = sequences(v)
    return params[1], rows(hidden(params, v, lstm(params, v)[0])[1])


def through_hidden(Wuh, u_tm1, dbh_t):
    """Add to the gradient in bh_t what comes through the units of later steps."""
    slope = u_tm1 * (1 - u_tm1)
    for t in range(len(dbh_t) - 1, 0, -1):
        dbh_t[t - 1] += dbh_t[t] @ Wuh.T * slope[t]


def through_lstm(Ws, c_tm1, gates, ds_tm1):
    """The gradient in what the gates are functions of, from that in s_tm1, which is changed."""
    i, f, g, o = np.split(gates, 4, axis=-1)
    tanh_c, ds = np.tanh(c_tm1[1:]), ds_tm1[1:]
    of_c = o * (1 - tanh_c * tanh_c)
    dgates = np.concatenate([g * i * (1 - i), c_tm1[:-1] * f * (1 - f), i * (1 - g * g), tanh_c * o * (1 - o)], axis=-1)
    dc = np.zeros_like(c_tm1[0])
    for t in range(len(ds) - 1, -1, -1):
        dc += ds[t] * of_c[t]
        dgates[t] *= np.concatenate([dc, dc, dc, ds[t]], axis=-1)
        if t > 0:
            ds[t - 1] += dgates[t] @ Ws.T
            dc *= f[t]
    return dgates


def cost_and_gradient(params, v, v_sample, weights, s_tm1, c_tm1, gates, u_tm1, bh_t):
    W, bv, _, Wuh, Wsh, _, Ws, _ = params
    frames = rows(v)
    cost, dW, dbv_t, direct = contrast(W, bv, rows(bh_t), frames, v_sample, weights.ravel())
    dbh_t = direct.copy()
    through_hidden(Wuh, u_tm1, dbh_t.reshape(bh_t.shape))
    dgates = rows(through_lstm(Ws, c_tm1, gates, (dbh_t @ Wsh.T).reshape(s_tm1.shape)))
    return cost, [
        dW + frames.T @ (dbh_t - direct),
        dbv_t.sum(axis=0),
        dbh_t.sum(axis=0),
        rows(u_tm1).T @ dbh_t,
        rows(s_tm1).T @ dbh_t,
        rows(v[:-1]).T @ dgates,
        rows(s_tm1[:-1]).T @ dgates,
        dgates.sum(axis=0),
    ]


def gradient(params, v, v_sample, weights):
    v = sequences(v)
    s_tm1, c_tm1, gates = lstm(params, v)
    u_tm1, bh_t = hidden(params, v, s_tm1)
    return cost_and_gradient(params, v, rows(v_sample), weights, s_tm1, c_tm1, gates, u_tm1, bh_t)


def step(params, v, weights, rng, k, lr):
    """Changes params; returns the monitor."""
    v = sequences(v)
    with np.errstate(over="ignore"):  # exp(-x) of a saturated unit is inf, and its probability 0
        s_tm1, c_tm1, gates = lstm(params, v)
        u_tm1, bh_t = hidden(params, v, s_tm1)
        W, bv, *_ = params
        v_sample = negative(W, bv, rows(bh_t), v, rng, k)
        monitor = log_pseudo_likelihood(W, bv, rows(bh_t), rows(v), v_sample, weights.ravel(), rng)
        _, gradients = cost_and_gradient(params, v, v_sample, weights, s_tm1, c_tm1, gates, u_tm1, bh_t)
    descend(params, gradients, lr)
    return monitor
