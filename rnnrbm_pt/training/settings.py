"""Settings of training as frozen dataclasses: `Run`, `Validation`, `Learning`, `HessianFree` and `Pretraining`.

    Learning("nesterov", momentum=0.9, lr_rnn=0.0005, clip_norm=10.0, schedule={"lr": Cosine(0.01, 0, 200)})

Their fields are the keywords of `fit` and the options of ``rnnrbm train``. This module does not import PyTensor.
"""

from argparse import BooleanOptionalAction
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Self

from rnnrbm_pt.checks import boolean, number
from rnnrbm_pt.quoting import quoted
from rnnrbm_pt.settings import Settings, flag, names, one_of, real, setting, settings, whole
from rnnrbm_pt.training.schedules import as_schedule

# ---------------------------------------------------------------------------------------------------
# Run and validation


@settings
class Run(Settings):
    """Length of a run and frames of an update. The defaults are the tutorial's."""

    batch_size: int = whole("frames per window", default=100, least=1)
    num_epochs: int = whole("number of passes over all sequences", default=200, least=0, option="--epochs")
    n_sequences: int = whole("windows per update, whose gradients are averaged", default=1, least=1)
    carry_state: bool = flag(
        "start each window from the final state of the previous window, instead of the initial state", default=False
    )
    persistent: bool = flag(
        "start the Gibbs chain of each frame where it ended in the previous epoch, instead of at the frame",
        default=False,
    )
    n_particles: int | None = whole(
        "number of persistent chains that all frames share, instead of one chain per frame", default=None, least=1
    )
    sample_every: int | None = whole(
        "number of epochs between pieces that are drawn for the log", default=None, least=1
    )
    log_updates: bool = flag("keep the monitor of every update in the log, as `monitors`", default=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_particles is not None and not self.persistent:
            raise ValueError(f"n_particles: expected persistent=True with it, found {self.n_particles} alone")


VALIDATIONS = "monitor", "likelihood"
"""Quantities that a validation can compute."""


@settings
class Validation(Settings):
    """When to validate, by which quantity, and when to stop early."""

    validate_by: str = one_of("quantity to compute on the validation sequences", VALIDATIONS, default="monitor")
    validate_every: int = whole(
        "number of epochs between validations; the last epoch always has one", default=1, least=1
    )
    patience: int | None = whole(
        "number of epochs without a better validation after which the run stops", default=None, least=1
    )
    measure_mixing: bool = flag(
        "also log whether Gibbs chains forget their start, measured on the validation sequences", default=False
    )


# ---------------------------------------------------------------------------------------------------
# Learning


@settings
class HessianFree(Settings):
    """Settings of Hessian-free optimisation; see `training.hessian_free`."""

    damping: float = real("initial damping lambda, which later updates adapt", default=0.1, above=0)
    structural_damping: float = real(
        "structural damping mu: penalty on changes of the hidden states, relative to lambda", default=0.03, least=0
    )
    cg_iterations: int = whole("maximum number of conjugate gradient iterations per update", default=250, least=1)
    curvature_frames: int = whole("frames per update that the curvature is computed on", default=1000, least=1)
    precondition: bool = flag("precondition by squared gradients, as Martens does", default=False)


OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("momentum",),
    "nesterov": ("momentum",),
    "adagrad": ("epsilon",),
    "rmsprop": ("rho", "epsilon"),
    "adadelta": ("rho", "epsilon"),
    "adam": ("beta1", "beta2", "epsilon"),
    "amsgrad": ("beta1", "beta2", "epsilon"),
    "adamw": ("beta1", "beta2", "epsilon"),
    "hf": tuple(names(HessianFree)),
}
"""The optimisers of `training.updates`, and the settings of each besides its learning rate.

Hessian-free optimisation, "hf", has no learning rate.
"""

OF_THE_GRADIENT = (
    "lr_rnn",
    "clip_norm",
    "clip_value",
    "weight_decay",
    "weight_decay_rbm",
    "max_norm",
    "sparsity",
    "sparsity_cost",
    "dropout_recurrent",
    "dropout_hidden",
)
"""Settings that every optimiser accepts, except Hessian-free optimisation."""

SCHEDULED = "lr", "lr_rnn", "momentum", *OF_THE_GRADIENT[1:], "k"
"""Settings that may have a schedule; k is the number of Gibbs steps in training."""

OF_THE_RBM = "lr_rnn", "weight_decay_rbm", "max_norm"
"""Settings that treat the parameters of the RBM or NADE in a way of their own."""

OF_THE_OPTIMIZER = "momentum", "rho", "beta1", "beta2", "epsilon"
"""Settings that only some optimisers accept."""

OF_HESSIAN_FREE = OPTIMIZERS["hf"]
"""Settings that only Hessian-free optimisation accepts."""


