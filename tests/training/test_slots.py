"""The state of optimisers."""

import numpy as np
import pytensor

from rnnrbm_pt.training.slots import slots, with_slots
from rnnrbm_pt.training.updates import OPTIMIZERS


def test_two_functions_remember_as_one():
    p = pytensor.shared(np.ones(3), name="p")
    mode = pytensor.compile.mode.Mode("py", "fast_compile")
    remembered, functions = {}, []
    for _ in range(2):
        updates = with_slots(OPTIMIZERS["adam"]([p * 2], [p], 0.1), remembered)
        assert [slot.name for slot in slots(updates)] == ["adam_t", "adam_m_p", "adam_v_p"]
        functions.append(pytensor.function([], [], updates=updates, mode=mode))
    for i in range(6):
        functions[i % 2]()
    two = p.get_value()
    p.set_value(np.ones(3))
    for slot in remembered.values():
        slot.set_value(np.zeros_like(slot.get_value()))
    for _ in range(6):
        functions[0]()
    assert np.array_equal(p.get_value(), two) and remembered["adam_t"].get_value() == 6
