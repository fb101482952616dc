"""The compiled functions that learn, and one update by them: what a model's runs are made of."""

from functools import cached_property
from itertools import chain, repeat

import numpy as np
import pytensor
import pytensor.tensor as pt

from rnnrbm_pt.compile.modes import bounded_threads, compile_function
from rnnrbm_pt.graphs.sequence import Carried, sequence_weights
from rnnrbm_pt.io.checks import integer
from rnnrbm_pt.models import storage
from rnnrbm_pt.training.gradients import gradients_of, total_norm
from rnnrbm_pt.training.learning import Learning
from rnnrbm_pt.training.loop import batch_of, groups, windows
from rnnrbm_pt.training.updates import with_slots

VALIDATION_SEED = 2012
"""Of the draws of every validation: with the same each time, two of them differ by the parameters alone."""


class Updating:
    """The part of a `SequenceModel` that updates it."""

    def _prepare_to_learn(self):
        """Make the shared variables that training has beside the parameters."""

        def shared(value, name):
            return pytensor.shared(np.asarray(value, self.floatX), name=name)

        self.log = []
        self.progress = None
        self.learning = Learning()
        self._scalars = {"lr": self.lr}
        self._slots = {}
        self._slot_values = {}  # of a model file, until the function that has these slots is compiled
        self._best = None
        self._errors = shared(0, "errors")  # of an epoch's updates, summed
        self._gradient_norms = shared(0, "gradient_norms")
        self._carried = tuple(shared(np.zeros((0, 0)), f"carried_{i}") for i in range(self.n_states))

    # ------------------------------------------------------------------------------------------------
    # Compiled functions

    @cached_property
    def train_function(self):
        """The compiled update: takes a window (n_steps, n_visible), returns its monitor."""
        graphs = self._graphs_to_learn() if "k" in self._scalars else self.graphs
        return self._compile_update(graphs, [graphs.v])

    @cached_property
    def batch_function(self):
        """The compiled update by several windows at once.

        Takes v (n_steps, n_sequences, n_visible) and its mask (n_steps, n_sequences), 0 behind the end of a window;
        returns the monitor, the mean of those of the windows. Draws from the same streams as `train_function`. On JAX
        each shape is compiled once more.
        """
        graphs = self._graphs_to_learn(batched=True)
        return self._compile_update(graphs, [graphs.v, graphs.mask])

    @cached_property
    def carrying_function(self):
        """The compiled update by several windows at once which go on from the state that those before ended in.

        Takes v and its mask as `batch_function` does, and fresh (n_sequences,), 1 where a sequence begins.
        """
        with pytensor.config.change_flags(floatX=self.floatX):
            carried = Carried(pt.vector("fresh"), self._carried)
        graphs = self._graphs_to_learn(batched=True, carried=carried)
        states = {shared: state[-1] for shared, state in zip(self._carried, graphs.states, strict=True)}
        return self._compile_update(graphs, [graphs.v, graphs.mask, carried.fresh], states)

    @cached_property
    def monitor_function(self):
        """The compiled monitor, which learns nothing: takes v and its mask as `batch_function` does.

        Returns the mean of the monitors of the windows. It has streams of its own.
        """
        graphs, _ = self._monitor_graphs
        return compile_function(
            [graphs.v, graphs.mask], graphs.monitor, graphs.updates_train, mode=self.mode, floatX=self.floatX
        )

    @cached_property
    def _monitor_graphs(self):
        streams = type(self.streams)(VALIDATION_SEED)
        with pytensor.config.change_flags(floatX=self.floatX):
            graphs = self.build(**self._sizes, batched=True, params=self.params, streams=streams)
        return graphs, [(stream, stream.get_value()) for stream in graphs.updates_train]

    def _graphs_to_learn(self, **settings):
        if "k" in self._scalars:
            settings["k"] = self._scalars["k"]
        with pytensor.config.change_flags(floatX=self.floatX):
            return self.build(**{**self._sizes, **settings}, params=self.params, streams=self.streams.again())

    def _compile_update(self, graphs, inputs, more_updates=None):
        gradients = gradients_of(graphs.cost, graphs.params, [graphs.v_sample])
        updates = with_slots(self.learning.updates(gradients, graphs.params, self._scalars), self._slots)
        for name in self._slots.keys() & self._slot_values:
            self._slots[name].set_value(self._slot_values.pop(name))

        difference = ((graphs.v - graphs.v_sample.reshape(graphs.v.shape)) ** 2).mean(axis=-1)
        weighted = difference.mean() if graphs.mask is None else (difference * sequence_weights(graphs.mask)).sum()
        sums = {
            self._errors: self._errors + weighted.astype(self.floatX),
            self._gradient_norms: self._gradient_norms + total_norm(gradients).astype(self.floatX),
        }
        updates = {**graphs.updates_train, **updates, **sums, **(more_updates or {})}
        return compile_function(inputs, graphs.monitor, updates, mode=self.mode, floatX=self.floatX)

    # ------------------------------------------------------------------------------------------------
    # One update

    def _update(self, windows, batch_size, n_sequences, fresh=None):
        """Update by the windows, and return their monitor. On JAX all are of one shape, as it compiles for that."""
        fixed = self.backend == "jax"
        if n_sequences == 1 and not fixed and fresh is None:
            return self.train_function(np.ascontiguousarray(windows[0], dtype=self.floatX))
        batch = batch_of(windows, batch_size if fixed else None, n_sequences, self.floatX)
        if fresh is None:
            return self.batch_function(*batch)
        return self.carrying_function(*batch, np.asarray(fresh, self.floatX))

    def _first_update(self, *arguments):
        """The first update may compile, for up to a minute. Ctrl+C within it leaves the model as it was."""
        before = storage.get_state(self)
        try:
            return self._update(*arguments)
        except KeyboardInterrupt:
            for slot in self._slots.values():  # those that were made just now begin at zeros
                slot.set_value(np.zeros_like(slot.get_value()))
            storage.set_state(self, before)
            raise

    def updater(self, batch_size, n_sequences):
        """A function that takes up to n_sequences windows of up to batch_size frames, updates the model by them and
        returns their monitor. Where states are carried over it takes, by ``fresh=``, which windows begin a sequence.

        It raises FloatingPointError where something is not finite any more.
        """
        kinds = chain([self._first_update], repeat(self._update))

        def update(*windows, fresh=None):
            monitor = next(kinds)(windows, batch_size, n_sequences, fresh)
            if not np.isfinite(monitor):
                self.check_finite(monitor)
            return monitor

        return update

    def check_finite(self, monitor=None):
        """See that parameters, and what the optimiser remembers, are finite.

        Parameters
        ----------
        monitor : float, optional
            Of an update; that it is not finite is an error too.

        Raises
        ------
        FloatingPointError
            Which names the first that is not.
        """
        when = "" if self.progress is None else f" after {self.progress.updates + (monitor is not None):,} updates"
        for variable in (*self.params, *self._slots.values()):
            value = variable.get_value()
            if not np.isfinite(value).all():
                n = np.size(value) - np.isfinite(value).sum()
                raise FloatingPointError(
                    f"{variable.name}: {n} of {np.size(value)} values are not finite{when}: "
                    "a lower learning rate or clip_norm may help"
                )
        if monitor is not None:
            raise FloatingPointError(f"monitor: expected a finite number, found {monitor}{when}")

    def monitor(self, rolls, batch_size=100, *, n_sequences=16):
        """The monitor of given sequences, without learning: its mean over all frames.

        Sequences are cut into windows as in training. The draws are the same each time, and not of the model's streams.

        Parameters
        ----------
        rolls : list of arrays, shape (n_steps, n_visible)
        batch_size : int
            Frames of a window.
        n_sequences : int
            Windows that are looked at together. Another number gives other draws.

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
        rolls = self.check_rolls(rolls)
        n_frames = sum(map(len, rolls))
        if not n_frames:
            raise ValueError("rolls: expected frames, found none")
        for stream, value in self._monitor_graphs[1]:
            stream.set_value(value)
        total = 0.0
        with bounded_threads(self.threads):
            for group in self._groups_of_one_length(rolls, batch_size, n_sequences):
                v, mask = batch_of(group, batch_size if self.backend == "jax" else None, n_sequences, self.floatX)
                total += float(self.monitor_function(v, mask)) * sum(map(len, group))
        return total / n_frames

    @staticmethod
    def _groups_of_one_length(rolls, batch_size, n):
        """Windows in groups of one length each: the mean over windows is that over frames then."""
        by_length = {}
        for window in windows(rolls, range(len(rolls)), batch_size):
            by_length.setdefault(len(window), []).append(window)
        for same in by_length.values():
            yield from groups(same, n)

    def _learn_by(self, learning):
        """Take a description of learning; functions are compiled anew only where it needs another graph."""
        if "k" in learning.schedule and "k" not in self._sizes:
            raise ValueError("schedule: k: this model has no Gibbs chain in training")
        scalars = learning.scalars(self.lr, self.floatX)
        if learning.structure == self.learning.structure:
            for name, scalar in scalars.items():
                if name in self._scalars:
                    self._scalars[name].set_value(scalar.get_value())
            for slot in self._slots.values():
                slot.set_value(np.zeros_like(slot.get_value()))
        else:
            for function in ("train_function", "batch_function", "carrying_function"):
                self.__dict__.pop(function, None)
            self._scalars, self._slots = scalars, {}
        self.learning, self._slot_values = learning, {}
