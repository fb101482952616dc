"""The models related to RnnRbm: their common interface, and their results for given sequences."""

import numpy as np
import pytest
from oracles import put_normal, states
from oracles import temporal as oracle

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm, Rtrbm, TiedRnnRbm
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.cli.train import MODELS
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.music.midi import midiwrite

KINDS = {
    RnnRbm: ({"n_hidden": 3, "n_hidden_recurrent": 2, "learn_initial": True, "nonlinearity": "relu"}, 5),
    Rtrbm: ({"n_hidden": 3, "learn_initial": True}, 3),
    LstmRtrbm: ({"n_hidden": 3, "n_hidden_recurrent": 2, "dynamic_visible_bias": True, "learn_initial": True}, 5),
    RnnNade: ({"n_hidden": 3, "n_hidden_recurrent": 2, "learn_initial": True}, 5),
    TiedRnnRbm: ({"n_hidden": 3, "n_hidden_recurrent": 2, "learn_initial": True, "window": 2}, 4 * (3 + 2)),
}
TWINS = {
    RnnRbm: lambda p: oracle.RnnRbm(p, "relu"),
    Rtrbm: oracle.Rtrbm,
    LstmRtrbm: oracle.LstmRtrbm,
    RnnNade: oracle.RnnNade,
    TiedRnnRbm: lambda p: oracle.TiedRnnRbm(p, 2),
}
ROLLS = [np.random.RandomState(i).randint(2, size=(n, 4)) for i, n in enumerate((6, 3, 0))]


def make(kind, **settings):
    """Make a model of four units with random parameters. Only predict_next compiles anything."""
    model = kind(**KINDS[kind][0], r=(21, 25), backend="c", lr=0.05, **settings)
    return put_normal(model, 0.8)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def model(request):
    return make(request.param)


def twin_of(model):
    return TWINS[type(model)]({p.name: p.get_value() for p in model.params})


def test_the_score_is_the_exact_likelihood(model):
    found = model.log_likelihoods(ROLLS)
    assert [len(log_p) for log_p in found] == [6, 3, 0]
    expected = [oracle.log_likelihoods(twin_of(model), roll) for roll in ROLLS]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)
    assert model.score(ROLLS) == pytest.approx(np.concatenate(expected).mean(), rel=1e-12)
    with pytest.raises(ValueError, match="expected frames, found none"):
        model.score([])


def test_features_and_reconstructions(model):
    twin, features, probabilities = twin_of(model), [], []
    W = model.params[0].get_value()
    for v in ROLLS[0]:
        bv, bh = twin.biases()
        mean_h = 1 / (1 + np.exp(-(v @ W + bh)))
        twin.see(v)
        state = {Rtrbm: [], LstmRtrbm: getattr(twin, "s", [])}.get(type(model), twin.u)
        features.append([*mean_h, *np.ravel(state)])
        probabilities.append(1 / (1 + np.exp(-(mean_h @ W.T + bv))))
    found = model.transform(ROLLS)
    assert [x.shape for x in found] == [(n, KINDS[type(model)][1]) for n in (6, 3, 0)]
    np.testing.assert_allclose(found[0], features, rtol=1e-12)
    reconstructed = model.reconstruct(ROLLS)
    assert [x.shape for x in reconstructed] == [(6, 4), (3, 4), (0, 4)]
    if type(model) is RnnNade:  # p(v_i = 1 | v_<i), which agrees with log p(v)
        p = np.where(ROLLS[0], reconstructed[0], 1 - reconstructed[0])
        np.testing.assert_allclose(np.log(p).sum(axis=1), model.log_likelihoods(ROLLS)[0], rtol=1e-12)
    else:
        np.testing.assert_allclose(reconstructed[0], probabilities, rtol=1e-12)


def test_what_is_expected_of_each_next_frame(model):
    expected = [p @ states(4) for p in oracle.step_probabilities(twin_of(model), ROLLS[0])]
    found = model.predict_next(ROLLS[0], n_samples=400)
    np.testing.assert_allclose(found, expected, atol=0.03)  # standard error 0.01: half that of 400 bits
    assert np.array_equal(found, model.predict_next(ROLLS[0], n_samples=400))
    other = np.concatenate([ROLLS[0][:3], 1 - ROLLS[0][3:]])
    np.testing.assert_array_equal(model.predict_next(other, n_samples=400)[:4], found[:4])
    assert model.predict_next(ROLLS[2]).shape == (0, 4)
    with pytest.raises(ValueError, match="n_samples: expected an integer of at least 1, found 0"):
        model.predict_next(ROLLS[0], n_samples=0)


