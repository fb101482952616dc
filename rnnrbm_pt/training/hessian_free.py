"""Hessian-free optimisation: each update minimises a quadratic model of the cost by conjugate gradients.

    q(d) = g'd + d'(G + lambda I + lambda mu S)d / 2

Here g is the gradient and G the Gauss-Newton matrix. S is the Gauss-Newton matrix of the squared distance of the hidden
states. It keeps the states of an RNN within the range where the quadratic model is valid (structural damping). lambda
adapts to how well q predicts the change of the cost, by the rule of Levenberg and Marquardt. The state is explicit:
call `init` once, then `update` repeatedly.

Martens, Deep learning via Hessian-free optimization, ICML 2010. Martens and Sutskever, Learning recurrent neural
networks with Hessian-free optimization, ICML 2011. Details follow the theano-hf of Boulanger-Lewandowski, with two
differences: the line search, and that a step is not taken if it does not lower the cost on the batch of the gradient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rnnrbm_pt.training.conjugate_gradients import conjugate_gradients
from rnnrbm_pt.training.gauss_newton import CompiledObjective
from rnnrbm_pt.training.settings import HessianFree

Batch = tuple[np.ndarray, ...]
Vectors = Sequence[np.ndarray]
"""One array per parameter."""

FACTOR = 1.5
"""Factor by which lambda is multiplied or divided."""
POOR, GOOD = 0.25, 0.75
"""Ratios of actual to predicted change of the cost: lambda rises below POOR and falls above GOOD."""
LARGEST_DAMPING = 1e10
EXPONENT = 0.75
"""Martens' exponent of the preconditioner."""
ENOUGH, SHORTER, ATTEMPTS = 0.01, 0.8, 40
"""Line search: required fraction of the slope's decrease, factor between rates, and largest number of rates."""


class HessianFreeState(NamedTuple):
    """State that one update passes to the next."""

    damping: float
    """Damping lambda."""
    direction: np.ndarray
    """Direction, one number per parameter: the end of the last conjugate gradients and the start of the next."""


class Report(NamedTuple):
    """Results of an update."""

    cost: float
    """Cost before the update, on the batch of the gradient."""
    reports: list[float]
    """Means of the objective's further reports."""
    gradient_norm: float
    iterations: int
    """Number of conjugate gradient iterations."""
    taken: int
    """Number of the iterate that was used as the step; 0 if none was."""
    ratio: float
    """Change of the cost divided by the change that the quadratic model predicts."""
    rate: float
    """Factor of the step, from the line search."""


