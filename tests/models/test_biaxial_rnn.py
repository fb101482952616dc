"""The biaxial RNN as a model: likelihoods and predictions, files, runs, and errors."""

from functools import partial

import numpy as np
import pytest
from oracles import put_normal, states
from oracles import temporal as oracle
from oracles.runs import interrupting, same

from rnnrbm_pt import BiaxialRnn
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.compiling import AS_WRITTEN

SETTINGS = {"n_hidden": 3, "n_hidden_recurrent": 2, "window": 2, "learn_initial": True, "mode": AS_WRITTEN}
RUN = {"batch_size": 6, "num_epochs": 2, "n_sequences": 2, "carry_state": True, "optimizer": "adam"}
DROPOUT = {"dropout_recurrent": 0.1, "dropout_hidden": 0.5}
ROLLS = [np.random.RandomState(i).randint(2, size=(n, 4)) for i, n in enumerate((6, 3, 0))]
LONGER = [np.random.RandomState(i).randint(2, size=(n, 4)) for i, n in enumerate((16, 10))]
TWIN = partial(oracle.BiaxialRnn, window=2)


def make(**settings):
    """Make a model with random parameters."""
    model = BiaxialRnn(**{"r": (21, 25), "lr": 0.05, "streams": "philox", **SETTINGS, **settings})
    return put_normal(model, 0.8)


@pytest.fixture(scope="module")
def model():
    return make()


def test_the_score_is_the_exact_likelihood(model):
    found = model.log_likelihoods(ROLLS)
    expected = [oracle.log_likelihoods(TWIN(model.get_params()), roll) for roll in ROLLS]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)
    assert model.score(ROLLS) == pytest.approx(np.concatenate(expected).mean(), rel=1e-12)


def test_what_is_expected_of_each_next_frame(model):
    expected = [p @ states(4) for p in oracle.step_probabilities(TWIN(model.get_params()), ROLLS[0])]
    np.testing.assert_allclose(model.predict_next(ROLLS[0], n_samples=400), expected, atol=0.04)
    accuracy, precision = model.accuracy_and_precision(ROLLS)
    assert 0 < accuracy < precision < 1
    assert [x.shape for x in model.transform(ROLLS)] == [(n, 4 * (3 + 2)) for n in (6, 3, 0)]


def test_a_sequence_leaves_the_states_that_a_sample_goes_on_from(model):
    twin = TWIN(model.get_params())
    np.testing.assert_array_equal(model.sampler.initial_states()[0].reshape(4, 2), twin.u)
    for v in ROLLS[0]:
        twin.see(v)
    (u,) = model.sampler.states_after(ROLLS[0])
    np.testing.assert_allclose(u.reshape(4, 2), twin.u, rtol=1e-12)
    pairs = [(model.sample(4, seed=seed), model.sample(4, seed=seed, primer=ROLLS[0])) for seed in range(8)]
    assert any(not np.array_equal(one, other) for one, other in pairs)


def test_dials(model):
    neutral = model.sample(60, seed=1)
    assert model.sample(60, seed=1, density=2.0).sum() > neutral.sum() > model.sample(60, seed=1, density=-2.0).sum()
    tame = model.sample(60, seed=1, floor=0.49)
    assert np.array_equal(tame, model.sample(60, seed=2, floor=0.49, temperature=0.01)), "nothing is left to chance"
    with pytest.raises(ValueError, match="k: expected a model with a Gibbs chain"):
        model.sample(3, k=2)


@pytest.mark.parametrize("recurrence, dropout", [("gru", DROPOUT), pytest.param("lstm", {}, marks=pytest.mark.slow)])
def test_a_run_that_goes_on_from_its_file_ends_with_the_same_bits(tmp_path, recurrence, dropout):
    run, settings = RUN | dropout, {"recurrence": recurrence}
    whole, stopped = make(**settings).fit(LONGER, **run), make(**settings)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(LONGER, checkpoint=tmp_path / "m", on_update=interrupting(2), **run)
    loaded = SequenceModel.load(tmp_path / "m", mode=AS_WRITTEN)
    assert type(loaded) is BiaxialRnn and loaded.settings == whole.settings
    assert same(loaded.resume(LONGER), whole)
    np.testing.assert_array_equal(loaded.sample(5, seed=1), whole.sample(5, seed=1))


def test_it_learns(toy_rolls):
    model = BiaxialRnn(6, 6, r=(21, 33), mode=AS_WRITTEN)
    before = model.score(toy_rolls)
    model.fit(toy_rolls, 20, 3, n_sequences=2, optimizer="adam", schedule={"lr": 0.05}, average=0.5)
    assert model.score(toy_rolls) > before + 1


def test_an_update_of_hessian_free_optimisation():
    """One update of all parameters, after one update that pretrains the network along time."""
    run = {"n_sequences": 4, "optimizer": "hf", "cg_iterations": 5}
    pretrain = {"rnn_epochs": 1, "rnn_batch_size": 6, "rnn_optimizer": "hf", "rnn_cg_iterations": 2}
    model, costs = make(recurrence="tanh"), []
    before = model.score(ROLLS)
    model.fit(ROLLS, 6, 1, pretrain=pretrain, on_pretrain=lambda record: costs.append(record["cost"]), **run)
    assert np.isfinite(costs).all() and len(costs) == model.log[0]["updates"] == 1
    assert model.score(ROLLS) > before


@pytest.mark.slow
def test_hessian_free_optimisation_learns_too(toy_rolls):
    model = BiaxialRnn(4, 4, r=(21, 33), mode=AS_WRITTEN)
    model.fit(toy_rolls[:3], 20, 2, n_sequences=100, optimizer="hf", curvature_frames=60, cg_iterations=5)
    assert model.log[1]["monitor"] > model.log[0]["monitor"] + 1


def test_a_model_of_arrays_has_their_sizes(model):
    for given in (model.get_params(), list(model.get_params().values())):
        found = BiaxialRnn.from_arrays(given, r=(21, 25), streams="philox", lr=0.05, learn_initial=True)
        assert found.settings == model.settings and found.score(ROLLS) == model.score(ROLLS)
    with pytest.raises(ValueError, match="r: expected the range of the 4 notes, found none"):
        BiaxialRnn.from_arrays(model.get_params())


def test_what_it_refuses(toy_rolls, tmp_path):
    model = make(r=(21, 33))
    with pytest.raises(ValueError, match="frame_epochs: expected a model of RBMs or NADEs, found BiaxialRnn"):
        model.fit(toy_rolls, pretrain={"frame_epochs": 1})
    settings = {"sparsity": 0.1, "sparsity_cost": 0.1}, {"max_norm": 1.0}, {"weight_decay_rbm": 0.1}, {"lr_rnn": 0.1}
    for given in settings:
        expected = f"{next(iter(given))}: expected a model of RBMs or NADEs, found BiaxialRnn"
        for one in (given, {"schedule": given}):
            with pytest.raises(ValueError, match=expected):
                model.fit(toy_rolls, **one)
    with pytest.raises(ValueError, match="window: expected an integer of at least 1, found 0"):
        make(window=0)
    model.save(tmp_path / "m")
    arrays, metadata = read_checkpoint(tmp_path / "m")
    write_checkpoint(tmp_path / "m", arrays, {**metadata, "settings": metadata["settings"] | {"window": 3}})
    with pytest.raises(ValueError, match=r"W: expected an array of shape \(16, 9\), found \(15, 9\)"):
        SequenceModel.load(tmp_path / "m")