def test_a_file_says_which_model_it_holds(model, tmp_path):
    model.save(tmp_path / "m")
    for loaded in (SequenceModel.load(tmp_path / "m", backend="c"), type(model).load(tmp_path / "m", backend="c")):
        assert type(loaded) is type(model) and loaded.settings == model.settings
        assert loaded.score(ROLLS) == model.score(ROLLS)
    other = Rtrbm if type(model) is not Rtrbm else RnnRbm
    with pytest.raises(ValueError, match=f"expected a model of {other.__name__}.*, found '{type(model).__name__}'"):
        other.load(tmp_path / "m")


def test_a_sequence_leaves_the_state_that_a_sample_goes_on_from(model):
    twin = twin_of(model)
    for v in ROLLS[0]:
        twin.see(v)
    u, *_ = model.sampler.states_after(ROLLS[0])
    np.testing.assert_allclose(u, np.ravel(twin.u), rtol=1e-12)
    if type(model) in (RnnRbm, RnnNade):
        np.testing.assert_array_equal(model.sampler.initial_states()[0], model.params[-1].get_value())


def test_a_likelihood_that_would_take_too_long_is_refused():
    with pytest.raises(ValueError, match="at most 20 units in the smaller layer, found 21"):
        Rtrbm(30, r=(0, 21)).score([np.zeros((2, 21))], exact=True)


def test_an_rnn_nade_learns_generates_and_goes_on_learning(toy_rolls):
    model = RnnNade(8, 6, r=(21, 33), lr=0.05, backend="c").fit(toy_rolls, batch_size=10, num_epochs=30)
    f = np.concatenate(toy_rolls).mean(axis=0)
    independent_notes = (f * np.log(f) + (1 - f) * np.log(1 - f)).sum()  # -6.77
    assert model.score(toy_rolls) > independent_notes + 1
    assert model.log[-1]["monitor"] > model.log[0]["monitor"] + 1
    before, log = model.score(toy_rolls), list(model.log)
    for _ in range(5):
        model.partial_fit(toy_rolls, batch_size=10)
    assert model.score(toy_rolls) > before and model.log == log
    one, same, other = (model.sample(50, seed=seed, primer=toy_rolls[0]) for seed in (1, 1, 2))
    assert one.dtype == np.uint8 and one.shape == (50, 12)
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert abs(one.sum(axis=1).mean() - np.concatenate(toy_rolls).sum(axis=1).mean()) < 1


def test_a_noisy_sine_is_predicted_and_generated():
    """Two units, a quarter of a period apart, with amplitude 4 and noise of variance 1, the variance of the units."""
    t = np.arange(480)
    clean = 4 * np.stack([np.sin(2 * np.pi * t / 12), np.cos(2 * np.pi * t / 12)], axis=1)
    roll = clean + np.random.RandomState(0).normal(size=clean.shape)
    model = RnnRbm(10, 20, lr=0.02, r=(0, 2), visible="gaussian", k=1, backend="c")
    model.fit([roll[:400]], batch_size=50, num_epochs=100)
    error = ((model.predict_next(roll)[400:] - roll[400:]) ** 2).mean()
    assert error < 1.3  # measured 1.10; the noise is 0.97, the error of the mean 8.7, that of the previous frame 4.1
    sample = model.sample(240, seed=1)
    assert sample.dtype == np.float64
    spectrum = np.abs(np.fft.rfft(sample[:, 0])) ** 2
    assert np.argmax(spectrum[1:]) + 1 == 20  # 240 frames with 12 frames per period
    with pytest.raises(ValueError, match="which are not notes"):
        model.generate("sine.mid")
    with pytest.raises(ValueError, match="roll 0: expected finite numbers, found nan at step 1, unit 0"):
        model.fit([[[0.0, 1.0], [np.nan, 0.0]]])


@pytest.mark.parametrize("word", MODELS)
def test_the_command_makes_the_model_that_is_named(word, toy_rolls, tmp_path):
    midiwrite(tmp_path / "a.mid", toy_rolls[0], (21, 33), 0.3)
    train = ["train", str(tmp_path / "a.mid"), "-o", str(tmp_path / "m"), "--epochs", "0", "--hidden", "5"]
    assert main([*train, "--model", word]) == 0
    model = SequenceModel.load(tmp_path / "m")
    shape = {"biaxial-rnn": (25, 15), "tied-rnn-rbm": (88, 88 * 5)}.get(word, (88, 5))
    assert type(model).__name__ == MODELS[word] and model.params[0].get_value().shape == shape


def test_an_rtrbm_has_no_recurrent_units_of_its_own(tmp_path, toy_rolls, capsys):
    midiwrite(tmp_path / "a.mid", toy_rolls[0], (21, 33), 0.3)
    train = ["train", str(tmp_path / "a.mid"), "-o", str(tmp_path / "m"), "--model", "rtrbm", "--recurrent", "7"]
    assert main(train) == 1
    assert (
        "--recurrent: expected 150, the --hidden units, which are an RTRBM's recurrent units, found 7"
        in capsys.readouterr().err
    )
