"""Scores and their errors: likelihood and expected accuracy against sums over all states."""

import numpy as np
import pytest
from oracles import put_normal, states
from oracles import temporal as oracle

from rnnrbm_pt import RnnNade, RnnRbm
from rnnrbm_pt.streams.states import packed_stream

ROLLS = [np.random.RandomState(i).randint(2, size=(n, 4)) for i, n in enumerate((12, 0, 9, 11))]


N_FRAMES = 32


def make(kind, backend, **settings):
    """Make a model of four units with random parameters."""
    settings = {"streams": "philox", **settings}
    model = kind(n_hidden=3, n_hidden_recurrent=2, r=(21, 25), backend=backend, **settings)
    return put_normal(model, 0.8)


@pytest.fixture(scope="module")
def rbm():
    return make(RnnRbm, "c")


def states_of(model):
    return [stream.get_value().tolist() for stream in model.streams.streams]


@pytest.mark.parametrize("reverse", [False, True])
def test_annealing_finds_the_likelihood_that_the_sum_has(rbm, monkeypatch, reverse):
    before = states_of(rbm)
    exact = np.concatenate(rbm.log_likelihoods(ROLLS))
    settings = {"exact": False, "reverse": reverse, "n_chains": 40, "n_temperatures": 30}
    found, errors = rbm.log_likelihoods(ROLLS, **settings, return_errors=True)
    assert [len(x) for x in found] == [len(x) for x in errors] == [12, 0, 9, 11]
    z = (np.concatenate(found) - exact) / np.concatenate(errors)
    assert np.abs(z).max() < 4 and 0.5 < np.sqrt((z**2).mean()) < 1.5
    score = rbm.score(ROLLS, **settings)
    assert score == pytest.approx(np.concatenate(found).mean(), rel=1e-12) and not score.exact
    assert abs(score - exact.mean()) < 4 * score.standard_error < 0.1
    monkeypatch.setattr("rnnrbm_pt.evaluation.frames.ROWS", 200)
    blocks = rbm.score(ROLLS, **settings)  # five frames at a time, each with new draws
    assert blocks != score and abs(blocks - exact.mean()) < 4 * blocks.standard_error
    assert states_of(rbm) == before


def test_a_bracket_encloses_the_sum(rbm):
    exact, found = rbm.score(ROLLS), rbm.bracket(ROLLS, n_chains=40)
    assert found.holds and found.n_temperatures == 200 and abs(found.width) < 0.01
    for side in (found.lower, found.upper):
        assert abs(side - exact) < 4 * side.standard_error < 0.05
    assert rbm.bracket(ROLLS, n_frames=20, n_chains=40).lower.n_frames == 20
    steep = make(RnnRbm, "c")
    steep.params[0].set_value(12 * steep.params[0].get_value())
    assert not steep.bracket(ROLLS, n_chains=10, most=100).settled
    with pytest.raises(ValueError, match="most: expected an integer of at least 100, found 99"):
        rbm.bracket(ROLLS, most=99)


def test_a_search_computes_the_states_of_a_sequence_once(rbm, monkeypatch):
    """They are computed in Python, frame by frame, and were computed for each number of temperatures and of steps."""
    observe, observed = rbm.scorer.observe, []
    monkeypatch.setattr(rbm.scorer, "observe", lambda roll: observed.append(len(roll)) or observe(roll))
    found = rbm.bracket(ROLLS, n_chains=40)
    assert found.n_temperatures == 200 and observed == [12, 9, 11] * 2  # the second time for the measure of mixing
    assert found.lower == rbm.score(ROLLS, exact=False, n_chains=40, n_temperatures=200, reverse=True)
    assert found.mixing == rbm.scorer.mixing(ROLLS, n_chains=40, n_steps=100)
    observed.clear()
    settled = rbm.settled_accuracy(ROLLS)
    assert settled.n_steps >= 25 and observed == [12, 9, 11]
    assert settled.accuracy == rbm.expected_accuracy(ROLLS, burn_in=settled.n_steps, n_average=25)


