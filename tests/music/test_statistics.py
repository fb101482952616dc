"""Tests of the statistics of pieces, on pieces that can be counted by hand."""

import json

import numpy as np
import pytest

from rnnrbm_pt.music.statistics import Statistics, frames_of, of_a_sample, outside, statistics

R = (60, 76)


def roll_of(*frames):
    """A roll made of frames that are lists of MIDI note numbers."""
    roll = np.zeros((len(frames), R[1] - R[0]), np.uint8)
    for step, notes in enumerate(frames):
        roll[step, [note - R[0] for note in notes]] = 1
    return roll


C, G, SEMITONE = [60, 64, 67], [62, 67, 71], [60, 61]


def test_notes_per_frame_range_and_pitch_classes():
    found = statistics([roll_of(C, C, []), roll_of([72])], R)
    assert (found.pieces, found.frames, found.notes_per_frame) == (2, 4, 7 / 4)
    assert (found.lowest, found.highest) == (60, 72)
    assert found.pitch_classes == pytest.approx([3 / 7, 0, 0, 0, 2 / 7, 0, 0, 2 / 7, 0, 0, 0, 0])


def test_held_notes_are_those_that_sound_in_the_frame_before():
    assert statistics([roll_of(C, C, G)], R).held == 4 / 6  # C, E and G, then only the G of the second chord
    assert statistics([roll_of(C), roll_of(C)], R).held is None  # a piece does not continue another piece


def test_dissonance_is_a_share_of_the_pairs_of_each_frame():
    assert statistics([roll_of(C)], R).dissonance == 0
    assert statistics([roll_of(SEMITONE)], R).dissonance == 1
    assert statistics([roll_of(C, SEMITONE)], R).dissonance == 1 / 4
    assert statistics([roll_of([60, 73])], R).dissonance == 1  # a minor ninth is a minor second
    assert statistics([roll_of([60], [61])], R).dissonance is None
    assert statistics([roll_of(C)], R).intervals == pytest.approx([0, 0, 0, 1 / 3, 1 / 3, 0, 0, 1 / 3, 0, 0, 0, 0])


def test_repetition_counts_passages_of_eight_frames_that_came_before():
    scale = [[60 + i] for i in range(16)]
    assert statistics([roll_of(*scale)], R).repetition == 0
    assert (
        statistics([roll_of(*scale, *scale)], R).repetition == 9 / 17
    )  # from frame 16 on, out of those from frame 8 on
    assert statistics([roll_of(*[C] * 30)], R).repetition == 1
    assert statistics([roll_of(*[C] * 15)], R).repetition is None


def test_known_frames_are_those_of_the_data():
    data = frames_of([roll_of(C, [])])
    assert statistics([roll_of(C, G, [], C)], R, data=data).known == 2 / 3
    assert statistics([roll_of([])], R, data=data).known is None
    assert statistics([roll_of(C)], R).known is None


def test_a_runaway_has_a_passage_denser_than_any_of_the_data():
    data = statistics([roll_of(*[C] * 100, *[[60, 64]] * 100)], R)
    assert (data.thinnest, data.densest) == (2, 3)
    wall = [range(60, 72)] * 60
    assert outside(statistics([roll_of(*[C] * 140, *wall)], R), data) == "above"  # although its mean is only 5.7
    assert outside(statistics([roll_of(*[C] * 100, *[[]] * 100)], R), data) == "below"
    assert outside(statistics([roll_of(*[[60, 64, 67]] * 200)], R), data) is None


def test_music_by_the_composers_is_no_runaway(pianorolls):
    from rnnrbm_pt.music.roll_files import read_roll_file

    for name in ("jsb_chorales", "nottingham"):
        splits = read_roll_file(pianorolls / f"{name}.npz")
        data = statistics(splits["train"])
        assert {outside(statistics([roll]), data) for roll in splits["test"]} == {None}


def test_silence():
    found = statistics([roll_of([], [])], R)
    assert (found.notes_per_frame, found.held, found.dissonance, found.lowest) == (0, None, None, None)
    assert found.pitch_classes == found.intervals == (0,) * 12


def test_what_a_log_says_is_json():
    said = of_a_sample(roll_of(C, G), R, statistics([roll_of(C)], R), frames_of([roll_of(C)]))
    assert json.loads(json.dumps(said)) == said
    assert (said["outside"], said["known"], said["notes_per_frame"]) == (None, 0.5, 3)


def test_to_json_and_back():
    found = statistics([roll_of(C, G)], R)
    assert Statistics.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    "change, message",
    [
        ({"held": "much"}, "statistics: held: expected a finite number"),
        ({"intervals": [1]}, "statistics: intervals: expected 12 numbers"),
        ({"pieces": 0}, "statistics: pieces: expected an integer of at least 1"),
        ({"densest": None}, "statistics: densest: expected a finite number"),
        ({"lowest": 200}, "statistics: lowest: expected an integer from 0 to 127"),
        ({"more": 1}, "statistics: expected pieces, frames"),
    ],
)
def test_a_damaged_description_is_refused(change, message):
    described = statistics([roll_of(C, G)], R).to_json() | change
    with pytest.raises(ValueError, match=message):
        Statistics.from_json(described)


def test_errors():
    with pytest.raises(ValueError, match="statistics: expected frames, found none"):
        statistics([np.zeros((0, 16))], R)
    with pytest.raises(ValueError, match=r"roll 1: expected shape \(n_steps, 16\), found \(2, 3\)"):
        statistics([roll_of(C), np.zeros((2, 3))], R)
