"""How a model learns: which optimiser, at which rates, with which of its settings changing while training goes on.

    Learning("nesterov", {"momentum": 0.9}, lr_rnn=0.0005, clip_norm=10.0, schedule={"lr": Cosine(0.01, 0, 200)})

A `Learning` is a description, which a model file holds. `scalars` makes the shared variables that the graph has where
the description has a number, so that a schedule can set them and another number needs no other compiled function.
"""

from dataclasses import dataclass, field

import numpy as np
import pytensor

from rnnrbm_pt.io.checks import choice, number
from rnnrbm_pt.training.schedules import as_schedule
from rnnrbm_pt.training.updates import OPTIMIZERS, optimizer_updates

RBM_PARAMS = "W", "V", "bv", "bh"
"""Names of the parameters that an RBM or a NADE has; all others are the recurrent network's."""

SCHEDULED = "lr", "lr_rnn", "momentum", "clip_norm", "clip_value", "weight_decay", "k"
"""What may have a schedule; k is the number of Gibbs steps in training."""


@dataclass(frozen=True)
class Learning:
    """How a model learns. The default is the tutorial's: plain stochastic gradient descent at the model's rate, lr.

    Parameters
    ----------
    optimizer : str
        One of `training.updates.OPTIMIZERS`.
    settings : dict {str: number}
        Further settings of the optimiser: momentum, rho, beta1, beta2, epsilon.
    lr_rnn : number, optional
        Learning rate of the recurrent network's parameters. Without it, that of the RBM's, which is the model's lr.
    clip_norm, clip_value : number, optional
        Bounds of the gradient, see `training.gradients`. The norm is that of all parameters together.
    weight_decay : number, optional
        Of matrices; biases and initial states do not decay.
    schedule : dict {str: Schedule, dict or number}
        For any of `SCHEDULED`, what its value is at each epoch or update; a dict is what `Schedule.to_json` gives.

    Raises
    ------
    ValueError
        If there is no such optimiser, it does not take these settings, or a value is none.
    """

    optimizer: str = "sgd"
    settings: dict = field(default_factory=dict)
    lr_rnn: float | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    weight_decay: float | None = None
    schedule: dict = field(default_factory=dict)

    def __post_init__(self):
        choice("optimizer", self.optimizer, OPTIMIZERS)
        for name, value in self._numbers().items():
            object.__setattr__(self, name, number(name, value, least=0))
        settings = {name: number(name, value, least=0) for name, value in self.settings.items()}
        unknown = [name for name in self.schedule if name not in SCHEDULED]
        if unknown:
            raise ValueError(f"schedule: expected any of {', '.join(SCHEDULED)}, found {unknown[0]}")
        schedule = {name: as_schedule(value) for name, value in self.schedule.items()}
        object.__setattr__(self, "schedule", schedule)
        object.__setattr__(self, "settings", settings)
        # that the optimiser takes these settings it says itself
        p = pytensor.shared(np.zeros(1), name="p")
        self.updates([p], [p], {name: 0.1 for name in ("lr", "lr_rnn", *self.schedule, *self._numbers())})

    def _numbers(self):
        names = "lr_rnn", "clip_norm", "clip_value", "weight_decay"
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def structure(self):
        """What decides the graph: two of one structure are compiled to one function."""
        fixed = tuple((name, value) for name, value in sorted(self.settings.items()) if name != "momentum")
        return self.optimizer, fixed, tuple(sorted({*self._numbers(), *self.schedule} - {"lr"}))

    def scalars(self, lr, floatX):
        """The shared variables that stand in the graph for numbers, at their values before any schedule.

        Parameters
        ----------
        lr : shared scalar
            The model's.
        floatX : str

        Returns
        -------
        dict {str: shared scalar}
            Of `SCHEDULED` those that are used.
        """
        values = self._numbers()
        if "momentum" in self.settings:
            values["momentum"] = self.settings["momentum"]
        values |= {name: schedule(0, 0) for name, schedule in self.schedule.items() if name != "lr"}
        dtypes = {name: "int64" if name == "k" else floatX for name in values}
        return {"lr": lr} | {
            name: pytensor.shared(np.asarray(value, dtypes[name]), name=name) for name, value in values.items()
        }

    def updates(self, gradients, params, scalars):
        """What `training.updates.optimizer_updates` gives for this description.

        Parameters
        ----------
        gradients : list of variables
        params : list of shared variables
        scalars : dict
            What `scalars` gave.

        Returns
        -------
        dict {param or slot: next}
        """
        rnn = scalars.get("lr_rnn", scalars["lr"])
        decay = scalars.get("weight_decay")
        settings = {**self.settings, **{name: scalars[name] for name in ("momentum",) if name in scalars}}
        return optimizer_updates(
            self.optimizer,
            gradients,
            params,
            lambda p: scalars["lr"] if p.name in RBM_PARAMS else rnn,
            clip_norm=scalars.get("clip_norm"),
            clip_value=scalars.get("clip_value"),
            weight_decay=None if decay is None else lambda p: decay if p.type.ndim == 2 else 0.0,
            **settings,
        )

    def to_json(self):
        """What `json.dumps` takes; `Learning(**described)` makes it again.

        Returns
        -------
        dict
        """
        schedule = {name: value.to_json() for name, value in self.schedule.items()}
        return {
            "optimizer": self.optimizer,
            "settings": dict(self.settings),
            **self._numbers(),
            "schedule": schedule,
        }