def test_chains_forget_their_starts_before_annealing_in_reverse():
    """An RBM with two modes far apart: after 100 Gibbs steps, annealing in reverse still misses most of one mode."""
    slow, c = make(RnnRbm, "c"), 2.6
    values = {"W": c, "bv": 0.3 - 1.5 * c, "bh": -2 * c}
    for param in slow.params:
        param.set_value(np.full_like(param.get_value(), values.get(param.name, 0.0)))
    exact, found = slow.score(ROLLS), slow.bracket(ROLLS, n_chains=40, most=800)
    assert slow.score(ROLLS, exact=False, n_chains=40, reverse=True) > exact + 0.4
    assert found.mixing.mixes and found.mixing.n_steps == 400
    assert abs(found.lower - exact) < 4 * found.lower.standard_error < 0.2
    settings = {"n_chains": 40, "n_temperatures": found.n_temperatures, "reverse_steps": 400}
    assert found.lower == slow.score(ROLLS, exact=False, reverse=True, **settings)


def test_frames_whose_chains_disagree_are_counted(rbm):
    """The weights are so large that most chains end where there is no mass. More temperatures help."""
    steep = make(RnnRbm, "c")
    steep.params[0].set_value(6 * steep.params[0].get_value())
    few, more = (steep.score(ROLLS, exact=False, n_chains=10, n_temperatures=n) for n in (3, 100))
    assert 16 < few.n_low_ess <= N_FRAMES and more.n_low_ess < few.n_low_ess / 2
    _, errors = steep.log_likelihoods(ROLLS, exact=False, n_chains=10, n_temperatures=3, return_errors=True)
    assert few.n_low_ess == (np.concatenate(errors) > 1 / np.sqrt(10)).sum()
    assert rbm.score(ROLLS).n_low_ess == 0 and rbm.expected_accuracy(ROLLS).n_low_ess == 0


def test_every_backend_draws_the_same(rbm, monkeypatch):
    """The frames are scored in blocks. JAX pads the last block."""
    monkeypatch.setattr("rnnrbm_pt.evaluation.frames.ROWS", 100)
    settings = {"exact": False, "n_chains": 10, "n_temperatures": 10}
    expected = rbm.score(ROLLS, **settings)
    for backend in ("numba", "jax"):
        if backend == "jax":
            pytest.importorskip("jax", reason="needs the extra jax")
        found = make(RnnRbm, backend).score(ROLLS, **settings)
        assert found == pytest.approx(expected, rel=1e-10)
        assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-7)


@pytest.mark.parametrize("streams", ["srs", "mrg"])
def test_the_streams_of_a_model_do_not_change_its_score(rbm, streams):
    """Annealing uses Philox streams, so every model has the same score on every backend."""
    settings = {"exact": False, "n_chains": 10, "n_temperatures": 10}
    expected = rbm.score(ROLLS, **settings)
    for backend in ("c", "numba"):
        model = make(RnnRbm, backend, streams=streams)
        before = model.streams.streams[0].get_value()
        found = model.score(ROLLS, **settings)
        assert found == pytest.approx(expected, rel=1e-10)
        assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-7)
        np.testing.assert_equal(packed_stream(model.streams.streams[0].get_value()), packed_stream(before))


def test_real_frames_are_scored_by_the_streams_of_the_model():
    """Philox streams draw no normal numbers."""
    rolls = [np.random.default_rng(0).normal(size=(5, 4))]
    model = RnnRbm(n_hidden=3, n_hidden_recurrent=2, r=(21, 25), backend="c", visible="gaussian")
    found = model.score(rolls, exact=False, n_chains=40, n_temperatures=30)
    assert abs(found - model.score(rolls)) < 4 * found.standard_error + 1e-6


