"""Schedules as tables of values and as JSON."""

import json
import pickle

import numpy as np
import pytensor
import pytest

from rnnrbm_pt.training.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseTime,
    Step,
    Table,
    WarmUp,
    as_schedule,
    from_json,
    set_scheduled,
)

# Epochs of ten updates. The values are computed by hand.
TABLES = [
    (Constant(0.5), "epoch", {0: 0.5, 1: 0.5, 1000: 0.5}),
    (Table((0, 5, 20), (1, 5, 15)), "epoch", {0: 1, 4: 1, 5: 5, 19: 5, 20: 15, 1000: 15}),
    (Table([0, 3], [0.5, 0.9], by="update"), "update", {0: 0.5, 2: 0.5, 3: 0.9}),
    (Step(0.8, 0.5, 3), "epoch", {0: 0.8, 2: 0.8, 3: 0.4, 5: 0.4, 6: 0.2, 9: 0.1}),
    (Step(0.8, 0.5, 3, by="update"), "update", {2: 0.8, 3: 0.4, 30: 0.8 / 1024}),
    (Exponential(2.0, 0.1), "epoch", {0: 2.0, 1: 0.2, 3: 0.002}),
    (InverseTime(6.0, 10), "epoch", {0: 6.0, 10: 3.0, 20: 2.0, 50: 1.0}),
    (InverseTime(1.0, 1, by="update"), "update", {0: 1.0, 1: 1 / 2, 2: 1 / 3, 9: 1 / 10}),
    (Cosine(1.0, 0.0, 6), "epoch", {0: 1.0, 2: 0.75, 3: 0.5, 4: 0.25, 6: 0.0, 7: 0.0, 1000: 0.0}),
    (Cosine(0.5, 0.9, 4), "epoch", {0: 0.5, 2: 0.7, 4: 0.9, 5: 0.9}),
    (WarmUp(Constant(8.0), 4), "update", {0: 2.0, 1: 4.0, 2: 6.0, 3: 8.0, 4: 8.0, 1000: 8.0}),
    (WarmUp(0.3, 3, by="epoch"), "epoch", {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.3}),
    # The inner schedule counts epochs, the warm-up updates: half of 1, then all of 1, then 0.5 from update 10 on.
    (WarmUp(Step(1.0, 0.5, 1), 2), "update", {0: 0.5, 1: 1.0, 9: 1.0, 10: 0.5, 20: 0.25}),
]


@pytest.mark.parametrize("schedule, unit, table", TABLES, ids=lambda value: getattr(type(value), "__name__", ""))
def test_tables(schedule, unit, table):
    for time, value in table.items():
        epoch, update = (time, 10 * time) if unit == "epoch" else (time // 10, time)
        assert schedule(epoch, update) == pytest.approx(value, rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("schedule", [row[0] for row in TABLES], ids=lambda schedule: type(schedule).__name__)
def test_a_schedule_is_the_same_after_json_and_after_pickle(schedule):
    assert from_json(json.loads(json.dumps(schedule.to_json()))) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert hash(schedule) == hash(from_json(schedule.to_json()))


def test_json_names_the_schedule_and_its_fields():
    assert WarmUp(Step(np.float64(0.1), 0.5, np.int64(3)), 10).to_json() == {
        "schedule": "WarmUp",
        "then": {"schedule": "Step", "value": 0.1, "factor": 0.5, "every": 3, "by": "epoch"},
        "over": 10,
        "by": "update",
    }


def test_numbers_and_descriptions_are_schedules():
    assert as_schedule(0.1) == Constant(0.1)
    assert as_schedule({"schedule": "Constant", "value": 3}) == Constant(3)
    assert as_schedule(Step(1, 0.5, 2)) == Step(1, 0.5, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_values_are_put_into_shared_variables_of_any_type(dtype):
    shared = pytensor.shared(np.asarray(0, dtype), name="x")
    set_scheduled({shared: Table((0, 2), (1, 15))}, 2, 0)
    assert shared.get_value() == 15 and shared.get_value().dtype == dtype


def test_a_length_is_whole_and_a_rate_is_finite():
    k, lr = pytensor.shared(np.int64(1), name="k"), pytensor.shared(np.float64(1), name="lr")
    with pytest.raises(ValueError, match="k: expected an integer of at least 1 at epoch 1, update 7, found 0.5"):
        set_scheduled({k: Exponential(1.0, 0.5)}, 1, 7)
    with pytest.raises(ValueError, match="lr: expected a finite number at epoch 5, update 0, found inf"):
        set_scheduled({lr: lambda epoch, update: float("inf")}, 5, 0)


@pytest.mark.parametrize("schedule", [Exponential(1.0, 10.0), Exponential(1, 10), Step(1.0, 10.0, 1), Step(1, 10, 1)])
def test_a_schedule_that_grows_beyond_the_largest_float(schedule):
    assert schedule(300, 0) == pytest.approx(1e300) and schedule(400, 0) == float("inf")
    lr = pytensor.shared(np.float64(1), name="lr")
    with pytest.raises(ValueError, match="lr: expected a finite number at epoch 400, update 0, found inf"):
        set_scheduled({lr: schedule}, 400, 0)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Constant("0.1"), "Constant: value: expected a finite number, found '0.1'"),
        (lambda: Step(float("nan"), 1, 1), "Step: value: expected a finite number, found nan"),
        (lambda: Step(1, 1, 0), "Step: every: expected a finite number above 0, found 0"),
        (lambda: Cosine(1, 0, -2), "Cosine: over: expected a finite number above 0, found -2"),
        (lambda: Exponential(1, 0.5, by="frame"), "Exponential: by: expected one of epoch, update, found 'frame'"),
        (lambda: Table((1, 2), (1, 2)), "Table: expected one ascending time per value, from 0 on"),
        (lambda: Table((0, 2, 2), (1, 2, 3)), "Table: expected one ascending time per value"),
        (lambda: Table((0,), (1, 2)), "Table: expected one ascending time per value"),
        (lambda: WarmUp("cosine", 2), "Constant: value: expected a finite number, found 'cosine'"),
        (lambda: from_json({"schedule": "Linear"}), "schedule: expected one of Constant, Table, .*, found 'Linear'"),
        (lambda: from_json({"schedule": "Step", "value": 1}), "Step: expected value, factor, every, by, found value"),
        (lambda: from_json({"value": 1}), "schedule: expected one of .*, found None"),
    ],
)
def test_what_is_no_schedule_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
