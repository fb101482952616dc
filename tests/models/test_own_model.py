"""A user's own recurrence works like the library's models: the GRU-RBM that tutorial/your_own_model.md explains."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from models.gru_nade import GruNade
from models.gru_rbm import GruRbm
from oracles import AS_WRITTEN, finite_differences, states
from oracles import temporal as oracle
from scipy.special import expit

from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.models.base import SequenceModel

SIZES = {"n_hidden": 3, "n_hidden_recurrent": 2, "k": 2, "k_generate": 2}


class Twin(oracle.RnnRbm):
    """The GRU in NumPy. The biases of a frame are those of the RNN-RBM."""

    def see(self, v):
        p = self.p
        z, r = (expit(p["b" + x] + v @ p["Wv" + x] + self.u @ p["Wu" + x]) for x in "zr")
        new = np.tanh(p["bu"] + v @ p["Wvu"] + (r * self.u) @ p["Wuu"])
        self.u = (1 - z) * self.u + z * new


def twin_of(model):
    return Twin({p.name: p.get_value() for p in model.params})


@pytest.fixture
def model(as_written):
    """A model of four units with random parameters. Nothing is compiled."""
    model = GruRbm(**SIZES, r=(21, 25), lr=0.05)
    values = np.random.default_rng(1)
    for p in model.params:
        p.set_value(values.normal(scale=0.8, size=p.get_value().shape))
    return model


def random_roll(seed, n_steps):
    return np.random.default_rng(seed).integers(2, size=(n_steps, 4)).astype(float)


def test_the_likelihood_is_that_of_the_equations(model):
    roll = random_roll(0, 6)
    np.testing.assert_allclose(
        model.log_likelihoods([roll])[0], oracle.log_likelihoods(twin_of(model), roll), rtol=1e-10
    )


def test_the_gradient_is_that_of_the_cost_by_finite_differences(model):
    graphs, given = model.graphs, pt.matrix("given")
    gradients = pt.grad(graphs.cost, graphs.params, consider_constant=[graphs.v_sample])
    outputs, givens = [graphs.cost, *gradients], {graphs.v_sample: given}
    gradient_of = pytensor.function([graphs.v, given], outputs, givens=givens, mode=AS_WRITTEN)
    v, v_sample = random_roll(2, 4), random_roll(3, 4)
    _, *gradients = gradient_of(v, v_sample)
    for param, gradient in zip(model.params, gradients, strict=True):
        value = param.get_value()

        def cost(x, param=param):
            param.set_value(x)
            return gradient_of(v, v_sample)[0]

        expected = finite_differences(cost, value)
        param.set_value(value)
        assert abs(expected).max() > 1e-4, param.name
        np.testing.assert_allclose(gradient, expected, atol=1e-8, err_msg=param.name)


def test_it_learns(as_written):
    """Two notes alternate. An RBM without memory can only guess, with a log-likelihood of log 1/2 per frame."""
    roll = np.eye(2)[np.arange(60) % 2]
    model = GruRbm(n_hidden=2, n_hidden_recurrent=4, r=(60, 62), k=1, k_generate=5)
    model.fit([roll], batch_size=20, num_epochs=60, optimizer="adam", schedule={"lr": 0.05})
    assert model.score([roll]) > np.log(0.5) / 2


def test_a_run_stopped_saved_and_resumed_equals_one_that_was_not(model, tmp_path):
    model.save(tmp_path / "m")
    rolls = [random_roll(seed, 12) for seed in range(3)]
    whole, half = (GruRbm.load(tmp_path / "m") for _ in range(2))
    whole.fit(rolls, batch_size=6, num_epochs=2)

    def stop(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half.fit(rolls, batch_size=6, num_epochs=2, checkpoint=tmp_path / "half", on_epoch=stop)
    resumed = SequenceModel.load(tmp_path / "half", classes=[GruRbm]).resume(rolls)
    assert type(resumed) is GruRbm
    for one, other in zip(whole.params, resumed.params, strict=True):
        np.testing.assert_array_equal(one.get_value(), other.get_value())
    np.testing.assert_array_equal(whole.sample(5), resumed.sample(5))


def test_it_generates_and_goes_on_from_a_primer(model, tmp_path):
    primer = random_roll(4, 5)
    roll = model.generate(tmp_path / "a.mid", show=False, n_steps=4, seed=1, primer=primer)
    assert roll.shape == (4, 4) and (tmp_path / "a.mid").stat().st_size
    twin = twin_of(model)
    for v in primer:
        twin.see(v)
    states = pytensor.function([model.graphs.v], model.graphs.u_t, mode=AS_WRITTEN)(primer)
    np.testing.assert_allclose(states[-1], twin.u, rtol=1e-12)


def test_states_are_carried_over_several_sequences(model):
    rolls = [random_roll(seed, 9) for seed in range(3)]
    model.fit(rolls, batch_size=4, num_epochs=1, n_sequences=2, carry_state=True)
    assert np.isfinite(model.log[-1]["monitor"])
    assert model.transform(rolls)[0].shape == (9, 3 + 2) and model.predict_next(rolls[0]).shape == (9, 4)


def test_a_nade_learns_with_a_recurrence_of_ones_own(as_written, tmp_path):
    """After any past, the probabilities of all frames sum to 1, before and after training."""
    model = GruNade(n_hidden=3, n_hidden_recurrent=2, r=(21, 25), lr=0.05)
    past, frames = random_roll(5, 3), states(4)
    rolls = [np.vstack([past, frame]) for frame in frames]

    def total():
        return sum(np.exp(log_p[-1]) for log_p in model.log_likelihoods(rolls))

    assert total() == pytest.approx(1, rel=1e-12)
    roll = np.tile(np.eye(4), (10, 1))  # four notes in turn
    before = model.score([roll])
    model.fit([roll], batch_size=20, num_epochs=40, optimizer="adam", schedule={"lr": 0.05})
    assert model.score([roll]) > before + 1 and model.score([roll]).exact
    assert total() == pytest.approx(1, rel=1e-12)
    model.save(tmp_path / "m")
    loaded = GruNade.load(tmp_path / "m")
    assert loaded.score([roll]) == model.score([roll])
    assert np.array_equal(loaded.sample(5, seed=1), model.sample(5, seed=1))


def test_a_model_that_leaves_its_chains_to_the_defaults_has_chains_all_the_same(as_written, tmp_path):
    """Its settings give neither k nor k_generate. Its graphs tell that it has RBMs."""
    model, rolls = GruRbm(n_hidden=3, n_hidden_recurrent=2, r=(21, 25)), [random_roll(0, 12)]
    assert not {"k", "k_generate"} & set(model.settings)
    model.fit(rolls, 6, 1, persistent=True, schedule={"k": 3})
    explicit = GruRbm(n_hidden=3, n_hidden_recurrent=2, r=(21, 25), k=3).fit(rolls, 6, 1, persistent=True)
    assert model.log[0]["monitor"] == explicit.log[0]["monitor"]
    model.params[0].set_value(100 * model.params[0].get_value())  # chains that remember their start
    model.save(tmp_path / "m")
    loaded = GruRbm.load(tmp_path / "m", k_generate=3)
    assert loaded.settings["k_generate"] == 3 and loaded.sampler.k == 3
    assert np.array_equal(loaded.sample(9, seed=1), model.sample(9, seed=1, k=3))
    nade = GruNade(n_hidden=3, n_hidden_recurrent=2, r=(21, 25))
    with pytest.raises(ValueError, match="schedule: k: expected a model with a Gibbs chain in training, found none"):
        nade.fit(rolls, schedule={"k": 3})
    nade.save(tmp_path / "nade")
    with pytest.raises(ValueError, match="k_generate: expected a model with a Gibbs chain in generation, found GruNa"):
        GruNade.load(tmp_path / "nade", k_generate=3)


class OwnNames(SequenceModel):
    """A model whose sizes have names of their own."""

    def builder(n_visible, *, units, memory, **settings):
        return GruRbm.builder(n_visible, n_hidden=units, n_hidden_recurrent=memory, **settings)


class PerNote(SequenceModel):
    """A model whose n_hidden is the number of hidden units per note."""

    def builder(n_visible, *, n_hidden, **settings):
        return GruRbm.builder(n_visible, n_hidden=n_visible * n_hidden, **settings)


@pytest.mark.parametrize(
    "kind, sizes, false, message",
    [
        (OwnNames, {"units": 3, "memory": 2}, {"units": 9}, r"W: expected an array of shape \(4, 9\), found \(4, 3\)"),
        (PerNote, {"n_hidden": 2, "n_hidden_recurrent": 2}, {"n_hidden": 10**6}, "expected at least 4,000,002 param"),
    ],
)
def test_sizes_may_have_any_names_and_meanings(as_written, tmp_path, kind, sizes, false, message):
    model = kind(r=(21, 25), **sizes)
    model.save(tmp_path / "m")
    assert np.array_equal(kind.load(tmp_path / "m").sample(5, seed=1), model.sample(5, seed=1))
    arrays, metadata = read_checkpoint(tmp_path / "m")
    write_checkpoint(tmp_path / "m", arrays, {**metadata, "settings": metadata["settings"] | false})
    with pytest.raises(ValueError, match=message):
        kind.load(tmp_path / "m")
