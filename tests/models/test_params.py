"""Reading and setting the parameters of models: by name, in order, from files, all or none."""

import inspect

import numpy as np
import pytest

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm, Rtrbm, TiedRnnRbm
from rnnrbm_pt.io.named_arrays import read_named_arrays, write_named_arrays
from rnnrbm_pt.models.compiling import AS_WRITTEN

SIZES = {"n_hidden": 5, "r": (21, 33), "mode": AS_WRITTEN}
KINDS = {
    RnnRbm: {"n_hidden_recurrent": 4},
    RnnNade: {"n_hidden_recurrent": 4, "learn_initial": True},
    Rtrbm: {"dynamic_visible_bias": True},
    LstmRtrbm: {"n_hidden_recurrent": 4},
    TiedRnnRbm: {"n_hidden_recurrent": 4, "learn_initial": True},
}


def another(model, seed=7):
    """Other values for all parameters, by name."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=array.shape) for name, array in model.get_params().items()}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_model_of_arrays_has_their_sizes(kind):
    """It draws the same piece as the model that the arrays come from."""
    model = kind(**SIZES, **KINDS[kind])
    model.set_params(another(model))
    own = {name: value for name, value in KINDS[kind].items() if name != "n_hidden_recurrent"}
    for given in (model.get_params(), list(model.get_params().values())):
        found = kind.from_arrays(given, r=(21, 33), mode=AS_WRITTEN, **own)
        assert found.settings == model.settings
        for p, other in zip(found.params, model.params, strict=True):
            np.testing.assert_array_equal(p.get_value(), other.get_value())
        assert np.array_equal(found.sample(4, seed=3), model.sample(4, seed=3))


def test_arrays_are_copies_in_the_tutorials_order():
    model = RnnRbm(**SIZES, n_hidden_recurrent=4)
    arrays = model.get_params()
    assert list(arrays) == ["W", "bv", "bh", "Wuh", "Wuv", "Wvu", "Wuu", "bu"]
    arrays["W"][:] = 9
    assert not (model.get_params()["W"] == 9).any()
    assert list(inspect.signature(model.set_params).parameters) == ["params"]
    assert list(inspect.signature(RnnRbm.from_arrays).parameters) == ["params", "settings"]


@pytest.mark.parametrize("floatX", ["float64", "float32"])
def test_numbers_of_any_type_become_those_of_the_model(floatX):
    model = RnnRbm(**SIZES, n_hidden_recurrent=4, floatX=floatX)
    given = another(model)
    given["bv"], given["bh"], given["bu"] = [1] * 12, np.ones(5, bool), np.arange(4, dtype=np.float16)
    model.set_params(given)
    for name, array in model.get_params().items():
        assert array.dtype == floatX
        np.testing.assert_array_equal(array, np.asarray(given[name], floatX))


WRONG = {
    "one is missing": (lambda given: given.pop("bu"), "expected the parameters W, bv, .* found 'W'"),
    "one too many": (lambda given: given.update(u0=np.zeros(4)), "expected the parameters W, bv, .*'u0'"),
    "another shape": (lambda given: given.update(bv=np.zeros(13)), r"bv: expected an array of shape \(12,\), found"),
    "a matrix that is turned": (lambda given: given.update(Wvu=given["Wvu"].T), r"Wvu: expected .* \(12, 4\)"),
    "complex numbers": (lambda given: given.update(bv=np.zeros(12) + 1j), "bv: expected an array of real numbers"),
    "texts": (lambda given: given.update(bv=["a"] * 12), "bv: expected an array of real numbers"),
    "lists of two lengths": (lambda given: given.update(W=[[1], [1, 2]]), "W: expected an array, found lists"),
    "not a number": (lambda given: given.update(bu=[0, 0, 0, np.nan]), "bu: expected finite numbers"),
    "too large for the type": (lambda given: given.update(bu=[0, 0, 0, 1e300]), "bu: expected finite numbers"),
}


@pytest.mark.parametrize("what", WRONG)
def test_all_or_nothing(what):
    change, message = WRONG[what]
    model = RnnRbm(**SIZES, n_hidden_recurrent=4, floatX="float32")
    before, given = model.get_params(), another(model)
    change(given)
    with pytest.raises(ValueError, match=message):
        model.set_params(given)
    assert all(np.array_equal(array, before[name]) for name, array in model.get_params().items())


def test_lists_and_sizes_that_do_not_fit():
    model = RnnRbm(**SIZES, n_hidden_recurrent=4)
    arrays = list(another(model).values())
    with pytest.raises(ValueError, match="expected 8 arrays, W, bv, .*, found 7"):
        model.set_params(arrays[:-1])
    with pytest.raises(ValueError, match="expected the parameters of RnnRbm, found no Wuh"):
        RnnRbm.from_arrays(arrays[:3])
    with pytest.raises(ValueError, match=r"W: expected a matrix, found an array of shape \(12,\)"):
        RnnRbm.from_arrays(arrays[1:] + arrays[:1])
    with pytest.raises(ValueError, match="r: expected the range of the 12 notes, found none"):
        RnnRbm.from_arrays(arrays)


def test_real_valued_models_have_the_width_of_w():
    model = RnnRbm(5, 4, r=None, n_visible=3, visible="gaussian", mode=AS_WRITTEN)
    assert RnnRbm.from_arrays(model.get_params(), visible="gaussian", mode=AS_WRITTEN).settings == model.settings


def test_files(tmp_path):
    model = RnnRbm(**SIZES, n_hidden_recurrent=4)
    expected = another(model)
    write_named_arrays(tmp_path / "named.npz", expected)
    np.savez_compressed(tmp_path / "in_order.npz", *expected.values())
    model.set_params(expected)
    model.save(tmp_path / "model")
    for name in ("named.npz", "in_order.npz", "model"):
        found = RnnRbm.from_arrays(tmp_path / name, r=(21, 33), mode=AS_WRITTEN)
        assert all(np.array_equal(array, expected[key]) for key, array in found.get_params().items()), name
    write_named_arrays(tmp_path / "few.npz", {"W": expected["W"]})
    with pytest.raises(ValueError, match=r"few\.npz: expected the parameters W, bv"):
        model.set_params(tmp_path / "few.npz")
    assert list(read_named_arrays(tmp_path / "named.npz")) == list(expected)
    with pytest.raises(ValueError, match=r"a\.h5: expected a \.npz or \.mat file, found '\.h5'"):
        write_named_arrays(tmp_path / "a.h5", expected)
