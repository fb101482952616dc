"""The settings of training as frozen dataclasses: `Run`, `Validation`, `Learning`, `HessianFree` and `Pretraining`.

    Learning("nesterov", momentum=0.9, lr_rnn=0.0005, clip_norm=10.0, schedule={"lr": Cosine(0.01, 0, 200)})

The keywords of `fit` and the options of ``rnnrbm train`` are their fields. This module needs no PyTensor.
"""

from argparse import BooleanOptionalAction
from collections.abc import Mapping, Sequence
from typing import Any, Self

from rnnrbm_pt.checks import boolean
from rnnrbm_pt.quoting import quoted
from rnnrbm_pt.settings import Settings, flag, names, one_of, real, setting, settings, whole
from rnnrbm_pt.training.schedules import as_schedule

# ---------------------------------------------------------------------------------------------------
# Run and validation


@settings
class Run(Settings):
    """The length of a run and the frames of an update. The defaults are the tutorial's."""

    batch_size: int = whole("frames per window", default=100, least=1)
    num_epochs: int = whole("epochs", default=200, least=0, option="--epochs")
    n_sequences: int = whole("windows per update, which takes the mean of their gradients", default=1, least=1)
    carry_state: bool = flag(
        "start each window from the state in which the window before it ended, not from the initial state",
        default=False,
    )
    persistent: bool = flag(
        "start the Gibbs chain of each frame where it ended in the epoch before, not at the frame", default=False
    )
    n_particles: int | None = whole(
        "persistent chains that all frames share, instead of one for each frame", default=None, least=1
    )
    sample_every: int | None = whole(
        "epochs from one piece that is drawn for the log to the next", default=None, least=1
    )
    log_updates: bool = flag("keep the monitor of each update in the log, as `monitors`", default=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_particles is not None and not self.persistent:
            raise ValueError(f"n_particles: expected persistent beside it, found {self.n_particles} alone")


VALIDATIONS = "monitor", "likelihood"
"""Quantities that can be computed on the validation sequences."""


@settings
class Validation(Settings):
    """When to validate, by which quantity, and when to stop early."""

    validate_by: str = one_of("quantity to compute on the validation sequences", VALIDATIONS, default="monitor")
    validate_every: int = whole(
        "epochs from one validation to the next; the last epoch has one too", default=1, least=1
    )
    patience: int | None = whole("epochs without a better validation after which the run ends", default=None, least=1)
    measure_mixing: bool = flag(
        "also log whether Gibbs chains forget where they start, on the validation sequences", default=False
    )


# ---------------------------------------------------------------------------------------------------
# Learning


@settings
class HessianFree(Settings):
    """How Hessian-free optimisation finds its steps; see `training.hessian_free`."""

    damping: float = real("lambda of the first update; later ones adapt it", default=0.1, above=0)
    structural_damping: float = real(
        "mu, the weight of changes of the hidden states, times lambda", default=0.03, least=0
    )
    cg_iterations: int = whole("largest number of iterations of conjugate gradients per update", default=250, least=1)
    curvature_frames: int = whole("frames of an update that the curvature is computed on", default=1000, least=1)
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
"""The optimisers of `training.updates`, and the settings that each of them takes besides its rate. Hessian-free
optimisation, "hf", has no rate."""

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
"""Settings that every optimiser takes."""

SCHEDULED = "lr", "lr_rnn", "momentum", *OF_THE_GRADIENT[1:], "k"
"""Settings that may have a schedule; k is the number of Gibbs steps in training."""

OF_THE_OPTIMIZER = "momentum", "rho", "beta1", "beta2", "epsilon"
"""Settings that only some optimisers take."""

OF_HESSIAN_FREE = OPTIMIZERS["hf"]
"""Settings that only Hessian-free optimisation takes."""


def checked_schedules(name: str, schedules: object) -> dict[str, Any]:
    """Schedules by the names of the settings that they change.

    Parameters
    ----------
    name : str
        The name of the argument, for errors.
    schedules : dict {str: Schedule, dict or number}
        For any of `SCHEDULED`; a dict is the result of `Schedule.to_json`.

    Returns
    -------
    dict {str: Schedule}

    Raises
    ------
    ValueError
        If a name or a schedule is invalid.
    """
    if not isinstance(schedules, Mapping):
        raise ValueError(f"{name}: expected a dict of schedules, found {quoted(schedules)}")
    for key in schedules:
        if key not in SCHEDULED:
            raise ValueError(f"{name}: expected any of {', '.join(SCHEDULED)}, found {quoted(key)}")
    return {key: as_schedule(value) for key, value in schedules.items()}


@settings
class Learning(Settings):
    """How a model learns. The default is the tutorial's: plain stochastic gradient descent at the model's rate, lr."""

    optimizer: str = one_of("optimiser", OPTIMIZERS, default="sgd")
    lr_rnn: float | None = real(
        "learning rate of the RNN's parameters, if not that of the RBM's", default=None, least=0
    )
    momentum: float | None = real("momentum of the optimiser, if not its own default", default=None, least=0)
    rho: float | None = real("decay of the averages of rmsprop and adadelta", default=None, least=0)
    beta1: float | None = real("decay of the mean gradient of adam, amsgrad and adamw", default=None, least=0, below=1)
    beta2: float | None = real(
        "decay of the mean squared gradient of adam, amsgrad and adamw", default=None, least=0, below=1
    )
    epsilon: float | None = real("constant that keeps the optimiser's divisions finite", default=None, least=0)
    clip_norm: float | None = real(
        "bound of the norm of the gradient of all parameters together", default=None, least=0
    )
    clip_value: float | None = real("bound of each value of the gradient", default=None, least=0)
    weight_decay: float | None = real("decay of weights; biases and initial states do not decay", default=None, least=0)
    weight_decay_rbm: float | None = real(
        "decay of the RBM's weights, W (and V), if not that of all weights", default=None, least=0
    )
    max_norm: float | None = real(
        "bound of the norm of each hidden unit's weights, a column of W (and V)", default=None, above=0
    )
    sparsity: float | None = real("mean activation that hidden units are drawn to", default=None, above=0, below=1)
    sparsity_cost: float | None = real("weight of the penalty on other mean activations", default=None, least=0)
    dropout_recurrent: float | None = real(
        "share of the visible units that the recurrent network does not read", default=None, least=0, below=1
    )
    dropout_hidden: float | None = real(
        "share of the hidden units of the RBM or NADE that are off", default=None, least=0, below=1
    )
    average: float | None = real(
        "decay of a moving average of the parameters, which is validated instead of them",
        default=None,
        least=0,
        below=1,
    )
    damping: float | None = real("lambda of the first update of hf", default=None, above=0)
    structural_damping: float | None = real(
        "mu of hf, the weight of changes of the hidden states, times lambda", default=None, least=0
    )
    cg_iterations: int | None = whole(
        "largest number of iterations of conjugate gradients per update of hf", default=None, least=1
    )
    curvature_frames: int | None = whole("frames of an update that hf computes the curvature on", default=None, least=1)
    precondition: bool | None = setting(
        "whether hf preconditions by squared gradients", boolean, default=None, action=BooleanOptionalAction
    )
    schedule: dict[str, Any] = setting(
        "schedules by the names of the settings that they change", checked_schedules, default={}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        taken = OPTIMIZERS[self.optimizer]
        general = () if self.optimizer == "hf" else ("lr", "k", "average", *OF_THE_GRADIENT)
        for name in (*self.given((*OF_THE_OPTIMIZER, *OF_HESSIAN_FREE, *OF_THE_GRADIENT, "average")), *self.schedule):
            if name not in (*taken, *general):
                expected = ", ".join(taken) or "none"
                raise ValueError(f"{self.optimizer}: expected settings out of {expected}, found {name}")
        changing = {*self.given(OF_THE_GRADIENT), *self.schedule}
        for one, other in (("sparsity", "sparsity_cost"), ("sparsity_cost", "sparsity")):
            if one in changing and other not in changing:
                raise ValueError(f"{one}: expected {other} beside it, found none")

    def given(self, names: Sequence[str]) -> dict[str, Any]:
        """The fields of these names that are not None."""
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def structure(self) -> tuple:
        """What decides the graph: two descriptions of one structure share their compiled functions."""
        fixed = tuple(self.given((*OF_THE_OPTIMIZER[1:], "average")).items())
        changing = {*self.given(OF_THE_GRADIENT), *self.schedule} - {"lr"}
        return self.optimizer, fixed, tuple(sorted(changing)), self.momentum is not None

    @property
    def hessian_free(self) -> HessianFree:
        """The settings of Hessian-free optimisation, with its own defaults."""
        return HessianFree(**self.given(OF_HESSIAN_FREE))

    def to_json(self) -> dict[str, Any]:
        """A dict that `json.dumps` takes and `from_json` reads."""
        schedule = {name: value.to_json() for name, value in self.schedule.items()}
        return {
            "optimizer": self.optimizer,
            **self.given((*OF_THE_OPTIMIZER, *OF_THE_GRADIENT, *OF_HESSIAN_FREE, "average")),
            "schedule": schedule,
        }

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """The learning that `to_json` described, or a file of version 0.1, which had an entry "settings".

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
    """Check names of parameters: a tuple or list of str, kept as a tuple."""
    if not isinstance(value, (tuple, list)) or not all(isinstance(p, str) for p in value):
        raise ValueError(f"{name}: expected names of parameters in a tuple, found {quoted(value)}")
    return tuple(value)


@settings
class Pretraining(Settings):
    """What is learned before a model is trained: its frames, its RNN, or both. With 0 epochs a stage is left out."""

    frame_epochs: int = whole("passes of the RBM or NADE over all frames", default=0, least=0)
    frame_lr: float = real("learning rate of the frames", default=0.03, above=0)
    frame_batch_size: int = whole("frames per update, from anywhere in the rolls", default=100, least=1)
    frame_k: int = whole("Gibbs steps per update; a NADE has none", default=1, least=1)
    frame_optimizer: str = one_of(
        "optimiser of the frames", [name for name in OPTIMIZERS if name != "hf"], default="momentum"
    )
    frame_clip_norm: float | None = real("bound of the gradient's norm", default=None, above=0)
    rnn_epochs: int = whole("passes of the RNN over all sequences, after the frames", default=0, least=0)
    rnn_lr: float = real("learning rate of the RNN", default=0.01, above=0)
    rnn_batch_size: int = whole("frames per window", default=100, least=1)
    rnn_n_sequences: int = whole("windows per update", default=4, least=1)
    rnn_optimizer: str = one_of("optimiser of the RNN", OPTIMIZERS, default="adam")
    rnn_clip_norm: float | None = real("bound of the gradient's norm", default=None, above=0)
    rnn_damping: float | None = real("lambda of the first update of hf", default=None, above=0)
    rnn_structural_damping: float | None = real("mu of hf", default=None, least=0)
    rnn_cg_iterations: int | None = whole("largest number of iterations per update of hf", default=None, least=1)
    rnn_curvature_frames: int | None = whole("frames of the curvature of hf", default=None, least=1)
    rnn_precondition: bool | None = setting(
        "whether hf preconditions by squared gradients", boolean, default=None, action=BooleanOptionalAction
    )
    rnn_also: tuple[str, ...] = setting(
        "names of parameters of the RBM that learn with the RNN, if they reach the visible biases: usually bv, where "
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
        """The settings of Hessian-free optimisation of the RNN, with its own defaults."""
        given = {name: getattr(self, f"rnn_{name}") for name in OF_HESSIAN_FREE}
        return HessianFree(**{name: value for name, value in given.items() if value is not None})