def checked_schedules(name: str, schedules: object) -> dict[str, Any]:
    """Check a dict of schedules, and convert its values to `Schedule`.

    Parameters
    ----------
    name : str
        Name of the argument, for errors.
    schedules : dict {str: Schedule, dict or number}
        Schedules by the names of the settings they change, which must be in `SCHEDULED`. A dict is the result of
        `Schedule.to_json`.

    Returns
    -------
    dict {str: Schedule}

    Raises
    ------
    ValueError
        If a name, a schedule or its first value is invalid. `set_scheduled` checks later values.
    """
    if not isinstance(schedules, Mapping):
        raise ValueError(f"{name}: expected a dict of schedules, found {quoted(schedules)}")
    for key in schedules:
        if key not in SCHEDULED:
            raise ValueError(f"{name}: expected any of {', '.join(SCHEDULED)}, found {quoted(key)}")
    found = {key: as_schedule(value) for key, value in schedules.items()}
    for key, schedule in found.items():
        check_scheduled(key, schedule(0, 0))
    return found


def check_scheduled(name: str, value: float) -> None:
    """Check a value of a schedule by the bounds of the setting of that name.

    Parameters
    ----------
    name : str
        One of `SCHEDULED`.
    value : number

    Raises
    ------
    ValueError
        If the setting could not have this value.
    """
    if name == "lr":
        number(name, value, least=0)
    elif name == "k":
        number(name, value, least=1)  # `set_scheduled` checks that it is an integer
    else:
        next(f for f in fields(Learning) if f.name == name).metadata["check"](name, value)


