"""The toy composer: its pieces keep its rules, and are the same for every range of notes."""

import math

import numpy as np
import pytest

from rnnrbm_pt.music.composer import AFTER, CHORDS, R, chord_names, compose, rules_kept


def test_a_piece_by_hand():
    piece = compose(np.random.RandomState(0), n_chords=2)
    assert piece.roll.shape == (8, 88) and piece.roll.dtype == np.uint8
    notes = [(np.flatnonzero(frame) + 21).tolist() for frame in piece.roll]
    assert notes[0] == notes[1] and notes[2] == notes[3]
    assert {note for frame in notes[:4] for note in frame if note < 72} == {48, 60, 64, 67}
    assert all(
        len(frame) == 5 and frame[-1] - 72 in CHORDS[name] for frame, name in zip(notes, piece.chords, strict=True)
    )
    assert piece.chords[:4] == ["C"] * 4 and piece.chords[4] in AFTER["C"]


def test_the_cut_is_the_same_piece():
    whole, cut = (compose(np.random.RandomState(3), r=r) for r in ((21, 109), R))
    assert cut.chords == whole.chords
    np.testing.assert_array_equal(cut.roll, whole.roll[:, R[0] - 21 : R[1] - 21])
    assert not np.delete(whole.roll, np.arange(R[0] - 21, R[1] - 21), axis=1).any()


@pytest.mark.parametrize("r", [(21, 109), R])
def test_pieces_keep_the_rules(r):
    rng = np.random.RandomState(1)
    for _ in range(20):
        piece = compose(rng, r=r)
        assert chord_names(piece.roll, r) == piece.chords
        assert rules_kept(piece.roll, r) == (1, 1)


def test_broken_rules_are_counted():
    piece = compose(np.random.RandomState(1), n_chords=3, r=R)
    broken = piece.roll.copy()
    broken[1, 5] = 1
    assert rules_kept(broken, R) == (11 / 12, 1)
    dm_then_c = np.concatenate([frame_of("Dm"), frame_of("C"), frame_of("F")])
    assert rules_kept(dm_then_c, R) == (1, 1 / 2)
    share, changes = rules_kept(frame_of("C"), R)
    assert share == 1 and math.isnan(changes)


def frame_of(name):
    """The first frame of that chord in some piece."""
    piece = compose(np.random.RandomState(0), n_chords=40, r=R)
    first = piece.chords.index(name)
    return piece.roll[first : first + 1]


def test_a_range_that_misses_notes_is_refused():
    with pytest.raises(ValueError, match=r"r: expected a range that includes notes 48 to 83, found \(48, 72\)"):
        compose(np.random.RandomState(0), r=(48, 72))
