"""Settings of generation: their effect on every backend, and errors."""

import numpy as np
import pytest
from oracles import names_of

from rnnrbm_pt import RnnNade, RnnRbm, midiread
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.models.generation import Generation

ALL = {"k": 3, "start": "previous", "floor": 0.1, "temperature": 0.8, "density": -0.5}
OF_NADE = {name: value for name, value in ALL.items() if name not in ("k", "start")}


def random_values(model, scale=1.0):
    """Random parameters that float32 holds exactly."""
    draws = np.random.default_rng(1)
    for param in model.params:
        value = draws.normal(scale=scale, size=param.get_value().shape).astype("float32")
        param.set_value(value.astype(model.floatX))
    return model


def at_neutral_dials(model, **how):
    """A sample from the graph with dials, at the values for which it equals the model's own graph."""
    sampler = model.sampler
    sampler.with_dials.inputs.set_dials(sampler.k or 1, "zeros", 0, 1, 0)
    plain, sampler.plain = sampler.plain, sampler.with_dials
    try:
        return model.sample(**how)
    finally:
        sampler.plain = plain


@pytest.fixture(scope="module")
def expected(toy_rolls):
    """Three pieces per kind of model, from float64 graphs run operation by operation."""
    return {kind: pieces(make(kind, backend="c", mode=AS_WRITTEN), toy_rolls[0]) for kind in (RnnRbm, RnnNade)}


def make(kind, **settings):
    chain = {} if kind is RnnNade else {"k_generate": 2}
    return random_values(kind(8, 6, r=(21, 33), streams="philox", **chain, **settings))


def pieces(model, primer):
    dials = OF_NADE if isinstance(model, RnnNade) else ALL
    return [
        model.sample(12, seed=1),
        model.sample(12, seed=1, **dials),
        model.sample(12, seed=2, primer=primer, **{**dials, "temperature": 2.0, "floor": 0.2}),
    ]


@pytest.mark.parametrize(
    ("kind", "backend", "floatX"),
    [
        pytest.param(RnnRbm, "numba", "float32", marks=pytest.mark.slow),
        (RnnRbm, "c", "float64"),
        (RnnRbm, "jax", "float32"),
        pytest.param(RnnNade, "c", "float32", marks=pytest.mark.slow),
        (RnnNade, "jax", "float64"),
        pytest.param(RnnRbm, "numba", "float64", marks=pytest.mark.slow),
        pytest.param(RnnNade, "numba", "float32", marks=pytest.mark.slow),
    ],
)
def test_every_backend_draws_the_same_pieces(expected, toy_rolls, kind, backend, floatX):
    if backend == "jax":
        pytest.importorskip("jax")
    model = make(kind, backend=backend, floatX=floatX)
    found = pieces(model, toy_rolls[0])
    for piece, other in zip(found, expected[kind], strict=True):
        np.testing.assert_array_equal(piece, other)
    np.testing.assert_array_equal(at_neutral_dials(model, n_steps=12, seed=1), found[0])
    if backend == "numba" and kind is RnnRbm:
        for generator in (model.sampler.plain, model.sampler.with_dials):
            assert "PhiloxGibbsChain" in names_of(generator.function.function)


def test_without_dials_nothing_else_is_built(python_model):
    model = python_model()
    model.sample(3, start="zeros", floor=0, temperature=1, density=0, k=2)
    assert "with_dials" not in vars(model.sampler)
    model.sample(3, k=3)
    compiled = model.sampler.with_dials.function
    model.sample(3, k=4, temperature=2, start="previous")
    assert model.sampler.with_dials.function is compiled


@pytest.mark.parametrize("kind", ["srs", "mrg", "philox"])
def test_each_kind_of_streams(python_model, kind):
    model = random_values(python_model(streams=kind))
    np.testing.assert_array_equal(at_neutral_dials(model, n_steps=8, seed=1), model.sample(8, seed=1))
    assert not np.array_equal(model.sample(8, seed=1, **ALL), model.sample(8, seed=1))
    np.testing.assert_array_equal(model.sample(8, seed=1, **ALL), model.sample(8, seed=1, **ALL))


def test_dials_leave_the_models_own_streams_and_generator(python_model):
    model, twin = random_values(python_model()), random_values(python_model())
    model.sample(5, seed=3, **ALL)
    np.testing.assert_array_equal(model.sample(5), twin.sample(5))
    # without a seed, both graphs draw from the model's streams
    np.testing.assert_array_equal(model.sample(5, **ALL), twin.sample(5, **ALL))
    np.testing.assert_array_equal(model.generate_function(), twin.generate_function())


