"""Optimisers: functions from a cost (or gradients) and parameters to a dict of updates, with the names of Lasagne.

    updates = adam(cost, params, learning_rate=lr, consider_constant=[v_sample])
    train = pytensor.function([v], monitor, updates={**updates_train, **updates})

All optimisers share these conventions:

- ``cost_or_gradients`` is a scalar cost, or a list with one gradient per parameter. ``consider_constant`` is passed to
  ``pytensor.grad`` with a cost. For contrastive divergence (CD-k) it is ``[v_sample]``.
- ``params`` are shared variables of a floating type, each with its own name.
- ``learning_rate`` is a number or a symbolic scalar. A shared scalar can be changed during training, for example by a
  schedule. It can also be a dict from parameters (or their names) to numbers or scalars, or a function of a parameter.
  So the parameters of the RBM and of the RNN can have different rates. Other settings are numbers or symbolic scalars.
- The result is a dict {shared variable: next value} for ``pytensor.function``.
- The state of an optimiser is kept in slots: shared variables of the parameter's type with names such as ``adam_m_W``,
  which start at zero. Slots are keys of the updates. `training.slots.slots` finds them, for example for a checkpoint.
- In the equations, g is the gradient and p the parameter. All arithmetic is in the type of p.
"""

import math
from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.roles import role_of
from rnnrbm_pt.training.gradients import (
    Constants,
    Cost,
    Gradients,
    Params,
    ParamUpdates,
    PerParam,
    Scalar,
    as_scalar,
    clip_values,
    gradients_of,
    per_param,
    total_norm_constraint,
    with_weight_decay,
)
from rnnrbm_pt.training.momentum import apply_momentum, apply_nesterov_momentum
from rnnrbm_pt.training.slots import as_slot, new_slot

# ---------------------------------------------------------------------------------------------------
# The optimisers


def sgd(
    cost_or_gradients: Cost, params: Params, learning_rate: PerParam, *, consider_constant: Constants = None
) -> ParamUpdates:
    """Stochastic gradient descent.

        p := p - learning_rate g

    For the arguments of all optimisers see `training.updates`.
    """
    gradients = gradients_of(cost_or_gradients, params, consider_constant)
    return {p: p - per_param(learning_rate, p) * g for p, g in zip(params, gradients, strict=True)}


def momentum(
    cost_or_gradients: Cost,
    params: Params,
    learning_rate: PerParam,
    momentum: Scalar = 0.9,
    *,
    consider_constant: Constants = None,
) -> ParamUpdates:
    """Gradient descent with momentum (Polyak, 1964).

    velocity := momentum velocity - learning_rate g
    p := p + velocity
    """
    updates = sgd(cost_or_gradients, params, learning_rate, consider_constant=consider_constant)
    return apply_momentum(updates, momentum=momentum)


def nesterov_momentum(
    cost_or_gradients: Cost,
    params: Params,
    learning_rate: PerParam,
    momentum: Scalar = 0.9,
    *,
    consider_constant: Constants = None,
) -> ParamUpdates:
    """Gradient descent with Nesterov momentum, in the form of `apply_nesterov_momentum`.

    velocity := momentum velocity - learning_rate g
    p := p + momentum velocity - learning_rate g
    """
    updates = sgd(cost_or_gradients, params, learning_rate, consider_constant=consider_constant)
    return apply_nesterov_momentum(updates, momentum=momentum)


def adagrad(
    cost_or_gradients: Cost,
    params: Params,
    learning_rate: PerParam = 1.0,
    epsilon: Scalar = 1e-06,
    *,
    consider_constant: Constants = None,
) -> ParamUpdates:
    """AdaGrad (Duchi, Hazan and Singer, JMLR 2011).

    accu := accu + g^2
    p := p - learning_rate g / sqrt(accu + epsilon)
    """
    updates: ParamUpdates = {}
    for p, g in zip(params, gradients_of(cost_or_gradients, params, consider_constant), strict=True):
        accu = new_slot("adagrad_accu", p)
        updates[accu] = accu + pt.sqr(g)
        updates[p] = p - per_param(learning_rate, p) * g / pt.sqrt(updates[accu] + as_scalar(epsilon, p))
    return updates


def rmsprop(
    cost_or_gradients: Cost,
    params: Params,
    learning_rate: PerParam = 1.0,
    rho: Scalar = 0.9,
    epsilon: Scalar = 1e-06,
    *,
    consider_constant: Constants = None,
) -> ParamUpdates:
    """RMSProp (Tieleman and Hinton, Coursera lecture 6.5, 2012).

    accu := rho accu + (1 - rho) g^2
    p := p - learning_rate g / sqrt(accu + epsilon)
    """
    updates: ParamUpdates = {}
    for p, g in zip(params, gradients_of(cost_or_gradients, params, consider_constant), strict=True):
        accu = new_slot("rmsprop_accu", p)
        updates[accu] = _average(accu, pt.sqr(g), rho)
        updates[p] = p - per_param(learning_rate, p) * g / pt.sqrt(updates[accu] + as_scalar(epsilon, p))
    return updates


