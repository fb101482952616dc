"""Slots: the shared variables that hold the state of optimisers."""

from typing import Any

import numpy as np
import pytensor
from pytensor.graph.replace import clone_replace
from pytensor.tensor.sharedvar import TensorSharedVariable

from rnnrbm_pt.training.gradients import ParamUpdates, param_name


def new_slot(kind: str, param: TensorSharedVariable) -> TensorSharedVariable:
    """Make a slot of zeros for a parameter, with the name ``kind_param``."""
    zeros = np.zeros_like(param.get_value(borrow=True))
    return as_slot(pytensor.shared(zeros, name=f"{kind}_{param_name(param)}", shape=param.type.shape))


def as_slot(variable: TensorSharedVariable) -> TensorSharedVariable:
    """Mark a shared variable as a slot."""
    variable.tag.optimizer_slot = True
    return variable


def slots(updates: ParamUpdates) -> list[TensorSharedVariable]:
    """Find the slots among updates, which may also contain other variables.

    Returns
    -------
    list of shared variables
        In the order of the updates. All names are different.
    """
    return [variable for variable in updates if getattr(variable.tag, "optimizer_slot", False)]


def with_slots(updates: ParamUpdates, known: dict[str, TensorSharedVariable]) -> ParamUpdates:
    """Replace the slots of updates by existing slots of the same names, so that several functions share their state.

    Parameters
    ----------
    updates : dict {shared variable: next}
        Updates with slots of their own.
    known : dict {name: shared variable}
        Existing slots by name. Missing slots are added to it.

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
