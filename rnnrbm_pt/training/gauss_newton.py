"""Products of the Gauss-Newton matrix with a vector, through any graph, without forming the matrix.

    G = J' H J,  J = d outputs / d params,  H = d^2 cost / d outputs^2

The cost must be a convex function of the outputs, such as the cross-entropy of bits as a function of their logits.
Then G is symmetric and positive semi-definite. H is assumed to be diagonal.

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
    """A cost over a batch, with the parts of its Gauss-Newton matrix. All are sums, so that batches can be added up."""

    weight: TensorVariable
    """Scalar by which the sums are divided in the end, such as the number of sequences."""
    cost: TensorVariable
    """Scalar: sum of the cost over the batch."""
    output: TensorVariable
    """Tensor that the cost is a convex function of. If a recurrence computes it, the recurrence must return it."""
    curvature: TensorVariable
    """Tensor like `output`: second derivative of the cost with respect to each element, treated as constant."""
    states: Tensors = ()
    """Hidden states, for structural damping. The recurrence must return them directly, not as slices."""
    state_weights: Tensors = ()
    """Tensors like `states`: weight of each element in the squared distance."""
    reports: Tensors = ()
    """Scalars: further sums to report."""


def bernoulli_curvature(logits: TensorVariable, weights: TensorVariable) -> TensorVariable:
    """Second derivative of a weighted cross-entropy of bits with respect to their logits.

    It is w p (1 - p), with p = sigmoid(logits).

    Parameters
    ----------
    logits : tensor, shape (..., n)
    weights : tensor, shape (...)
        Weight of each frame.

    Returns
    -------
    tensor like logits
    """
    p = pt.sigmoid(logits)
    return weights[..., None] * p * (1 - p)


def gauss_newton_product(outputs: Tensors, curvatures: Tensors, params: Params, vectors: Tensors) -> Tensors:
    """Compute J' H J v for a diagonal H.

    Parameters
    ----------
    outputs : list of tensors
    curvatures : list of tensors like outputs
        Diagonal of H.
    params : list of variables
    vectors : list of tensors like params
        The vector v.

    Returns
    -------
    list of tensors like params
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
    """Compiled functions of an objective. All take one array per parameter first and the arrays of a batch last."""

    costs: Callable[..., Any]
    """costs(*params, *batch) -> weight, cost, *reports"""
    gradient: Callable[..., Any]
    """gradient(*params, *batch) -> weight, cost, *reports, *gradients"""
    product: Callable[..., Any]
    """product(*params, *vectors, structural, *batch) -> weight, *products: G v, plus structural S v"""


def compiled_objective(
    objective: Objective, params: Params, batch: Tensors, function: Callable[..., Any]
) -> CompiledObjective:
    """Compile the functions of an objective.

    Parameters
    ----------
    objective : Objective
    params : list of shared variables
        Parameters. The functions take their values as arguments, so that steps can be tried without changing them.
    batch : list of variables
        Further inputs of the objective.
    function : callable
        ``function(inputs, outputs)`` compiles, like `pytensor.function`.

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
