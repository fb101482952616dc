"""The compiled functions that update a model."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.compile.ops.devices import sum_over_devices
from rnnrbm_pt.graphs.dropout import Dropout
from rnnrbm_pt.graphs.sequence import Carried, sequence_weights
from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.graphs.types import Updates
from rnnrbm_pt.models.compiling import CompileSettings
from rnnrbm_pt.models.hf_updates import HessianFreeUpdates, likelihood_objective
from rnnrbm_pt.models.particles import put_ends, starts
from rnnrbm_pt.models.state import TrainState
from rnnrbm_pt.models.types import Build
from rnnrbm_pt.training.gradients import gradients_of, total_norm
from rnnrbm_pt.training.loop import batch_of
from rnnrbm_pt.training.regularisation import sparsity_penalty
from rnnrbm_pt.training.scalars import learning_updates
from rnnrbm_pt.training.slots import with_slots


class UpdateFunctions:
    """The compiled updates of a model for one structure of the learning settings. Each is compiled on first use.

    Parameters
    ----------
    graphs : SequenceGraphs
        The graphs of one sequence.
    build : callable
        ``build(**settings) -> SequenceGraphs`` of the same model; see `SequenceModel.build`.
    state : TrainState
    compiling : CompileSettings
    """

    def __init__(self, graphs: SequenceGraphs, build: Build, state: TrainState, compiling: CompileSettings) -> None:
        self.graphs, self.build, self.state, self.compiling = graphs, build, state, compiling
        self.scalars = state.scalars

    @cached_property
    def train_function(self) -> Callable[..., Any]:
        """The compiled update: takes a window, shape (n_steps, n_visible), and returns its monitor."""
        graphs = self._build() if {"k", "dropout_recurrent", "dropout_hidden"} & self.scalars.keys() else self.graphs
        return self._compile(graphs, [graphs.v])

    @cached_property
    def batch_function(self) -> Callable[..., Any]:
        """The compiled update by several windows at once.

        It takes v, shape (n_steps, n_sequences, n_visible), and its mask, shape (n_steps, n_sequences), which is 0
        after the end of a window. It returns the mean monitor of the windows. It draws from the same streams as
        `train_function`. JAX compiles it once per shape.
        """
        return self._batched()

    @cached_property
    def carrying_function(self) -> Callable[..., Any]:
        """The compiled update by several windows that continue from the final states of the previous windows.

        It takes v and its mask like `batch_function`, and fresh, shape (n_sequences,), which is 1 where a sequence
        begins.
        """
        return self._batched(carry=True)

    @cached_property
    def persistent_function(self) -> Callable[..., Any]:
        """The compiled update by several windows whose Gibbs chains start from given frames.

        It takes v and its mask like `batch_function`, and the start frames, which have the shape of v. It returns the
        mean monitor and the ends of the chains, which also have the shape of v.
        """
        return self._batched(persistent=True)

    @cached_property
    def persistent_carrying_function(self) -> Callable[..., Any]:
        """Like `persistent_function`, but carries states over: takes fresh, shape (n_sequences,), after the mask."""
        return self._batched(carry=True, persistent=True)

    def _batched(self, carry: bool = False, persistent: bool = False) -> Callable[..., Any]:
        settings: dict[str, Any] = {}
        with self.compiling.float_variables():
            if carry:
                settings["carried"] = Carried(pt.vector("fresh"), self.state.carried)
            if persistent:
                settings["particles"] = pt.tensor3("particles")
        graphs = self._build(batched=True, **settings)
        more = [settings["carried"].fresh] if carry else []
        more += [settings["particles"]] if persistent else []
        pairs = zip(self.state.carried, graphs.states, strict=True) if carry else ()
        states: Updates = {shared: state[-1] for shared, state in pairs}
        inputs = [graphs.v, graphs.mask, *more]
        axes = {x: 0 if x.type.ndim == 1 else 1 for x in inputs} | dict.fromkeys(states, 0)  # axis of the sequences
        return self._compile(graphs, inputs, states, axes, ends=persistent)

    @cached_property
    def hessian_free(self) -> HessianFreeUpdates:
        """The updates by Hessian-free optimisation, for a model with an exact cost."""
        graphs = self._build(batched=True)
        with self.compiling.float_variables():
            objective = likelihood_objective(graphs)
        batch: list[Any] = [graphs.v, graphs.mask]
        updates = HessianFreeUpdates(objective, graphs.params, batch, self.compiling, self.state.slots)
        self.state.fill_slots()
        return updates

    def hessian_free_update(self, v: np.ndarray, mask: np.ndarray, learn: bool = True) -> float:
        """Update by several windows at once with Hessian-free optimisation.

        Parameters
        ----------
        v, mask : arrays
            Windows and mask, as `batch_function` takes them.
        learn : bool, default True
            Whether to change the parameters. If False, only the monitor is computed.

        Returns
        -------
        float
            Mean monitor of the windows before the update.
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

    def persistent_update(
        self, batch: tuple[np.ndarray, np.ndarray], states: tuple[np.ndarray, ...], rows: Sequence[np.ndarray]
    ) -> float:
        """Update by several windows whose Gibbs chains start from particles, and store the ends of the chains.

        Parameters
        ----------
        batch : (v, mask)
            Windows and mask, as `batch_function` takes them.
        states : tuple of arrays
            (fresh,) if states are carried over, otherwise empty.
        rows : sequence of integer arrays
            Numbers of the particles of each window's frames.

        Returns
        -------
        float
            Mean monitor of the windows.
        """
        v, mask = batch
        particles = cast(np.ndarray, self.state.particles)
        start, _ = batch_of(starts(particles, rows, v.shape[2]), len(v), v.shape[1], self.compiling.floatX)
        function = self.persistent_carrying_function if states else self.persistent_function
        monitor, ends = function(v, mask, *states, start)
        put_ends(particles, rows, np.asarray(ends))
        return monitor

    def _build(self, **settings: Any) -> SequenceGraphs:
        if "k" in self.scalars:
            settings["k"] = self.scalars["k"]
        recurrent, hidden = (self.scalars.get(f"dropout_{what}") for what in ("recurrent", "hidden"))
        if recurrent is not None or hidden is not None:
            for stream in self.state.masks:
                stream.tag.used = False  # as in `SameStreams`
            settings["dropout"] = Dropout(self.state.masks, recurrent, hidden)
        return self.build(**settings)

    def _compile(
        self,
        graphs: SequenceGraphs,
        inputs: list[Any],
        more_updates: Updates | None = None,
        axes: dict[Any, int] | None = None,
        ends: bool = False,
    ) -> Callable[..., Any]:
        state, floatX = self.state, self.compiling.floatX
        if state.learning.optimizer == "hf":
            raise ValueError("optimizer: expected one with a compiled update, found hf; call fit instead")
        weights = None if graphs.mask is None else sequence_weights(graphs.mask)
        share = self._share(graphs.mask)
        gradients = gradients_of(self._cost(graphs, weights, share), graphs.params, [graphs.v_sample])
        ends_of_chains = graphs.v_sample.reshape(graphs.v.shape)
        difference = ((graphs.v - ends_of_chains) ** 2).mean(axis=-1)
        monitor, error = graphs.monitor, difference.mean() if weights is None else (difference * weights).sum()
        if share is not None:
            *gradients, monitor, error = sum_over_devices(*gradients, monitor * share, error * share)
        learned = learning_updates(state.learning, gradients, graphs.params, self.scalars)
        learned = with_slots(learned, state.slots)
        state.fill_slots()

        sums = {
            state.errors: state.errors + error.astype(floatX),
            state.gradient_norms: state.gradient_norms + total_norm(gradients).astype(floatX),
        }
        updates = graphs.updates_train | learned | sums | (more_updates or {})
        if axes and ends:
            axes = {**axes, ends_of_chains: 1}
        return self.compiling.function(inputs, [monitor, ends_of_chains] if ends else monitor, updates, axes)

    def _share(self, mask: TensorVariable | None) -> TensorVariable | None:
        """Weight of a device's sequences in the mean over all devices; None if nothing is shared.

        Empty sequences do not count; see `sequence_weights`.
        """
        if mask is None or self.compiling.devices == 1:
            return None
        n_sequences = pt.gt(mask.sum(axis=0), 0).sum().astype(mask.dtype)
        (total,) = sum_over_devices(n_sequences)
        return n_sequences / pt.maximum(total, 1)

    def _cost(
        self, graphs: SequenceGraphs, weights: TensorVariable | None, share: TensorVariable | None
    ) -> TensorVariable:
        """The cost to minimise, including the sparsity penalty if there is one.

        If devices share the sequences, the gradient is the sum of this cost's gradients over the devices.
        """
        cost = graphs.cost if share is None else graphs.cost * share
        if "sparsity" not in self.scalars or graphs.mean_h is None:
            return cost
        over_all = {} if share is None else {"over_all": lambda q: sum_over_devices(q * share)[0]}
        penalty = sparsity_penalty(graphs.mean_h, self.scalars["sparsity"], weights, **over_all)
        return cost + self.scalars["sparsity_cost"] * penalty
