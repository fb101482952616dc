"""A run, or several, held against what the original printed: tables for a terminal and for a notebook."""

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rnnrbm_pt.reference.logs import as_log
from rnnrbm_pt.reference.recorded import LATE, PUBLISHED, THEANO


class Row(NamedTuple):
    """An epoch of a comparison. What is not recorded is None, and so is a difference to what is not finite."""

    epoch: int
    yours: float
    theano: float | None
    published: float | None
    minus_theano: float | None
    minus_published: float | None


@dataclass(frozen=True)
class Comparison:
    """A run held against the references; its text is a table, and so is its look in a notebook."""

    log: Mapping
    """{epoch: monitor} of the run."""
    theano: Mapping
    """The recording of Theano that it is held against."""
    all_epochs: bool = False
    """Whether epochs that no reference has are rows as well."""
    name: str = "yours"

    @property
    def rows(self):
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
    def largest_difference_to_theano(self):
        """Largest absolute difference to Theano, over the epochs that both have; None if the run has none of them."""
        differences = [abs(row.minus_theano) for row in self.rows if row.minus_theano is not None]
        return float(np.max(differences)) if differences else None

    @property
    def sum_of_differences_to_published(self):
        """Sum of the absolute differences to the published epochs that are finite; None if the run has none of them."""
        differences = [abs(row.minus_published) for row in self.rows if row.minus_published is not None]
        return math.fsum(differences) if differences else None

    @property
    def late_epochs(self):
        """The epochs from 190 to 200 in which both the run and the published log are finite, as a tuple."""
        return tuple(epoch for epoch in _late_epochs(PUBLISHED) if epoch in _late_epochs(self.log))

    @property
    def late_mean(self):
        """Mean of the run over `late_epochs`; None if there are none."""
        return _mean(self.log, self.late_epochs)

    @property
    def published_late_mean(self):
        """Mean of the published log over the same epochs, or over all its finite ones where there are none."""
        return _mean(PUBLISHED, self.late_epochs or _late_epochs(PUBLISHED))

    @property
    def not_finite(self):
        """The run's epochs whose monitor is infinite (or not a number)."""
        return _not_finite(self.log)

    def summary(self):
        """The numbers that say how near the run is, in a few lines.

        Returns
        -------
        list of (str, str)
            What is said, and its value.
        """
        last = max(self.log)
        late = f"{self.late_mean:.4f}" if self.late_epochs else "not there yet"
        at_theano = [row.epoch for row in self.rows if row.minus_theano is not None]
        at_published = [row.epoch for row in self.rows if row.minus_published is not None]
        return [
            (f"epochs of {self.name}", f"{len(self.log)}, the last {last} with {_value(self.log[last])}"),
            (
                f"largest |{self.name} - Theano 1.0.5|",
                f"{_small(self.largest_difference_to_theano)}, {_count(at_theano)}" if at_theano else "none in common",
            ),
            (
                f"sum of |{self.name} - published|",
                f"{self.sum_of_differences_to_published:.4f}, {_count(at_published)}"
                if at_published
                else "none in common",
            ),
            (
                "mean of epochs 190 to 200",
                f"{self.name} {late}, published {self.published_late_mean:.4f}"
                + (f", {_count(self.late_epochs)}" if self.late_epochs else ""),
            ),
            (
                "epochs not finite",
                f"{self.name} {_which(self.not_finite)}, published {_which(_not_finite(PUBLISHED))}",
            ),
        ]

    def _table(self):
        header = ("epoch", self.name, "Theano 1.0.5", "published", f"{self.name} - Theano", f"{self.name} - published")
        return header, [
            (
                str(row.epoch),
                *(_value(value) for value in row[1:4]),
                _small(row.minus_theano, "+"),
                "" if row.minus_published is None else f"{row.minus_published:+.4f}",
            )
            for row in self.rows
        ]

    def __str__(self):
        summary = self.summary()
        width = max(len(what) for what, _ in summary)
        return "\n".join([_text(*self._table()), "", *(f"{what:<{width}}  {value}" for what, value in summary)])

    def _repr_html_(self):
        return _html(*self._table()) + _html(("", ""), self.summary())


