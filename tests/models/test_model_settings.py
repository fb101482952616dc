"""Settings of the constructors of models."""

import numpy as np
import pytest
from oracles.runs import same

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm, Rtrbm
from rnnrbm_pt.io.checkpoint import read_checkpoint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backend": "fortran"}, "backend: expected one of numba, c, jax, found 'fortran'"),
        ({"floatX": "float16"}, "floatX: expected one of float64, float32, found 'float16'"),
        ({"streams": "dice"}, "streams"),
        ({"dt": 0}, "dt: expected a finite number above 0, found 0"),
        ({"dt": np.inf}, "dt: .* found inf"),
        ({"r": (5, 5)}, "r"),
        ({"r": (False, 12)}, "r: expected two integers"),
        ({"k": 0}, "k: expected an integer of at least 1, found 0"),
        ({"k": 2.5}, "k: expected an integer of at least 1, found 2.5"),
        ({"k_generate": True}, "k_generate: expected an integer of at least 1, found True"),
        ({"lr": np.nan}, "lr: expected a finite number of at least 0, found nan"),
        ({"lr": -1}, "lr: .* found -1"),
        ({"lr": "0.1"}, "lr: .* found '0.1'"),
        ({"n_hidden": 0}, "n_hidden: expected an integer of at least 1, found 0"),
        ({"n_hidden_recurrent": -3}, "n_hidden_recurrent: .* found -3"),
        ({"seed": 2**32}, "seed: expected an integer from 0 to 4294967295, found 4294967296"),
        ({"seed": 1.5}, "seed: .* found 1.5"),
        ({"threads": 1.5}, "threads: .* found 1.5"),
        ({"learn_initial": "no"}, "learn_initial: expected True or False, found 'no'"),
        ({"visible": "complex"}, "visible: expected one of binary, gaussian, found 'complex'"),
        ({"nonlinearity": "cube"}, "nonlinearity: expected one of tanh, sigmoid, relu, found 'cube'"),
        ({"preprocess": 3}, "preprocess: expected a Preprocessing or a dict, found 3"),
    ],
)
def test_settings_that_make_no_sense(toy_model, settings, message):
    with pytest.raises(ValueError, match=message):
        toy_model(**settings)


@pytest.mark.parametrize("make", [Rtrbm, LstmRtrbm, RnnNade])
def test_all_models_check_their_settings(make):
    for settings in ({"n_hidden": 0}, {"lr": np.inf}, {"seed": -1}, {"dt": "0.3"}, {"learn_initial": "no"}):
        with pytest.raises(ValueError, match=f"^{next(iter(settings))}: expected"):
            make(**settings)
    if make is not RnnNade:
        for settings in ({"k": 0}, {"visible": "grey"}, {"dynamic_visible_bias": 3}):
            with pytest.raises(ValueError, match=f"^{next(iter(settings))}: expected"):
                make(**settings)


def test_numpys_numbers_are_saved_as_pythons(python_model, toy_rolls, tmp_path):
    """NumPy numbers were once accepted, and the first checkpoint failed later."""
    numbers = {"n_hidden": np.int64(5), "k": np.uint8(2), "seed": np.int64(3), "threads": np.int16(1)}
    numbers |= {"lr": np.float32(0.125), "dt": np.float32(0.25), "learn_initial": np.True_, "r": (np.int64(21), 33)}
    model = python_model(**numbers)
    assert [type(model.settings[name]) for name in ("n_hidden", "lr", "dt", "learn_initial")] == [
        int,
        float,
        float,
        bool,
    ]
    run = {
        "batch_size": np.int64(20),
        "num_epochs": np.int8(1),
        "n_sequences": np.int64(2),
        "validate_every": np.int8(1),
    }
    rates = {"optimizer": "momentum", "momentum": np.float32(0.5), "lr_rnn": np.float32(0.25), "clip_norm": np.int64(1)}
    model.fit(toy_rolls[:1], **run, **rates, carry_state=np.False_, checkpoint=tmp_path / "m")
    loaded = RnnRbm.load(tmp_path / "m")
    assert loaded.settings == model.settings and loaded.learning == model.learning and loaded.progress == model.progress
    plain = python_model(**{name: getattr(x, "item", lambda x=x: x)() for name, x in numbers.items()})
    assert plain.settings == model.settings


def test_real_numbers_have_a_width_of_their_own(as_written, tmp_path):
    """The width of real-valued frames is not limited to the 128 MIDI notes."""
    roll = np.random.default_rng(0).normal(size=(20, 300))
    models = (
        RnnRbm(5, 4, visible="gaussian", n_visible=300, k=2, k_generate=2),
        Rtrbm(5, visible="gaussian", n_visible=np.int64(300), k=2, k_generate=2),
        LstmRtrbm(5, 4, visible="gaussian", n_visible=300, k=2, k_generate=2),
    )
    for model in models:
        assert (model.n_visible, model.r) == (300, None)
        model.fit([roll], 10, 1, pretrain={"frame_epochs": 1}, validation=[roll[:5]], checkpoint=tmp_path / "m")
        loaded = type(model).load(tmp_path / "m")
        assert (loaded.n_visible, loaded.r, loaded.settings) == (300, None, model.settings)
        assert same(loaded, model)
        sample = loaded.sample(3, primer=roll[:2])
        assert sample.shape == (3, 300) and np.array_equal(sample, model.sample(3, primer=roll[:2]))
        assert loaded.score([roll]) == model.score([roll]) and loaded.score([roll]).exact
        with pytest.raises(ValueError, match=r"roll 0: expected shape \(n_steps, 300\), found \(5, 88\)"):
            model.fit([np.zeros((5, 88))])
    with pytest.raises(ValueError, match="read: expected a model of notes, found one of 300 real numbers per frame"):
        model.read("a.mid")


def test_notes_have_a_range_and_real_numbers_may_have_one(tmp_path):
    """Older files have a range and no width, and still load."""
    model = RnnRbm(5, 4, visible="gaussian", r=(0, 3))
    model.save(tmp_path / "m")
    _, about = read_checkpoint(tmp_path / "m")
    assert about["settings"]["r"] == [0, 3] and "n_visible" not in about["settings"]
    loaded = RnnRbm.load(tmp_path / "m")
    assert (loaded.n_visible, loaded.r, loaded.settings["r"]) == (3, None, (0, 3)) and same(loaded, model)
    assert RnnRbm(5, 4).n_visible == RnnNade(5, 4).n_visible == 88
    for settings, message in (
        (
            {"n_visible": 300},
            "n_visible: expected visible='gaussian' with it, because notes have a range r; found 'binary'",
        ),
        ({"n_visible": 0, "visible": "gaussian"}, "n_visible: expected an integer of at least 1, found 0"),
        (
            {"n_visible": 3, "visible": "gaussian", "r": (0, 3)},
            "n_visible: expected either n_visible or r, found 3 and",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            RnnRbm(5, 4, **settings)
