"""Tests of brackets: the number of temperatures, and when a bracket can be trusted."""

import pytest

from rnnrbm_pt.evaluation.bracket import Bracket, temperatures_that_settle
from rnnrbm_pt.evaluation.estimate import Estimate
from rnnrbm_pt.evaluation.mixing import Mixing, steps_that_mix

MIXED = Mixing(0.0, 0.001, ("silence", "all notes"), 400)


def test_temperatures_are_doubled_until_nothing_moves():
    """Both errors are 7 / n: at 400 temperatures the estimates differ by 0.035 and moved by 0.0175; at 800 by half."""
    calls = []

    def score(n, reverse):
        calls.append((n, reverse))
        return -3 + (-7 if reverse else 7) / n

    assert temperatures_that_settle(score, 6400) == (800, True)
    assert calls[:4] == [(100, False), (100, True), (200, False), (200, True)] and len(calls) == 8
    assert temperatures_that_settle(score, 799) == (400, False)


def test_sides_that_stay_apart_never_settle():
    """Chains that do not mix: more temperatures change neither estimate."""
    assert temperatures_that_settle(lambda n, reverse: -2.3 if reverse else -2.7, 1600) == (1600, True)


def test_steps_are_doubled_until_chains_forget_their_starts():
    def measure(n):
        return MIXED._replace(memory=0.5 ** (n / 100), n_steps=n)  # 0.004 after 800 steps

    assert steps_that_mix(measure, 6400) == measure(800)
    assert steps_that_mix(measure, 799) == measure(400) and not measure(400).mixes


@pytest.mark.parametrize(
    "lower, settled, memory, holds",
    [
        (-3.04, True, 0.0, True),
        (-2.99, True, 0.0, True),  # by chance
        (-3.06, True, 0.0, False),
        (-2.94, True, 0.0, False),
        (-3.0, False, 0.0, False),
        (-3.0, True, 0.3, False),
    ],
)
def test_only_a_narrow_bracket_of_chains_that_mix_holds(lower, settled, memory, holds):
    mixing = MIXED._replace(memory=memory)
    found = Bracket(Estimate(lower, 0.01, 500, False), Estimate(-3.0, 0.02, 500, False), 800, settled, mixing)
    assert found.holds == holds and found.width == pytest.approx(-3.0 - lower)
    said = found.to_json()
    assert said["holds"] == holds and (said["lower"], said["lower_error"]) == (lower, 0.01)
    assert said["mixing"]["memory"] == memory
