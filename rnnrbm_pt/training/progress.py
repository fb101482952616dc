"""How far a run of training has come."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from numbers import Real
from typing import Any, Self

from rnnrbm_pt.checks import boolean, integer
from rnnrbm_pt.quoting import quoted
from rnnrbm_pt.settings import names, sorted_into
from rnnrbm_pt.training.settings import Pretraining, Run, Validation


@dataclass
class Progress:
    """How far a run has come: what is needed to continue it, besides the model and the shuffling generator."""

    run: Run
    """Settings of the run."""
    order: list[int]
    """Indices of the sequences in their present order: each epoch shuffles the order of the epoch before."""
    validation: Validation = field(default_factory=Validation)
    """Settings of the validation."""
    pretraining: Pretraining | None = None
    """Settings of what was learned before the run."""
    epoch: int = 0
    """Epochs that are complete."""
    shuffled: bool = False
    """Whether `order` is that of the present epoch already."""
    monitors: list[float] = field(default_factory=list)
    """Monitors of the present epoch so far, one per update."""
    updates: int = 0
    """Updates of the whole run that are complete."""
    best: float | None = None
    """The best validation so far."""
    best_epoch: int | None = None
    """The epoch, from 1, of the best validation."""
    stopped: bool = False
    """Whether the run ended before its last epoch, on purpose."""
    data: str | None = None
    """The `fingerprint` of the sequences."""

    @property
    def complete(self) -> bool:
        """Whether all epochs are done, or the run was ended."""
        return self.stopped or self.epoch >= self.run.num_epochs

    @property
    def position(self) -> tuple[int, int, bool, bool]:
        """How far the run has come. At equal positions the model is the same."""
        return self.epoch, self.updates, self.shuffled, self.stopped

    @property
    def validates(self) -> bool:
        """Whether the present epoch ends with a validation."""
        n = self.epoch + 1
        return n >= self.run.num_epochs or n % self.validation.validate_every == 0

    @property
    def samples(self) -> bool:
        """Whether a piece is drawn for the log at the end of the present epoch."""
        every = self.run.sample_every
        return every is not None and (self.epoch + 1) % every == 0

    def end_epoch(self) -> None:
        """Count the present epoch as complete."""
        self.epoch += 1
        self.shuffled, self.monitors = False, []

    def validated(self, value: float | None) -> bool:
        """Take the validation of the epoch that was just completed; higher is better, and None is not the best.

        Returns
        -------
        bool
            Whether it is the best so far. After `patience` epochs without a better one, the run is stopped.
        """
        better = value is not None and (self.best is None or value > self.best)
        if better:
            self.best, self.best_epoch = value, self.epoch
        elif self.validation.patience is not None:
            if self.epoch - (self.best_epoch or 0) >= self.validation.patience:
                self.stopped = True
        return better

    def extend(self, num_epochs: int) -> None:
        """Set the number of epochs of the run. A run that was ended before can go on."""
        self.run, self.stopped = replace(self.run, num_epochs=num_epochs), False

    def to_json(self) -> dict[str, Any]:
        """A flat dict that `json.dumps` takes and `from_json` reads."""
        rest = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("run", "validation")}
        if self.pretraining is not None:
            rest["pretraining"] = self.pretraining.to_json()
        return {**asdict(self.run), **asdict(self.validation), **rest}

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> Self:
        """The progress that `to_json` described.

        Raises
        ------
        ValueError
            If it is something else, a name is unknown or missing, or a value is invalid.
        """
        if not isinstance(described, dict):
            raise ValueError(f"progress: expected a dict, found {quoted(described)}")
        known = {*names(Run), *names(Validation)}
        run, validation = sorted_into({name: x for name, x in described.items() if name in known}, Run, Validation)
        rest = {name: x for name, x in described.items() if name not in known}
        for name in rest:
            if name not in CHECKS:
                raise ValueError(f"progress: expected any of {', '.join(CHECKS)}, found {quoted(name)}")
        if "order" not in rest:
            raise ValueError("progress: expected order, found none")
        checked = {name: CHECKS[name](f"progress: {name}", x) for name, x in rest.items()}
        return cls(run, validation=validation, **checked)


class StopTraining(Exception):
    """Raise it in `on_update` or `on_epoch` to end a run, which then counts as complete."""


# ---------------------------------------------------------------------------------------------------
# What a file says of a run, checked before anything goes on from there


Check = Callable[[str, Any], Any]


def real(name: str, value: Any) -> float:
    """A number, which may be infinite or none: a monitor can be."""
    try:
        if isinstance(value, Real) and not isinstance(value, bool):
            return float(value)
    except OverflowError:  # an integer beyond the largest float
        pass
    raise ValueError(f"{name}: expected a number, found {quoted(value)}")


def optional(check: Check) -> Check:
    """A check that lets None pass."""
    return lambda name, value: None if value is None else check(name, value)


def order(name: str, value: Any) -> list[int]:
    """A permutation of the numbers from 0 on."""
    if not isinstance(value, list) or not all(type(index) is int for index in value):
        raise ValueError(f"{name}: expected a list of integers, found {quoted(value)}")
    if sorted(value) != list(range(len(value))):
        raise ValueError(f"{name}: expected each number from 0 to {len(value) - 1} once, found others")
    return value


def numbers(name: str, value: Any) -> list[float]:
    """A list of numbers."""
    if not isinstance(value, list):
        raise ValueError(f"{name}: expected a list of numbers, found {quoted(value)}")
    return [real(name, one) for one in value]


def text(name: str, value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected a text, found {quoted(value)}")
    return value


AT_LEAST_0, AT_LEAST_1 = partial(integer, least=0), partial(integer, least=1)

CHECKS: dict[str, Check] = {
    "order": order,
    "pretraining": optional(lambda name, value: Pretraining.from_json(value)),
    **dict.fromkeys(("epoch", "updates"), AT_LEAST_0),
    **dict.fromkeys(("shuffled", "stopped"), boolean),
    "monitors": numbers,
    "best": optional(real),
    "best_epoch": optional(AT_LEAST_1),
    "data": optional(text),
}
"""The check of each field of `Progress` that is not a setting."""


def checked_log(records: Any) -> list[dict[str, Any]]:
    """The log of a run, as a file says it.

    Parameters
    ----------
    records : list of dict

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If it is something else, or a record lacks its epoch or its monitor.
    """
    if not isinstance(records, list):
        raise ValueError(f"log: expected a list of records, found {quoted(records)}")
    for record in records:
        if not isinstance(record, dict):
            raise ValueError(f"log: expected records, found {quoted(record)}")
        integer("log: epoch", record.get("epoch"), 1)
        real("log: monitor", record.get("monitor"))
    return records
