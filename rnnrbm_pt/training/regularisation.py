"""Regularisation that any optimiser can use: sparse hidden units, bounded weights, averaged parameters."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.roles import role_of
from rnnrbm_pt.training.gradients import Params, ParamUpdates, Scalar, as_scalar
from rnnrbm_pt.training.slots import as_slot, new_slot

AVERAGE = "average_"
"""Prefix of the names of the slots of `with_averages`."""


def sparsity_penalty(
    mean_h: TensorVariable,
    target: Scalar,
    weights: TensorVariable | None = None,
    over_all: Callable[[TensorVariable], TensorVariable] = lambda q: q,
) -> TensorVariable:
    """Cross-entropy between a target activation p and the mean activation q_j of each hidden unit.

        sum_j -p log q_j - (1 - p) log(1 - q_j), with q_j = mean over frames of E[h_j | v_t]

    Nair and Hinton, 3D object recognition with deep belief nets, NIPS 2009; Hinton, A practical guide to training
    restricted Boltzmann machines, 2012, section 11. Here q_j is the mean over the frames of one update instead of a
    moving average.

    Parameters
    ----------
    mean_h : tensor, shape (n_steps, ..., n_hidden)
        Expected hidden units.
    target : number or scalar variable
        Target activation, above 0 and below 1.
    weights : tensor, shape (n_steps, ...), optional
        Weight of each frame. The weights sum to 1. By default all frames have the same weight.
    over_all : callable, optional
        Converts the mean activations of these frames to those of all frames, if other devices have further frames.

    Returns
    -------
    scalar
        Penalty in nats.
    """
    rows = mean_h.reshape((-1, mean_h.shape[-1]))
    q = rows.mean(axis=0) if weights is None else (rows * weights.flatten()[:, None]).sum(axis=0)
    smallest = np.finfo(mean_h.dtype).eps
    q, p = pt.clip(over_all(q), smallest, 1 - smallest), as_scalar(target, mean_h, "sparsity")
    return -(p * pt.log(q) + (1 - p) * pt.log1p(-q)).sum()


def with_max_norm(updates: ParamUpdates, max_norm: Scalar) -> ParamUpdates:
    """Bound the norm of the weights of each hidden unit of the RBM or NADE after the updates.

    A column of W (or V) with a larger norm is scaled down to `max_norm`. Other columns do not change in any bit.

    Srebro and Shraibman, Rank, trace-norm and max-norm, COLT 2005; Hinton et al., arXiv:1207.0580, 2012.

    Parameters
    ----------
    updates : dict {shared variable: next}
    max_norm : number or scalar variable
        Largest norm, above 0.

    Returns
    -------
    dict
        A copy of `updates` in which the RBM's matrices are bounded.
    """
    bounded = dict(updates)
    for p, value in updates.items():
        if role_of(p).part == "rbm" and p.type.ndim == 2:
            bound = as_scalar(max_norm, p, "max_norm")
            norm = pt.sqrt(pt.sqr(value).sum(axis=0))  # (n_hidden,)
            longer = norm > bound
            bounded[p] = pt.switch(longer, value * (bound / pt.switch(longer, norm, 1)), value)
    return bounded


def with_averages(updates: ParamUpdates, params: Params, decay: float) -> ParamUpdates:
    """Add an exponential moving average of each parameter to the updates.

        t := t + 1
        average := decay average + (1 - decay) p, with the new p

    The slots ``average_*`` start at zero; `averages` corrects for that. Polyak and Juditsky, Acceleration of stochastic
    approximation by averaging, SIAM J. Control Optim. 30, 1992, average all updates with equal weight instead.

    Parameters
    ----------
    updates : dict {shared variable: next}
    params : list of shared variables
    decay : float
        Decay rate, at least 0 and below 1. A rate of 0.99 averages over about the last 100 updates.

    Returns
    -------
    dict
        A copy of `updates` with the additional slots.
    """
    updates = dict(updates)
    t = as_slot(pytensor.shared(np.zeros((), params[0].type.dtype), name=f"{AVERAGE}t"))
    updates[t] = t + 1
    for p in params:
        slot = new_slot("average", p)
        updates[slot] = as_scalar(decay, p) * slot + as_scalar(1 - decay, p) * updates[p]
    return updates


def averages(held: Mapping[str, np.ndarray], names: list[str], decay: float) -> dict[str, np.ndarray] | None:
    """Compute the averages of parameters from the slots of `with_averages`.

    average / (1 - decay^t), which corrects for the zeros at which the slots start.

    Parameters
    ----------
    held : dict {str: array}
        Values of slots by name.
    names : list of str
        Names of the parameters.
    decay : float
        Decay rate given to `with_averages`.

    Returns
    -------
    dict {str: array} or None
        Averages by the names of the parameters; None before the first update.
    """
    t = float(held.get(f"{AVERAGE}t", 0))
    if t == 0:
        return None
    weight = -math.expm1(t * math.log(decay)) if decay > 0 else 1.0
    found = {name: np.asarray(held[f"{AVERAGE}{name}"]) for name in names}
    return {name: (value / weight).astype(value.dtype) for name, value in found.items()}
