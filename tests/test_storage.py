"""Model files: complete, versioned, without pickles; anything else is refused in one sentence."""

import json

import numpy as np
import pytest

from rnnrbm_pt import RnnRbm, storage
from rnnrbm_pt.training.checkpoint import read_checkpoint, write_checkpoint


@pytest.fixture
def saved(toy_model, tmp_path):
    model = toy_model(seed=5, dt=0.25, k=3)
    model.save(tmp_path / "model")  # the name is kept as it is given
    return model, tmp_path / "model"


def rewrite(path, change):
    """Change the JSON text or the arrays of a saved model."""
    arrays, about = read_checkpoint(path)
    change(about, arrays)
    write_checkpoint(path, arrays, about)


def test_everything_comes_back(saved):
    model, path = saved
    loaded = RnnRbm.load(path)
    assert loaded.settings == model.settings | {"r": (21, 33)}
    assert (loaded.dt, loaded.r, loaded.floatX) == (0.25, (21, 33), "float64")
    for name, array in storage.get_state(model).items():
        assert np.array_equal(array, storage.get_state(loaded)[name]), name
    names = {
        "W",
        "bv",
        "bh",
        "Wuh",
        "Wuv",
        "Wvu",
        "Wuu",
        "bu",
        "lr",
        "errors",
        "gradient_norms",
        "shuffle_key",
        "shuffle_gauss",
    }
    assert set(storage.get_state(model)) == names | {f"stream_{i}" for i in range(8)}


def test_streams_of_the_other_kind_come_back(toy_model, tmp_path):
    model = toy_model(streams="mrg")
    for stream in model.streams.streams:
        stream.set_value(stream.get_value()[::-1].copy())
    model.save(tmp_path / "model")
    loaded = RnnRbm.load(tmp_path / "model")
    for one, other in zip(model.streams.streams, loaded.streams.streams, strict=True):
        assert np.array_equal(one.get_value(), other.get_value())


def test_set_state_undoes_draws(toy_model):
    model = toy_model()
    state = storage.get_state(model)
    model.random_state.normal()
    for stream in model.streams.streams:
        rng = stream.get_value()
        rng.random(10)
        stream.set_value(rng)
    storage.set_state(model, state)
    assert all(np.array_equal(state[name], array) for name, array in storage.get_state(model).items())


def test_file_holds_no_pickle(saved):
    with np.load(saved[1], allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing: no such file"):
        RnnRbm.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    "content", [b"", b"MThd", b"PK\x03\x04 broken", b"\x80\x04."], ids=["empty", "midi", "zip", "pickle"]
)
def test_foreign_file(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="x: expected a model that this project saved"):
        RnnRbm.load(path)


def test_foreign_archives(tmp_path):
    np.savez(tmp_path / "a.npz", about=np.array('{"format": "other"}'))
    np.savez(tmp_path / "b.npz", W=np.zeros(3))
    np.savez(tmp_path / "c.npz", about=np.array({"format": 1}, dtype=object))
    np.save(tmp_path / "d.npz", np.zeros(3))
    (tmp_path / "d.npz.npy").rename(tmp_path / "d.npz")
    for name in "abcd":
        with pytest.raises(ValueError, match=f"{name}.npz: expected a model that this project saved"):
            RnnRbm.load(tmp_path / f"{name}.npz")


def test_numpy_opens_it(saved):
    model, path = saved
    with np.load(path) as archive:
        assert np.array_equal(archive["W"], model.params[0].get_value())
        assert json.loads(str(archive["about"]))["settings"]["k"] == 3


def test_truncated_file(saved):
    path = saved[1]
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"expected a model that this project saved \(.* cut short"):
        RnnRbm.load(path)


def test_damaged_file(saved):
    path = saved[1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"expected a model that this project saved \(.* checksum"):
        RnnRbm.load(path)


@pytest.mark.parametrize(
    "version, advice", [(1, "an earlier rnnrbm_pt wrote it"), (3, "update rnnrbm_pt"), (None, "update rnnrbm_pt")]
)
def test_other_version(saved, version, advice):
    rewrite(saved[1], lambda about, arrays: about.update(version=version))
    with pytest.raises(ValueError, match=rf"expected version 2 of the model format, found {version} \({advice}"):
        RnnRbm.load(saved[1])


def test_version_1_had_no_checksum(saved):
    path = saved[1]
    arrays, about = read_checkpoint(path)
    with open(path, "wb") as file:
        np.savez_compressed(file, about=np.array(json.dumps(about | {"version": 1})), **arrays)
    with pytest.raises(ValueError, match=r"expected version 2 of the model format, found 1 \(an earlier rnnrbm_pt"):
        RnnRbm.load(path)


def test_checkpoint_of_something_else(saved):
    for about in ({"format": "other"}, {}, [], None):
        write_checkpoint(saved[1], {}, about)
        with pytest.raises(ValueError, match="expected a model that this project saved, found"):
            RnnRbm.load(saved[1])


def test_other_model(saved):
    rewrite(saved[1], lambda about, arrays: about.update(model="Transformer"))
    with pytest.raises(ValueError, match="RnnRbm.*Transformer"):
        RnnRbm.load(saved[1])


def test_array_missing_or_misshapen(saved):
    rewrite(saved[1], lambda about, arrays: arrays.update(W=np.zeros((3, 3))))
    with pytest.raises(ValueError, match=r"incomplete \(W: expected an array of shape \(12, 8\), found \(3, 3\)\)"):
        RnnRbm.load(saved[1])
    rewrite(saved[1], lambda about, arrays: arrays.pop("W"))
    with pytest.raises(ValueError, match="W: .* found none"):
        RnnRbm.load(saved[1])


def test_failed_save_leaves_the_old_file(saved):
    model, path = saved
    before = path.read_bytes()
    model.log = [object()]
    with pytest.raises(ValueError, match="expected what JSON can hold"):
        model.save(path)
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1
