"""The monitor of given sequences, without learning."""

from functools import cached_property

from rnnrbm_pt.checks import integer
from rnnrbm_pt.models.compiling import locked
from rnnrbm_pt.training.loop import batch_of, groups

VALIDATION_SEED = 2012
"""Seed of the draws of every validation: with equal draws, two validations differ by the parameters alone."""


class Monitor:
    """Computes the monitor of sequences with streams of its own.

    Parameters
    ----------
    build : callable
        ``build(**settings) -> SequenceGraphs`` of the model, see `SequenceModel.build`.
    kind : class
        Kind of the random streams.
    compiling : CompileSettings
    """

    def __init__(self, build, kind, compiling):
        self.build, self.kind, self.compiling = build, kind, compiling

    @cached_property
    def monitor_function(self):
        """The compiled monitor: takes v and its mask as `batch_function` does, returns the mean over the windows."""
        graphs, _ = self._graphs
        return self.compiling.function([graphs.v, graphs.mask], graphs.monitor, graphs.updates_train)

    @cached_property
    def _graphs(self):
        graphs = self.build(batched=True, streams=self.kind(VALIDATION_SEED))
        return graphs, [(stream, stream.get_value()) for stream in graphs.updates_train]

    @locked
    def of(self, rolls, batch_size=100, *, n_sequences=16):
        """The monitor of given sequences, without learning: its mean over all frames.

        Sequences are cut into windows as in training. The draws are the same each time; they leave the model's streams
        alone.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        batch_size : int
            Frames per window.
        n_sequences : int
            Windows that are evaluated together. Another number gives other draws.

        Returns
        -------
        float
            In nats per frame.

        Raises
        ------
        ValueError
            If there are no frames, a roll is not of the model's width, or a number is not valid.
        """
        batch_size, n_sequences = integer("batch_size", batch_size, 1), integer("n_sequences", n_sequences, 1)
        n_frames = sum(map(len, rolls))
        if not n_frames:
            raise ValueError("rolls: expected frames, found none")
        for stream, value in self._graphs[1]:
            stream.set_value(value)
        n_steps = batch_size if self.compiling.backend == "jax" else None  # JAX compiles once per shape
        total = 0.0
        with self.compiling.bounded_threads():
            for group in groups_of_one_length(rolls, batch_size, n_sequences):
                v, mask = batch_of(group, n_steps, n_sequences, self.compiling.floatX)
                total += float(self.monitor_function(v, mask)) * sum(map(len, group))
        return total / n_frames


def groups_of_one_length(rolls, batch_size, n):
    """Windows in groups of up to n of one length, so that the mean over the windows is the mean over their frames."""
    by_length = {}
    for i, roll in enumerate(rolls):  # places, not windows: these may be more than memory holds
        for start in range(0, len(roll), batch_size):
            by_length.setdefault(min(batch_size, len(roll) - start), []).append((i, start))
    for n_steps, places in by_length.items():
        for group in groups(places, n):
            yield tuple(rolls[i][start : start + n_steps] for i, start in group)
