"""Conjugate gradients that stop when progress is slow and keep some of their iterates.

`scipy.sparse.linalg.cg` stops by the residual and returns only the last iterate. Martens' method stops by the value of
the quadratic function, and chooses the iterate that is best for the actual cost.

Martens, Deep learning via Hessian-free optimization, ICML 2010, sections 4.4 and 4.6.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

PROGRESS = 0.0005
"""Relative progress per iteration below which the iterations stop."""

SPACING = 1.3
"""Iterates with the numbers ceil(SPACING^n), n = 0, 1, ..., are kept."""


class Iterates(NamedTuple):
    """Result of conjugate gradients."""

    kept: list[tuple[int, np.ndarray]]
    """Number and value of each kept iterate. The last iterate is always kept."""
    values: list[float]
    """phi(x) = x'Ax / 2 - b'x after each iteration."""

    @property
    def last(self) -> np.ndarray:
        """The iterate after the last iteration."""
        return self.kept[-1][1]


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    b: np.ndarray,
    x: np.ndarray,
    *,
    max_iterations: int,
    inverse: np.ndarray | float = 1.0,
    progress: float = PROGRESS,
    rounding: float = 0.0,
) -> Iterates:
    """Solve A x = b approximately, for a symmetric positive definite A.

    With k = max(10, i // 10), the method stops after iteration i > k if phi < 0 and (phi_i - phi_{i-k}) / phi_i <
    progress k.

    Parameters
    ----------
    product : callable
        ``product(v)`` returns A v.
    b : vector
        Right-hand side.
    x : vector
        Start of the iterations.
    max_iterations : int
    inverse : vector or 1, optional
        Inverse of the diagonal of a preconditioner. The default is no preconditioner.
    progress : float, optional
        Threshold of the relative progress per iteration. With 0 slow progress does not stop the iterations.
    rounding : float, optional
        Relative error of a product. The method also stops if the residual or a curvature is smaller than this error.

    Returns
    -------
    Iterates

    Raises
    ------
    FloatingPointError
        If the curvature along a direction is negative.
    """
    r = b - product(x) if x.any() else b.copy()
    d = inverse * r
    squared = r @ d
    kept: list[tuple[int, np.ndarray]] = []
    values: list[float] = []
    n = 0
    for i in range(1, max_iterations + 1):
        if np.linalg.norm(r) <= rounding * np.linalg.norm(b):  # x is the solution
            break
        along = product(d)
        curvature = d @ along
        error = rounding * np.linalg.norm(d) * np.linalg.norm(along)
        if curvature <= error:
            if curvature < -error:
                raise FloatingPointError(
                    f"curvature: expected at least 0, found {curvature:.3g} in iteration {i} of conjugate gradients: "
                    "a larger damping, or float64, may help"
                )
            break
        step = squared / curvature
        x, r = x + step * d, r - step * along
        before, squared = squared, r @ (inverse * r)
        d = inverse * r + squared / before * d
        values.append(float(-0.5 * (x @ (r + b))))
        if i >= math.ceil(SPACING**n):
            kept.append((i, x))
            while math.ceil(SPACING**n) <= i:
                n += 1
        k = max(10, i // 10)
        if i > k and values[-1] < 0 and (values[-1] - values[-1 - k]) / values[-1] < progress * k:
            break
    if not kept or kept[-1][0] < len(values):
        kept.append((len(values), x))
    return Iterates(kept, values)