def adadelta(
    cost_or_gradients: Cost,
    params: Params,
    learning_rate: PerParam = 1.0,
    rho: Scalar = 0.95,
    epsilon: Scalar = 1e-06,
    *,
    consider_constant: Constants = None,
) -> ParamUpdates:
    """AdaDelta (Zeiler, arXiv:1212.5701, 2012). The paper has no learning rate, which is a learning rate of 1.

    accu := rho accu + (1 - rho) g^2
    d = g sqrt(delta_accu + epsilon) / sqrt(accu + epsilon)
    delta_accu := rho delta_accu + (1 - rho) d^2
    p := p - learning_rate d
    """
    updates: ParamUpdates = {}
    for p, g in zip(params, gradients_of(cost_or_gradients, params, consider_constant), strict=True):
        accu, delta_accu, eps = (
            new_slot("adadelta_accu", p),
            new_slot("adadelta_delta_accu", p),
            as_scalar(epsilon, p),
        )
        updates[accu] = _average(accu, pt.sqr(g), rho)
        d = g * pt.sqrt(delta_accu + eps) / pt.sqrt(updates[accu] + eps)
        updates[delta_accu] = _average(delta_accu, pt.sqr(d), rho)
        updates[p] = p - per_param(learning_rate, p) * d
    return updates


def adam(
    cost_or_gradients: Cost,
    params: Params,
    learning_rate: PerParam = 0.001,
    beta1: Scalar = 0.9,
    beta2: Scalar = 0.999,
    epsilon: Scalar = 1e-08,
    *,
    consider_constant: Constants = None,
) -> ParamUpdates:
    """Adam (Kingma and Ba, ICLR 2015, algorithm 1).

        t := t + 1
        m := beta1 m + (1 - beta1) g
        v := beta2 v + (1 - beta2) g^2
        p := p - learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Lasagne uses the paper's other form, in which epsilon is not divided by sqrt(1 - beta2^t).
    """
    gradients = gradients_of(cost_or_gradients, params, consider_constant)
    return _adam("adam", gradients, params, learning_rate, beta1, beta2, epsilon)


def amsgrad(
    cost_or_gradients: Cost,
    params: Params,
    learning_rate: PerParam = 0.001,
    beta1: Scalar = 0.9,
    beta2: Scalar = 0.999,
    epsilon: Scalar = 1e-08,
    *,
    consider_constant: Constants = None,
) -> ParamUpdates:
    """AMSGrad (Reddi, Kale and Kumar, ICLR 2018): Adam with a divisor that never decreases.

    With t, m and v as in `adam`:

        v_hat := max(v_hat, v)
        p := p - learning_rate (m / (1 - beta1^t)) / (sqrt(v_hat / (1 - beta2^t)) + epsilon)

    The paper omits the two divisions by 1 - beta^t; Lasagne and PyTorch include them.
    """
    gradients = gradients_of(cost_or_gradients, params, consider_constant)
    return _adam("amsgrad", gradients, params, learning_rate, beta1, beta2, epsilon, never_smaller=True)


ADAMW_DECAY = 0.01
"""Weight decay of adamw, unless another is given."""


def default_decay(param: TensorSharedVariable) -> float:
    """The weight decay of adamw: biases and initial states do not decay."""
    return ADAMW_DECAY if role_of(param).kind == "weight" else 0.0


