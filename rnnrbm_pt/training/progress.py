"""How far a run of training has come."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

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

    def end_epoch(self) -> None:
        """Count the present epoch as complete."""
        self.epoch += 1
        self.shuffled, self.monitors = False, []

    def validated(self, value: float) -> bool:
        """Take the validation of the epoch that was just completed; higher is better.

        Returns
        -------
        bool
            Whether it is the best so far. After `patience` epochs without a better one, the run is stopped.
        """
        better = self.best is None or value > self.best
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
        TypeError
            If a name is unknown or missing.
        ValueError
            If a setting is invalid.
        """
        known = {*names(Run), *names(Validation)}
        run, validation = sorted_into({name: x for name, x in described.items() if name in known}, Run, Validation)
        rest = {name: x for name, x in described.items() if name not in known}
        if rest.get("pretraining") is not None:
            rest["pretraining"] = Pretraining.from_json(rest["pretraining"])
        return cls(run, validation=validation, **rest)


class StopTraining(Exception):
    """Raise it in `on_update` or `on_epoch` to end a run, which then counts as complete."""