@dataclass(frozen=True)
class Comparisons:
    """Several runs side by side: a column each, and a line each of the numbers that say how near they are."""

    each: tuple
    """A `Comparison` each."""

    def _tables(self):
        logs = [one.log for one in self.each]
        epochs = sorted({row.epoch for one in self.each for row in one.rows})
        theano = self.each[0].theano
        values = (
            ("epoch", *(one.name for one in self.each), "Theano 1.0.5", "published"),
            [(str(epoch), *(_value(log.get(epoch)) for log in (*logs, theano, PUBLISHED))) for epoch in epochs],
        )
        published = _mean(PUBLISHED, _late_epochs(PUBLISHED)), _which(_not_finite(PUBLISHED))
        summary = (
            ("run", "epochs", "largest |- Theano|", "sum |- published|", "mean 190 to 200", "epochs not finite"),
            [
                (
                    one.name,
                    str(len(one.log)),
                    _small(one.largest_difference_to_theano),
                    _plain_number(one.sum_of_differences_to_published),
                    _plain_number(one.late_mean),
                    _which(one.not_finite),
                )
                for one in self.each
            ]
            + [("published", str(len(PUBLISHED)), "", "", _plain_number(published[0]), published[1])],
        )
        return values, summary

    def __str__(self):
        return "\n\n".join(_text(*table) for table in self._tables())

    def _repr_html_(self):
        return "".join(_html(*table) for table in self._tables())


def compare(log, *, all_epochs=False, theano=THEANO, name="yours"):
    """Hold a run against what the original printed.

    Parameters
    ----------
    log : path, model, mapping {epoch: monitor}, or list of monitors or of records
        A path is read by `read_log`; of a model its `log` is taken; a list of numbers has epochs 1, 2, ...
    all_epochs : bool
        Show the epochs as well that neither reference has.
    theano : mapping {epoch: monitor}
        The recording of Theano: `THEANO`, or `THEANO_MRG` for a run with those streams.
    name : str
        What the run is called in the table.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If there are no epochs in the log, or it is none of these.
    """
    return Comparison(as_log(log), theano, all_epochs, name)


def compare_all(logs, *, all_epochs=False, theano=THEANO):
    """Hold several runs against what the original printed, side by side.

    Parameters
    ----------
    logs : mapping {name: log}
        Runs as `compare` takes them.
    all_epochs, theano
        As for `compare`.

    Returns
    -------
    Comparisons

    Raises
    ------
    ValueError
        If there are no runs, or as `compare`.
    """
    if not logs:
        raise ValueError("logs: expected one run at least, found none")
    return Comparisons(
        tuple(compare(log, all_epochs=all_epochs, theano=theano, name=name) for name, log in logs.items())
    )


def _difference(yours, reference):
    return yours - reference if reference is not None and math.isfinite(reference) else None


def _late_epochs(log):
    return [epoch for epoch in LATE if math.isfinite(log.get(epoch, math.nan))]


def _mean(log, epochs):
    return math.fsum(log[epoch] for epoch in epochs) / len(epochs) if epochs else None


def _not_finite(log):
    return tuple(epoch for epoch, value in log.items() if not math.isfinite(value))


def _value(number):
    return "" if number is None else f"{number:.10f}"


def _small(number, sign=""):
    return "" if number is None else "0" if number == 0 else f"{number:{sign}.1e}"


def _plain_number(number):
    return "" if number is None else f"{number:.4f}"


def _which(epochs):
    """ "2 (7, 198)"; of many, the first five."""
    if not epochs:
        return "0"
    return f"{len(epochs)} ({', '.join(map(str, epochs[:5]))}{', ...' if len(epochs) > 5 else ''})"


def _count(epochs):
    return f"{len(epochs)} epoch{'s' * (len(epochs) != 1)} in common"


def _text(header, rows):
    """A table whose columns end together."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def _html(header, rows):
    def cells(row, kind):
        return "".join(f'<{kind} style="text-align: right">{html.escape(cell)}</{kind}>' for cell in row)

    head = f"<thead><tr>{cells(header, 'th')}</tr></thead>" if any(header) else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"