def adamw(
    cost_or_gradients: Cost,
    params: Params,
    learning_rate: PerParam = 0.001,
    beta1: Scalar = 0.9,
    beta2: Scalar = 0.999,
    epsilon: Scalar = 1e-08,
    weight_decay: PerParam = default_decay,
    *,
    consider_constant: Constants = None,
) -> ParamUpdates:
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019).

        p := p - learning_rate (adam's step + weight_decay p)

    Like `learning_rate`, `weight_decay` may depend on the parameter. By default it is 0.01 for weights, and 0 for
    biases and initial states. A number holds for all parameters, as in the paper.
    """
    gradients = gradients_of(cost_or_gradients, params, consider_constant)
    updates = _adam("adamw", gradients, params, learning_rate, beta1, beta2, epsilon)
    for p in params:
        updates[p] = updates[p] - per_param(learning_rate, p) * per_param(weight_decay, p, "weight_decay") * p
    return updates


def _adam(
    kind: str,
    gradients: Gradients,
    params: Params,
    learning_rate: PerParam,
    beta1: Scalar,
    beta2: Scalar,
    epsilon: Scalar,
    never_smaller: bool = False,
) -> ParamUpdates:
    updates: ParamUpdates = {}
    t = as_slot(pytensor.shared(np.zeros((), params[0].type.dtype), name=f"{kind}_t"))
    updates[t] = t + 1
    for p, g in zip(params, gradients, strict=True):
        m, v = new_slot(f"{kind}_m", p), new_slot(f"{kind}_v", p)
        updates[m] = _average(m, g, beta1)
        updates[v] = _average(v, pt.sqr(g), beta2)
        second = updates[v]
        if never_smaller:
            v_hat = new_slot(f"{kind}_v_hat", p)
            second = updates[v_hat] = pt.maximum(v_hat, second)
        steps = pt.cast(updates[t], p.type.dtype)
        m_corrected = updates[m] / _one_minus_power(beta1, steps, p)
        divisor = pt.sqrt(second / _one_minus_power(beta2, steps, p)) + as_scalar(epsilon, p)
        updates[p] = p - per_param(learning_rate, p) * m_corrected / divisor
    return updates


OPTIMIZERS: dict[str, Callable[..., ParamUpdates]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov_momentum,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adadelta": adadelta,
    "adam": adam,
    "amsgrad": amsgrad,
    "adamw": adamw,
}


def optimizer_updates(
    optimizer: str,
    cost_or_gradients: Cost,
    params: Params,
    learning_rate: PerParam | None = None,
    *,
    consider_constant: Constants = None,
    clip_norm: Scalar | None = None,
    clip_value: Scalar | None = None,
    weight_decay: PerParam | None = None,
    **settings: Any,
) -> ParamUpdates:
    """Make the updates of an optimiser given by name, with optional gradient clipping and weight decay.

    The norm is clipped first, then the values, then the decay is added. So a large gradient does not reduce the decay.

    Parameters
    ----------
    optimizer : str
        One of `OPTIMIZERS`.
    cost_or_gradients, params, consider_constant
        See `training.updates`.
    learning_rate : number, scalar variable, dict or function, optional
        Learning rate; see `training.updates`. The default is that of the optimiser. sgd, momentum and nesterov have
        none.
    clip_norm, clip_value : number or scalar variable, optional
        See `total_norm_constraint` and `clip_values`.
    weight_decay : number, scalar variable, dict or function, optional
        For adamw the decoupled decay, by default 0.01 of the weights alone. For other optimisers it is added to the
        gradient; see `with_weight_decay`.
    **settings
        Further arguments of the optimiser: momentum, rho, beta1, beta2, epsilon.

    Returns
    -------
    dict {param or slot: next}

    Raises
    ------
    ValueError
        If there is no such optimiser, or it does not accept a setting.
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer: expected one of {', '.join(OPTIMIZERS)}, found {optimizer!r}")
    build = OPTIMIZERS[optimizer]
    taken = [x.name for x in signature(build).parameters.values() if x.kind is x.POSITIONAL_OR_KEYWORD][3:]
    unknown = [name for name in settings if name not in taken]
    if unknown:
        expected = ", ".join(taken) or "none"
        raise ValueError(f"{optimizer}: expected settings of this optimiser ({expected}), found {unknown[0]}")
    if learning_rate is not None:
        settings["learning_rate"] = learning_rate
    elif optimizer in ("sgd", "momentum", "nesterov"):
        raise ValueError(f"{optimizer}: expected a learning_rate, found none")

    gradients = gradients_of(cost_or_gradients, params, consider_constant)
    if clip_norm is not None:
        gradients = total_norm_constraint(gradients, clip_norm)
    if clip_value is not None:
        gradients = clip_values(gradients, clip_value)
    if weight_decay is not None and "weight_decay" in taken:
        settings["weight_decay"] = weight_decay
    elif weight_decay is not None:
        gradients = with_weight_decay(gradients, params, weight_decay)
    return build(gradients, params, **settings)


# ---------------------------------------------------------------------------------------------------
# Terms of the equations


def _average(average: TensorVariable, value: TensorVariable, keep: Scalar) -> TensorVariable:
    """Moving average: keep average + (1 - keep) value."""
    # Subtract a number from 1 before it is rounded to float32: otherwise 1 - 0.999 keeps only four correct digits.
    rest = 1 - as_scalar(keep, average) if isinstance(keep, Variable) else as_scalar(1 - keep, average)
    return as_scalar(keep, average) * average + rest * value


def _one_minus_power(base: Scalar, exponent: TensorVariable, param: TensorSharedVariable) -> TensorVariable:
    """1 - base^exponent, without cancellation if base is near 1."""
    if isinstance(base, Variable):
        logarithm = pt.log(as_scalar(base, param))
    elif 0 <= base < 1:
        logarithm = as_scalar(math.log(max(base, 1e-30)), param)  # 1e-30 gives the same result as 0
    else:
        raise ValueError(f"beta: expected a number of at least 0 and less than 1, found {base!r}")
    return -pt.expm1(exponent * logarithm)
