"""Schedules: settings that change during training, such as a learning rate, a momentum, or the k of a Gibbs chain.

A schedule is a frozen dataclass. ``schedule(epoch, update)`` returns the value for the next update, given the numbers
of completed epochs and updates, both counted from 0. Schedules have no state, so a continued run has the values of an
uninterrupted run. `to_json` describes a schedule in a checkpoint, and `from_json` makes it again.

Training writes the value into a shared variable of the graph:

    lr = pytensor.shared(np.float64(0), name="lr")
    scheduled = {lr: WarmUp(Cosine(0.01, 0.0, 200), 5)}
    train = pytensor.function([v], monitor, updates=sgd(cost, params, lr))
    set_scheduled(scheduled, epoch, update)  # before each update
    train(window)

In the formulas below, t is the number of completed epochs, or of completed updates with by="update".
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

from rnnrbm_pt.checks import integer, number

UNITS = ("epoch", "update")


@dataclass(frozen=True)
class Schedule:
    """Base class of the schedules: a value that depends on the epoch or the update."""

    def __call__(self, epoch: int, update: int) -> float:
        """The value for the next update.

        Parameters
        ----------
        epoch, update : int
            Numbers of completed epochs and completed updates of the whole run.

        Returns
        -------
        float or int
        """
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Convert to a dict of the schedule's name and its fields, which `json.dumps` accepts.

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
    """A constant: value."""

    value: float

    def __post_init__(self) -> None:
        _check_number(self, "value")

    def __call__(self, epoch: int, update: int) -> float:
        return self.value


@dataclass(frozen=True)
class Table(Schedule):
    """Piecewise constant: values[i] from time at[i] on; at[0] must be 0.

    With integers as values, it can give the k of a Gibbs chain.
    """

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
                f"Table: expected one ascending time per value, from 0 on, found {self.at} and {self.values}"
            )
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> float:
        now = _now(self, epoch, update)
        return next(value for at, value in zip(self.at[::-1], self.values[::-1], strict=True) if at <= now)


@dataclass(frozen=True)
class Step(Schedule):
    """Step decay: value factor^floor(t / every), a multiplication by factor every `every` epochs or updates."""

    value: float
    factor: float
    every: int
    by: str = "epoch"

    def __post_init__(self) -> None:
        _check_number(self, "value", "factor")
        _check_positive(self, "every")
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> float:
        return _decayed(self.value, self.factor, _now(self, epoch, update) // self.every)


@dataclass(frozen=True)
class Exponential(Schedule):
    """Exponential decay: value factor^t."""

    value: float
    factor: float
    by: str = "epoch"

    def __post_init__(self) -> None:
        _check_number(self, "value", "factor")
        _check_by(self)

    def __call__(self, epoch: int, update: int) -> float:
        return _decayed(self.value, self.factor, _now(self, epoch, update))


@dataclass(frozen=True)
class InverseTime(Schedule):
    """Inverse time decay: value / (1 + t / half), which is half of value after `half` epochs or updates."""

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
    """Cosine decay: end + (start - end) (1 + cos(pi t / over)) / 2, and end after time `over`.

    Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017.
    """

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
    """Exponential growth of an integer: start (end / start)^(t / over), rounded, and end after time `over`.

    It is meant for the k of a Gibbs chain. Large weights need longer chains, because chains then move slowly: for
    example CD-1 at first and CD-100 at the end (contrastive divergence with 1 and 100 Gibbs steps).
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
    """Linear warm-up of another schedule: its value times min(1, (t + 1) / over).

    The first update has 1 / over of the value, and update number `over` the full value. The time of the other schedule
    starts with the run, not after the warm-up.
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
"""Names of the schedules in `parse_schedule`."""


def from_json(described: Mapping[str, Any]) -> Schedule:
    """Make a schedule from the result of `to_json`.

    Parameters
    ----------
    described : dict

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        If the dict does not describe a schedule.
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
    """Parse a schedule from the text of a command-line option.

    Parameters
    ----------
    text : str
        A number, or the name of a schedule, a colon and its numbers in order, as in ``cosine:0.01,0,200``. A table has
        pairs of a time and a value: ``table:0=15,100=25``. The suffix ``@update`` counts updates instead of epochs. The
        suffix ``+warmup:500`` adds a warm-up of 500 updates.

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        If the text is not a valid schedule.

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
    """Parse a number, as an integer if it is written as one: chain lengths are integers."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def as_schedule(value: Any) -> Schedule:
    """Return a schedule unchanged, make one from its description, or make a number a `Constant`.

    Parameters
    ----------
    value : Schedule, dict or number

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        If the value is none of these.
    """
    if isinstance(value, Schedule):
        return value
    return from_json(value) if isinstance(value, dict) else Constant(value)


def set_scheduled(
    scheduled: Mapping[Any, Schedule],
    epoch: int,
    update: int,
    check: Callable[[str, float], object] = lambda name, value: None,
) -> None:
    """Write the present values of schedules into shared variables, converted to the types of the variables.

    Parameters
    ----------
    scheduled : dict {shared scalar: Schedule}
    epoch, update : int
        Numbers of completed epochs and completed updates of the whole run.
    check : callable, optional
        ``check(name, value)`` raises a ValueError if the variable of that name may not have the value.

    Raises
    ------
    ValueError
        If a value is not finite, fails the check, or, for an integer variable, is not an integer of at least 1.
    """
    for shared, schedule in scheduled.items():
        value, dtype = schedule(epoch, update), shared.type.numpy_dtype
        if not math.isfinite(value) or (dtype.kind in "iu" and (value != int(value) or value < 1)):
            expected = "a finite number" if dtype.kind == "f" else "an integer of at least 1"
            raise ValueError(f"{shared.name}: expected {expected} at epoch {epoch}, update {update}, found {value}")
        try:
            check(shared.name, value)
        except ValueError as error:
            raise ValueError(f"{error} at epoch {epoch}, update {update}") from error
        shared.set_value(dtype.type(value))


def _decayed(value: float, factor: float, times: int) -> float:
    """Return value factor^times, which is infinite beyond the largest float."""
    try:
        return value * float(factor) ** times
    except OverflowError:
        return math.inf


def _now(schedule: Any, epoch: int, update: int) -> int:
    return epoch if schedule.by == "epoch" else update


def _plain(value: Any) -> Any:
    """Convert a value to what JSON can hold. The json module does not accept NumPy numbers."""
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def _check_finite(schedule: Schedule, name: str, value: object, **bounds: float) -> None:
    number(f"{type(schedule).__name__}: {name}", value, **bounds)  # integers stay integers: they may be chain lengths


def _check_number(schedule: Schedule, *names: str) -> None:
    for name in names:
        _check_finite(schedule, name, getattr(schedule, name))


def _check_positive(schedule: Schedule, name: str) -> None:
    _check_finite(schedule, name, getattr(schedule, name), above=0)


def _check_by(schedule: Any) -> None:
    if schedule.by not in UNITS:
        raise ValueError(f"{type(schedule).__name__}: by: expected one of {', '.join(UNITS)}, found {schedule.by!r}")
