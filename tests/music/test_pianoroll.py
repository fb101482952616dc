"""What counts as a piano roll."""

import numpy as np
import pytest

from rnnrbm_pt.music.pianoroll import check_range, check_roll


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
        ([["0", "1"]], "expected an array of 0 and 1, found one of <U1"),
        ([[None, 1]], "found one of object"),
        ([[1j, 0]], "found one of complex128"),
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
