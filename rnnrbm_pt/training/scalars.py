"""The numbers of a `Learning` as shared variables, which the compiled updates read.

A schedule sets them, and another number needs no other compiled function.
"""

import numpy as np
import pytensor
from pytensor.tensor.sharedvar import TensorSharedVariable

from rnnrbm_pt.roles import role_of
from rnnrbm_pt.training.gradients import Gradients, Params, ParamUpdates
from rnnrbm_pt.training.settings import OF_THE_GRADIENT, OF_THE_OPTIMIZER, Learning
from rnnrbm_pt.training.updates import optimizer_updates

Scalars = dict[str, TensorSharedVariable]
"""The shared scalars by the names of the settings."""


def scalars(learning: Learning, lr: TensorSharedVariable, floatX: str) -> Scalars:
    """The shared variables that stand in the graph for numbers, at their values before any schedule.

    Parameters
    ----------
    learning : Learning
    lr : shared scalar
        The model's.
    floatX : str

    Returns
    -------
    dict {str: shared scalar}
        One for each of `SCHEDULED` that is used.
    """
    values = learning.given(("momentum", *OF_THE_GRADIENT))
    values |= {name: schedule(0, 0) for name, schedule in learning.schedule.items() if name != "lr"}
    dtypes = {name: "int64" if name == "k" else floatX for name in values}
    return {"lr": lr} | {
        name: pytensor.shared(np.asarray(value, dtypes[name]), name=name) for name, value in values.items()
    }


def learning_updates(learning: Learning, gradients: Gradients, params: Params, scalars: Scalars) -> ParamUpdates:
    """The updates of the optimiser of a `Learning`; see `training.updates.optimizer_updates`.

    Parameters
    ----------
    learning : Learning
    gradients : list of variables
    params : list of shared variables
    scalars : dict
        From the function `scalars`.

    Returns
    -------
    dict {param or slot: next}
    """
    rnn = scalars.get("lr_rnn", scalars["lr"])
    decay = scalars.get("weight_decay")
    settings = learning.given(OF_THE_OPTIMIZER)
    if "momentum" in scalars:
        settings["momentum"] = scalars["momentum"]
    return optimizer_updates(
        learning.optimizer,
        gradients,
        params,
        lambda p: scalars["lr"] if role_of(p).part == "rbm" else rnn,
        clip_norm=scalars.get("clip_norm"),
        clip_value=scalars.get("clip_value"),
        weight_decay=None if decay is None else lambda p: decay if role_of(p).kind == "weight" else 0.0,
        **settings,
    )
