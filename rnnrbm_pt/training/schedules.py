"""Schedules: values that change while training goes on, for a rate, a momentum, or the length k of a Gibbs chain.

A schedule is a frozen dataclass, called as ``schedule(epoch, update)`` with the numbers of complete epochs and updates,
both from 0, and it returns the value for what comes next. It remembers nothing: where a run stands says all, so a run
that is continued has the values of one that was not stopped. `to_json` describes it in a checkpoint or on a command
line, `from_json` makes it again.

Training puts the value into a shared variable, which the graph has where a number would stand:

    lr = pytensor.shared(np.float64(0), name="lr")
    scheduled = {lr: WarmUp(Cosine(0.01, 0.0, 200), 5)}
    train = pytensor.function([v], monitor, updates=sgd(cost, params, lr))
    set_scheduled(scheduled, epoch, update)  # before each update
    train(window)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

import numpy as np

from rnnrbm_pt.checks import integer, number

UNITS = ("epoch", "update")


@dataclass(frozen=True)
class Schedule:
    """A value by the epoch and the update; the kinds below say how."""

    def __call__(self, epoch: int, update: int) -> float:
        """The value after `epoch` complete epochs and `update` complete updates of the whole run.

        Parameters
        ----------
        epoch, update : int

        Returns
        -------
        float or int
        """
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """What `json.dumps` takes: a dict of the schedule's name and its fields.

        Returns
        -------
        dict
        """
        described: dict[str, Any] = {"schedule": type(self).__name__}
        for field in fields(self):
            value = getattr(self, field.name)
            described[field.name] = value.to_json() if isinstance(value, Schedule) else _plain(value)
        return described


@dataclass(frozen=True)
class Constant(Schedule):
    """value, always."""

    value: float

    def __post_init__(self) -> None:
        _check_number(self, "value")

    def __call__(self, epoch: int, update: int) -> float:
        return self.value


@dataclass(frozen=True)
class Table(Schedule):
    """values[i] from at[i] on; at[0] is 0. With whole numbers for values, a table of the lengths of a Gibbs chain."""

    at: tuple[float, ...]
    values: tuple[float, ...]
    by: str = "epoch"

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", tuple(self.at))
        object.__setattr__(self, "values", tuple(self.values))
        for value in self.at + self.values:
            _check_finite(self, "at and values", value)
        if len(self.at) != len(self.values) or not self.at or self.at[0] != 0 or sorted(set(self.at)) != [*self.at]:
            raise ValueError(
                f"Table: expected as many ascending times, from 0, as values, found {self.at}, {self.values}"
            )
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> float:
        now = _now(self, epoch, update)
        return next(value for at, value in zip(self.at[::-1], self.values[::-1], strict=True) if at <= now)


@dataclass(frozen=True)
class Step(Schedule):
    """value factor^floor(t / every): multiplied by factor once in `every` epochs or updates."""

    value: float
    factor: float
    every: int
    by: str = "epoch"

    def __post_init__(self) -> None:
        _check_number(self, "value", "factor")
        _check_positive(self, "every")
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> float:
        return self.value * self.factor ** (_now(self, epoch, update) // self.every)


@dataclass(frozen=True)
class Exponential(Schedule):
    """value factor^t."""

    value: float
    factor: float
    by: str = "epoch"

    def __post_init__(self) -> None:
        _check_number(self, "value", "factor")
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> float:
        return self.value * self.factor ** _now(self, epoch, update)


@dataclass(frozen=True)
class InverseTime(Schedule):
    """value / (1 + t / half): half of value after `half` epochs or updates, a third after twice as many."""

    value: float
    half: float
    by: str = "epoch"

    def __post_init__(self) -> None:
        _check_number(self, "value")
        _check_positive(self, "half")
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> float:
        return self.value / (1 + _now(self, epoch, update) / self.half)


@dataclass(frozen=True)
class Cosine(Schedule):
    """end + (start - end) (1 + cos(pi t / over)) / 2, and end from `over` on (Loshchilov and Hutter, ICLR 2017)."""

    start: float
    end: float
    over: float
    by: str = "epoch"

    def __post_init__(self) -> None:
        _check_number(self, "start", "end")
        _check_positive(self, "over")
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> float:
        part = _now(self, epoch, update) / self.over
        if part >= 1:
            return self.end
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * part)) / 2


@dataclass(frozen=True)
class Growth(Schedule):
    """start (end / start)^(t / over), rounded to whole numbers, and end from `over` on: for the k of a Gibbs chain.

    Longer chains are for large weights, between which a chain moves slowly: CD-1 first, and CD-100 at the end.
    """

    start: int
    end: int
    over: float
    by: str = "epoch"

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            integer(f"Growth: {name}", getattr(self, name), 1)
        _check_positive(self, "over")
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> int:
        part = min(1.0, _now(self, epoch, update) / self.over)
        return round(self.start * (self.end / self.start) ** part)


@dataclass(frozen=True)
class WarmUp(Schedule):
    """min(1, (t + 1) / over) of another schedule: the first update has 1 / over of it, the `over`-th the whole.

    The other schedule's time begins with the run, not after the warm-up.
    """

    then: Schedule
    over: float
    by: str = "update"

    def __post_init__(self) -> None:
        object.__setattr__(self, "then", as_schedule(self.then))
        _check_positive(self, "over")
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> float:
        return self.then(epoch, update) * min(1.0, (_now(self, epoch, update) + 1) / self.over)


SCHEDULES: dict[str, type[Schedule]] = {
    kind.__name__: kind for kind in (Constant, Table, Step, Exponential, InverseTime, Cosine, Growth, WarmUp)
}

WORDS: dict[str, type[Schedule]] = {
    "table": Table,
    "step": Step,
    "exponential": Exponential,
    "1/t": InverseTime,
    "cosine": Cosine,
    "growth": Growth,
}
"""What `parse_schedule` calls them."""


def from_json(described: Mapping[str, Any]) -> Schedule:
    """The schedule that `to_json` described.

    Parameters
    ----------
    described : dict

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        If it describes none.
    """
    described = dict(described)
    name = described.pop("schedule", None)
    if name not in SCHEDULES:
        raise ValueError(f"schedule: expected one of {', '.join(SCHEDULES)}, found {name!r}")
    try:
        return SCHEDULES[name](**described)
    except TypeError as error:
        wanted = ", ".join(field.name for field in fields(SCHEDULES[name]))
        raise ValueError(f"{name}: expected {wanted}, found {', '.join(described) or 'nothing'}") from error


def parse_schedule(text: str) -> Schedule:
    """A schedule as one writes it on a command line.

    Parameters
    ----------
    text : str
        A number; or the name of a schedule in small letters, a colon, and its numbers in their order, as in
        ``cosine:0.01,0,200``. ``table:0=15,100=25`` has pairs of a time and a value. ``@update`` at the end counts
        updates instead of epochs, and ``+warmup:500`` begins with a warm-up of so many updates.

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> parse_schedule("cosine:0.01,0,200+warmup:500")
    WarmUp(then=Cosine(start=0.01, end=0, over=200, by='epoch'), over=500, by='update')
    """
    try:
        main, *warm_up = text.lower().split("+warmup:")
        schedule = _parse_one(main)
        for over in warm_up:
            schedule = WarmUp(schedule, _number(over))
    except (TypeError, ValueError, StopIteration) as error:
        raise ValueError(f"schedule: expected one such as cosine:0.01,0,200, found {text!r}: {error}") from error
    return schedule


def _parse_one(text: str) -> Schedule:
    text, _, by = text.partition("@")
    name, colon, numbers = text.partition(":")
    if not colon:
        return Constant(_number(name))
    if name not in WORDS:
        raise ValueError(f"expected one of {', '.join(WORDS)}")
    unit = {"by": by} if by else {}
    if name == "table":
        pairs = [pair.split("=") for pair in numbers.split(",")]
        return Table(tuple(_number(at) for at, _ in pairs), tuple(_number(value) for _, value in pairs), **unit)
    return WORDS[name](*(_number(number) for number in numbers.split(",")), **unit)


def _number(text: str) -> int | float:
    """An integer where it is written as one: lengths of a chain are whole."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def as_schedule(value: Any) -> Schedule:
    """A schedule as it is, one out of its description, or a number as `Constant`.

    Parameters
    ----------
    value : Schedule, dict or number

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if isinstance(value, Schedule):
        return value
    return from_json(value) if isinstance(value, dict) else Constant(value)


def set_scheduled(scheduled: Mapping[Any, Schedule], epoch: int, update: int) -> None:
    """Put the values of this moment into shared variables, each in its own type.

    Parameters
    ----------
    scheduled : dict {shared scalar: Schedule}
    epoch, update : int
        Complete epochs, and complete updates of the whole run.

    Raises
    ------
    ValueError
        If a value is not finite; or not a whole number of at least 1, for a variable of integers.
    """
    for shared, schedule in scheduled.items():
        value, dtype = schedule(epoch, update), np.dtype(shared.type.dtype)
        if not math.isfinite(value) or (dtype.kind in "iu" and (value != int(value) or value < 1)):
            expected = "a finite number" if dtype.kind == "f" else "a whole number of at least 1"
            raise ValueError(f"{shared.name}: expected {expected} at epoch {epoch}, update {update}, found {value}")
        shared.set_value(np.asarray(value, dtype))


def _now(schedule: Any, epoch: int, update: int) -> int:
    return epoch if schedule.by == "epoch" else update


def _plain(value: Any) -> Any:
    """A value as JSON has it; NumPy's numbers are none of json's."""
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def _check_finite(schedule: Schedule, name: str, value: object, **bounds: float) -> None:
    number(f"{type(schedule).__name__}: {name}", value, **bounds)  # integers stay integers: they may be lengths


def _check_number(schedule: Schedule, *names: str) -> None:
    for name in names:
        _check_finite(schedule, name, getattr(schedule, name))


def _check_positive(schedule: Schedule, name: str) -> None:
    _check_finite(schedule, name, getattr(schedule, name), above=0)


def _check_by(schedule: Any) -> None:
    if schedule.by not in UNITS:
        raise ValueError(f"{type(schedule).__name__}: by: expected one of {', '.join(UNITS)}, found {schedule.by!r}")
