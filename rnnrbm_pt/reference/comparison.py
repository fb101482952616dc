"""Comparison of one or several runs with the original's numbers: tables for a terminal and for a notebook."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rnnrbm_pt.reference.logs import Log, LogSource, as_log
from rnnrbm_pt.reference.recorded import LATE, PUBLISHED, THEANO
from rnnrbm_pt.reference.tables import Table, as_html, as_text, fixed, small


class Row(NamedTuple):
    """An epoch of a comparison. Unrecorded numbers are None, and so are differences from infinite numbers."""

    epoch: int
    yours: float
    theano: float | None
    published: float | None
    minus_theano: float | None
    minus_published: float | None


@dataclass(frozen=True)
class Comparison:
    """A run compared with the references. Printed, or shown in a notebook, it is a table."""

    log: Log
    """{epoch: monitor} of the run."""
    theano: Log
    """{epoch: monitor} of the recording of Theano."""
    all_epochs: bool = False
    """Whether to include epochs that no reference has."""
    name: str = "yours"
    """Name of the run in the table."""
    reference: str = "Theano 1.0.5"
    """Name of the recording in the table."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The epochs of the run, as a tuple of `Row`."""
        return tuple(
            Row(
                epoch,
                value,
                self.theano.get(epoch),
                PUBLISHED.get(epoch),
                _difference(value, self.theano.get(epoch)),
                _difference(value, PUBLISHED.get(epoch)),
            )
            for epoch, value in self.log.items()
            if self.all_epochs or epoch in self.theano or epoch in PUBLISHED
        )

    @property
    def largest_difference_to_theano(self) -> float | None:
        """Largest absolute difference from Theano, over the common epochs; None if there are no common epochs."""
        differences = [abs(row.minus_theano) for row in self.rows if row.minus_theano is not None]
        return float(np.max(differences)) if differences else None

    @property
    def sum_of_differences_to_published(self) -> float | None:
        """Sum of the absolute differences from the finite published epochs; None if there are no common epochs."""
        differences = [abs(row.minus_published) for row in self.rows if row.minus_published is not None]
        return _sum(differences) if differences else None

    @property
    def late_epochs(self) -> tuple[int, ...]:
        """The epochs from 190 to 200 for which both the run and the published log are finite."""
        return tuple(epoch for epoch in _late_epochs(PUBLISHED) if epoch in _late_epochs(self.log))

    @property
    def late_mean(self) -> float | None:
        """Mean of the run over `late_epochs`; None if there are none."""
        return _mean(self.log, self.late_epochs)

    @property
    def published_late_mean(self) -> float | None:
        """Mean of the published log over `late_epochs`; if there are none, over all its finite late epochs."""
        return _mean(PUBLISHED, self.late_epochs or _late_epochs(PUBLISHED))

    @property
    def not_finite(self) -> tuple[int, ...]:
        """The epochs of the run whose monitor is infinite or NaN."""
        return _not_finite(self.log)

    def summary(self) -> list[tuple[str, str]]:
        """A summary of how close the run is to the references, in a few lines.

        Returns
        -------
        list of (str, str)
            Names of quantities, and their values.
        """
        last = max(self.log)
        late = fixed(self.late_mean, 4) or "not there yet"
        at_theano = [row.epoch for row in self.rows if row.minus_theano is not None]
        at_published = [row.epoch for row in self.rows if row.minus_published is not None]
        return [
            (f"epochs of {self.name}", f"{len(self.log)}, the last {last} with {self.log[last]:.10f}"),
            (
                f"largest |{self.name} - {self.reference}|",
                f"{small(self.largest_difference_to_theano)}, {_count(at_theano)}" if at_theano else "none in common",
            ),
            (
                f"sum of |{self.name} - published|",
                f"{fixed(self.sum_of_differences_to_published, 4)}, {_count(at_published)}"
                if at_published
                else "none in common",
            ),
            (
                "mean of epochs 190 to 200",
                f"{self.name} {late}, published {fixed(self.published_late_mean, 4)}"
                + (f", {_count(self.late_epochs)}" if self.late_epochs else ""),
            ),
            (
                "epochs not finite",
                f"{self.name} {_which(self.not_finite)}, published {_which(_not_finite(PUBLISHED))}",
            ),
        ]

    def _table(self) -> Table:
        header = ("epoch", self.name, self.reference, "published", f"{self.name} - Theano", f"{self.name} - published")
        return header, [
            (
                str(row.epoch),
                *(fixed(value, 10) for value in (row.yours, row.theano, row.published)),
                small(row.minus_theano, "+"),
                fixed(row.minus_published, 4, "+"),
            )
            for row in self.rows
        ]

    def to_json(self) -> dict[str, Any]:
        """The whole comparison, for `json.dumps`."""
        return {
            "name": self.name,
            "against": self.reference,
            "largest_difference": self.largest_difference_to_theano,
            "late_mean": self.late_mean,
            "epochs": [row._asdict() for row in self.rows],
        }

    def __str__(self) -> str:
        summary = self.summary()
        width = max(len(what) for what, _ in summary)
        return "\n".join([as_text(*self._table()), "", *(f"{what:<{width}}  {value}" for what, value in summary)])

    def _repr_html_(self) -> str:
        return as_html(*self._table()) + as_html(("", ""), self.summary())


