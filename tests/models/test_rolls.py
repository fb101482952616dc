"""Rolls that are read when they are needed: the same bits as from memory, and none is kept."""

import numpy as np
import pytest
from oracles.runs import interrupting, same

from rnnrbm_pt.models.rolls import CheckedRolls, all_frames, checked_rolls
from rnnrbm_pt.music.pianoroll import Transpositions, check_roll, with_transpositions


class Lazy:
    """A sequence with only ``len`` and ``[i]``."""

    def __init__(self, rolls):
        self.rolls = rolls

    def __len__(self):
        return len(self.rolls)

    def __getitem__(self, i):
        return self.rolls[i].copy()


def test_lists_are_copied_and_other_sequences_stay_where_they_are(toy_rolls):
    def check(roll, name):
        return check_roll(roll, (21, 33), name)

    assert isinstance(checked_rolls(toy_rolls, check), list)
    assert isinstance(checked_rolls(iter(toy_rolls), check), list)
    rolls = checked_rolls(Lazy(toy_rolls), check)
    assert isinstance(rolls, CheckedRolls) and isinstance(checked_rolls(rolls, check), CheckedRolls)
    assert len(rolls) == len(list(rolls)) == 5 and len(rolls[1:3]) == 2 and np.array_equal(rolls[-1], toy_rolls[-1])
    with pytest.raises(ValueError, match=r"^roll 1: expected shape"):
        list(checked_rolls(Lazy([toy_rolls[0], toy_rolls[1][:, :3]]), check))


def test_frames_are_those_of_one_array(toy_rolls):
    rolls = CheckedRolls(Lazy(toy_rolls), lambda roll, name: roll)
    frames, whole = all_frames(rolls), np.concatenate(toy_rolls)
    assert (len(frames), frames.shape) == (len(whole), whole.shape)
    rows = np.random.RandomState(0).permutation(len(whole))
    assert np.array_equal(frames[rows], whole[rows])


def test_transpositions_are_those_of_the_list(toy_rolls):
    found = Transpositions(Lazy(toy_rolls), 3, (21, 33))
    expected = with_transpositions(toy_rolls, 3, (21, 33))
    assert len(found) == len(expected) > 0
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


SETTINGS = [
    {},
    {"n_sequences": 3, "carry_state": True, "sample_every": 1},
    {"pretrain": {"frame_epochs": 1, "rnn_epochs": 1}, "validate_by": "likelihood"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=["plain", "carried", "pretrained"])
def test_training_gives_the_bits_that_it_gives_from_memory(python_model, toy_rolls, settings):
    one, other = python_model(), python_model()
    settings = {"batch_size": 20, "num_epochs": 2, **settings}
    one.fit(toy_rolls[:4], validation=toy_rolls[4:], **settings)
    other.fit(Lazy(toy_rolls[:4]), validation=Lazy(toy_rolls[4:]), **settings)
    assert same(one, other)
    strip = [[{**record, "seconds": 0, "frames_per_second": 0} for record in model.log] for model in (one, other)]
    assert strip[0] == strip[1]
    assert one.score(toy_rolls[:1]) == other.score(Lazy(toy_rolls[:1]))


def test_a_run_is_resumed_from_either(python_model, toy_rolls):
    whole, stopped = python_model(), python_model()
    whole.fit(toy_rolls, 20, 2)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(Lazy(toy_rolls), 20, 2, on_update=interrupting(4))
    stopped.resume(toy_rolls)
    assert same(whole, stopped)
    with pytest.raises(ValueError, match="expected the training and validation sequences of the stopped run"):
        whole.resume(Lazy([roll[::-1] for roll in toy_rolls]), 3)


def test_an_invalid_roll_is_found_before_anything_is_learned(python_model, toy_rolls):
    model, fresh = python_model(), python_model()
    with pytest.raises(ValueError, match=r"^roll 3: expected only 0 and 1, found 2"):
        model.fit(Lazy([*toy_rolls[:3], 2 * toy_rolls[3]]), 20, 1)
    assert same(model, fresh) and not model.log
