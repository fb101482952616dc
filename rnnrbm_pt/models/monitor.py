"""The monitor of given sequences, computed without learning."""

from functools import cached_property

from rnnrbm_pt.checks import integer
from rnnrbm_pt.models.compiling import locked
from rnnrbm_pt.training.loop import batch_of, groups

VALIDATION_SEED = 2012
"""Seed of the draws of every validation. With the same draws, two validations differ only because of the parameters."""


class Monitor:
    """Computes the monitor of sequences with random streams of its own.

    Parameters
    ----------
    build : callable
        ``build(**settings) -> SequenceGraphs`` of the model; see `SequenceModel.build`.
    kind : class
        Class of the random streams.
    compiling : CompileSettings
    """

    def __init__(self, build, kind, compiling):
        self.build, self.kind, self.compiling = build, kind, compiling

    @cached_property
    def monitor_function(self):
        """The compiled monitor: takes v and its mask like `batch_function`, and returns the mean over the windows."""
        graphs, _ = self._graphs
        return self.compiling.function([graphs.v, graphs.mask], graphs.monitor, graphs.updates_train)

    @cached_property
    def _graphs(self):
        graphs = self.build(batched=True, streams=self.kind(VALIDATION_SEED))
        return graphs, [(stream, stream.get_value()) for stream in graphs.updates_train]

    @locked
    def of(self, rolls, batch_size=100, *, n_sequences=16):
        """Compute the mean monitor of sequences over all frames, without learning.

        Sequences are cut into windows as in training. Every call uses the same draws and does not advance the model's
        streams.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
            Sequences of 0/1 frames.
        batch_size : int, default 100
            Frames per window.
        n_sequences : int, default 16
            Windows that are evaluated together. Another number changes the draws.

        Returns
        -------
        float
            Mean monitor in nats per frame.

        Raises
        ------
        ValueError
            If there are no frames, a roll does not have the model's width, or a number is invalid.
        """
        batch_size, n_sequences = integer("batch_size", batch_size, 1), integer("n_sequences", n_sequences, 1)
        n_frames = sum(map(len, rolls))
        if not n_frames:
            raise ValueError("rolls: expected frames, found none")
        for stream, value in self._graphs[1]:
            stream.set_value(value)
        n_steps = self.compiling.length_of_windows(batch_size)
        total = 0.0
        with self.compiling.bounded_threads():
            for group in groups_of_one_length(rolls, batch_size, n_sequences):
                v, mask = batch_of(group, n_steps, n_sequences, self.compiling.floatX)
                total += float(self.monitor_function(v, mask)) * sum(map(len, group))
        return total / n_frames


def groups_of_one_length(rolls, batch_size, n):
    """Group windows of equal length, up to n at a time.

    With equal lengths, the mean over the windows equals the mean over their frames.
    """
    by_length = {}
    for i, roll in enumerate(rolls):  # keep places instead of windows, which may not fit into memory
        for start in range(0, len(roll), batch_size):
            by_length.setdefault(min(batch_size, len(roll) - start), []).append((i, start))
    for n_steps, places in by_length.items():
        for group in groups(places, n):
            yield tuple(rolls[i][start : start + n_steps] for i, start in group)
