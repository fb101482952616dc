"""Progress of a training run."""

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
    """Progress of a run: all that is needed to continue it, besides the model and the generator that shuffles."""

    run: Run
    """Settings of the run."""
    order: list[int]
    """Indices of the sequences in their present order. Each epoch shuffles the order of the previous epoch."""
    validation: Validation = field(default_factory=Validation)
    """Settings of the validation."""
    pretraining: Pretraining | None = None
    """Settings of the pretraining before the run."""
    epoch: int = 0
    """Number of completed epochs."""
    shuffled: bool = False
    """Whether `order` is already shuffled for the present epoch."""
    monitors: list[float] = field(default_factory=list)
    """Monitors of the present epoch so far, one per update."""
    updates: int = 0
    """Number of completed updates of the whole run."""
    best: float | None = None
    """Best validation so far."""
    best_epoch: int | None = None
    """Number of the epoch with the best validation, from 1."""
    stopped: bool = False
    """Whether the run was ended early, by early stopping or `StopTraining`."""
    data: str | None = None
    """`fingerprint` of the sequences."""
    patient_from: int = 0
    """Number of completed epochs when the run was last extended after an early end; patience counts from there."""

    @property
    def complete(self) -> bool:
        """Whether all epochs are done or the run was ended early."""
        return self.stopped or self.epoch >= self.run.num_epochs

    @property
    def position(self) -> tuple[int, int, bool, bool]:
        """Position in the run. The model is the same at equal positions."""
        return self.epoch, self.updates, self.shuffled, self.stopped

    @property
    def validates(self) -> bool:
        """Whether the present epoch ends with a validation."""
        n = self.epoch + 1
        return n >= self.run.num_epochs or n % self.validation.validate_every == 0

    @property
    def samples(self) -> bool:
        """Whether the present epoch ends with a piece for the log."""
        every = self.run.sample_every
        return every is not None and (self.epoch + 1) % every == 0

    def end_epoch(self) -> None:
        """Count the present epoch as completed."""
        self.epoch += 1
        self.shuffled, self.monitors = False, []

    def validated(self, value: float | None) -> bool:
        """Record the validation of the epoch that was just completed. Higher is better; None is never the best.

        After `patience` epochs without a better validation, the run is stopped. If the run was extended after an early
        end, epochs before the extension do not count.

        Returns
        -------
        bool
            Whether it is the best validation so far.
        """
        better = value is not None and (self.best is None or value > self.best)
        if better:
            self.best, self.best_epoch = value, self.epoch
        elif self.validation.patience is not None:
            if self.epoch - max(self.best_epoch or 0, self.patient_from) >= self.validation.patience:
                self.stopped = True
        return better

    def extend(self, num_epochs: int) -> None:
        """Set the number of epochs of the run. A run that was ended early can then continue, with its full patience."""
        if self.stopped:
            self.patient_from = self.epoch
        self.run, self.stopped = replace(self.run, num_epochs=num_epochs), False

    def to_json(self) -> dict[str, Any]:
        """Convert to a flat dict that `json.dumps` accepts and `from_json` reads."""
        rest = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("run", "validation")}
        if self.pretraining is not None:
            rest["pretraining"] = self.pretraining.to_json()
        return {**asdict(self.run), **asdict(self.validation), **rest}

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> Self:
        """Make the progress from the result of `to_json`.

        Raises
        ------
        ValueError
            If it is not a dict, a name is unknown or missing, or a value is invalid.
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
    """Exception to raise in `on_update` or `on_epoch` to end a run. The run then counts as complete."""


# ---------------------------------------------------------------------------------------------------
# Checks of the progress and the log in a file, before a run continues from them


Check = Callable[[str, Any], Any]


def real(name: str, value: Any) -> float:
    """Check a number, which may be infinite or NaN, as a monitor can be."""
    try:
        if isinstance(value, Real) and not isinstance(value, bool):
            return float(value)
    except OverflowError:  # an integer beyond the largest float
        pass
    raise ValueError(f"{name}: expected a number, found {quoted(value)}")


def optional(check: Check) -> Check:
    """Make a check that accepts None."""
    return lambda name, value: None if value is None else check(name, value)


def order(name: str, value: Any) -> list[int]:
    """Check a permutation of 0, 1, ..., n - 1."""
    if not isinstance(value, list) or not all(type(index) is int for index in value):
        raise ValueError(f"{name}: expected a list of integers, found {quoted(value)}")
    if sorted(value) != list(range(len(value))):
        raise ValueError(f"{name}: expected each number from 0 to {len(value) - 1} once, found other numbers")
    return value


def numbers(name: str, value: Any) -> list[float]:
    """Check a list of numbers."""
    if not isinstance(value, list):
        raise ValueError(f"{name}: expected a list of numbers, found {quoted(value)}")
    return [real(name, one) for one in value]


def text(name: str, value: Any) -> str:
    """Check a string."""
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected a string, found {quoted(value)}")
    return value


AT_LEAST_0, AT_LEAST_1 = partial(integer, least=0), partial(integer, least=1)

CHECKS: dict[str, Check] = {
    "order": order,
    "pretraining": optional(lambda name, value: Pretraining.from_json(value)),
    **dict.fromkeys(("epoch", "updates", "patient_from"), AT_LEAST_0),
    **dict.fromkeys(("shuffled", "stopped"), boolean),
    "monitors": numbers,
    "best": optional(real),
    "best_epoch": optional(AT_LEAST_1),
    "data": optional(text),
}
"""The check of each field of `Progress` that is not a setting."""


def checked_log(records: Any) -> list[dict[str, Any]]:
    """Check the log of a run from a file.

    Parameters
    ----------
    records : list of dict

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        If it is not a list of dicts, or a record has no valid epoch or monitor.
    """
    if not isinstance(records, list):
        raise ValueError(f"log: expected a list of records, found {quoted(records)}")
    for record in records:
        if not isinstance(record, dict):
            raise ValueError(f"log: expected records, found {quoted(record)}")
        integer("log: epoch", record.get("epoch"), 1)
        real("log: monitor", record.get("monitor"))
    return records
