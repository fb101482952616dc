"""Momentum that can be added to the updates of any optimiser."""

from pytensor.tensor.sharedvar import TensorSharedVariable

from rnnrbm_pt.training.gradients import Params, ParamUpdates, Scalar, as_scalar, param_name
from rnnrbm_pt.training.slots import new_slot, slots


def apply_momentum(updates: ParamUpdates, params: Params | None = None, momentum: Scalar = 0.9) -> ParamUpdates:
    """Add momentum to the updates of any optimiser (Polyak, 1964).

        velocity := momentum velocity + updates[p] - p
        p := p + velocity

    Parameters
    ----------
    updates : dict {shared variable: next}
    params : list of shared variables, optional
        Parameters to add momentum to. The default is all keys except the slots of optimisers.
    momentum : number or scalar variable, default 0.9

    Returns
    -------
    dict
        A copy of `updates` with momentum for the parameters, and the slots ``momentum_velocity_*``.
    """
    updates, params = _chosen(updates, params)
    for p in params:
        velocity = new_slot("momentum_velocity", p)
        x = as_scalar(momentum, p) * velocity + updates[p]
        updates[velocity] = x - p
        updates[p] = x
    return updates


def apply_nesterov_momentum(
    updates: ParamUpdates, params: Params | None = None, momentum: Scalar = 0.9
) -> ParamUpdates:
    """Add Nesterov momentum to the updates of any optimiser.

        velocity := momentum velocity + updates[p] - p
        p := p + momentum velocity + updates[p] - p

    In this form the gradient is taken at the parameters themselves, instead of at the point where the velocity would
    move them (Bengio, Boulanger-Lewandowski and Pascanu, Advances in optimizing recurrent networks, 2013, section 3.5).

    Parameters
    ----------
    updates, params, momentum
        See `apply_momentum`.

    Returns
    -------
    dict
        A copy of `updates` with momentum for the parameters, and the slots ``nesterov_velocity_*``.
    """
    updates, params = _chosen(updates, params)
    for p in params:
        velocity, mu = new_slot("nesterov_velocity", p), as_scalar(momentum, p)
        x = mu * velocity + updates[p] - p
        updates[velocity] = x
        updates[p] = mu * x + updates[p]
    return updates


def _chosen(updates: ParamUpdates, params: Params | None) -> tuple[ParamUpdates, list[TensorSharedVariable]]:
    """Copy updates, and list the keys to change."""
    updates = dict(updates)
    if params is None:
        known = set(slots(updates))
        params = [variable for variable in updates if variable not in known]
    absent = [param_name(param) for param in params if param not in updates]
    if absent:
        raise ValueError(f"updates: expected one per parameter, found none for {', '.join(absent)}")
    return updates, list(params)
