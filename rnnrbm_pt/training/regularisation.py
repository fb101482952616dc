"""What is added to the cost or to the updates of any optimiser: sparse hidden units, bounded weights, averages."""

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
"""What the names of the slots of `with_averages` begin with."""


def sparsity_penalty(
    mean_h: TensorVariable,
    target: Scalar,
    weights: TensorVariable | None = None,
    over_all: Callable[[TensorVariable], TensorVariable] = lambda q: q,
) -> TensorVariable:
    """Cross-entropy between a target activation p and the mean activation q_j of each hidden unit.

    sum_j -p log q_j - (1 - p) log(1 - q_j), with q_j = mean over frames of E[h_j | v_t]

    Nair and Hinton, 3D object recognition with deep belief nets, NIPS 2009; Hinton, A practical guide to training
    restricted Boltzmann machines, 2012, section 11. Here q_j is that of the update, not a moving average.

    Parameters
    ----------
    mean_h : tensor, shape (n_steps, ..., n_hidden)
        The expected hidden units.
    target : number or scalar variable
        Above 0 and below 1.
    weights : tensor, shape (n_steps, ...), optional
        Of each frame; they sum to 1. Without them, all frames weigh the same.
    over_all : callable, optional
        Takes the mean activations of these frames, where there are others elsewhere, and returns those of all.

    Returns
    -------
    scalar
        In nats.
    """
    rows = mean_h.reshape((-1, mean_h.shape[-1]))
    q = rows.mean(axis=0) if weights is None else (rows * weights.flatten()[:, None]).sum(axis=0)
    smallest = np.finfo(mean_h.dtype).eps
    q, p = pt.clip(over_all(q), smallest, 1 - smallest), as_scalar(target, mean_h, "sparsity")
    return -(p * pt.log(q) + (1 - p) * pt.log1p(-q)).sum()


def with_max_norm(updates: ParamUpdates, max_norm: Scalar) -> ParamUpdates:
    """Updates after which no hidden unit of the RBM or NADE has weights of a norm above a bound.

    A column of W (or V) that is longer is scaled down to `max_norm`; others stay as they are, to the bit. Srebro and
    Shraibman, Rank, trace-norm and max-norm, COLT 2005; Hinton et al., arXiv:1207.0580, 2012.

    Parameters
    ----------
    updates : dict {shared variable: next}
    max_norm : number or scalar variable

    Returns
    -------
    dict
        A copy of `updates` with those of the RBM's matrices replaced.
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
    """Updates that also keep an exponential moving average of each parameter.

    t := t + 1
    average := decay average + (1 - decay) p, of the new p

    The slots ``average_*`` begin at zeros, as all slots do; `averages` corrects that. Polyak and Juditsky, Acceleration
    of stochastic approximation by averaging, SIAM J. Control Optim. 30, 1992, where all updates weigh the same.

    Parameters
    ----------
    updates : dict {shared variable: next}
    params : list of shared variables
    decay : float
        At least 0 and below 1: 0.99 averages over about the last 100 updates.

    Returns
    -------
    dict
        A copy of `updates` with the slots.
    """
    updates = dict(updates)
    t = as_slot(pytensor.shared(np.zeros((), params[0].type.dtype), name=f"{AVERAGE}t"))
    updates[t] = t + 1
    for p in params:
        slot = new_slot("average", p)
        updates[slot] = as_scalar(decay, p) * slot + as_scalar(1 - decay, p) * updates[p]
    return updates


def averages(held: Mapping[str, np.ndarray], names: list[str], decay: float) -> dict[str, np.ndarray] | None:
    """The averages of parameters from the slots of `with_averages`.

    average / (1 - decay^t), which does not depend on the zeros that the slots began at.

    Parameters
    ----------
    held : dict {str: array}
        Values of slots by their names.
    names : list of str
        Of the parameters.
    decay : float
        As `with_averages` was given it.

    Returns
    -------
    dict {str: array} or None
        By the names of the parameters; None before the first update.
    """
    t = float(held.get(f"{AVERAGE}t", 0))
    if t == 0:
        return None
    weight = -math.expm1(t * math.log(decay)) if decay > 0 else 1.0
    found = {name: np.asarray(held[f"{AVERAGE}{name}"]) for name in names}
    return {name: (value / weight).astype(value.dtype) for name, value in found.items()}