@dataclass(frozen=True)
class Layout:
    """Conversion between one array per parameter and one vector of float64."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtype: str

    @classmethod
    def of(cls, params: Sequence[Any]) -> "Layout":
        """Make the layout of shared variables."""
        values = [p.get_value(borrow=True) for p in params]
        return cls(tuple(p.name for p in params), tuple(x.shape for x in values), str(values[0].dtype))

    @property
    def size(self) -> int:
        """Total number of values."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    def flat(self, arrays: Vectors) -> np.ndarray:
        """Convert arrays to one vector of float64."""
        return np.concatenate([np.asarray(x, np.float64).ravel() for x in arrays])

    def arrays(self, vector: np.ndarray) -> list[np.ndarray]:
        """Convert a vector to one array per parameter, of the parameters' type."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        pieces = np.split(vector, ends)
        return [x.reshape(shape).astype(self.dtype) for x, shape in zip(pieces, self.shapes, strict=True)]

    def check_finite(self, what: str, vector: np.ndarray) -> None:
        """Raise a FloatingPointError that names the first parameter with a value that is not finite."""
        if np.isfinite(vector).all():
            return
        with np.errstate(over="ignore"):
            for name, x in zip(self.names, self.arrays(vector), strict=True):
                n = x.size - np.isfinite(x).sum()
                if n:
                    raise FloatingPointError(
                        f"{what} of {name}: {n} of {x.size} values are not finite: a larger damping, or float64, may "
                        "help; the parameters keep their values from before this update"
                    )


def init(settings: HessianFree, layout: Layout) -> HessianFreeState:
    """Make the state before the first update."""
    return HessianFreeState(settings.damping, np.zeros(layout.size))


def update(
    objective: CompiledObjective,
    layout: Layout,
    params: np.ndarray,
    state: HessianFreeState,
    gradient_batches: Sequence[Batch],
    curvature_batches: Sequence[Batch],
    settings: HessianFree,
    *,
    cases: Sequence[Batch] = (),
    check: Callable[[], object] = lambda: None,
) -> tuple[np.ndarray, HessianFreeState, Report]:
    """Make one update. It changes none of its arguments, so it may be interrupted at any time.

    Parameters
    ----------
    objective : CompiledObjective
    layout : Layout
    params : vector
        Values of all parameters.
    state : HessianFreeState
    gradient_batches : list of batches
        Batches over which cost and gradient are averaged.
    curvature_batches : list of batches
        Batches over which the Gauss-Newton products are averaged.
    settings : HessianFree
    cases : list of batches, optional
        Single sequences whose squared gradients make the preconditioner. Needed only with ``settings.precondition``.
    check : callable, optional
        Called after each call of a compiled function. It may raise an interrupt.

    Returns
    -------
    params : vector
        New values. They are unchanged if no step lowers the cost.
    state : HessianFreeState
    report : Report

    Raises
    ------
    FloatingPointError
        If the gradient or a product is not finite, the curvature along a direction is negative, or lambda exceeds
        `LARGEST_DAMPING`.
    """
    at = layout.arrays(params)

    def cost_at(step: np.ndarray, batches: Sequence[Batch]) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            cost = float(means(objective.costs, layout.arrays(params + step), batches, check)[0])
        return cost if np.isfinite(cost) else np.inf

    def product(vector: np.ndarray, damping: float = 0.0) -> np.ndarray:
        structural = np.asarray(damping * settings.structural_damping, layout.dtype)
        arguments = [*at, *layout.arrays(vector), structural]
        found = layout.flat(means(objective.product, arguments, curvature_batches, check))
        layout.check_finite("the Gauss-Newton product", found)
        return found + damping * vector

    cost, reports, g = gradient_of(objective, layout, at, gradient_batches, check)
    layout.check_finite("the gradient", g)
    inverse: np.ndarray | float = 1.0
    if settings.precondition:
        squares = [gradient_of(objective, layout, at, [case], check)[2] ** 2 for case in cases]
        inverse = (np.mean(squares, axis=0) + state.damping) ** -EXPONENT
    iterates = conjugate_gradients(
        lambda vector: product(vector, state.damping),
        -g,
        state.direction,
        max_iterations=settings.cg_iterations,
        inverse=inverse,
        rounding=10 * float(np.finfo(layout.dtype).eps),
    )
    taken, step = backtracked(iterates.kept, lambda step: cost_at(step, curvature_batches))
    slope = float(g @ step)
    predicted = slope + 0.5 * float(step @ product(step)) if step.any() else 0.0
    rate, ratio = 0.0, -np.inf
    if predicted < 0:
        after = cost_at(step, gradient_batches)
        ratio = (after - cost) / predicted
        rate = line_search(lambda rate: cost_at(rate * step, gradient_batches), cost, slope, after)
    report = Report(cost, reports, float(np.linalg.norm(g)), len(iterates.values), taken if rate else 0, ratio, rate)
    direction = iterates.last if rate else np.zeros_like(step)
    return params + rate * step, HessianFreeState(next_damping(state.damping, ratio), direction), report


# ---------------------------------------------------------------------------------------------------
# Parts of an update


def means(
    function: Callable[..., Any],
    arguments: Vectors,
    batches: Sequence[Batch],
    check: Callable[[], object] = lambda: None,
) -> list[np.ndarray]:
    """Average the results of a `CompiledObjective` function over batches: divide the sums by the sum of the weights."""
    sums: list[np.ndarray] = []
    for batch in batches:
        found = [np.asarray(x, np.float64) for x in function(*arguments, *batch)]
        sums = [x + y for x, y in zip(sums, found, strict=True)] if sums else found
        check()
    weight, *rest = sums
    return [x / weight for x in rest]


def gradient_of(
    objective: CompiledObjective,
    layout: Layout,
    params: Vectors,
    batches: Sequence[Batch],
    check: Callable[[], object] = lambda: None,
) -> tuple[float, list[float], np.ndarray]:
    """Compute the mean cost over batches, the means of the reports, and the gradient as one vector."""
    found = means(objective.gradient, params, batches, check)
    (cost, *reports), gradients = found[: -len(params)], found[-len(params) :]
    return float(cost), [float(x) for x in reports], layout.flat(gradients)


def backtracked(
    kept: Sequence[tuple[int, np.ndarray]], cost_at: Callable[[np.ndarray], float]
) -> tuple[int, np.ndarray]:
    """Go back through the iterates of conjugate gradients while the previous one has a lower cost.

    Parameters
    ----------
    kept : list of (int, vector)
        See `Iterates.kept`.
    cost_at : callable
        ``cost_at(step)`` returns the cost.

    Returns
    -------
    number : int
        Number of the chosen iterate.
    step : vector
    """
    taken, step = kept[-1]
    best = cost_at(step)
    for number, earlier in reversed(kept[:-1]):
        cost = cost_at(earlier)
        if not cost < best:
            break
        taken, step, best = number, earlier, cost
    return taken, step


def line_search(cost_at: Callable[[float], float], before: float, slope: float, cost: float) -> float:
    """Find the first rate of 1, SHORTER, SHORTER^2, ... at which the cost falls enough; 0 if there is none.

    Parameters
    ----------
    cost_at : callable
        ``cost_at(rate)`` returns the cost.
    before : float
        Cost at rate 0.
    slope : float
        Derivative of the cost at rate 0, which is negative.
    cost : float
        Cost at rate 1.

    Returns
    -------
    float
    """
    rate = 1.0
    for _ in range(ATTEMPTS):
        if cost <= before + ENOUGH * rate * slope:
            return rate
        rate *= SHORTER
        cost = cost_at(rate)
    return 0.0


def next_damping(damping: float, ratio: float) -> float:
    """Compute lambda after an update.

    Parameters
    ----------
    damping : float
        Present lambda.
    ratio : float
        Change of the cost divided by the change that the quadratic model predicts.

    Returns
    -------
    float

    Raises
    ------
    FloatingPointError
        If lambda exceeds `LARGEST_DAMPING`.
    """
    if ratio < POOR:
        damping *= FACTOR
    elif ratio > GOOD:
        damping /= FACTOR
    if damping > LARGEST_DAMPING:
        raise FloatingPointError(
            f"damping: expected at most {LARGEST_DAMPING:g}, found {damping:.3g}: no step lowers the cost any more. "
            "Training may have converged. Otherwise more curvature_frames, or float64, may help. The parameters keep "
            "their values from before this update"
        )
    return damping
