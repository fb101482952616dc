"""The numbers of a `Learning` as shared variables, which the compiled updates read.

Schedules change their values, and a new value needs no new compiled function.
"""

from collections.abc import Callable

import numpy as np
import pytensor
from pytensor.tensor.sharedvar import TensorSharedVariable

from rnnrbm_pt.roles import role_of
from rnnrbm_pt.training.gradients import Gradients, Params, ParamUpdates, Scalar
from rnnrbm_pt.training.regularisation import with_averages, with_max_norm
from rnnrbm_pt.training.settings import OF_THE_GRADIENT, OF_THE_OPTIMIZER, Learning
from rnnrbm_pt.training.updates import ADAMW_DECAY, optimizer_updates

Scalars = dict[str, TensorSharedVariable]
"""Shared scalars, by the names of the settings."""


def scalars(learning: Learning, lr: TensorSharedVariable, floatX: str) -> Scalars:
    """Make the shared variables of the settings, with their values before any schedule.

    Parameters
    ----------
    learning : Learning
    lr : shared scalar
        The model's learning rate.
    floatX : str
        Float type of the model.

    Returns
    -------
    dict {str: shared scalar}
        One scalar for each setting of `SCHEDULED` that is used.
    """
    values = learning.given(("momentum", *OF_THE_GRADIENT))
    values |= {name: schedule(0, 0) for name, schedule in learning.schedule.items() if name != "lr"}
    dtypes = {name: "int64" if name == "k" else floatX for name in values}
    return {"lr": lr} | {
        name: pytensor.shared(np.asarray(value, dtypes[name]), name=name) for name, value in values.items()
    }


def learning_updates(learning: Learning, gradients: Gradients, params: Params, scalars: Scalars) -> ParamUpdates:
    """Make the updates of the optimiser of a `Learning`; see `training.updates.optimizer_updates`.

    Parameters
    ----------
    learning : Learning
    gradients : list of variables
    params : list of shared variables
    scalars : dict
        Result of the function `scalars`.

    Returns
    -------
    dict {param or slot: next}
    """
    rnn = scalars.get("lr_rnn", scalars["lr"])
    settings = learning.given(OF_THE_OPTIMIZER)
    if "momentum" in scalars:
        settings["momentum"] = scalars["momentum"]
    updates = optimizer_updates(
        learning.optimizer,
        gradients,
        params,
        lambda p: scalars["lr"] if role_of(p).part == "rbm" else rnn,
        clip_norm=scalars.get("clip_norm"),
        clip_value=scalars.get("clip_value"),
        weight_decay=weight_decay(learning.optimizer, scalars),
        **settings,
    )
    if "max_norm" in scalars:
        updates = with_max_norm(updates, scalars["max_norm"])
    return updates if learning.average is None else with_averages(updates, params, learning.average)


def weight_decay(optimizer: str, scalars: Scalars) -> Callable[[TensorSharedVariable], Scalar] | None:
    """The weight decay of each parameter, or None for the optimiser's default.

    Biases and initial states do not decay. W and V may have a decay of their own.
    """
    rnn = scalars.get("weight_decay", ADAMW_DECAY if optimizer == "adamw" else 0.0)
    rbm = scalars.get("weight_decay_rbm", rnn)
    if not {"weight_decay", "weight_decay_rbm"} & scalars.keys():
        return None

    def decay(p: TensorSharedVariable) -> Scalar:
        if role_of(p).kind != "weight":
            return 0.0
        return rbm if role_of(p).part == "rbm" else rnn

    return decay
