"""Momentum on top of other optimisers."""

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import equal_computations
from pytensor.graph.replace import graph_replace

from rnnrbm_pt.training.momentum import apply_momentum, apply_nesterov_momentum
from rnnrbm_pt.training.slots import slots
from rnnrbm_pt.training.updates import nesterov_momentum, rmsprop, sgd


def test_momentum_is_added_to_parameters_and_not_to_slots():
    param = pytensor.shared(np.zeros(1), name="p")
    updates = rmsprop([pt.ones(1)], [param], 0.1)
    both = apply_momentum(updates, momentum=0.5)
    assert [slot.name for slot in slots(both)] == ["rmsprop_accu_p", "momentum_velocity_p"]
    only = apply_nesterov_momentum({**updates, pytensor.shared(0.0, name="other"): pt.constant(1.0)}, [param], 0.5)
    assert [slot.name for slot in slots(only)] == ["rmsprop_accu_p", "nesterov_velocity_p"]
    assert updates.keys() < both.keys(), "the updates given stay as they were"


def test_apply_momentum_on_sgd_is_momentum():
    one, other = [pytensor.shared(np.zeros(1), name="p") for _ in range(2)]
    g = pt.vector("g")
    direct = nesterov_momentum([g], [one], 0.1, 0.7)
    applied = apply_nesterov_momentum(sgd([g], [other], 0.1), momentum=0.7)
    same = dict(zip([other, *slots(applied)], [one, *slots(direct)], strict=True))
    assert equal_computations(list(direct.values()), graph_replace(list(applied.values()), same))
