"""Gradients before an optimiser uses them: from a cost, clipped by norm or value, with weight decay."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Variable
from pytensor.tensor.sharedvar import TensorSharedVariable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.training.schedules import Schedule

Params = Sequence[TensorSharedVariable]
Gradients = list[TensorVariable]
Cost = TensorVariable | list[TensorVariable] | tuple[TensorVariable, ...]
"""A scalar cost, or a list of gradients."""
Constants = Sequence[Variable] | None
"""Variables that the gradient of the cost treats as constants."""
Scalar = float | TensorVariable
"""A number or a scalar variable."""
PerParam = Scalar | Mapping[Any, Scalar] | Callable[[TensorSharedVariable], Scalar]
"""One scalar, or one per parameter: by the parameter or its name, or as a function of the parameter."""
ParamUpdates = dict[TensorSharedVariable, TensorVariable]
"""{parameter or slot: its next value}"""


def gradients_of(cost_or_gradients: Cost, params: Params, consider_constant: Constants = None) -> Gradients:
    """Compute the gradient of each parameter, in the parameter's type.

    Parameters
    ----------
    cost_or_gradients : scalar variable, or list of variables
        A cost, or gradients that are already computed.
    params : list of shared variables
    consider_constant : list of variables, optional
        Variables that the gradient of the cost treats as constants.

    Returns
    -------
    list of variables, with the shapes of the parameters

    Raises
    ------
    ValueError
        If a parameter is not a shared variable of a floating type, two parameters have the same name, the number of
        gradients differs from that of parameters, or `consider_constant` is given together with gradients.
    """
    params = list(params)
    for param in params:
        if not isinstance(param, SharedVariable) or "float" not in getattr(param.type, "dtype", ""):
            raise ValueError(f"params: expected shared variables of a floating type, found {param} of {param.type}")
    names = [param_name(param) for param in params]
    if len(set(names)) < len(names):
        raise ValueError(f"params: expected different names, found {', '.join(names)}")
    gradients: Any = cost_or_gradients
    if not isinstance(cost_or_gradients, (list, tuple)):
        gradients = pytensor.grad(cost_or_gradients, params, consider_constant=consider_constant)
    elif consider_constant is not None:
        raise ValueError("consider_constant: expected a cost with it, found a list of gradients")
    elif len(cost_or_gradients) != len(params):
        raise ValueError(f"expected {len(params)} gradients, one per parameter, found {len(cost_or_gradients)}")
    return [pt.cast(g, p.type.dtype) for g, p in zip(gradients, params, strict=True)]


def total_norm(tensors: Sequence[TensorVariable]) -> TensorVariable:
    """Euclidean norm of several tensors together, as if they were one vector.

    Parameters
    ----------
    tensors : list of variables

    Returns
    -------
    scalar
    """
    return pt.sqrt(pt.add(*(pt.sum(pt.sqr(tensor)) for tensor in tensors)))


def total_norm_constraint(tensors: Sequence[TensorVariable], max_norm: Scalar, return_norm: bool = False) -> Any:
    """Scale tensors down together, so that their total norm is at most `max_norm`.

    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.
    Tensors whose total norm is within the bound do not change in any bit. (Lasagne divides by norm + 1e-7.) If the norm
    is not finite, the result is NaN or the unchanged tensors.

    Parameters
    ----------
    tensors : list of variables
        Usually gradients.
    max_norm : number or scalar variable
        Largest total norm, at least 0.
    return_norm : bool, default False
        Whether to return the norm before scaling too, to monitor it.

    Returns
    -------
    list of variables, or (list of variables, scalar)
    """
    norm = total_norm(tensors)
    max_norm = _bound(max_norm, norm, "max_norm")
    clipped = [
        pt.switch(norm > max_norm, tensor * pt.cast(max_norm / norm, tensor.dtype), tensor) for tensor in tensors
    ]
    return (clipped, norm) if return_norm else clipped


def clip_values(tensors: Sequence[TensorVariable], limit: Scalar) -> Gradients:
    """Clip each element of tensors to [-limit, limit].

    Parameters
    ----------
    tensors : list of variables
    limit : number or scalar variable
        Largest absolute value, at least 0.

    Returns
    -------
    list of variables
    """
    limits = [_bound(limit, tensor, "limit") for tensor in tensors]
    return [pt.clip(tensor, -limit, limit) for tensor, limit in zip(tensors, limits, strict=True)]


def with_weight_decay(gradients: Sequence[TensorVariable], params: Params, weight_decay: PerParam) -> Gradients:
    """Add the gradient of ``(weight_decay / 2) |p|^2`` to the gradient of each parameter p: ``g + weight_decay p``.

    An optimiser that divides by the size of gradients weakens this decay. `adamw` has a decay that avoids this.

    Parameters
    ----------
    gradients : list of variables
    params : list of shared variables
    weight_decay : number, scalar variable, dict or function
        Decay of all parameters, or of each: ``lambda p: 1e-4 if p.ndim == 2 else 0.0`` leaves the biases without decay.

    Returns
    -------
    list of variables
    """
    return [g + per_param(weight_decay, p, "weight_decay") * p for g, p in zip(gradients, params, strict=True)]


def per_param(value: PerParam, param: TensorSharedVariable, what: str = "learning_rate") -> TensorVariable:
    """Look up the value of a setting for one parameter, as a scalar of the parameter's type.

    Parameters
    ----------
    value : number, scalar variable, dict or function
        One value, a dict from parameters or their names to values, or a function from a parameter to a value.
    param : shared variable
    what : str, default "learning_rate"
        Name of the setting, for errors.

    Returns
    -------
    scalar variable

    Raises
    ------
    ValueError
        If there is no value for this parameter, or the value is neither a finite number nor a scalar.
    """
    if isinstance(value, Mapping):
        found = [value[key] for key in (param, param.name) if key in value]
        if not found:
            raise ValueError(
                f"{what}: expected a value for {param_name(param)}, found values for {', '.join(map(str, value))}"
            )
        value = found[0]
    elif callable(value) and not isinstance(value, (Variable, Schedule)):
        value = value(param)
    return as_scalar(value, param, what)


def as_scalar(value: Any, like: TensorVariable, what: str = "a setting") -> TensorVariable:
    """Convert a number or a scalar variable to a scalar variable of the type of `like`, which may have any shape.

    Raises
    ------
    ValueError
        If the value is neither a finite number nor a scalar.
    """
    if isinstance(value, Schedule):
        raise ValueError(f"{what}: expected a shared scalar that the schedule sets, found the schedule {value}")
    if isinstance(value, Variable):
        if getattr(value.type, "ndim", None) != 0:
            raise ValueError(f"{what}: expected a scalar, found {value} of {value.type}")
        return pt.cast(value, like.dtype)
    is_number = isinstance(value, (Real, np.ndarray))
    if not is_number or np.ndim(value) or not np.isfinite(value):
        raise ValueError(f"{what}: expected a finite number or a scalar variable, found {value!r}")
    return pt.constant(np.asarray(value, like.dtype))


def _bound(value: Scalar, like: TensorVariable, what: str) -> TensorVariable:
    if isinstance(value, Real) and value < 0:
        raise ValueError(f"{what}: expected at least 0, found {value!r}")
    return as_scalar(value, like, what)


def param_name(param: SharedVariable) -> str:
    """Name of a parameter, for errors and for its slots."""
    return param.name or str(param)


def differentiable_inputs(output: Variable) -> set[Variable]:
    """Find all variables of a graph through which an output depends on its inputs differentiably.

    The search uses the connection patterns of the operations. A scan derives its pattern from its inner graph. So no
    gradient is built, which would take seconds for a scan.

    Parameters
    ----------
    output : variable

    Returns
    -------
    set of variables
    """
    found, ahead = set(), [output]
    while ahead:
        variable = ahead.pop()
        if variable in found:
            continue
        found.add(variable)
        node = variable.owner
        if node is None:
            continue
        if not hasattr(node.op, "connection_pattern"):  # every output depends on every input
            ahead += node.inputs
            continue
        i = node.outputs.index(variable)
        pattern = node.op.connection_pattern(node)
        ahead += [x for x, row in zip(node.inputs, pattern, strict=True) if row[i]]
    return found
