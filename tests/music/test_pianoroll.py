"""Tests of checking, transposing and resampling piano-rolls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnrbm_pt.music.pianoroll import (
    change_range,
    check_range,
    check_roll,
    resample,
    transpose,
    with_transpositions,
)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_a_roll_of_any_number_type_becomes_uint8(dtype):
    roll = np.eye(3, dtype=dtype)
    checked = check_roll(roll, (60, 63))
    assert checked.dtype == np.uint8 and (checked == np.eye(3)).all()
    checked[0, 0] = 0
    assert roll[0, 0] == 1, "the caller's array is not the one returned"


def test_nested_lists_and_no_steps_are_rolls():
    assert check_roll([[0, 1], [1.0, False]], (60, 62)).tolist() == [[0, 1], [1, 0]]
    assert check_roll(np.zeros((0, 88))).shape == (0, 88)


@pytest.mark.parametrize(
    "roll, message",
    [
        ([[0, 1, 0]], r"song: expected shape \(n_steps, 2\), notes 60 to 61, found \(1, 3\)"),
        ([0, 1], r"found \(2,\)"),
        (np.zeros((1, 4, 2)), r"found \(1, 4, 2\)"),
        ([[0, 1], [0, 2]], "song: expected only 0 and 1, found 2 at step 1, note 61"),
        ([[0, -1]], "found -1 at step 0"),
        ([[0.5, 1]], "found 0.5 at step 0, note 60"),
        ([[0, np.nan]], "found nan at step 0, note 61"),
        ([["0", "1"]], "expected an array of 0 and 1, found an array of <U1"),
        ([[None, 1]], "found an array of object"),
        ([[1j, 0]], "found an array of complex128"),
        ([[0, 1], [0]], "song: expected an array"),
    ],
)
def test_what_is_no_roll_is_refused_by_name(roll, message):
    with pytest.raises(ValueError, match=message):
        check_roll(roll, (60, 62), "song")


def test_a_range_is_two_plain_integers():
    assert check_range((21, 109)) == (21, 109)
    assert check_range([np.int64(0), 128]) == (0, 128)


@pytest.mark.parametrize("r", [(60, 60), (61, 60), (-1, 60), (0, 129), (21.0, 109), (21,), (1, 2, 3), 88])
def test_a_range_that_makes_no_sense_is_refused(r):
    with pytest.raises(ValueError, match=r"^r: expected two integers \(low, high\) .*, found "):
        check_range(r)


def test_copies_in_other_keys():
    rolls = [[[0, 1, 0, 0], [0, 0, 1, 0]], [[1, 0, 0, 1]], [[0] * 4]]
    copies = with_transpositions(rolls, 2, (60, 64))
    assert [copy.tolist() for copy in copies[:4]] == [
        [[1, 0, 0, 0], [0, 1, 0, 0]],
        rolls[0],
        [[0, 0, 1, 0], [0, 0, 0, 1]],
        rolls[1],  # no room to transpose
    ]
    assert [copy.tolist() for copy in copies[4:]] == [rolls[2]]
    assert [copy.tolist() for copy in with_transpositions(rolls, 0, (60, 64))] == rolls
    assert with_transpositions([], 5) == []
    for semitones in (-1, 1.5):
        with pytest.raises(ValueError, match="semitones: expected an integer of at least 0"):
            with_transpositions(rolls, semitones, (60, 64))


def test_transposed_up_and_down():
    roll = [[0, 1, 0, 0], [1, 1, 0, 0]]
    assert transpose(roll, 2, (60, 64)).tolist() == [[0, 0, 0, 1], [0, 0, 1, 1]]
    assert transpose(transpose(roll, 2, (60, 64)), -2, (60, 64)).tolist() == roll
    assert transpose(np.zeros((2, 4)), 99, (60, 64)).tolist() == [[0] * 4] * 2


@pytest.mark.parametrize(
    "shift, expected",
    [
        (1, [1, 1, 5]),  # 13 is outside: an octave down
        (-1, [11, 11, 3]),  # -1 is outside: an octave up
        (11, [11, 11, 3]),  # 23 and 15 are outside
        (37, [1, 1, 5]),  # 37 goes down by three octaves, 49 by four
        (-36, [0, 0, 4]),  # -36 goes up by three octaves, -24 by two
    ],
)
def test_folded_notes_move_by_octaves_into_the_range(shift, expected):
    roll = np.eye(13, dtype=np.uint8)[[0, 12, 4]]  # an octave and a note
    assert transpose(roll, shift, (60, 73), fold=True).argmax(axis=1).tolist() == expected


def test_folded_notes_may_meet():
    roll = np.zeros((1, 13), np.uint8)
    roll[0, [0, 12]] = 1
    assert transpose(roll, 1, (60, 73), fold=True).tolist() == [[0, 1] + [0] * 11]


@pytest.mark.parametrize(
    "shift, r, fold, message",
    [
        (3, (60, 64), False, "shift: expected to stay within notes 60 to 63, found 61 moved by 3"),
        (-2, (60, 64), False, "found 61 moved by -2"),
        (3, (60, 64), True, "r: expected at least an octave to fold notes into, found 60 to 63"),
        (0.5, (60, 64), False, "shift: expected an integer, found 0.5"),
    ],
)
def test_a_shift_that_loses_notes_is_refused(shift, r, fold, message):
    with pytest.raises(ValueError, match=message):
        transpose([[0, 1, 0, 0]], shift, r, fold=fold)


def test_steps_of_another_length():
    roll = np.arange(4)[:, None]
    assert resample(roll, 0.5, 0.25).ravel().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert resample(roll, 1, 2).ravel().tolist() == [0, 2]
    assert resample(roll, 0.3, 0.2).ravel().tolist() == [0, 0, 1, 2, 2, 3]
    assert resample(roll, 0.2, 0.3).ravel().tolist() == [0, 2, 3]  # the first steps at or after 0, 0.3 and 0.6 s
    assert resample(roll, 0.3, 0.1 * 3).ravel().tolist() == [0, 1, 2, 3], "rounding makes no step"
    for new_dt in (0.1, 1.0, 7.0):
        assert resample(np.zeros((0, 3)), 1.0, new_dt).shape == (0, 3)
    with pytest.raises(ValueError, match="new_dt: expected a number above 0, found 0"):
        resample(roll, 1, 0)


@given(st.integers(0, 60), st.floats(0.01, 10), st.floats(0.02, 1))
@settings(deadline=None, max_examples=300)
def test_shorter_steps_and_back_are_the_same(n_steps, dt, ratio):
    roll = np.arange(n_steps)[:, None]
    shorter = resample(roll, dt, dt * ratio)
    assert np.array_equal(resample(shorter, dt * ratio, dt), roll)


def test_other_pitches():
    roll = np.array([[1, 0, 1], [1, 1, 1]], np.uint8)
    assert change_range(roll, (60, 63), (61, 65))[0].tolist() == [[0, 1, 0, 0], [1, 1, 0, 0]]
    assert [change_range(roll, (60, 63), r)[1] for r in ((61, 65), (0, 128), (63, 70), (61, 62))] == [2, 0, 5, 4]
    wider, _ = change_range(roll, (60, 63), (58, 64))
    assert wider.dtype == np.uint8 and change_range(wider, (58, 64), (60, 63))[0].tolist() == roll.tolist()
