"""The training step in PyTorch: eager, the recurrence by the library's own RNN, the gradient by autograd."""

import torch
from torch.nn.functional import softplus

ONE_LAYER = dict(has_biases=True, num_layers=1, dropout=0.0, train=True, bidirectional=False, batch_first=False)
"""What torch.rnn_tanh and torch.lstm have to be told."""


def biases(params, v):
    """bv_t and bh_t, one row a frame."""
    _, bv, bh, Wuh, Wuv, Wvu, Wuu, bu = params
    frames = v.reshape(len(v), -1, v.shape[-1])  # (n_steps, n_sequences, n_visible)
    zeros = frames.new_zeros(1, frames.shape[1], len(Wuu))
    weights = Wvu.T, Wuu.T, bu, torch.zeros_like(bu)
    u_t, _ = torch.rnn_tanh(frames[:-1], zeros, weights, **ONE_LAYER)
    u_tm1 = rows(torch.cat([zeros, u_t]))
    return u_tm1 @ Wuv + bv, u_tm1 @ Wuh + bh


def rows(x):
    """One frame a row, where there are several sequences."""
    return x.reshape(-1, x.shape[-1])


def bernoulli(logit, rng):
    """Bits of probability sigmoid(logit). On the CPU one comparison is quicker than torch.bernoulli."""
    u = torch.rand(logit.shape, dtype=logit.dtype, device=logit.device, generator=rng)
    return (u < torch.sigmoid(logit)).to(logit.dtype)


@torch.no_grad()
def negative(W, bv_t, bh_t, v, rng, k):
    v = rows(v)
    for _ in range(k):
        h = bernoulli(torch.addmm(bh_t, v, W), rng)
        v = bernoulli(torch.addmm(bv_t, h, W.T), rng)
    return v


def log_p(v, logit):
    """log p(v) of units of probability sigmoid(logit), one number a frame."""
    # PyTorch's softplus(x) is x from its threshold on, by default from 20: not to the last digit of float64.
    return -softplus(torch.where(v == 1, -logit, logit), threshold=50).sum(1)


@torch.no_grad()
def log_pseudo_likelihood(W, bv_t, bh_t, v, v_sample, weights, rng):
    """The monitor: log p(v) given a draw of h given v_sample, unit by unit."""
    h = bernoulli(torch.addmm(bh_t, v_sample, W), rng)
    return weights @ log_p(v, torch.addmm(bv_t, h, W.T))


def free_energy(W, bv_t, bh_t, v):
    return -(v * bv_t).sum(1) - softplus(torch.addmm(bh_t, v, W), threshold=50).sum(1)


def contrast(W, bv_t, bh_t, v, v_sample, weights):
    """The cost: F(v) - F(v_sample), averaged by weights."""
    return weights @ (free_energy(W, bv_t, bh_t, v) - free_energy(W, bv_t, bh_t, v_sample))


def gradient(params, v, v_sample, weights, biases=biases):
    cost = contrast(params[0], *biases(params, v), rows(v), rows(v_sample), weights.ravel())
    return cost, torch.autograd.grad(cost, params)


def step(params, v, weights, rng, k, lr, negative=negative, biases=biases):
    """Changes params; returns the monitor. `negative` may be given compiled."""
    W, frames, weights = params[0], rows(v), weights.ravel()
    bv_t, bh_t = biases(params, v)
    constant = W.detach(), bv_t.detach(), bh_t.detach()
    v_sample = negative(*constant, frames, rng, k)
    monitor = log_pseudo_likelihood(*constant, frames, v_sample, weights, rng)
    gradients = torch.autograd.grad(contrast(W, bv_t, bh_t, frames, v_sample, weights), params)
    descend(params, gradients, lr)
    return monitor


@torch.no_grad()
def descend(params, gradients, lr):
    """Plain gradient descent. Changes params."""
    torch._foreach_add_(params, gradients, alpha=-lr)
