"""Comparison of two runs, number by number: their epochs, and their updates if both logged them."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from rnnrbm_pt.reference.runs import LoggedRun, notes
from rnnrbm_pt.reference.tables import Table, as_html, as_text, fixed, small

PARTED = {"float64": 1e-9, "float32": 1e-5}
"""Limits for rounding. Two numbers differ by more than rounding if |a - b| exceeds the limit times max(1, |b|)."""


class PairRow(NamedTuple):
    """An epoch of both runs. `difference` is None if one of the two numbers is not finite."""

    epoch: int
    yours: float
    against: float
    difference: float | None
    ulps: float


class UpdatesRow(NamedTuple):
    """The updates of an epoch of both runs. If one run has more updates, only the first ones are compared."""

    epoch: int
    updates: int
    equal: int
    largest: float
    ulps: float
    parted: int | None
    """Number of the first update that differs by more than rounding, counted from 1."""


@dataclass(frozen=True)
class Pair:
    """A run and the run that it is compared with. Printed, or shown in a notebook, it is a table.

    Attributes
    ----------
    run, against : LoggedRun
    with_updates : bool
        Whether to compare the monitors of the updates too.
    """

    run: LoggedRun
    against: LoggedRun
    with_updates: bool = False

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError(f"{self.run.name}: expected epochs in common with {self.against.name}, found none")
        if self.with_updates and not self.update_rows:
            missing = [one.name for one in (self.run, self.against) if not one.updates] or [self.run.name]
            raise ValueError(
                f"{missing[0]}: expected the monitor of each update, found none; recordings of "
                "rnnrbm_pt.reference.record and logs of rnnrbm train --log-updates have them"
            )

    @property
    def floatX(self) -> str:
        """The coarser float type of the two runs. Differences are counted in its units in the last place (ulps)."""
        return "float32" if "float32" in (self.run.floatX, self.against.floatX) else "float64"

    @cached_property
    def rows(self) -> tuple[PairRow, ...]:
        """The epochs that both runs have."""
        common = [epoch for epoch in self.run.log if epoch in self.against.log]
        values = [(epoch, self.run.log[epoch], self.against.log[epoch]) for epoch in common]
        return tuple(
            PairRow(
                epoch, a, b, a - b if math.isfinite(a) and math.isfinite(b) else None, float(ulps(a, b, self.floatX))
            )
            for epoch, a, b in values
        )

    @cached_property
    def differences(self) -> dict[int, np.ndarray]:
        """{epoch: difference of the monitors of each update}, for the epochs whose updates both runs logged."""
        common = [epoch for epoch in self.run.updates if epoch in self.against.updates]
        return {epoch: _difference(*self._updates_of(epoch)) for epoch in common}

    @cached_property
    def update_rows(self) -> tuple[UpdatesRow, ...]:
        """A summary of `differences` per epoch."""
        rows = []
        for epoch, difference in self.differences.items():
            a, b = self._updates_of(epoch)
            if len(a):
                first = np.flatnonzero(parted(a, b, self.floatX))
                rows.append(
                    UpdatesRow(
                        epoch,
                        len(a),
                        int((a == b).sum()),
                        float(np.abs(difference).max()),
                        float(ulps(a, b, self.floatX).max()),
                        int(first[0]) + 1 if len(first) else None,
                    )
                )
        return tuple(rows)

    def _updates_of(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        a, b = self.run.updates[epoch], self.against.updates[epoch]
        n = min(len(a), len(b))
        return a[:n], b[:n]

    @property
    def parted_epoch(self) -> int | None:
        """The first epoch that differs by more than rounding."""
        return next((row.epoch for row in self.rows if parted(row.yours, row.against, self.floatX)), None)

    @property
    def parted_update(self) -> tuple[int, int] | None:
        """The first update that differs by more than rounding: its epoch, and its number in the epoch from 1 on."""
        return next(((row.epoch, row.parted) for row in self.update_rows if row.parted is not None), None)

    @property
    def largest_difference(self) -> float:
        """The largest absolute difference, in nats. It is infinite if only one of two numbers is finite."""
        epochs = [abs(float(_difference(row.yours, row.against))) for row in self.rows]
        return max(epochs + [row.largest for row in self.update_rows if self.with_updates])

    @property
    def notes(self) -> list[str]:
        """Sentences about differing settings; see `runs.notes`."""
        return notes(self.run, self.against)

    def summary(self) -> list[tuple[str, str]]:
        """A summary of the agreement, in a few lines: names of quantities, and their values."""
        tolerance = f"by more than rounding ({PARTED[self.floatX]:.0e})"
        found = [
            ("epochs in common", f"{len(self.rows)}, the last {self.rows[-1].epoch}"),
            ("largest difference", f"{small(self.largest_difference)} nats"),
            (f"first epoch that differs {tolerance}", "none" if self.parted_epoch is None else str(self.parted_epoch)),
        ]
        if self.update_rows:
            where = self.parted_update
            of_updates = "none" if where is None else f"{where[1]:,} of epoch {where[0]}"
            found.append((f"first update that differs {tolerance}", of_updates))
        return found

    def tables(self) -> list[Table]:
        """The table of the epochs, and with `with_updates` the table of the updates."""
        ulp = f"ulps of {self.floatX}"
        header: tuple[str, ...] = ("epoch", self.run.name, self.against.name, "difference", ulp)
        found: list[Table] = [
            (
                header,
                [
                    (
                        str(row.epoch),
                        fixed(row.yours, 10),
                        fixed(row.against, 10),
                        small(row.difference, "+"),
                        _count(row.ulps),
                    )
                    for row in self.rows
                ],
            )
        ]
        if self.with_updates:
            header = ("epoch", "updates", "equal in every bit", "largest |difference|", ulp, "first to differ")
            found.append(
                (
                    header,
                    [
                        (
                            str(row.epoch),
                            f"{row.updates:,}",
                            f"{row.equal:,}",
                            small(row.largest),
                            _count(row.ulps),
                            "none" if row.parted is None else f"{row.parted:,}",
                        )
                        for row in self.update_rows
                    ],
                )
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """The whole comparison, for `json.dumps`."""
        found: dict[str, Any] = {
            "name": self.run.name,
            "against": self.against.name,
            "floatX": self.floatX,
            "notes": self.notes,
            "largest_difference": self.largest_difference,
            "parted_epoch": self.parted_epoch,
            "epochs": [row._asdict() for row in self.rows],
        }
        if self.with_updates:
            found["parted_update"] = self.parted_update
            found["updates"] = [
                {**row._asdict(), "differences": self.differences[row.epoch].tolist()} for row in self.update_rows
            ]
        return found

    def __str__(self) -> str:
        lines = self.summary()
        width = max(len(what) for what, _ in lines)
        tables = [as_text(*table) for table in self.tables()]
        return "\n\n".join([*tables, "\n".join(f"{what:<{width}}  {value}" for what, value in lines)])

    def _repr_html_(self) -> str:
        return "".join(as_html(*table) for table in self.tables()) + as_html(("", ""), self.summary())


def ulps(a: Any, b: Any, floatX: str) -> np.ndarray:
    """The difference of two numbers in units in the last place (ulps) of the larger number.

    Parameters
    ----------
    a, b : array_like
    floatX : {"float64", "float32"}
        The float type whose units to count.

    Returns
    -------
    array
        0 for equal numbers, including infinite ones.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    larger = np.maximum(np.abs(a), np.abs(b))
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.abs(a - b) / np.spacing(larger.astype(floatX)).astype(float)
    return np.where(_same(a, b), 0.0, np.where(np.isfinite(found), found, np.inf))


def parted(a: Any, b: Any, floatX: str) -> np.ndarray:
    """Whether two numbers differ by more than rounding; see `PARTED`."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    limit = PARTED[floatX] * np.where(np.isfinite(b), np.maximum(1, np.abs(b)), 0)
    return ~_same(a, b) & ~(np.abs(_difference(a, b)) <= limit)


def _same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def _difference(a: Any, b: Any) -> np.ndarray:
    """a - b: 0 for equal numbers, including infinite ones, and infinite if only one of the numbers is finite."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    with np.errstate(invalid="ignore"):
        found = a - b
    return np.where(_same(a, b), 0.0, np.where(np.isnan(found), np.inf, found))


def _count(number: float) -> str:
    return f"{number:.3g}" if number < 1e6 else f"{number:.0e}"