@dataclass(frozen=True)
class Comparisons:
    """Several runs side by side: a table with one column per run, and a summary with one line per run."""

    each: tuple[Comparison, ...]
    """The comparison of each run."""

    def _tables(self) -> tuple[Table, Table]:
        logs = [one.log for one in self.each]
        epochs = sorted({row.epoch for one in self.each for row in one.rows})
        references = {one.reference: one.theano for one in self.each}
        shown = *logs, *references.values(), PUBLISHED
        values = (
            ("epoch", *(one.name for one in self.each), *references, "published"),
            [(str(epoch), *(fixed(log.get(epoch), 10) for log in shown)) for epoch in epochs],
        )
        published = _mean(PUBLISHED, _late_epochs(PUBLISHED)), _which(_not_finite(PUBLISHED))
        summary = (
            ("run", "epochs", "largest |- Theano|", "sum |- published|", "mean 190 to 200", "epochs not finite"),
            [
                (
                    one.name,
                    str(len(one.log)),
                    small(one.largest_difference_to_theano),
                    fixed(one.sum_of_differences_to_published, 4),
                    fixed(one.late_mean, 4),
                    _which(one.not_finite),
                )
                for one in self.each
            ]
            + [("published", str(len(PUBLISHED)), "", "", fixed(published[0], 4), published[1])],
        )
        return values, summary

    def __str__(self) -> str:
        return "\n\n".join(as_text(*table) for table in self._tables())

    def _repr_html_(self) -> str:
        return "".join(as_html(*table) for table in self._tables())


def compare(log: LogSource, *, all_epochs: bool = False, theano: Log = THEANO, name: str = "yours") -> Comparison:
    """Compare a run with the original's numbers.

    Parameters
    ----------
    log : path, model, mapping {epoch: monitor}, or list of monitors or of records
        The log of the run. `read_log` reads a path. A model has the attribute `log`. The epochs of a list of numbers
        are 1, 2 and so on.
    all_epochs : bool
        Whether to show epochs that no reference has.
    theano : mapping {epoch: monitor}
        The recording of Theano: `THEANO`, or `THEANO_MRG` for a run with MRG streams.
    name : str
        Name of the run in the table.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the log has another form, or no epochs.
    """
    return Comparison(as_log(log), theano, all_epochs, name)


def compare_all(logs: Mapping[str, LogSource], *, all_epochs: bool = False, theano: Log = THEANO) -> Comparisons:
    """Compare several runs with the original's numbers, side by side.

    Parameters
    ----------
    logs : mapping {name: log}
        The logs of the runs, in any form that `compare` accepts.
    all_epochs, theano
        See `compare`.

    Returns
    -------
    Comparisons

    Raises
    ------
    ValueError
        If there are no runs, or a log is invalid.
    """
    if not logs:
        raise ValueError("logs: expected at least one run, found none")
    return Comparisons(
        tuple(compare(log, all_epochs=all_epochs, theano=theano, name=name) for name, log in logs.items())
    )


def _difference(yours: float, reference: float | None) -> float | None:
    return yours - reference if reference is not None and math.isfinite(reference) else None


def _late_epochs(log: Log) -> list[int]:
    return [epoch for epoch in LATE if math.isfinite(log.get(epoch, math.nan))]


def _mean(log: Log, epochs: Sequence[int]) -> float | None:
    return _sum(log[epoch] for epoch in epochs) / len(epochs) if epochs else None


def _not_finite(log: Log) -> tuple[int, ...]:
    return tuple(epoch for epoch, value in log.items() if not math.isfinite(value))


def _which(epochs: Sequence[int]) -> str:
    """The number of epochs and the first five of them, such as "2 (7, 198)"."""
    if not epochs:
        return "0"
    return f"{len(epochs)} ({', '.join(map(str, epochs[:5]))}{', ...' if len(epochs) > 5 else ''})"


def _count(epochs: Sequence[int]) -> str:
    return f"{len(epochs)} epoch{'s' * (len(epochs) != 1)} in common"


def _sum(numbers: Iterable[float]) -> float:
    """The exact sum, rounded once; infinite if it exceeds the largest float."""
    try:
        return math.fsum(numbers)
    except OverflowError:
        return math.inf