@settings
class Learning(Settings):
    """Settings of learning. The default is the tutorial's: stochastic gradient descent at the model's rate, lr."""

    optimizer: str = one_of("optimiser; hf is Hessian-free optimisation", OPTIMIZERS, default="sgd")
    lr_rnn: float | None = real(
        "learning rate of the RNN's parameters; the default is that of the RBM's", default=None, least=0
    )
    momentum: float | None = real("momentum; the default is the optimiser's own", default=None, least=0)
    rho: float | None = real("decay rate of the averages in rmsprop and adadelta", default=None, least=0, below=1)
    beta1: float | None = real(
        "decay rate of the mean gradient in adam, amsgrad and adamw", default=None, least=0, below=1
    )
    beta2: float | None = real(
        "decay rate of the mean squared gradient in adam, amsgrad and adamw", default=None, least=0, below=1
    )
    epsilon: float | None = real("constant that keeps the optimiser's divisions finite", default=None, least=0)
    clip_norm: float | None = real(
        "clip the gradient of all parameters together to at most this norm", default=None, least=0
    )
    clip_value: float | None = real(
        "clip each element of the gradient to at most this absolute value", default=None, least=0
    )
    weight_decay: float | None = real(
        "weight decay of all weights; biases and initial states do not decay; the default is 0.01 for adamw and 0 for "
        "the others",
        default=None,
        least=0,
    )
    weight_decay_rbm: float | None = real(
        "weight decay of the RBM's weights, W (and V); the default is the weight decay of all weights",
        default=None,
        least=0,
    )
    max_norm: float | None = real(
        "maximum norm of the weights of each hidden unit, a column of W (and V)", default=None, above=0
    )
    sparsity: float | None = real("target mean activation of the hidden units", default=None, above=0, below=1)
    sparsity_cost: float | None = real("weight of the penalty on deviations from the sparsity", default=None, least=0)
    dropout_recurrent: float | None = real(
        "fraction of the visible units that are hidden from the recurrent network", default=None, least=0, below=1
    )
    dropout_hidden: float | None = real(
        "fraction of the hidden units of the RBM or NADE that are switched off; in a tied-rnn-rbm or biaxial-rnn, of "
        "the recurrent units",
        default=None,
        least=0,
        below=1,
    )
    average: float | None = real(
        "decay rate of a moving average of the parameters, which is validated in their place",
        default=None,
        least=0,
        below=1,
    )
    damping: float | None = real("initial damping lambda of hf", default=None, above=0)
    structural_damping: float | None = real(
        "structural damping mu of hf: penalty on changes of the hidden states, relative to lambda",
        default=None,
        least=0,
    )
    cg_iterations: int | None = whole(
        "maximum number of conjugate gradient iterations per update of hf", default=None, least=1
    )
    curvature_frames: int | None = whole("frames per update that hf computes the curvature on", default=None, least=1)
    precondition: bool | None = setting(
        "precondition hf by squared gradients", boolean, default=None, action=BooleanOptionalAction
    )
    schedule: dict[str, Any] = setting(
        "schedules, by the names of the settings that they change", checked_schedules, default={}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        taken = OPTIMIZERS[self.optimizer]
        general = () if self.optimizer == "hf" else ("lr", "k", "average", *OF_THE_GRADIENT)
        for name in (*self.given((*OF_THE_OPTIMIZER, *OF_HESSIAN_FREE, *OF_THE_GRADIENT, "average")), *self.schedule):
            if name not in (*taken, *general):
                expected = ", ".join(taken) or "none"
                raise ValueError(f"{self.optimizer}: expected settings of this optimiser ({expected}), found {name}")
        for one, other in (("sparsity", "sparsity_cost"), ("sparsity_cost", "sparsity")):
            if one in self.used and other not in self.used:
                raise ValueError(f"{one}: expected {other} with it, found none")

    def given(self, names: Sequence[str]) -> dict[str, Any]:
        """The named fields that are not None."""
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def used(self) -> set[str]:
        """Names of the settings that have a value or a schedule, except those of the optimiser."""
        return {*self.given(OF_THE_GRADIENT), *self.schedule}

    @property
    def structure(self) -> tuple:
        """Everything that determines the graph. Settings of one structure share their compiled functions."""
        fixed = tuple(self.given((*OF_THE_OPTIMIZER[1:], "average")).items())
        changing = self.used - {"lr"}
        return self.optimizer, fixed, tuple(sorted(changing)), self.momentum is not None

    @property
    def hessian_free(self) -> HessianFree:
        """The settings of Hessian-free optimisation, with its defaults filled in."""
        return HessianFree(**self.given(OF_HESSIAN_FREE))

    def to_json(self) -> dict[str, Any]:
        """Convert to a dict that `json.dumps` accepts and `from_json` reads."""
        schedule = {name: value.to_json() for name, value in self.schedule.items()}
        return {
            "optimizer": self.optimizer,
            **self.given((*OF_THE_OPTIMIZER, *OF_THE_GRADIENT, *OF_HESSIAN_FREE, "average")),
            "schedule": schedule,
        }

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """Make the settings from the result of `to_json`, or from a file of version 0.1, which had an entry "settings".

        Raises
        ------
        ValueError
            If a name is unknown or a value is invalid.
        """
        if isinstance(described, Mapping) and isinstance(described.get("settings"), Mapping):
            flat = {name: value for name, value in described.items() if name != "settings"}
            described = {**flat, **described["settings"]}
        return super().from_json(described)


# ---------------------------------------------------------------------------------------------------
# Pretraining


def parameter_names(name: str, value: object) -> tuple[str, ...]:
    """Check a tuple or list of parameter names, and return it as a tuple."""
    if not isinstance(value, (tuple, list)) or not all(isinstance(p, str) for p in value):
        raise ValueError(f"{name}: expected a tuple of parameter names, found {quoted(value)}")
    return tuple(value)


@settings
class Pretraining(Settings):
    """Settings of pretraining, in two stages: frames, then RNN. A stage with 0 epochs is skipped."""

    frame_epochs: int = whole("epochs of the RBM or NADE over all frames", default=0, least=0)
    frame_lr: float = real("learning rate of the frame stage", default=0.03, above=0)
    frame_batch_size: int = whole("frames per update, drawn from all sequences", default=100, least=1)
    frame_k: int = whole("Gibbs steps per update; a NADE needs none", default=1, least=1)
    frame_optimizer: str = one_of(
        "optimiser of the frame stage", [name for name in OPTIMIZERS if name != "hf"], default="momentum"
    )
    frame_clip_norm: float | None = real("clip the gradient to at most this norm", default=None, above=0)
    rnn_epochs: int = whole("epochs of the RNN over all sequences, after the frame stage", default=0, least=0)
    rnn_lr: float = real("learning rate of the RNN stage", default=0.01, above=0)
    rnn_batch_size: int = whole("frames per window", default=100, least=1)
    rnn_n_sequences: int = whole("windows per update", default=4, least=1)
    rnn_optimizer: str = one_of("optimiser of the RNN stage", OPTIMIZERS, default="adam")
    rnn_clip_norm: float | None = real("clip the gradient to at most this norm", default=None, above=0)
    rnn_damping: float | None = real("initial damping lambda of hf", default=None, above=0)
    rnn_structural_damping: float | None = real("structural damping mu of hf", default=None, least=0)
    rnn_cg_iterations: int | None = whole(
        "maximum number of conjugate gradient iterations per update of hf", default=None, least=1
    )
    rnn_curvature_frames: int | None = whole(
        "frames per update that hf computes the curvature on", default=None, least=1
    )
    rnn_precondition: bool | None = setting(
        "precondition hf by squared gradients", boolean, default=None, action=BooleanOptionalAction
    )
    rnn_also: tuple[str, ...] = setting(
        "names of RBM parameters to train with the RNN, among those that affect the visible biases: usually bv, if "
        "the frames are not pretrained",
        parameter_names,
        default=(),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [f"rnn_{name}" for name in OF_HESSIAN_FREE if getattr(self, f"rnn_{name}") is not None]
        if given and self.rnn_optimizer != "hf":
            raise ValueError(f"rnn_optimizer: expected hf for {given[0]}, found {self.rnn_optimizer}")
        if self.rnn_clip_norm is not None and self.rnn_optimizer == "hf":
            raise ValueError("rnn_clip_norm: expected an rnn_optimizer other than hf, found hf")

    @property
    def hessian_free(self) -> HessianFree:
        """The settings of Hessian-free optimisation of the RNN, with its defaults filled in."""
        given = {name: getattr(self, f"rnn_{name}") for name in OF_HESSIAN_FREE}
        return HessianFree(**{name: value for name, value in given.items() if value is not None})
