"""The training loop: epochs, windows, Ctrl+C."""

import os
import signal

import numpy as np
import pytest

from rnnrbm_pt.training.loop import batch_of, run_epochs, side_by_side, windows
from rnnrbm_pt.training.progress import Progress
from rnnrbm_pt.training.settings import Run

ROLLS = [np.full((length, 2), i, dtype=np.uint8) for i, length in enumerate([5, 1, 4, 9])]


def lengths_and_sequences(pieces):
    return [(len(piece), int(piece[0, 0])) for piece in pieces]


def test_windows_cut_each_sequence_from_its_start():
    assert lengths_and_sequences(windows(ROLLS, [3, 1, 0], 4)) == [(4, 3), (4, 3), (1, 3), (1, 1), (4, 0), (1, 0)]


def test_epochs_shuffle_as_numpy_shuffles_the_list_itself():
    seen = []
    run_epochs(
        lambda w: seen.append(int(w[0, 0])) or 0.0, ROLLS, np.random.RandomState(7), Progress(Run(100, 3), [0, 1, 2, 3])
    )
    dataset, reference, expected = [0, 1, 2, 3], np.random.RandomState(7), []
    for _ in range(3):
        reference.shuffle(dataset)
        expected += dataset
    assert seen == expected


def test_records():
    records, frames = [], []
    monitors = iter(range(100))
    progress = Progress(Run(4, 2), [0, 1, 2, 3])
    run_epochs(
        lambda window: next(monitors),
        ROLLS,
        np.random.RandomState(0),
        progress,
        on_update=lambda n, total: frames.append((n, total)),
        on_epoch=records.append,
    )
    assert [record["epoch"] for record in records] == [1, 2]
    assert [record["monitor"] for record in records] == [3.0, 10.0]  # means of 0..6 and 7..13, over updates
    assert [record["updates"] for record in records] == [7, 7]
    assert [record["frames"] for record in records] == [19, 19]
    assert sum(n for n, _ in frames) == 38 and {total for _, total in frames} == {19}
    assert progress.complete and progress.monitors == []


def test_the_monitors_of_updates_are_kept_where_that_is_asked_for():
    records, monitors = [], iter(range(100))
    progress = Progress(Run(4, 2, log_updates=True), [0, 1, 2, 3])
    run_epochs(lambda window: next(monitors), ROLLS, np.random.RandomState(0), progress, on_epoch=records.append)
    assert [record["monitors"] for record in records] == [list(range(7)), list(range(7, 14))]
    progress = Progress(Run(4, 1), [0, 1, 2, 3])
    run_epochs(lambda window: 1.0, ROLLS, np.random.RandomState(0), progress, on_epoch=records.append)
    assert "monitors" not in records[-1]


@pytest.mark.parametrize("stop_after", range(1, 14))
def test_ctrl_c_waits_for_the_update_and_the_run_goes_on_where_it_was(stop_after):
    def runner():
        state = {"sum": 0.0, "updates": 0}

        def update(window):
            state["sum"] = state["sum"] * 1.01 + window.sum()  # depends on the order of the updates
            state["updates"] += 1
            return state["sum"]

        return state, update

    whole_state, whole_update = runner()
    whole, records = np.random.RandomState(3), []
    run_epochs(whole_update, ROLLS, whole, Progress(Run(4, 2), [0, 1, 2, 3]), on_epoch=records.append)

    state, update = runner()

    def update_then_ctrl_c(window):
        if state["updates"] + 1 == stop_after:
            os.kill(os.getpid(), signal.SIGINT)
        return update(window)

    random_state, progress, stopped = np.random.RandomState(3), Progress(Run(4, 2), [0, 1, 2, 3]), []
    with pytest.raises(KeyboardInterrupt):
        # The first update can be interrupted at once, because it may compile. This happens when stop_after is 1.
        run_epochs(update_then_ctrl_c, ROLLS, random_state, progress, on_epoch=stopped.append)
    assert state["updates"] == stop_after
    run_epochs(update, ROLLS, random_state, progress, on_epoch=stopped.append)
    assert state == whole_state
    assert [record["monitor"] for record in stopped] == [record["monitor"] for record in records]
    assert random_state.randint(1 << 30) == whole.randint(1 << 30)


def test_a_second_ctrl_c_waits_for_the_update_too():
    calls = []

    def update(window):
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            calls.append("end of the update")
        return 0.0

    progress = Progress(Run(4, 2), [0, 1, 2, 3])
    with pytest.raises(KeyboardInterrupt):
        run_epochs(update, ROLLS, np.random.RandomState(0), progress)
    assert calls == [1, 1, "end of the update"] and len(progress.monitors) == progress.updates == 2


def test_signal_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    run_epochs(lambda w: 0.0, ROLLS, np.random.RandomState(0), Progress(Run(100, 1), [0, 1, 2, 3]))
    assert signal.getsignal(signal.SIGINT) is before


def test_columns_of_sequences_that_go_on():
    rolls = [np.full((n, 1), i) for i, n in enumerate([5, 0, 2, 3, 4])]
    found = [
        ([(len(window), int(window[0, 0]) if len(window) else None) for window in columns], fresh.tolist())
        for columns, fresh in side_by_side(rolls, [0, 1, 2, 3, 4], 2, 2)
    ]
    assert found == [
        ([(2, 0), (2, 2)], [True, True]),
        ([(2, 0), (2, 3)], [False, True]),
        ([(1, 0), (1, 3)], [False, False]),
        ([(2, 4), (0, None)], [True, False]),
        ([(2, 4), (0, None)], [False, False]),
    ]


@pytest.fixture(scope="module")
def three_windows(toy_rolls):
    return [toy_rolls[0][:20], toy_rolls[1][:7], toy_rolls[2][:13]]


def test_windows_side_by_side(three_windows):
    v, mask = batch_of(three_windows, None, 4, "float32")
    assert v.shape == (20, 4, 12) and mask.shape == (20, 4) and v.dtype == mask.dtype == np.float32
    assert list(mask.sum(axis=0)) == [20, 7, 13, 0]
    for i, window in enumerate(three_windows):
        assert np.array_equal(v[: len(window), i], window) and mask[: len(window), i].all()
    assert not v[mask == 0].any()
    longer, longer_mask = batch_of(three_windows, 25, 4, "float32")
    assert np.array_equal(longer[:20], v) and not longer[20:].any() and not longer_mask[20:].any()
