"""Hessian-free optimisation of a model: its objectives, the batches of an update, and what an update remembers."""

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
from rnnrbm_pt.training import hessian_free
from rnnrbm_pt.training.gauss_newton import CompiledObjective, Objective, bernoulli_curvature, compiled_objective
from rnnrbm_pt.training.hessian_free import Batch, HessianFreeState, Layout, Report
from rnnrbm_pt.training.settings import HessianFree, Learning, Run
from rnnrbm_pt.training.slots import as_slot, new_slot

DAMPING = "hf_damping"
"""Name of the slot of lambda. At 0, no update has been."""

DIRECTION = "hf_direction"
"""What the names of the slots of a parameter begin with."""

FRAMES_PER_CALL = 1000
"""Frames of a call of a compiled function, so that a large batch does not need a large memory."""


# ---------------------------------------------------------------------------------------------------
# Objectives


def likelihood_objective(graphs: SequenceGraphs) -> Objective:
    """The cost of a model whose likelihood is exact, for windows side by side.

    Parameters
    ----------
    graphs : SequenceGraphs
        With a `mask` and `logits`.

    Returns
    -------
    Objective
        Its weight is the number of windows that are not empty. It reports the monitor and the mean squared error.
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
    """The cost of an RNN whose visible biases alone are to predict each frame, for windows side by side.

    Parameters
    ----------
    graphs : SequenceGraphs
        With a `mask`.
    errors : matrix, shape (n_steps, n_sequences)
        Of each frame, as `pretraining.prediction_error` gives them.
    visible : {"binary", "gaussian"}

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
    """Variables that a graph is known to have."""
    return variables


def state_weights(state: TensorVariable, weights: TensorVariable) -> TensorVariable:
    """The weight of each frame for each element of a tensor (n_steps, n_sequences, n)."""
    return pt.zeros_like(state) + weights[:, :, None]


# ---------------------------------------------------------------------------------------------------
# Batches


def check_model(model: Model, learning: Learning) -> None:
    """Check that a model has a cost that Hessian-free optimisation can take, or units to be sparse, where it is asked.

    Raises
    ------
    ValueError
    """
    if learning.sparsity is not None and model.graphs.mean_h is None:
        raise ValueError(f"sparsity: expected a model of RBMs or NADEs, found {type(model).__name__}")
    if learning.optimizer == "hf" and model.graphs.logits is None:
        raise ValueError(
            "optimizer: hf expects a model whose cost is exact, such as RnnNade; found "
            f"{type(model).__name__}, whose contrastive divergence is the gradient of no cost. Take adam or another "
            'optimiser, and for its RNN pretrain={"rnn_optimizer": "hf", "rnn_epochs": ...}'
        )


def check_run(learning: Learning, run: Run, rolls: Rolls) -> None:
    """Check the settings of a run by Hessian-free optimisation; others pass.

    Raises
    ------
    ValueError
    """
    if learning.optimizer == "hf":
        if run.carry_state:
            raise ValueError("carry_state: expected an optimizer with a rate, found hf")
        total = sum(map(len, rolls))
        check_frames("n_sequences", run.n_sequences, run.batch_size, total, learning.hessian_free)


def check_frames(option: str, n_windows: int, batch_size: int, total: int, settings: HessianFree) -> None:
    """Check that an update has enough frames for the curvature.

    Parameters
    ----------
    option : str
        The name of the setting that says how many windows an update has.
    n_windows, batch_size : int
        Windows per update, and frames per window.
    total : int
        Frames of all sequences.
    settings : HessianFree

    Raises
    ------
    ValueError
    """
    needed = min(settings.curvature_frames, total)
    if n_windows * batch_size < needed:
        least = -(-needed // batch_size)
        raise ValueError(
            f"{option}: Hessian-free optimisation expects at least {needed:,} frames per update (curvature_frames), "
            f"so {least} windows of {batch_size}, better hundreds of windows; found {n_windows}"
        )


def columns_of_curvature(lengths: np.ndarray, n_frames: int) -> np.ndarray:
    """The fewest windows, evenly spread, that together have so many frames; or else all of them.

    Windows that are neighbours may be of one piece.

    Parameters
    ----------
    lengths : vector of int, shape (n_windows,)
    n_frames : int

    Returns
    -------
    vector of int
    """
    for n in range(1, len(lengths)):
        columns = np.arange(n) * len(lengths) // n
        if lengths[columns].sum() >= n_frames:
            return columns
    return np.arange(len(lengths))


def pieces_of(v: np.ndarray, mask: np.ndarray, columns: np.ndarray, n: int, fixed: bool) -> Iterator[Batch]:
    """Cut windows that are side by side into batches of n windows.

    Parameters
    ----------
    v, mask : arrays, shape (n_steps, n_sequences, n_visible) and (n_steps, n_sequences)
    columns : vector of int
        Which windows.
    n : int
    fixed : bool
        Whether all batches are to be of one shape. Otherwise they end with their longest window.

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
    """The updates of a model by Hessian-free optimisation. Its functions are compiled when they are first needed.

    Parameters
    ----------
    objective : Objective
        A function of v and its mask.
    params : list of shared variables
        Those that are learned.
    batch : list of variables
        v and its mask.
    compiling : CompileSettings
    slots : dict {str: shared variable}
        What updates remember: lambda, and the direction for each parameter. Those that are absent are made.
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

        Ctrl+C within it leaves everything as it was.

        Parameters
        ----------
        v, mask : arrays, shape (n_steps, n_sequences, n_visible) and (n_steps, n_sequences)
            The gradient is of all windows, the curvature of some.
        settings : HessianFree

        Returns
        -------
        Report

        Raises
        ------
        FloatingPointError
            See `training.hessian_free.update`. The parameters are as they were.
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
        """What `update` reports of windows, without a step."""
        columns, _ = self._columns(mask, HessianFree())
        at = [p.get_value() for p in self.params]
        cost, reports, g = hessian_free.gradient_of(self.functions, self.layout, at, self._pieces(v, mask, columns))
        return Report(cost, reports, float(np.linalg.norm(g)), 0, 0, 0.0, 0.0)

    def _columns(self, mask: np.ndarray, settings: HessianFree) -> tuple[np.ndarray, np.ndarray]:
        """The windows that are not empty, and those of the curvature."""
        lengths = mask.sum(axis=0).astype(int)
        columns = np.flatnonzero(lengths)
        return columns, columns[columns_of_curvature(lengths[columns], settings.curvature_frames)]

    def _pieces(self, v: np.ndarray, mask: np.ndarray, columns: Any, n: int | None = None) -> list[Batch]:
        n = n or max(1, min(FRAMES_PER_CALL // len(v), v.shape[1]))
        return list(pieces_of(v, mask, columns, n, self.compiling.backend == "jax"))
