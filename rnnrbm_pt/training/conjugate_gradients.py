"""Conjugate gradients that stop when they make little progress, and keep some of their iterates.

`scipy.sparse.linalg.cg` stops by the residual and has the last iterate only. Martens stops by the value of the
quadratic function, and takes the iterate that is best for the cost itself.

Martens, Deep learning via Hessian-free optimization, ICML 2010, sections 4.4 and 4.6.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

PROGRESS = 0.0005
"""Relative progress per iteration below which the iterations stop."""

SPACING = 1.3
"""Iterate number ceil(SPACING^n) is kept, for n = 0, 1, ..."""


class Iterates(NamedTuple):
    """What conjugate gradients found."""

    kept: list[tuple[int, np.ndarray]]
    """The number of each iterate that was kept, and the iterate. The last one is among them."""
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

    After iteration i > k the iterations stop if phi < 0 and (phi_i - phi_{i-k}) / phi_i < progress k, where
    k = max(10, i // 10).

    Parameters
    ----------
    product : callable
        product(v) -> A v
    b : vector
    x : vector
        Where to begin.
    max_iterations : int
    inverse : vector or 1
        The inverse of the diagonal of a preconditioner.
    progress : float
        0 never stops by progress.
    rounding : float
        Relative error of a product. A residual or a curvature that is smaller than the error ends the iterations.

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
                    f"curvature: expected none below 0, found {curvature:.3g} in iteration {i} of conjugate gradients: "
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
