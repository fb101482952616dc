"""Tests of keys: handmade chords, invariance under transposition, and the tunes that the paper transposed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnnrbm_pt.music.pianoroll import transpose
from rnnrbm_pt.music.tonality import (
    NAMES,
    PROFILES,
    Key,
    find_key,
    key_scores,
    parse_key,
    pitch_class_weights,
    shift_to_common,
    to_common_tonality,
)


def chords(*notes, r=(21, 109)):
    roll = np.zeros((len(notes), r[1] - r[0]), np.uint8)
    for step, chord in enumerate(notes):
        roll[step, [note - r[0] for note in chord]] = 1
    return roll


CADENCE = chords((48, 64, 67, 72), (53, 65, 69, 72), (43, 62, 65, 71), (48, 64, 67, 72))  # I IV V7 I in C major
MINOR = chords((48, 63, 67, 72), (53, 65, 68, 72), (43, 62, 65, 71), (48, 63, 67, 72))  # i iv V7 i in C minor
ROLLS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.just(48)), elements=st.integers(0, 1))


@pytest.mark.parametrize("profiles", PROFILES)
@pytest.mark.parametrize("tonic", range(12))
def test_cadences_in_every_key(tonic, profiles):
    assert find_key(transpose(CADENCE, tonic - 5), profiles=profiles) == Key((tonic - 5) % 12, False)
    assert find_key(transpose(MINOR, tonic - 5), profiles=profiles) == Key((tonic - 5) % 12, True)


@pytest.mark.parametrize("profiles", PROFILES)
def test_a_profile_is_most_like_itself(profiles):
    for mode, weights in enumerate(PROFILES[profiles].values()):
        scores = key_scores(np.roll(weights, 3), profiles)
        assert np.argmax(scores) == 12 * mode + 3 and scores.max() == pytest.approx(1, abs=1e-15)
        assert scores.shape == (2, 12) and scores.min() >= -1


def test_scores_are_numpys_correlations():
    weights = np.random.default_rng(1).random(12)
    scores = key_scores(weights, "krumhansl")
    for mode, profile in enumerate(PROFILES["krumhansl"].values()):
        for tonic in range(12):
            expected = np.corrcoef(weights, np.roll(profile, tonic))[0, 1]
            assert scores[mode, tonic] == pytest.approx(expected, abs=1e-14)


@given(ROLLS, st.integers(-20, 20))
@settings(deadline=None, max_examples=100)
def test_a_transposed_piece_has_its_key_transposed(roll, shift):
    wide = np.pad(roll, ((0, 0), (20, 20)))  # notes 41 to 88 in the range 21 to 108
    moved = transpose(wide, shift)
    assert np.array_equal(pitch_class_weights(moved), np.roll(pitch_class_weights(wide), shift))
    scores, moved_scores = (key_scores(pitch_class_weights(x)) for x in (wide, moved))
    if scores is None:
        assert moved_scores is None and find_key(moved) is None
        return
    assert np.array_equal(moved_scores, np.roll(scores, shift, axis=1)), "to the bit"
    if (scores == scores.max()).sum() == 1:
        key, moved_key = find_key(wide), find_key(moved)
        assert moved_key == Key((key.tonic + shift) % 12, key.minor)
        # So both become the same piece, up to octaves.
        one, other = (to_common_tonality(x) for x in (wide, moved))
        assert np.array_equal(pitch_class_weights(one.roll), pitch_class_weights(other.roll))


KEYS = st.one_of(st.none(), st.builds(Key, st.integers(0, 11), st.booleans()))


@given(ROLLS, st.sampled_from(["parallel", "relative"]), KEYS)
@settings(deadline=None, max_examples=100)
def test_the_way_back_restores(roll, to, key):
    wide = np.pad(roll, ((0, 0), (20, 20)))
    moved = to_common_tonality(wide, to=to, key=key)
    assert moved.n_folded == 0 and -5 <= moved.shift <= 6
    assert np.array_equal(transpose(moved.roll, -moved.shift), wide)
    if key is None and moved.key is not None:
        found = find_key(moved.roll)
        common = {"parallel": 0, "relative": 9 if moved.key.minor else 0}[to]
        scores = key_scores(pitch_class_weights(wide))
        assert found == Key(common, moved.key.minor) or (scores == scores.max()).sum() > 1


@pytest.mark.parametrize(
    "r, notes, key, shift",
    [
        ((48, 72), (50, 57, 66), Key(2, False), -2),  # D major, down
        ((50, 77), (50, 57, 66), Key(2, False), 10),  # 50 cannot go down, so up
        ((48, 67), (48, 58), Key(6, False), 6),  # half an octave: up
        ((48, 64), (54, 60), Key(6, False), -6),  # no room above, so down
    ],
)
def test_the_nearest_shift_that_fits(r, notes, key, shift):
    moved = to_common_tonality(chords(notes, r=r), r, key=key)
    assert moved.shift == shift and moved.n_folded == 0
    assert np.flatnonzero(moved.roll[0]).tolist() == [note - r[0] + shift for note in notes]


def test_where_no_octave_fits_notes_are_folded_and_counted():
    r = (48, 64)
    roll = chords((48, 60, 63), (48,), (63,), r=r)
    moved = to_common_tonality(roll, r, key=Key(2, False))
    assert moved.shift == -2 and moved.n_folded == 2
    assert [(np.flatnonzero(step) + 48).tolist() for step in moved.roll] == [[58, 61], [58], [61]]


def test_silence_and_noise_have_no_key_and_stay():
    for roll in (np.zeros((3, 88)), np.zeros((0, 88)), np.pad(np.eye(12), ((0, 0), (0, 76)))):
        moved = to_common_tonality(roll)
        assert moved.key is None and moved.shift == 0 and np.array_equal(moved.roll, roll)


def test_all_shifts_by_the_nearer_way():
    assert [shift_to_common(Key(t, False)) for t in range(12)] == [0, -1, -2, -3, -4, -5, 6, 5, 4, 3, 2, 1]
    assert [shift_to_common(Key(t, True)) for t in range(12)] == [0, -1, -2, -3, -4, -5, 6, 5, 4, 3, 2, 1]
    assert [shift_to_common(Key(t, True), "relative") for t in range(12)] == [-3, -4, -5, 6, 5, 4, 3, 2, 1, 0, -1, -2]


def test_names_of_keys():
    assert [str(parse_key(name)) for name in ("C", "Bb", "F#m", "Cb")] == ["C major", "Bb major", "F# minor", "B major"]
    for tonic, name in enumerate(NAMES):
        assert parse_key(name) == Key(tonic, False) and parse_key(f"{name}m") == Key(tonic, True)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: parse_key("H"), "key: expected a name such as C, Bb or F#m, found 'H'"),
        (lambda: parse_key(""), "key: expected a name"),
        (lambda: parse_key("C##"), "key: expected a name"),
        (lambda: shift_to_common(Key(0, False), "minor"), "to: expected one of parallel, relative, found 'minor'"),
        (lambda: find_key(CADENCE, profiles="mine"), "profiles: expected one of temperley, .*, found 'mine'"),
        (lambda: key_scores([1.0] * 11), "weights: expected 12 finite numbers"),
        (lambda: find_key(CADENCE, (21, 108)), r"expected shape \(n_steps, 87\)"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
