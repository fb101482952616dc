"""Tests of baselines: tiny rolls computed by hand, sums over all frames, and the paper's results."""

import math
from itertools import product

import numpy as np
import pytest

from rnnrbm_pt.evaluation.baselines import (
    BASELINES,
    ChordFrequencies,
    FairCoins,
    NoteFrequencies,
    PreviousFrame,
    baselines,
    scored,
)
from rnnrbm_pt.evaluation.paper import ROWS, SETS, TABLE
from rnnrbm_pt.music.roll_files import read_roll_file

TRAINING = [
    np.array([[1, 0, 0], [1, 1, 0], [1, 1, 0], [0, 1, 0]], np.uint8),
    np.zeros((0, 3), np.uint8),
    np.array([[0, 0, 0], [1, 0, 0]], np.uint8),
]
TEST = [np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0]], np.uint8), np.array([[0, 1, 0]], np.uint8)]
FRAMES = np.array(list(product((0, 1), repeat=3)), np.uint8)


@pytest.mark.parametrize("kind", BASELINES)
def test_probabilities_of_all_frames_sum_to_one_and_have_the_expectation(kind):
    model = kind(TRAINING, 3)
    for history in (FRAMES[:0], FRAMES[5:6], FRAMES[[2, 7]]):
        pieces = [np.concatenate([history, v[None]]) for v in FRAMES]
        p = np.array([np.exp(model.log_likelihoods(piece)[-1]) for piece in pieces])
        assert p.sum() == pytest.approx(1, rel=1e-12)
        for piece in pieces:  # the prediction does not depend on the frame itself
            assert model.expected(piece)[-1] == pytest.approx(p @ FRAMES, rel=1e-12)


def test_by_hand():
    """Check all counts by hand.

    The three notes are on in 4, 3 and 0 of 6 frames. Of 4 pairs of frames, 3, 2 and 0 begin with the note, and it stays
    on in 2, 2 and 0 of them. Of the pairs that begin without the note, it comes on in 1 of 1, 1 of 2 and 0 of 4. There
    are 4 different chords; 010 and 000 occur once.
    """
    assert FairCoins(TRAINING, 3).p.tolist() == [0.5] * 3
    assert NoteFrequencies(TRAINING, 3).p == pytest.approx([5 / 8, 4 / 8, 1 / 8])
    chord = ChordFrequencies(TRAINING, 3)
    assert chord.mass == 3 / 8
    common = chord.mass / 8
    expected = [common, 5 / 8 * 2 / 6 + common, 5 / 8 * 1 / 6 + common]
    assert np.exp(chord.log_likelihoods(TEST[0])) == pytest.approx(expected)
    previous = PreviousFrame(TRAINING, 3)
    assert previous.on_after_on == pytest.approx([3 / 5, 3 / 4, 1 / 2])
    assert previous.on_after_off == pytest.approx([2 / 3, 2 / 4, 1 / 6])
    p = [[5 / 8, 4 / 8, 1 / 8], [3 / 5, 2 / 4, 1 / 2], [3 / 5, 3 / 4, 1 / 6]]
    assert previous.expected(TEST[0]) == pytest.approx(np.array(p))
    by_hand = [math.log(5 / 8 * 1 / 2 * 1 / 8), math.log(3 / 5 * 1 / 2 * 1 / 2), math.log(2 / 5 * 1 / 4 * 5 / 6)]
    assert previous.log_likelihoods(TEST[0]) == pytest.approx(by_hand)


def test_all_frames_weigh_the_same():
    """Mean and ratio are over all four frames, not over sequences. The accuracy is computed note by note."""
    for kind in BASELINES:
        model = kind(TRAINING, 3)
        tp = fp = fn = 0
        for roll in TEST:
            for v, p in zip(roll.ravel(), model.expected(roll).ravel(), strict=True):
                tp, fp, fn = tp + v * p, fp + (1 - v) * p, fn + v * (1 - p)
        found = scored(model, TEST)
        assert found.expected_accuracy == pytest.approx(tp / (tp + fp + fn), rel=1e-12)
        log_p = [x for roll in TEST for x in model.log_likelihoods(roll)]
        assert found.log_likelihood == pytest.approx(sum(log_p) / 4, rel=1e-12)


def test_names_and_what_needs_no_training():
    assert [b.name for b in baselines(TEST, TRAINING)] == [kind.name for kind in BASELINES]
    (random,) = baselines([np.eye(88, dtype=np.uint8)])
    assert random.log_likelihood == pytest.approx(-88 * math.log(2)) and round(random.log_likelihood, 2) == -61.00
    assert random.expected_accuracy == pytest.approx(1 / 89)


def test_notes_that_training_lacks_have_finite_costs():
    silent = [np.zeros((3, 100), np.uint8)]
    for b in baselines([np.ones((2, 100), np.uint8)], silent):
        assert np.isfinite(b.log_likelihood) and b.expected_accuracy > 0


def test_what_cannot_be_scored():
    for rolls, training, message in [
        ([], None, "no rolls"),
        (TEST, [FRAMES[:, :2]], r"found widths \[2, 3\]"),
        (TEST, [FRAMES[:0]], "training: expected frames"),
        ([FRAMES[:0]], TRAINING, "rolls: expected frames"),
    ]:
        with pytest.raises(ValueError, match=message):
            baselines(rolls, training)


@pytest.mark.parametrize("name", SETS)
def test_the_papers_note_1_gram(name, pianorolls):
    """Equal to the paper's two decimals. The paper's accuracy of "random" is the fraction of notes that are on."""
    rolls = read_roll_file(pianorolls / f"{name}.npz")
    found = scored(NoteFrequencies(rolls["train"], 88), rolls["test"])
    assert round(found.log_likelihood, 2) == TABLE["Note 1-gram"][name].log_likelihood
    share = np.mean(np.concatenate(rolls["test"]))
    assert round(100 * share, 2) == TABLE["Random"][name].accuracy


def test_the_papers_chord_1_gram_on_the_chorales(pianorolls):
    """Within 0.01 of the paper's result, whose p may differ."""
    rolls = read_roll_file(pianorolls / "jsb_chorales.npz")
    found = scored(ChordFrequencies(rolls["train"], 88), rolls["test"])
    assert found.log_likelihood == pytest.approx(TABLE["1-gram (add-p)"]["jsb_chorales"].log_likelihood, abs=0.01)


def test_the_table_of_the_paper():
    assert set(ROWS.values()) <= set(TABLE)
    for row in TABLE.values():
        assert tuple(row) == SETS
        assert all(
            cell.log_likelihood < 0 and (cell.accuracy is None or 0 < cell.accuracy < 100) for cell in row.values()
        )
