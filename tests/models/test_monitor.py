"""The monitor of given sequences."""

import numpy as np
import pytest

from rnnrbm_pt import RnnNade


def test_the_monitor_of_given_sequences(model_of, toy_rolls):
    nade = model_of(RnnNade)
    nade.fit(toy_rolls, 20, 1)
    cut = [roll[i : i + 20] for roll in toy_rolls for i in range(0, len(roll), 20)]
    for n_sequences in (1, 4):
        assert nade.monitor(toy_rolls, 20, n_sequences=n_sequences) == pytest.approx(nade.score(cut), abs=1e-12)
    with pytest.raises(ValueError, match="expected frames, found none"):
        nade.monitor([toy_rolls[0][:0]])


def test_the_monitor_learns_nothing_and_is_the_same_each_time(python_model, toy_rolls):
    model = python_model()
    before = model.state.arrays()
    first = model.monitor(toy_rolls[:2], 20)
    assert model.monitor(toy_rolls[:2], 20) == first
    after = model.state.arrays()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    other = python_model(seed=7)
    other.fit(toy_rolls, 20, 1)
    for p, q in zip(other.params, model.params, strict=True):
        p.set_value(q.get_value())
    assert other.monitor(toy_rolls[:2], 20) == first  # the draws do not depend on the model's seed