def test_some_frames_stand_for_all(rbm):
    exact = np.concatenate(rbm.log_likelihoods(ROLLS))
    score = rbm.score(ROLLS)
    assert isinstance(score, float) and score == pytest.approx(exact.mean(), rel=1e-12)
    assert (score.standard_error, score.n_frames, score.exact) == (0, N_FRAMES, True)
    some = [rbm.score(ROLLS, n_frames=20, seed=seed) for seed in range(100)]
    expected = exact.std(ddof=1) * np.sqrt((1 / 20) * (1 - 20 / N_FRAMES))
    assert np.std(some) == pytest.approx(expected, rel=0.25)  # 3.5 / sqrt(2 * 100)
    assert np.mean([s.standard_error for s in some]) == pytest.approx(expected, rel=0.1)
    assert all(s.exact and s.n_frames == 20 for s in some) and some[3] == rbm.score(ROLLS, n_frames=20, seed=3)
    assert np.isnan(rbm.score(ROLLS, n_frames=1).standard_error)


@pytest.mark.parametrize("kind, twin", [(RnnRbm, oracle.RnnRbm), (RnnNade, oracle.RnnNade)])
def test_accuracy_is_that_of_the_exact_expectations(kind, twin):
    model = make(kind, "c")
    p = np.concatenate(
        [
            oracle.step_probabilities(twin({p.name: p.get_value() for p in model.params}), roll) @ states(4)
            for roll in ROLLS
            if len(roll)
        ]
    )
    v = np.concatenate(ROLLS)
    expected = (v * p).sum() / ((v * p).sum() + ((1 - v) * p).sum() + (v * (1 - p)).sum())
    before = states_of(model)
    found = [model.expected_accuracy(ROLLS, n_samples=20, seed=seed) for seed in range(20)]
    off = np.array(found) - expected
    errors = np.array([x.standard_error for x in found])
    assert found[0].n_frames == N_FRAMES and not found[0].exact
    assert np.abs(off).max() < 4 * errors.max() < 0.1 and 0.6 < np.sqrt(((off / errors) ** 2).mean()) < 1.5
    some = model.expected_accuracy(ROLLS, n_frames=16)
    assert some.n_frames == 16 and some.standard_error > errors.max() and abs(some - expected) < 4 * some.standard_error
    precision = (v * p).sum() / p.sum()
    forgiving = model.expected_accuracy(ROLLS, n_samples=20, missed=False)
    assert abs(forgiving - precision) < 4 * forgiving.standard_error < 0.1 and forgiving > found[0]
    assert states_of(model) == before


def test_what_cannot_be_taken_is_said(rbm):
    for settings, said in (
        ({"n_chains": 1}, "n_chains: expected an integer of at least 2, found 1"),
        ({"n_temperatures": 1}, "n_temperatures: expected an integer of at least 2, found 1"),
        ({"n_frames": 33}, "n_frames: expected 1 to 32, the total number of frames, found 33"),
        ({"n_frames": 0}, "n_frames: expected 1 to 32"),
    ):
        with pytest.raises(ValueError, match=said):
            rbm.score(ROLLS, **settings)
    with pytest.raises(ValueError, match="rolls: expected frames, found none"):
        rbm.score([ROLLS[1]])
    with pytest.raises(ValueError, match="rolls: expected frames, found none"):
        rbm.expected_accuracy([])
    with pytest.raises(ValueError, match="n_samples: expected an integer of at least 2, found 1"):
        rbm.expected_accuracy(ROLLS, n_samples=1)
    with pytest.raises(ValueError, match="exact: expected True or None"):
        make(RnnNade, "c").score(ROLLS, exact=False)
    with pytest.raises(ValueError, match="expected binary visible units, found Gaussian ones"):
        RnnRbm(3, 2, r=(0, 4), backend="c", visible="gaussian").expected_accuracy(ROLLS)
    assert rbm.log_likelihoods([]) == []
