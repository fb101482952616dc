"""Model files: complete, versioned, without pickles. Anything else is refused with a one-line error."""

import json

import numpy as np
import pytest

from rnnrbm_pt import RnnNade, RnnRbm, Rtrbm
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.training.schedules import Cosine


@pytest.fixture
def saved(toy_model, tmp_path):
    model = toy_model(seed=5, dt=0.25, k=3)
    model.save(tmp_path / "model")  # the file keeps the name as given
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
    for name, array in model.state.arrays().items():
        assert np.array_equal(array, loaded.state.arrays()[name]), name
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
    assert set(model.state.arrays()) == names | {f"stream_{i}" for i in range(8)}


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
    state = model.state.arrays()
    model.random_state.normal()
    for stream in model.streams.streams:
        rng = stream.get_value()
        rng.random(10)
        stream.set_value(rng)
    model.state.restore(state)
    assert all(np.array_equal(state[name], array) for name, array in model.state.arrays().items())


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


def test_a_device_is_not_read():
    with pytest.raises(ValueError, match="^/dev/zero: expected a model .* found a device or a pipe"):
        RnnRbm.load("/dev/zero")


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
    "version, advice",
    [(1, "load it with the earlier rnnrbm_pt that wrote it"), (3, "update rnnrbm_pt"), (None, "update rnnrbm_pt")],
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
    with pytest.raises(
        ValueError, match=r"expected version 2 of the model format, found 1 \(load it with the earlier rnnrbm_pt"
    ):
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


@pytest.fixture
def own_classes():
    """A class of a user, and a class that derives from it."""

    class Mine(RnnRbm):
        pass

    class MyOther(Mine):
        def __init__(self, n_hidden=4, **settings):
            super().__init__(n_hidden, **settings)

    return Mine, MyOther


def test_ones_own_classes_load(own_classes, tmp_path):
    """They load by their own class and by any base class."""
    mine, my_other = own_classes
    for made, loading in ((mine, (mine, RnnRbm, SequenceModel)), (my_other, (my_other, mine, RnnRbm, SequenceModel))):
        made(n_hidden=3, n_hidden_recurrent=2, r=(21, 33)).save(tmp_path / "m")
        for cls in loading:
            assert type(cls.load(tmp_path / "m")) is made
    with pytest.raises(ValueError, match="expected a model of Rtrbm, found 'MyOther' .*import a class of your own"):
        Rtrbm.load(tmp_path / "m")


def test_classes_can_be_named(own_classes, saved):
    mine, my_other = own_classes
    rewrite(saved[1], lambda about, arrays: about.update(model="Renamed"))
    with pytest.raises(ValueError, match="found 'Renamed'"):
        RnnRbm.load(saved[1])
    assert type(RnnRbm.load(saved[1], classes={"Renamed": mine})) is mine
    rewrite(saved[1], lambda about, arrays: about.update(model="MyOther"))
    for classes in ([my_other], my_other, {"MyOther": my_other}):
        assert type(Rtrbm.load(saved[1], classes=classes)) is my_other
    for classes in ([int], {"MyOther": "MyOther"}, ["MyOther"]):
        with pytest.raises(ValueError, match="classes: expected classes that derive from SequenceModel, found"):
            RnnRbm.load(saved[1], classes=classes)


def test_of_one_name_the_nearest_class_is_meant(saved):
    class Own(RnnRbm):
        pass

    Own.__name__ = "RnnRbm"
    assert type(RnnRbm.load(saved[1])) is type(SequenceModel.load(saved[1])) is RnnRbm
    assert type(Own.load(saved[1])) is Own


