"""Progress of a run: its properties, and errors for invalid progress in a file."""

import json

import pytest

from rnnrbm_pt.training.progress import Progress, checked_log
from rnnrbm_pt.training.settings import Pretraining, Run, Validation


def test_json_and_back():
    progress = Progress(
        Run(20, 3), [1, 0], Validation(patience=2), Pretraining(2), monitors=[-3.5], best=-4.0, data="ab"
    )
    assert Progress.from_json(json.loads(json.dumps(progress.to_json()))) == progress


def test_patience_ends_a_run_and_more_epochs_extend_it():
    progress = Progress(Run(20, 9), [0], Validation(patience=2))
    better = []
    for value in (-5.0, -3.0, -4.0, -3.0):
        progress.end_epoch()
        better.append(progress.validated(value))
    assert better == [True, True, False, False] and (progress.best, progress.best_epoch) == (-3.0, 2)
    assert progress.stopped and progress.complete
    progress.extend(12)
    assert progress.run.num_epochs == 12 and not progress.complete


def validated(progress, values):
    """Complete one epoch for each value, which is its validation, until the run is complete. Return its epochs."""
    for value in values:
        if progress.complete:
            break
        progress.end_epoch()
        progress.validated(value)
    return progress.epoch


def test_a_run_that_patience_ended_is_extended_with_its_full_patience():
    progress = Progress(Run(20, 9), [0], Validation(patience=2))
    assert validated(progress, [-3.0] * 9) == 3 and progress.stopped
    progress.extend(20)
    progress = Progress.from_json(json.loads(json.dumps(progress.to_json())))
    assert validated(progress, [-3.0] * 9) == 5 and progress.stopped, "two more epochs, as a new run would get"
    progress.extend(20)
    assert validated(progress, [-3.0, -2.0, -3.0, -3.0, -3.0]) == 9 and progress.best_epoch == 7


def test_an_extension_of_a_run_that_was_not_ended_early_leaves_its_patience():
    whole, extended = (Progress(Run(20, n), [0], Validation(patience=4)) for n in (9, 2))
    assert validated(extended, [-3.0] * 9) == 2 and not extended.stopped
    extended.extend(9)
    assert validated(extended, [-3.0] * 9) == validated(whole, [-3.0] * 9) == 5 and extended == whole


def test_progress_of_an_older_file():
    progress = Progress(Run(20, 9), [0])
    described = progress.to_json()
    del described["patient_from"]
    assert Progress.from_json(described) == progress


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"order": None}, "progress: order: expected a list of integers, found None"),
        ({"order": [0, True]}, "progress: order: expected a list of integers"),
        ({"order": [0, 2]}, "progress: order: expected each number from 0 to 1 once, found other numbers"),
        ({"monitors": -1.0}, "progress: monitors: expected a list of numbers, found -1.0"),
        ({"monitors": ["-1"]}, "progress: monitors: expected a number, found '-1'"),
        ({"monitors": [10**400]}, "progress: monitors: expected a number, found an integer of 1,329 bits"),
        ({"data": 3}, "progress: data: expected a string, found 3"),
        ({"epoch": -1}, "progress: epoch: expected an integer of at least 0, found -1"),
        ({"stopped": "no"}, "progress: stopped: expected True or False, found 'no'"),
        ({"best_epoch": 0}, "progress: best_epoch: expected an integer of at least 1, found 0"),
        ({"batch_size": 0}, "batch_size: expected an integer of at least 1, found 0"),
        ({"pretraining": [1]}, "Pretraining: expected a dict of settings"),
        ({"speed": 1}, "progress: expected any of order, .*, found 'speed'"),
    ],
)
def test_what_is_no_progress(change, message):
    described = Progress(Run(20, 3), [1, 0]).to_json()
    with pytest.raises(ValueError, match=message):
        Progress.from_json(described | change)


def test_progress_without_its_order():
    described = Progress(Run(20, 3), [1, 0]).to_json()
    del described["order"]
    with pytest.raises(ValueError, match="progress: expected order, found none"):
        Progress.from_json(described)
    with pytest.raises(ValueError, match="progress: expected a dict, found 'far'"):
        Progress.from_json("far")


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ("none", "log: expected a list of records, found 'none'"),
        ([3], "log: expected records, found 3"),
        ([{"monitor": -1.0}], "log: epoch: expected an integer of at least 1, found None"),
        ([{"epoch": 1}], "log: monitor: expected a number, found None"),
    ],
)
def test_what_is_no_log(records, message):
    with pytest.raises(ValueError, match=message):
        checked_log(records)


def test_a_log_may_hold_monitors_that_are_infinite():
    records = [{"epoch": 1, "monitor": float("-inf")}]
    assert checked_log(records) == records
