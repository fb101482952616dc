"""A likelihood enclosed from both sides by annealed importance sampling, with as many temperatures as it takes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rnnrbm_pt.evaluation.estimate import Estimate
from rnnrbm_pt.evaluation.mixing import Mixing

FEWEST = 100
"""Temperatures that are tried first."""

FRAMES_TO_SETTLE = 500
"""Frames that are enough to find out how many temperatures it takes."""

NARROW = 0.05
"""Nats per frame between the two sides, above which a likelihood has no figure."""


class Bracket(NamedTuple):
    """Two estimates of one likelihood, of the same frames, in nats per frame."""

    lower: Estimate
    """Annealed in reverse, from the RBM to its base: errs downwards where the Gibbs chains reach their distribution."""
    upper: Estimate
    """Annealed forward, from the base to the RBM: errs upwards."""
    n_temperatures: int
    settled: bool
    """Whether half as many temperatures gave both sides to within a fifth of `NARROW`."""
    mixing: Mixing
    """Whether Gibbs chains of as many steps forget where they start. If not, both sides may be too high."""

    @property
    def width(self) -> float:
        """How far the sides are apart; negative where the lower one came out higher, by chance or since chains stick.

        Both are of the same frames, so that the choice of frames adds nothing to it.
        """
        return float(self.upper - self.lower)

    @property
    def holds(self) -> bool:
        """Whether the lower side may be reported: the sides are close, temperatures settled, and the chains mix."""
        return abs(self.width) <= NARROW and self.settled and self.mixing.mixes

    def to_json(self) -> dict[str, Any]:
        """A dict that `json.dumps` takes, with `width` and `holds`."""
        sides = {name: float(getattr(self, name)) for name in ("lower", "upper")}
        errors = {f"{name}_error": getattr(self, name).standard_error for name in sides}
        found = {"n_temperatures": self.n_temperatures, "settled": self.settled, "mixing": self.mixing.to_json()}
        return {**sides, **errors, **found, "width": self.width, "holds": self.holds}


def temperatures_that_settle(score: Callable[[int, bool], float], most: int) -> tuple[int, bool]:
    """Double the temperatures until both sides stay where they are and are close to each other.

    Parameters
    ----------
    score : callable
        score(n_temperatures, reverse) -> nats per frame, always of the same frames.
    most : int
        Temperatures that are not exceeded.

    Returns
    -------
    n_temperatures : int
    settled : bool
    """
    n, before = FEWEST, None
    while True:
        sides = score(n, False), score(n, True)
        still = before is not None and all(abs(x - y) <= NARROW / 5 for x, y in zip(sides, before, strict=True))
        settled = still and abs(sides[0] - sides[1]) <= NARROW
        if settled or 2 * n > most:
            return n, still
        n, before = 2 * n, sides