def test_a_class_that_does_not_take_the_settings(saved):
    class Narrow(RnnRbm):
        def __init__(self):
            super().__init__()

    rewrite(saved[1], lambda about, arrays: about.update(model="Narrow"))
    with pytest.raises(ValueError, match="expected settings of Narrow, found other settings"):
        Narrow.load(saved[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": "tpu"}, "backend: expected one of numba, c, jax, found 'tpu'"),
        ({"threads": 0}, "threads: expected an integer of at least 1, found 0"),
        ({"floatX": "float16"}, "floatX: expected one of float64, float32, found 'float16'"),
        ({"k_generate": 0}, "k_generate: expected an integer of at least 1, found 0"),
    ],
)
def test_errors_of_the_caller_are_not_the_files(saved, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        RnnRbm.load(saved[1], **arguments)


def test_what_the_model_in_the_file_does_not_have(tmp_path):
    RnnNade(4, 3, r=(21, 33)).save(tmp_path / "nade")
    with pytest.raises(ValueError, match="k_generate: expected a model with a Gibbs chain .*, found RnnNade"):
        SequenceModel.load(tmp_path / "nade", k_generate=3)
    pytest.importorskip("jax")
    RnnRbm(4, 3, r=(21, 33), visible="gaussian").save(tmp_path / "real")
    with pytest.raises(ValueError, match="backend: expected numba or c for Gaussian units, found 'jax'"):
        RnnRbm.load(tmp_path / "real", backend="jax")


def test_another_length_of_the_chain_in_generation(python_model, tmp_path):
    model = python_model(k_generate=2)
    model.params[0].set_value(100 * model.params[0].get_value())
    model.save(tmp_path / "m")
    loaded = RnnRbm.load(tmp_path / "m", k_generate=np.int64(9), mode=model.mode)
    long = python_model(k_generate=9)
    long.params[0].set_value(model.params[0].get_value())
    assert loaded.settings["k_generate"] == 9 and type(loaded.settings["k_generate"]) is int
    assert np.array_equal(loaded.sample(5), long.sample(5))
    loaded.save(tmp_path / "m")
    assert RnnRbm.load(tmp_path / "m").settings["k_generate"] == 9


RUN = {"n_sequences": 2, "carry_state": True, "optimizer": "adam", "clip_norm": 1.0}


@pytest.mark.parametrize(("one", "other"), [("float64", "float32"), ("float32", "float64")])
def test_another_float_type(python_model, toy_rolls, tmp_path, one, other):
    """All arrays are converted, and a run that began in one type continues in the other."""
    model = python_model(floatX=one)
    run = RUN | {"validation": toy_rolls[2:3], "schedule": {"lr": Cosine(0.05, 0, 4), "k": 2}}

    def stop(frames, total_frames):
        if model.progress.updates == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls[:2], 20, 2, **run, on_update=stop)
    model.save(tmp_path / "m")
    loaded = RnnRbm.load(tmp_path / "m", floatX=other, mode=model.mode)
    before, after = model.state.arrays(), loaded.state.arrays()
    assert before.keys() == after.keys() and {f"slot_adam_m_{p.name}" for p in model.params} < before.keys()
    for name, array in before.items():
        if array.dtype == one and not name.startswith("shuffle"):
            assert after[name].dtype == other and np.array_equal(after[name], array.astype(other)), name
        else:
            assert after[name].dtype == array.dtype and np.array_equal(after[name], array), name
    for m in (model, loaded):
        m.resume(toy_rolls[:2], validation=toy_rolls[2:3])
    assert loaded.log[-1]["monitor"] == pytest.approx(model.log[-1]["monitor"], abs=1e-4)  # rounded by float32
    assert {p.get_value().dtype for p in loaded.params} == {np.dtype(other)}
    assert loaded.sample(5).shape == (5, 12)


def test_array_missing_or_misshapen(saved):
    rewrite(saved[1], lambda about, arrays: arrays.update(W=np.zeros((3, 3))))
    with pytest.raises(
        ValueError, match=r"found an incomplete one \(W: expected an array of shape \(12, 8\), found \(3, 3\)\)"
    ):
        RnnRbm.load(saved[1])
    rewrite(saved[1], lambda about, arrays: arrays.pop("W"))
    with pytest.raises(ValueError, match="W: .* found none"):
        RnnRbm.load(saved[1])


def test_failed_save_leaves_the_old_file(saved):
    model, path = saved
    before = path.read_bytes()
    model.log.append(object())
    with pytest.raises(ValueError, match="expected metadata of JSON types"):
        model.save(path)
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1


def test_a_model_with_theanos_streams_goes_on_on_jax_with_new_ones(toy_model, jax_model, toy_rolls, tmp_path):
    model = toy_model(streams="mrg", seed=9)
    model.params[1].set_value(np.arange(12.0) / 10)
    model.random_state.shuffle(np.arange(3))
    model.save(tmp_path / "m")
    loaded = RnnRbm.load(tmp_path / "m", backend="jax")
    assert np.array_equal(loaded.params[1].get_value(), np.arange(12.0) / 10)
    assert loaded.random_state.randint(1 << 30) == model.random_state.randint(1 << 30)
    fresh = jax_model(seed=9)
    for stream, twin in zip(loaded.streams.streams, fresh.streams.streams, strict=True):
        assert np.array_equal(stream.get_value(), twin.get_value())
    loaded.save(tmp_path / "n")
    assert RnnRbm.load(tmp_path / "n").settings["streams"] == "philox"
