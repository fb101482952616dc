"""Gaussian visible units of an RBM: real numbers, each with variance 1 given the hidden units.

    F(v)     = 1/2 |v - bv|^2 - sum_j softplus((v W + bh)_j)
    p(v | h) = Normal(bv + h W', 1),  p(h_j = 1 | v) = sigmoid((v W + bh)_j)

The hidden units are binary. Divide data of another scale by the standard deviation of their noise, or roughly by their
own standard deviation. See Hinton, A practical guide to training restricted Boltzmann machines, 2010, section 13.2.
"""

import math

import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable


def gaussian_free_energy(
    v: TensorVariable, W: TensorVariable, bv: TensorVariable, bh: TensorVariable
) -> TensorVariable:
    """Free energy of real-valued frames, so that the density is p(v) = exp(-F(v)) / Z.

    Parameters
    ----------
    v : tensor, shape (..., n_visible)
        Frames.
    W : matrix, shape (n_visible, n_hidden)
    bv, bh : vectors, or tensors with as many axes as v

    Returns
    -------
    tensor, shape v.shape[:-1]
        Free energy per frame, in nats.
    """
    return ((v - bv) ** 2).sum(axis=-1) / 2 - pt.softplus(pt.dot(v, W) + bh).sum(axis=-1)


def gaussian_log_density(v: TensorVariable, mean: TensorVariable) -> TensorVariable:
    """log Normal(v; mean, 1), summed over the units of each frame.

    Parameters
    ----------
    v, mean : tensors, shape (..., n_visible)

    Returns
    -------
    tensor, shape v.shape[:-1]
        Log density per frame, in nats, at most -n_visible/2 log(2 pi).
    """
    return -((v - mean) ** 2 + math.log(2 * math.pi)).sum(axis=-1) / 2
