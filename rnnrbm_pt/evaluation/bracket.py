"""Lower and upper estimates of a likelihood by annealed importance sampling, with enough temperatures to agree."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rnnrbm_pt.evaluation.estimate import Estimate
from rnnrbm_pt.evaluation.mixing import Mixing

FEWEST = 100
"""Number of temperatures of the first attempt."""

FRAMES_TO_SETTLE = 500
"""Number of frames used to find the necessary number of temperatures."""

NARROW = 0.05
"""Largest distance between the two estimates, in nats per frame, at which the likelihood is reported."""


class Bracket(NamedTuple):
    """A lower and an upper estimate of the likelihood of the same frames, in nats per frame."""

    lower: Estimate
    """Estimate by reverse annealing, from the RBM to its base. It is too low if the Gibbs chains converge.

    The chains start after the number of Gibbs steps that `mixing` found, or after as many as there are temperatures.
    """
    upper: Estimate
    """Estimate by forward annealing, from the base to the RBM. It is too high."""
    n_temperatures: int
    settled: bool
    """Whether both estimates differ by at most a fifth of `NARROW` from those with half as many temperatures."""
    mixing: Mixing
    """How many Gibbs steps the chains need to forget where they start. If they never do, both may be too high."""

    @property
    def width(self) -> float:
        """The upper estimate minus the lower one. It may be negative by chance, or because the chains do not mix.

        The choice of frames adds no error, since both estimates use the same frames.
        """
        return float(self.upper - self.lower)

    @property
    def holds(self) -> bool:
        """Whether `lower` can be reported: the estimates are close, have settled, and the chains mix."""
        return abs(self.width) <= NARROW and self.settled and self.mixing.mixes

    def to_json(self) -> dict[str, Any]:
        """Convert to a dict that `json.dumps` accepts, including `width` and `holds`."""
        sides = {name: float(getattr(self, name)) for name in ("lower", "upper")}
        errors = {f"{name}_error": getattr(self, name).standard_error for name in sides}
        found = {"n_temperatures": self.n_temperatures, "settled": self.settled, "mixing": self.mixing.to_json()}
        return {**sides, **errors, **found, "width": self.width, "holds": self.holds}


def temperatures_that_settle(score: Callable[[int, bool], float], most: int) -> tuple[int, bool]:
    """Double the number of temperatures until both estimates no longer change and are close to each other.

    Parameters
    ----------
    score : callable
        score(n_temperatures, reverse) -> nats per frame, always of the same frames.
    most : int
        Largest number of temperatures to try.

    Returns
    -------
    n_temperatures : int
    settled : bool
        Whether the last doubling changed both estimates by at most a fifth of `NARROW`.
    """
    n, before = FEWEST, None
    while True:
        estimates = score(n, False), score(n, True)
        settled = before is not None and all(abs(x - y) <= NARROW / 5 for x, y in zip(estimates, before, strict=True))
        if (settled and abs(estimates[0] - estimates[1]) <= NARROW) or 2 * n > most:
            return n, settled
        n, before = 2 * n, estimates
