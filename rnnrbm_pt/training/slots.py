"""Slots: the shared variables in which optimisers remember."""

from typing import Any

import numpy as np
import pytensor
from pytensor.graph.replace import clone_replace
from pytensor.tensor.sharedvar import TensorSharedVariable

from rnnrbm_pt.training.gradients import ParamUpdates, param_name


def new_slot(kind: str, param: TensorSharedVariable) -> TensorSharedVariable:
    """A new slot of zeros beside a parameter, named as ``kind_param``."""
    zeros = np.zeros_like(param.get_value(borrow=True))
    return as_slot(pytensor.shared(zeros, name=f"{kind}_{param_name(param)}", shape=param.type.shape))


def as_slot(variable: TensorSharedVariable) -> TensorSharedVariable:
    """Mark a shared variable as a slot."""
    variable.tag.optimizer_slot = True
    return variable


def slots(updates: ParamUpdates) -> list[TensorSharedVariable]:
    """The shared variables in which optimisers remember, out of updates that may hold others beside.

    Returns
    -------
    list of shared variables
        In the order of the updates; each has a name of its own.
    """
    return [variable for variable in updates if getattr(variable.tag, "optimizer_slot", False)]


def with_slots(updates: ParamUpdates, known: dict[str, TensorSharedVariable]) -> ParamUpdates:
    """Updates whose slots are those of a model already, so that several functions learn as one.

    Parameters
    ----------
    updates : dict {shared variable: next}
        With slots of their own.
    known : dict {name: shared variable}
        Slots that exist already, by their names. Those that it lacks are put into it.

    Returns
    -------
    dict {shared variable: next}
    """
    pairs = [(slot, known.setdefault(param_name(slot), slot)) for slot in slots(updates)]
    replace = {slot: one for slot, one in pairs if slot is not one}
    if not replace:
        return updates
    expressions: list[Any] = clone_replace(list(updates.values()), list(replace.items()))
    return dict(zip([replace.get(variable, variable) for variable in updates], expressions, strict=True))
