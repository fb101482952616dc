"""Checkpoints of a run."""

from rnnrbm_pt.checks import integer
from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.models.types import Model


class Saver:
    """Writes the checkpoints of a run. Each state is written at most once.

    Parameters
    ----------
    model : SequenceModel
    path : path or None
        File to write. With None, nothing is written.
    every : int, optional
        Number of updates between checkpoints within an epoch.

    Raises
    ------
    ValueError
        If `every` is invalid, or is given without a path.
    """

    def __init__(self, model: Model, path: FilePath | None, every: int | None = None) -> None:
        if every is not None:
            every = integer("checkpoint_every", every, 1)
            if path is None:
                raise ValueError(f"checkpoint_every: expected a checkpoint to write every {every} updates, found none")
        self.model, self.path, self.every, self.written = model, path, every, None

    def __call__(self) -> None:
        """Write the present state, unless it is written already."""
        state = self.model.state
        now = state.progress.position, state.last is None
        if self.path is not None and self.written != now:
            state.check_finite()
            if self.model.compiling.writes_files:
                self.model.save(self.path)
            self.written = now

    def after_update(self) -> None:
        """Write the present state if the number of updates is a multiple of `every`."""
        if self.every is not None and self.model.state.progress.updates % self.every == 0:
            self()
