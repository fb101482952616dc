"""The LSTM-RTRBM's training step in PyTorch: that of the RNN-RBM around another recurrence.

The LSTM sees the frames alone, so it is the library's own, whose loop is in C++. That of the hidden units is in Python.
"""

from functools import partial

import torch

from benchmarks.by_hand import torch_step
from benchmarks.by_hand.torch_step import ONE_LAYER, rows


def lstm(v, Wv, Ws, b):
    """Its output before each frame, s_tm1, shape v.shape[:-1] + (n_hidden_recurrent,)."""
    frames = v.reshape(len(v), -1, v.shape[-1])  # (n_steps, n_sequences, n_visible)
    zeros = frames.new_zeros(1, frames.shape[1], len(Ws))
    weights = Wv.T, Ws.T, b, torch.zeros_like(b)
    s_t, *_ = torch.lstm(frames[:-1], (zeros, zeros), weights, **ONE_LAYER)
    return torch.cat([zeros, s_t]).reshape(*v.shape[:-1], -1)


def biases(params, v):
    """bv_t, the same for all frames, and bh_t, one row a frame."""
    W, bv, bh, Wuh, Wsh, *of_lstm = params
    bypass = lstm(v, *of_lstm) @ Wsh + bh
    shift = [torch.zeros_like(bypass[0])]
    for x_t in (v @ W + bypass)[:-1].unbind():
        shift.append(torch.sigmoid(x_t + shift[-1]) @ Wuh)
    return bv, rows(bypass + torch.stack(shift))


gradient = partial(torch_step.gradient, biases=biases)
step = partial(torch_step.step, biases=biases)
