"""Products of the Gauss-Newton matrix and a vector, through any graph, without the matrix.

    G = J' H J,  J = d outputs / d params,  H = d^2 cost / d outputs^2

The cost is a function of outputs in which it is convex, such as the cross-entropy of bits and their logits. So G is
symmetric and positive semi-definite. H is taken to be diagonal.

Schraudolph, Fast curvature matrix-vector products for second-order gradient descent, Neural Computation 2002.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytensor
import pytensor.tensor as pt
from pytensor.gradient import pullback, pushforward
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import ancestors
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.training.gradients import Params

Tensors = Sequence[TensorVariable]


class Objective(NamedTuple):
    """A cost over a batch, and what its Gauss-Newton matrix is made of. All are sums, so batches can be added up."""

    weight: TensorVariable
    """Scalar: what the sums are divided by in the end, such as the number of sequences."""
    cost: TensorVariable
    """Scalar: the sum over the batch."""
    output: TensorVariable
    """Tensor that the cost is a convex function of. If a recurrence makes it, the recurrence has to emit it."""
    curvature: TensorVariable
    """Tensor like `output`: the second derivative of the cost in each element. It is held constant."""
    states: Tensors = ()
    """Hidden states, for structural damping. They too have to be emitted by the recurrence, and not cut out of it."""
    state_weights: Tensors = ()
    """Tensors like `states`: the weight of each element in their squared distance."""
    reports: Tensors = ()
    """Scalars: further sums to know of."""


def bernoulli_curvature(logits: TensorVariable, weights: TensorVariable) -> TensorVariable:
    """The second derivative of a weighted cross-entropy of bits in their logits: w p (1 - p), p = sigmoid(logits).

    Parameters
    ----------
    logits : tensor, shape (..., n)
    weights : tensor, shape (...)
        Of each frame.

    Returns
    -------
    tensor like logits
    """
    p = pt.sigmoid(logits)
    return weights[..., None] * p * (1 - p)


def gauss_newton_product(outputs: Tensors, curvatures: Tensors, params: Params, vectors: Tensors) -> Tensors:
    """J' H J v, where the diagonal of H is in `curvatures`.

    Parameters
    ----------
    outputs : list of tensors
    curvatures : list of tensors
        Like `outputs`.
    params : list of variables
    vectors : list of tensors
        Like `params`: v.

    Returns
    -------
    list of tensors
        Like `params`.
    """
    along: Any = pushforward(
        list(outputs), list(params), list(vectors), disconnected_outputs="ignore", use_op_pushforward=True
    )  # J v
    weighted = [h * t for h, t in zip(curvatures, along, strict=True)]
    products: Any = pullback(
        list(outputs), list(params), weighted, disconnected_inputs="ignore", return_disconnected="zero"
    )
    return products


class CompiledObjective(NamedTuple):
    """The functions of an objective. All take one array per parameter first, and the arrays of a batch last."""

    costs: Callable[..., Any]
    """costs(*params, *batch) -> weight, cost, *reports"""
    gradient: Callable[..., Any]
    """gradient(*params, *batch) -> weight, cost, *reports, *gradients"""
    product: Callable[..., Any]
    """product(*params, *vectors, structural, *batch) -> weight, *products: G v and `structural` times that of the
    states."""


def compiled_objective(
    objective: Objective, params: Params, batch: Tensors, function: Callable[..., Any]
) -> CompiledObjective:
    """Compile the functions of an objective.

    Parameters
    ----------
    objective : Objective
    params : list of shared variables
        The functions take their values as arguments, so that steps can be tried without taking them.
    batch : list of variables
        What the objective is a function of besides.
    function : callable
        function(inputs, outputs) compiles, as `pytensor.function` does.

    Returns
    -------
    CompiledObjective
    """
    given, vectors = ([p.type(f"{prefix}{p.name}") for p in params] for prefix in ("", "d"))
    structural = pt.scalar("structural", dtype=params[0].type.dtype)
    outputs, curvatures = [objective.output], [objective.curvature]
    for state, weight in zip(objective.states, objective.state_weights, strict=True):
        outputs.append(state)
        curvatures.append(structural * weight)
    totals = [objective.weight, objective.cost, *objective.reports]
    gradients: Any = pytensor.grad(objective.cost, list(params), disconnected_inputs="ignore")
    products = gauss_newton_product(outputs, curvatures, params, vectors)

    def compiled(results: Sequence[Any], *inputs: Any) -> Callable[..., Any]:
        replaced: Any = clone_replace(list(results), list(zip(params, given, strict=True)))
        every, used = [*given, *inputs, *batch], set(ancestors(replaced))
        needed = [i for i, x in enumerate(every) if x in used]
        call = function([every[i] for i in needed], replaced)
        return lambda *arguments: call(*(arguments[i] for i in needed))

    return CompiledObjective(
        compiled(totals),
        compiled([*totals, *gradients]),
        compiled([objective.weight, *products], *vectors, structural),
    )
