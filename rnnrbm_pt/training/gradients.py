"""Gradients before an optimiser sees them: of a cost, clipped by norm or by value, with weight decay."""

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
"""What a gradient of the cost does not go through."""
Scalar = float | TensorVariable
"""A number, or a scalar variable."""
PerParam = Scalar | Mapping[Any, Scalar] | Callable[[TensorSharedVariable], Scalar]
"""One scalar, or one for each parameter: by the parameter or its name, or as a function of it."""
ParamUpdates = dict[TensorSharedVariable, TensorVariable]
"""{parameter or slot: its next value}"""


def gradients_of(cost_or_gradients: Cost, params: Params, consider_constant: Constants = None) -> Gradients:
    """Gradients of each parameter, in its own type.

    Parameters
    ----------
    cost_or_gradients : scalar variable, or list of variables
    params : list of shared variables
    consider_constant : list of variables, optional
        What a gradient of the cost does not go through.

    Returns
    -------
    list of variables, of the shapes of the parameters

    Raises
    ------
    ValueError
        If a parameter is no shared variable of a floating type, two have one name, there are not as many gradients as
        parameters, or `consider_constant` is given together with gradients.
    """
    params = list(params)
    for param in params:
        if not isinstance(param, SharedVariable) or "float" not in getattr(param.type, "dtype", ""):
            raise ValueError(f"params: expected shared variables of a floating type, found {param} of {param.type}")
    names = [param_name(param) for param in params]
    if len(set(names)) < len(names):
        raise ValueError(f"params: expected a name of its own for each, found {', '.join(names)}")
    gradients: Any = cost_or_gradients
    if not isinstance(cost_or_gradients, (list, tuple)):
        gradients = pytensor.grad(cost_or_gradients, params, consider_constant=consider_constant)
    elif consider_constant is not None:
        raise ValueError("consider_constant: expected it with a cost alone, found it with a list of gradients")
    elif len(cost_or_gradients) != len(params):
        raise ValueError(f"expected {len(params)} gradients, one a parameter, found {len(cost_or_gradients)}")
    return [pt.cast(g, p.type.dtype) for g, p in zip(gradients, params, strict=True)]


def total_norm(tensors: Sequence[TensorVariable]) -> TensorVariable:
    """Euclidean norm of several tensors as if they were one vector.

    Parameters
    ----------
    tensors : list of variables

    Returns
    -------
    scalar
    """
    return pt.sqrt(pt.add(*(pt.sum(pt.sqr(tensor)) for tensor in tensors)))


def total_norm_constraint(tensors: Sequence[TensorVariable], max_norm: Scalar, return_norm: bool = False) -> Any:
    """Scale tensors down together, so that their total norm is `max_norm` at most.

    Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.
    Tensors whose norm is within the bound stay as they are, to the bit. (Lasagne's divide by norm + 1e-7.) Where the
    norm is not finite they are NaN afterwards, or what they were.

    Parameters
    ----------
    tensors : list of variables
        Gradients, as a rule.
    max_norm : number or scalar variable
        At least 0.
    return_norm : bool
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
    """Each entry of tensors brought into [-limit, limit].

    Parameters
    ----------
    tensors : list of variables
    limit : number or scalar variable
        At least 0.

    Returns
    -------
    list of variables
    """
    limits = [_bound(limit, tensor, "limit") for tensor in tensors]
    return [pt.clip(tensor, -limit, limit) for tensor, limit in zip(tensors, limits, strict=True)]


def with_weight_decay(gradients: Sequence[TensorVariable], params: Params, weight_decay: PerParam) -> Gradients:
    """Gradients of the cost with ``(weight_decay / 2) |p|^2`` added for each parameter p: ``g + weight_decay p``.

    With an optimiser that divides by the size of gradients that is not what one means by decay: see `adamw`.

    Parameters
    ----------
    gradients : list of variables
    params : list of shared variables
    weight_decay : number, scalar variable, dict or function
        By the parameter if it is to differ: ``lambda p: 1e-4 if p.ndim == 2 else 0.0`` spares the biases.

    Returns
    -------
    list of variables
    """
    return [g + per_param(weight_decay, p, "weight_decay") * p for g, p in zip(gradients, params, strict=True)]


def per_param(value: PerParam, param: TensorSharedVariable, what: str = "learning_rate") -> TensorVariable:
    """A setting for one parameter, as a scalar of the parameter's type.

    Parameters
    ----------
    value : number, scalar variable, dict or function
        A dict is from parameters or their names to numbers or scalars, a function from a parameter to one of these.
    param : shared variable
    what : str
        What to call the setting in an error.

    Returns
    -------
    scalar variable

    Raises
    ------
    ValueError
        If there is nothing for this parameter, or it is no finite number and no scalar.
    """
    if isinstance(value, Mapping):
        found = [value[key] for key in (param, param.name) if key in value]
        if not found:
            raise ValueError(
                f"{what}: expected one for {param_name(param)}, found some for {', '.join(map(str, value))}"
            )
        value = found[0]
    elif callable(value) and not isinstance(value, (Variable, Schedule)):
        value = value(param)
    return as_scalar(value, param, what)


def as_scalar(value: Any, like: TensorVariable, what: str = "a setting") -> TensorVariable:
    """A number or a scalar variable as a scalar variable of the type of another, `like`, of any shape.

    Raises
    ------
    ValueError
        If it is no finite number and no scalar.
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
    """Name of a parameter in errors and of its slots."""
    return param.name or str(param)


def differentiable_inputs(output: Variable) -> set[Variable]:
    """All variables of a graph on which an output depends by paths that a gradient takes.

    Asked of each operation by its connection pattern, which a scan works out from the graph within it: without building
    the gradient, which of a scan takes seconds.

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
        if not hasattr(node.op, "connection_pattern"):  # each input to each output
            ahead += node.inputs
            continue
        i = node.outputs.index(variable)
        pattern = node.op.connection_pattern(node)
        ahead += [x for x, row in zip(node.inputs, pattern, strict=True) if row[i]]
    return found
