"""The RNN-NADE's training step in PyTorch: eager, the gradient by autograd.

The hidden units of a frame change only after a note. So they have one row at the beginning of each frame and one for
each note, as in NumPy's program.
"""

import torch

from benchmarks.by_hand import torch_step
from benchmarks.by_hand.torch_step import descend, log_p, rows


def logits(params, v):
    """The logit of each unit given those before it, one row a frame."""
    W, V, *rest = params
    bv_t, bh_t = torch_step.biases([W, *rest], v)
    frames = rows(v)
    on = (frames != 0).long()
    n_rows = on.sum(1) + 1
    first = n_rows.cumsum(0) - n_rows  # row of each frame
    row = first[:, None] + on.cumsum(1) - on  # that each unit is given
    frame = torch.arange(len(frames)).repeat_interleave(n_rows)  # of each row

    notes_before = frames[frame] * (row[frame] < torch.arange(len(frame))[:, None])
    h = torch.sigmoid(torch.addmm(bh_t[frame], notes_before, W))
    return bv_t + (h @ V.T)[row, torch.arange(frames.shape[1])]


def gradient(params, v, weights):
    """The cost, -log p(v) averaged by weights, and its gradient."""
    cost = -(weights.ravel() @ log_p(rows(v), logits(params, v)))
    return cost, torch.autograd.grad(cost, params)


def step(params, v, weights, lr):
    """Changes params; returns the monitor, the log-likelihood."""
    cost, gradients = gradient(params, v, weights)
    descend(params, gradients, lr)
    return -cost.detach()