def test_pieces_of_a_long_sample_go_on_from_the_frame_before(python_model, monkeypatch):
    model = random_values(python_model(), scale=3.0)
    whole = model.sample(9, seed=1, start="previous", k=1)
    monkeypatch.setattr(type(model.compiling), "pieces", lambda self, n, most: [slice(0, 2), slice(2, 3), slice(3, n)])
    np.testing.assert_array_equal(model.sample(9, seed=1, start="previous", k=1), whole)


def test_the_chain_starts_at_the_last_frame_of_the_primer(python_model):
    """The couplings are so strong that a chain stays where it starts. Silence and the chord are equally probable."""
    model = python_model()
    W, bv, bh, *others = model.params
    for param in others:
        param.set_value(0 * param.get_value())
    W.set_value(np.full(W.get_value().shape, 8.0))
    bv.set_value(np.full(12, -32.0))
    bh.set_value(np.full(8, -48.0))
    chord = np.ones((3, 12), np.uint8)
    assert model.sample(5, seed=1, primer=chord, start="previous").all()
    assert not model.sample(5, seed=1, primer=chord).any()
    assert not model.sample(5, seed=1, start="previous").any()


def test_the_primer_is_kept_when_asked_for(python_model, toy_rolls, tmp_path):
    model = python_model()
    primer = toy_rolls[0][:7]
    alone = model.sample(5, seed=1, primer=primer)
    np.testing.assert_array_equal(
        model.sample(5, seed=1, primer=primer, keep_primer=True), np.concatenate([primer, alone])
    )
    roll = model.generate(tmp_path / "a.mid", False, n_steps=5, seed=1, primer=primer, keep_primer=True)
    np.testing.assert_array_equal(midiread(tmp_path / "a.mid", model.r, model.dt).piano_roll, roll)


def test_seconds_and_tempo(python_model, tmp_path):
    model = python_model(preprocess={"steps_per_quarter": 2})
    model.params[1].set_value(np.full(12, 3.0))
    assert len(python_model(dt=0.25).sample(seconds=2)) == 8
    assert len(model.sample(seconds=2)) == 8  # eighth notes at a tempo of 120
    roll = model.generate(tmp_path / "a.mid", False, seconds=2, tempo=90, seed=1)
    assert len(roll) == 6
    found = midiread(tmp_path / "a.mid", model.r, 60 / 90 / 2).piano_roll
    np.testing.assert_array_equal(found, roll[: len(found)])
    assert len(model.sample()) == 200


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"k": 0}, "k: expected an integer of at least 1, found 0"),
        ({"start": "silence"}, "start: expected one of zeros, previous, found 'silence'"),
        ({"floor": 0.5}, "floor: expected a finite number of at least 0 and below 0.5, found 0.5"),
        ({"temperature": 0}, "temperature: expected a finite number above 0, found 0"),
        ({"density": float("nan")}, "density: expected a finite number, found nan"),
        ({"seconds": 2, "n_steps": 3}, "seconds: expected either seconds or a number of frames, found 2 and 3"),
        ({"tempo": 90}, "tempo: expected a model of beat-aligned frames, found frames of a fixed 0.3 s"),
        ({"keep_primer": True}, "keep_primer: expected a primer, found none"),
    ],
)
def test_a_bad_value_is_one_sentence(python_model, setting, sentence):
    with pytest.raises(ValueError) as caught:
        python_model().sample(**setting)
    assert str(caught.value) == sentence


def test_a_setting_that_says_nothing_to_a_model_is_refused(model_of, python_model):
    nade, gaussian = model_of(RnnNade), python_model(visible="gaussian", streams="srs")
    for setting in ({"k": 3}, {"start": "previous"}):
        with pytest.raises(
            ValueError, match=f"{next(iter(setting))}: expected a model with a Gibbs chain, found a NADE"
        ):
            nade.sample(3, **setting)
        assert gaussian.sample(3, **setting).shape == (3, 12)
    for setting in ({"floor": 0.1}, {"temperature": 2}, {"density": 1}):
        with pytest.raises(ValueError, match=f"{next(iter(setting))}: expected a model of notes, found one of real"):
            gaussian.sample(3, **setting)
    with pytest.raises(TypeError, match="tempertature: expected one of the settings density"):
        nade.sample(3, tempertature=1)


def test_the_defaults_are_the_tutorials():
    assert Generation() == Generation(None, "zeros", 0, 1, 0, None, None, False)
