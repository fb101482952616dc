"""The compiled functions that update a model."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pytensor.tensor as pt

from rnnrbm_pt.graphs.sequence import Carried, sequence_weights
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Updates
from rnnrbm_pt.models.compiling import CompileSettings
from rnnrbm_pt.models.hf_updates import HessianFreeUpdates, likelihood_objective
from rnnrbm_pt.models.state import TrainState
from rnnrbm_pt.models.types import Build
from rnnrbm_pt.training.gradients import gradients_of, total_norm
from rnnrbm_pt.training.scalars import learning_updates
from rnnrbm_pt.training.slots import with_slots


class UpdateFunctions:
    """The compiled updates of a model for one structure of learning. Each is compiled when it is first needed.

    Parameters
    ----------
    graphs : SequenceGraphs
        The graphs of one sequence.
    build : callable
        build(**settings) -> SequenceGraphs of the same model, see `SequenceModel.build`.
    state : TrainState
    compiling : CompileSettings
    """

    def __init__(self, graphs: SequenceGraphs, build: Build, state: TrainState, compiling: CompileSettings) -> None:
        self.graphs, self.build, self.state, self.compiling = graphs, build, state, compiling
        self.scalars = state.scalars

    @cached_property
    def train_function(self) -> Callable[..., Any]:
        """The compiled update: takes a window (n_steps, n_visible), returns its monitor."""
        graphs = self._build() if "k" in self.scalars else self.graphs
        return self._compile(graphs, [graphs.v])

    @cached_property
    def batch_function(self) -> Callable[..., Any]:
        """The compiled update by several windows at once.

        Takes v (n_steps, n_sequences, n_visible) and its mask (n_steps, n_sequences), 0 behind the end of a window.
        Returns the mean of the monitors of the windows. Draws from the same streams as `train_function`. JAX compiles
        once per shape.
        """
        graphs = self._build(batched=True)
        return self._compile(graphs, [graphs.v, graphs.mask])

    @cached_property
    def carrying_function(self) -> Callable[..., Any]:
        """The compiled update by several windows that go on from the states in which the windows before them ended.

        Takes v and its mask as `batch_function` does, and fresh (n_sequences,), 1 where a sequence begins.
        """
        with self.compiling.float_variables():
            carried = Carried(pt.vector("fresh"), self.state.carried)
        graphs = self._build(batched=True, carried=carried)
        states: Updates = {shared: state[-1] for shared, state in zip(self.state.carried, graphs.states, strict=True)}
        return self._compile(graphs, [graphs.v, graphs.mask, carried.fresh], states)

    @cached_property
    def hessian_free(self) -> HessianFreeUpdates:
        """The updates by Hessian-free optimisation, of a model whose cost is exact."""
        graphs = self._build(batched=True)
        with self.compiling.float_variables():
            objective = likelihood_objective(graphs)
        batch: list[Any] = [graphs.v, graphs.mask]
        updates = HessianFreeUpdates(objective, graphs.params, batch, self.compiling, self.state.slots)
        self.state.fill_slots()
        return updates

    def hessian_free_update(self, v: np.ndarray, mask: np.ndarray, learn: bool = True) -> float:
        """Update by several windows at once, by Hessian-free optimisation.

        Parameters
        ----------
        v, mask : arrays
            As `batch_function` takes them.
        learn : bool
            Without it, nothing is learned.

        Returns
        -------
        float
            The mean of the monitors of the windows, before the update.
        """
        state = self.state
        if learn:
            report = self.hessian_free.update(v, mask, state.learning.hessian_free)
        else:
            report = self.hessian_free.evaluate(v, mask)
        monitor, error = report.reports
        state.errors.set_value(np.asarray(state.errors.get_value() + error, state.floatX))
        state.gradient_norms.set_value(
            np.asarray(state.gradient_norms.get_value() + report.gradient_norm, state.floatX)
        )
        return monitor

    def _build(self, **settings: Any) -> SequenceGraphs:
        return self.build(**settings, **{name: self.scalars[name] for name in ("k",) if name in self.scalars})

    def _compile(
        self, graphs: SequenceGraphs, inputs: list[Any], more_updates: Updates | None = None
    ) -> Callable[..., Any]:
        state, floatX = self.state, self.compiling.floatX
        if state.learning.optimizer == "hf":
            raise ValueError("optimizer: hf has no compiled update, use fit; or fit by another optimiser before")
        gradients = gradients_of(graphs.cost, graphs.params, [graphs.v_sample])
        learned = learning_updates(state.learning, gradients, graphs.params, self.scalars)
        learned = with_slots(learned, state.slots)
        state.fill_slots()

        difference = ((graphs.v - graphs.v_sample.reshape(graphs.v.shape)) ** 2).mean(axis=-1)
        weighted = difference.mean() if graphs.mask is None else (difference * sequence_weights(graphs.mask)).sum()
        sums = {
            state.errors: state.errors + weighted.astype(floatX),
            state.gradient_norms: state.gradient_norms + total_norm(gradients).astype(floatX),
        }
        updates = graphs.updates_train | learned | sums | (more_updates or {})
        return self.compiling.function(inputs, graphs.monitor, updates)
