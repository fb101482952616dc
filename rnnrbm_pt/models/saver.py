"""Checkpoints of a run."""

from rnnrbm_pt.checks import integer
from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.models.types import Model


class Saver:
    """Writes the checkpoints of a run, each state once.

    Parameters
    ----------
    model : SequenceModel
    path : path or None
        Without it, nothing is written.
    every : int, optional
        Updates from one checkpoint to the next within an epoch.

    Raises
    ------
    ValueError
        If `every` is invalid, or there is no path for it.
    """

    def __init__(self, model: Model, path: FilePath | None, every: int | None = None) -> None:
        if every is not None:
            every = integer("checkpoint_every", every, 1)
            if path is None:
                raise ValueError(f"checkpoint_every: expected a checkpoint for {every} updates, found none")
        self.model, self.path, self.every, self.written = model, path, every, None

    def __call__(self) -> None:
        """Write the state, unless it was written before."""
        state = self.model.state
        now = state.progress.position, state.last is None
        if self.path is not None and self.written != now:
            state.check_finite()
            if self.model.compiling.writes_files:
                self.model.save(self.path)
            self.written = now

    def after_update(self) -> None:
        """Write the state if the number of updates says so."""
        if self.every is not None and self.model.state.progress.updates % self.every == 0:
            self()
