"""Hessian-free optimisation of a model: its objectives, the batches of an update, and the state between updates."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.sequence_graphs import SequenceGraphs
from rnnrbm_pt.interrupts import deferred_interrupts
from rnnrbm_pt.models.compiling import CompileSettings
from rnnrbm_pt.models.types import Model, Rolls, Shared
from rnnrbm_pt.roles import role_of
from rnnrbm_pt.training import hessian_free
from rnnrbm_pt.training.gauss_newton import CompiledObjective, Objective, bernoulli_curvature, compiled_objective
from rnnrbm_pt.training.hessian_free import Batch, HessianFreeState, Layout, Report
from rnnrbm_pt.training.settings import OF_THE_RBM, HessianFree, Learning, Run
from rnnrbm_pt.training.slots import as_slot, new_slot

DAMPING = "hf_damping"
"""Name of the slot of lambda. It is 0 before the first update."""

DIRECTION = "hf_direction"
"""Prefix of the names of the slots that hold one direction per parameter."""

FRAMES_PER_CALL = 1000
"""Frames per call of a compiled function. It bounds the memory that a large batch needs."""


# ---------------------------------------------------------------------------------------------------
# Objectives


def likelihood_objective(graphs: SequenceGraphs) -> Objective:
    """The objective of a model with an exact likelihood, for windows side by side.

    Parameters
    ----------
    graphs : SequenceGraphs
        Graphs with a `mask` and `logits`.

    Returns
    -------
    Objective
        Its weight is the number of windows that are not empty. Its reports are the monitor and the mean squared error.
    """
    mask, logits, log_likelihoods = _given(graphs.mask, graphs.logits, graphs.log_likelihood)
    lengths = mask.sum(axis=0)  # (n_sequences,)
    n_windows = pt.gt(lengths, 0).sum().astype(mask.dtype)
    weights = mask / pt.maximum(lengths, 1)  # (n_steps, n_sequences)
    log_likelihood = (log_likelihoods * weights).sum()
    error = (((graphs.v - pt.sigmoid(logits)) ** 2).mean(axis=-1) * weights).sum()
    curvature = bernoulli_curvature(logits, weights)
    squares = [state_weights(state, weights) for state in graphs.states]
    return Objective(n_windows, -log_likelihood, logits, curvature, graphs.states, squares, (log_likelihood, error))


def prediction_objective(graphs: SequenceGraphs, errors: TensorVariable, visible: str) -> Objective:
    """The objective of an RNN that predicts each frame by the visible biases alone, for windows side by side.

    Parameters
    ----------
    graphs : SequenceGraphs
        Graphs with a `mask`.
    errors : matrix, shape (n_steps, n_sequences)
        Error of each frame; see `pretraining.prediction_error`.
    visible : {"binary", "gaussian"}
        Kind of visible units.

    Returns
    -------
    Objective
        Its weight is the number of frames.
    """
    mask, bv_t = _given(graphs.mask, graphs.bv_t)
    curvature = bernoulli_curvature(bv_t, mask) if visible == "binary" else state_weights(bv_t, mask)
    squares = [state_weights(state, mask) for state in graphs.states]
    return Objective(mask.sum(), (errors * mask).sum(), bv_t, curvature, graphs.states, squares)


def _given(*variables: TensorVariable | None) -> Any:
    """The variables, typed as not None: the graph is known to have them."""
    return variables


def state_weights(state: TensorVariable, weights: TensorVariable) -> TensorVariable:
    """Repeat the weight of each frame for each element of a state, shape (n_steps, n_sequences, n)."""
    return pt.zeros_like(state) + weights[:, :, None]


# ---------------------------------------------------------------------------------------------------
# Batches


def check_model(model: Model, learning: Learning) -> None:
    """Check that the model supports Hessian-free optimisation and the settings of RBMs, if they are used.

    Parameters
    ----------
    model : SequenceModel
    learning : Learning

    Raises
    ------
    ValueError
        If a setting belongs to RBMs and NADEs and the model has neither, or if the optimiser is hf and the cost is not
        exact.
    """
    lacking = () if any(role_of(p).part == "rbm" for p in model.params) else OF_THE_RBM
    for name in (*lacking, *(("sparsity",) if model.graphs.mean_h is None else ())):
        if name in learning.used:
            raise ValueError(f"{name}: expected a model of RBMs or NADEs, found {type(model).__name__}")
    if learning.optimizer == "hf" and model.graphs.logits is None:
        raise ValueError(
            "optimizer: hf expects a model whose cost is exact, such as RnnNade; found "
            f"{type(model).__name__}, whose contrastive divergence is not the gradient of a cost. Use adam or another "
            'optimiser, or pretrain its RNN with hf: pretrain={"rnn_optimizer": "hf", "rnn_epochs": ...}'
        )


def check_run(learning: Learning, run: Run, rolls: Rolls) -> None:
    """Check that the settings of a run suit Hessian-free optimisation. Other optimisers pass.

    Raises
    ------
    ValueError
        If states are carried over, or an update has too few frames.
    """
    if learning.optimizer == "hf":
        if run.carry_state:
            raise ValueError("carry_state: expected an optimizer other than hf, found hf")
        total = sum(map(len, rolls))
        check_frames("n_sequences", run.n_sequences, run.batch_size, total, learning.hessian_free)


def check_frames(option: str, n_windows: int, batch_size: int, total: int, settings: HessianFree) -> None:
    """Check that an update has enough frames for the curvature.

    Parameters
    ----------
    option : str
        Name of the setting that gives the number of windows per update, for the error.
    n_windows, batch_size : int
        Windows per update, and frames per window.
    total : int
        Number of frames of all sequences.
    settings : HessianFree

    Raises
    ------
    ValueError
        If an update has too few frames.
    """
    needed = min(settings.curvature_frames, total)
    if n_windows * batch_size < needed:
        least = -(-needed // batch_size)
        raise ValueError(
            f"{option}: Hessian-free optimisation needs at least {needed:,} frames per update (curvature_frames): "
            f"expected {least} windows of {batch_size} frames, better hundreds of windows, found {n_windows}"
        )


def columns_of_curvature(lengths: np.ndarray, n_frames: int) -> np.ndarray:
    """Choose the fewest windows, evenly spread, that together have `n_frames` frames; all windows if there are too few.

    The windows are spread because neighbouring windows may belong to one piece.

    Parameters
    ----------
    lengths : vector of int, shape (n_windows,)
        Frames of each window.
    n_frames : int

    Returns
    -------
    vector of int
        Indices of the windows.
    """
    for n in range(1, len(lengths)):
        columns = np.arange(n) * len(lengths) // n
        if lengths[columns].sum() >= n_frames:
            return columns
    return np.arange(len(lengths))


def pieces_of(v: np.ndarray, mask: np.ndarray, columns: np.ndarray, n: int, fixed: bool) -> Iterator[Batch]:
    """Divide windows that are side by side into batches of n windows.

    Parameters
    ----------
    v, mask : arrays, shape (n_steps, n_sequences, n_visible) and (n_steps, n_sequences)
    columns : vector of int
        Indices of the windows to use.
    n : int
        Windows per batch.
    fixed : bool
        Whether all batches must have one shape. Otherwise a batch is as long as its longest window.

    Yields
    ------
    v, mask : arrays
    """
    for start in range(0, len(columns), n):
        some = columns[start : start + n]
        n_steps = len(v) if fixed else int(mask[:, some].sum(axis=0).max())
        n_columns = n if fixed else len(some)
        batch = np.zeros((n_steps, n_columns, v.shape[2]), v.dtype), np.zeros((n_steps, n_columns), mask.dtype)
        batch[0][:, : len(some)], batch[1][:, : len(some)] = v[:n_steps, some], mask[:n_steps, some]
        yield batch


# ---------------------------------------------------------------------------------------------------
# Updates


class HessianFreeUpdates:
    """Updates of a model by Hessian-free optimisation. The functions are compiled on first use.

    Parameters
    ----------
    objective : Objective
        Function of v and its mask.
    params : list of shared variables
        Parameters to learn.
    batch : list of variables
        v and its mask.
    compiling : CompileSettings
    slots : dict {str: shared variable}
        State between updates: lambda, and one direction per parameter. Missing slots are added.
    """

    def __init__(
        self,
        objective: Objective,
        params: Sequence[Shared],
        batch: Sequence[TensorVariable],
        compiling: CompileSettings,
        slots: dict[str, Shared],
    ) -> None:
        self.objective, self.params, self.batch, self.compiling = objective, list(params), list(batch), compiling
        self.layout = Layout.of(self.params)
        zero = as_slot(pytensor.shared(np.zeros((), compiling.floatX), name=DAMPING))
        made: list[Shared] = [zero, *(new_slot(DIRECTION, p) for p in self.params)]
        self.slots: list[Shared] = [slots.setdefault(slot.name, slot) for slot in made]

    @cached_property
    def functions(self) -> CompiledObjective:
        """The compiled cost, gradient and Gauss-Newton product."""
        with self.compiling.float_variables():
            return compiled_objective(self.objective, self.params, self.batch, self.compiling.function)

    def update(self, v: np.ndarray, mask: np.ndarray, settings: HessianFree) -> Report:
        """Update the parameters by windows that are side by side.

        Ctrl+C during the update leaves everything unchanged.

        Parameters
        ----------
        v, mask : arrays, shape (n_steps, n_sequences, n_visible) and (n_steps, n_sequences)
            Windows and mask. The gradient uses all windows, the curvature some of them.
        settings : HessianFree

        Returns
        -------
        Report

        Raises
        ------
        FloatingPointError
            See `training.hessian_free.update`. The parameters are unchanged.
        """
        damping, *direction = self.slots
        values = [p.get_value() for p in self.params]
        first = hessian_free.init(settings, self.layout)
        state = HessianFreeState(float(damping.get_value()), self.layout.flat([x.get_value() for x in direction]))
        columns, chosen = self._columns(mask, settings)
        with deferred_interrupts() as check:
            found, state, report = hessian_free.update(
                self.functions,
                self.layout,
                self.layout.flat(values),
                state if state.damping else first,
                self._pieces(v, mask, columns),
                self._pieces(v, mask, chosen),
                settings,
                cases=self._pieces(v, mask, chosen, 1) if settings.precondition else (),
                check=check,
            )
            for p, value in zip(self.params, self.layout.arrays(found), strict=True):
                p.set_value(value)
            damping.set_value(np.asarray(state.damping, self.compiling.floatX))
            for slot, value in zip(direction, self.layout.arrays(state.direction), strict=True):
                slot.set_value(value)
        return report

    def evaluate(self, v: np.ndarray, mask: np.ndarray) -> Report:
        """Compute the report of windows, as `update` does, without a step."""
        columns, _ = self._columns(mask, HessianFree())
        at = [p.get_value() for p in self.params]
        cost, reports, g = hessian_free.gradient_of(self.functions, self.layout, at, self._pieces(v, mask, columns))
        return Report(cost, reports, float(np.linalg.norm(g)), 0, 0, 0.0, 0.0)

    def _columns(self, mask: np.ndarray, settings: HessianFree) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the windows that are not empty, and of those for the curvature."""
        lengths = mask.sum(axis=0).astype(int)
        columns = np.flatnonzero(lengths)
        return columns, columns[columns_of_curvature(lengths[columns], settings.curvature_frames)]

    def _pieces(self, v: np.ndarray, mask: np.ndarray, columns: Any, n: int | None = None) -> list[Batch]:
        n = n or max(1, min(FRAMES_PER_CALL // len(v), v.shape[1]))
        return list(pieces_of(v, mask, columns, n, self.compiling.backend == "jax"))
