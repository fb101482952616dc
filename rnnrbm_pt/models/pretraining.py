"""Pretraining: the two initialisations that the tutorial recommends under "How to improve this code".

    model, pretraining = RnnRbm(), Pretraining(frame_epochs=10, rnn_epochs=10)
    records = pretrain(model, rolls, pretraining)

1. Frames: train W, bv and bh as one RBM on single, fully shuffled frames, as if the recurrent network did not exist
   (Wuh = Wuv = Wuu = Wvu = 0). For an RNN-NADE: train W, V, bv and bh as one NADE.
2. RNN: train the parameters that change the visible biases (for an RNN-RBM Wuv, Wuu, Wvu and bu) to predict each frame
   from the frames before it. The cost is the cross-entropy of the frame and sigmoid(bv_t). It needs no random draws.

Boulanger-Lewandowski, Bengio and Vincent, Modeling temporal dependencies in high-dimensional sequences, ICML 2012.

The monitor does not show the benefit of pretraining. It measures how well k Gibbs steps remember a frame, and the
chains of a well-trained RBM forget it. On the JSB chorales, an RNN-RBM with pretrained frames had a lower monitor than
one without, and a higher likelihood.

The order of frames and windows and all random draws depend on the model's seed, but not on its streams or its
`random_state`. A run that follows finds both unchanged.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain, repeat
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.sharedvar import TensorSharedVariable

from rnnrbm_pt.graphs.nade import build_nade
from rnnrbm_pt.graphs.rbm import build_rbm, log_pseudo_likelihood
from rnnrbm_pt.interrupts import deferred_interrupts, lifted_deferral
from rnnrbm_pt.models.compiling import locked
from rnnrbm_pt.models.hf_updates import HessianFreeUpdates, check_frames, prediction_objective
from rnnrbm_pt.models.rolls import all_frames
from rnnrbm_pt.models.types import Model, OnEpoch, Rolls
from rnnrbm_pt.quoting import quoted
from rnnrbm_pt.roles import role_of
from rnnrbm_pt.streams.srs import RandomStreams, stream_seed
from rnnrbm_pt.training.gradients import differentiable_inputs
from rnnrbm_pt.training.loop import Record, batch_of, groups, shuffled_batches, windows
from rnnrbm_pt.training.settings import Pretraining
from rnnrbm_pt.training.updates import optimizer_updates

Batches = Iterator[tuple[np.ndarray, np.ndarray]]
"""Batches, each with its mask."""


def as_pretraining(described: Pretraining | dict[str, Any]) -> Pretraining:
    """Return a `Pretraining` unchanged, or make one from a dict; a ValueError for anything else."""
    if isinstance(described, dict):
        return Pretraining.from_json(described)
    if not isinstance(described, Pretraining):
        raise ValueError(f"pretrain: expected a Pretraining or a dict, found {quoted(described)}")
    return described


def check_pretraining(model: Model, rolls: Rolls, pretraining: Pretraining) -> None:
    """Check that a model can be pretrained, before anything is learned.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays, shape (n_steps, n_visible)
        Sequences that `SequenceModel.check_rolls` has checked.
    pretraining : Pretraining

    Raises
    ------
    ValueError
        As in `pretrain`.
    """
    if pretraining.frame_epochs:
        frame_params(model)
    if pretraining.rnn_epochs:
        rnn_params(model, pretraining.rnn_also)
        _least_frames(rolls, pretraining)


@locked
def pretrain(model: Model, rolls: Rolls, pretraining: Pretraining, on_epoch: OnEpoch = None) -> list[Record]:
    """Pretrain a model: first its frames, then its RNN, each for the number of epochs in the settings.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays, shape (n_steps, n_visible)
        Sequences of frames.
    pretraining : Pretraining
    on_epoch : callable, optional
        Called with the record of each epoch, a dict.

    Returns
    -------
    list of dict
        The records of `pretrain_frames` and `pretrain_rnn`.

    Raises
    ------
    ValueError
        Before training starts: if there are no frames, a roll is invalid, the RNN cannot be pretrained because it does
        not change the visible biases, or an update of Hessian-free optimisation has too few frames.
    KeyboardInterrupt
        On Ctrl+C, after the current update. The model keeps what it has learned.
    """
    rolls = _rolls_of(model, rolls)
    check_pretraining(model, rolls, pretraining)
    records = pretrain_frames(model, rolls, pretraining, on_epoch) if pretraining.frame_epochs else []
    return records + (pretrain_rnn(model, rolls, pretraining, on_epoch) if pretraining.rnn_epochs else [])


# ---------------------------------------------------------------------------------------------------
# Frames


@locked
def pretrain_frames(model: Model, rolls: Rolls, pretraining: Pretraining, on_epoch: OnEpoch = None) -> list[Record]:
    """Train W, bv and bh (and V) as one RBM or NADE on all frames, in a new order in each epoch.

    An update uses `frame_batch_size` frames, or all frames if there are fewer. The last update of an epoch is padded
    with empty frames that do not count. This is done on every backend, so the draws are the same, and JAX compiles only
    once.

    Parameters
    ----------
    model, rolls, pretraining, on_epoch
        See `pretrain`.

    Returns
    -------
    list of dict
        One record per epoch: stage ("frames"), epoch (from 1), monitor, updates, frames, seconds. The monitor is the
        log pseudo-likelihood, or the log-likelihood for a NADE, in nats: the mean over all frames, each before its
        update.
    """
    frames = all_frames(_rolls_of(model, rolls))
    batch_size = min(pretraining.frame_batch_size, len(frames))
    random_state, streams = stage_randomness(model, 1)
    update, params = _frames_update(model, pretraining, streams)

    def batches() -> Batches:
        return shuffled_batches(frames, batch_size, random_state, model.floatX)

    return run_stage(model, "frames", "monitor", pretraining.frame_epochs, update, batches, params, on_epoch)


def _frames_update(
    model: Model, pretraining: Pretraining, streams: RandomStreams
) -> tuple[Callable[..., Any], list[TensorSharedVariable]]:
    """Compile the update by a batch and its mask, which returns the monitor. Also return the parameters it changes."""
    params = frame_params(model)
    with model.compiling.float_variables():
        v, mask = pt.matrix("v"), pt.vector("mask")
        weights = mask / mask.sum()
        if model.graphs.log_likelihood is not None:
            v_sample, cost, monitor, updates = build_nade(v, *params, weights=weights)
        else:
            W, bv, bh = params
            visible = "gaussian" if model.real_valued else "binary"
            v_sample, cost, monitor, updates = build_rbm(
                v, W, bv, bh, pretraining.frame_k, rngs=streams.rbm(), weights=weights, visible=visible
            )
        learned = optimizer_updates(
            pretraining.frame_optimizer,
            cost,
            params,
            pretraining.frame_lr,
            consider_constant=[v_sample],
            clip_norm=pretraining.frame_clip_norm,
        )
    return model.compiling.function([v, mask], monitor, updates | learned), params


def frame_params(model: Model) -> list[TensorSharedVariable]:
    """The parameters of the RBM or NADE of each frame; a ValueError if the model has neither."""
    params = [p for p in model.params if role_of(p).part == "rbm"]
    if not params:
        raise ValueError(f"frame_epochs: expected a model of RBMs or NADEs, found {type(model).__name__}")
    return params


# ---------------------------------------------------------------------------------------------------
# RNN


@locked
def pretrain_rnn(model: Model, rolls: Rolls, pretraining: Pretraining, on_epoch: OnEpoch = None) -> list[Record]:
    """Train the RNN to predict each frame by the visible biases alone, from the frames before it.

    Windows are cut and placed side by side as in training. On JAX they are padded to one length.

    Parameters
    ----------
    model, rolls, pretraining, on_epoch
        See `pretrain`.

    Returns
    -------
    list of dict
        One record per epoch: stage ("rnn"), epoch (from 1), cost, updates, frames, seconds. The cost is the
        cross-entropy in nats, or half the squared error for Gaussian units: the mean over all frames, each before its
        update.

    Raises
    ------
    ValueError
        As in `pretrain`.
    """
    params = rnn_params(model, pretraining.rnn_also)
    rolls = _rolls_of(model, rolls)
    random_state, _ = stage_randomness(model, 2)
    order = list(range(len(rolls)))
    n_frames, n_sequences = pretraining.rnn_batch_size, pretraining.rnn_n_sequences
    least = _least_frames(rolls, pretraining)
    update = _rnn_update(model, pretraining, params)
    n_steps = model.compiling.length_of_windows(min(n_frames, max(map(len, rolls))))

    def batches() -> Batches:
        random_state.shuffle(order)
        for group in groups(windows(rolls, order, n_frames), n_sequences):
            if len(group) == n_sequences or sum(map(len, group)) >= least:  # otherwise too few frames for the curvature
                yield batch_of(group, n_steps, n_sequences, model.floatX)

    return run_stage(model, "rnn", "cost", pretraining.rnn_epochs, update, batches, params, on_epoch)


def rnn_params(model: Model, also: Sequence[str] = ()) -> list[TensorSharedVariable]:
    """The parameters of the RNN that the visible biases of a frame depend on.

    Parameters of the RBM or NADE are left out. Parameters that only change the hidden biases are also left out: in an
    RTRBM the hidden units carry their effect to the next visible biases, but that is not their purpose.

    Parameters
    ----------
    model : SequenceModel
    also : sequence of str, optional
        Names of parameters to include nevertheless.

    Returns
    -------
    list of shared variables

    Raises
    ------
    ValueError
        If there are none, or the visible biases do not depend on a parameter in `also`.
    """
    connected = differentiable_inputs(model.graphs.bv_t)
    reach = [p for p in model.params if p in connected]
    left_out = [p.name for p in reach if role_of(p).part == "rbm" or role_of(p).moves == "hidden"]
    if len(left_out) == len(reach):
        raise ValueError(
            "rnn_epochs: expected a model whose visible biases depend on its state, found one with constant visible "
            f"biases: set dynamic_visible_bias=True in {type(model).__name__}"
        )
    for name in also:
        if name not in [p.name for p in reach]:
            raise ValueError(f"rnn_also: expected any of the parameters {', '.join(left_out)}, found {name!r}")
    return [p for p in reach if p.name not in left_out or p.name in also]


def _least_frames(rolls: Rolls, pretraining: Pretraining) -> int:
    """The least number of frames that an update of the RNN learns from; a ValueError if no update has as many."""
    if pretraining.rnn_optimizer != "hf":
        return 0
    settings, total = pretraining.hessian_free, sum(map(len, rolls))
    check_frames("rnn_n_sequences", pretraining.rnn_n_sequences, pretraining.rnn_batch_size, total, settings)
    return min(settings.curvature_frames, total)


def prediction_error(v, bv_t, visible="binary"):
    """Error of predicting frames by visible biases alone: -sum_i v_i log p_i + (1 - v_i) log(1 - p_i).

    Here p = sigmoid(bv_t). The error is computed by softplus, so it is always finite. For Gaussian units it is
    ``1/2 |v - bv_t|^2``.

    Parameters
    ----------
    v, bv_t : tensors, shape (..., n_visible)
        Frames, and the visible biases that predict them.
    visible : {"binary", "gaussian"}, default "binary"
        Kind of visible units.

    Returns
    -------
    tensor, shape v.shape[:-1]
        Error of each frame in nats; for Gaussian units up to a constant.
    """
    return ((v - bv_t) ** 2).sum(axis=-1) / 2 if visible == "gaussian" else -log_pseudo_likelihood(v, bv_t)


def _rnn_update(model: Model, pretraining: Pretraining, params: Sequence[TensorSharedVariable]) -> Callable[..., Any]:
    """Compile the update of params by windows and their mask, which returns the cost."""
    graphs = model.build(batched=True)
    with model.compiling.float_variables():
        visible = "gaussian" if model.real_valued else "binary"
        error = prediction_error(graphs.v, graphs.bv_t, visible)
        if pretraining.rnn_optimizer == "hf":
            objective = prediction_objective(graphs, error, visible)
            hf = HessianFreeUpdates(objective, params, [graphs.v, graphs.mask], model.compiling, {})
            return lambda v, mask: hf.update(v, mask, pretraining.hessian_free).cost
        cost = (error * graphs.mask).sum() / graphs.mask.sum()
        updates = optimizer_updates(
            pretraining.rnn_optimizer, cost, params, pretraining.rnn_lr, clip_norm=pretraining.rnn_clip_norm
        )
    return model.compiling.function([graphs.v, graphs.mask], cost, updates)


# ---------------------------------------------------------------------------------------------------
# Both


def stage_randomness(model: Model, stage: int) -> tuple[np.random.RandomState, RandomStreams]:
    """Make the random sources of a stage. They depend only on the model's seed and the stage.

    Parameters
    ----------
    model : SequenceModel
    stage : int
        1 for frames, 2 for the RNN.

    Returns
    -------
    random_state : numpy.random.RandomState
        Shuffles frames or sequences.
    streams : RandomStreams
        Streams of the model's kind.
    """
    seed = model.settings["seed"]
    random_state = np.random.RandomState(None if seed is None else [*np.ravel(seed), stage])
    return random_state, type(model.streams)(stream_seed(random_state))


def _rolls_of(model: Model, rolls: Rolls) -> Rolls:
    rolls = model.check_rolls(rolls)
    if not sum(len(roll) for roll in rolls):
        raise ValueError("pretraining: expected rolls with frames, found none")
    return rolls


def run_stage(
    model: Model,
    stage: str,
    quantity: str,
    num_epochs: int,
    update: Callable[..., Any],
    batches: Callable[[], Batches],
    params: Sequence[TensorSharedVariable],
    on_epoch: OnEpoch,
) -> list[Record]:
    """Run the epochs of a stage. `batches()` yields the arguments of each update of an epoch; the last one is the mask.

    Ctrl+C takes effect between two updates. The first update may compile for up to a minute. During it Ctrl+C takes
    effect immediately and leaves the parameters unchanged.
    """
    before = [p.get_value() for p in params]
    records, updated = [], False
    contexts: Iterator[Callable[[], AbstractContextManager]] = chain([lifted_deferral], repeat(nullcontext))
    try:
        with model.compiling.bounded_threads(), deferred_interrupts() as check:
            for epoch in range(1, num_epochs + 1):
                start = time.perf_counter()
                found, frames = [], []
                for arguments in batches():
                    with next(contexts)():
                        found.append(float(update(*arguments)))
                    frames.append(int(arguments[-1].sum()))
                    updated = True
                    check()
                record = {
                    "stage": stage,
                    "epoch": epoch,
                    quantity: float(np.average(found, weights=frames)),
                    "updates": len(found),
                    "frames": sum(frames),
                    "seconds": round(time.perf_counter() - start, 3),
                }
                records.append(record)
                if on_epoch is not None:
                    on_epoch(record)
                check()
    except KeyboardInterrupt:
        if not updated:
            for p, value in zip(params, before, strict=True):
                p.set_value(value)
        raise
    return records
