"""The state of training: restoring it from a file, and continuing from it."""

import numpy as np
import pytest
from oracles.runs import same

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.training.schedules import Cosine, Table

SCHEDULED = {
    "optimizer": "momentum",
    "clip_norm": 1.0,
    "clip_value": 0.1,
    "weight_decay": 1e-3,
    "schedule": {
        "lr": Table((0, 1), (0.01, 0.02)),
        "lr_rnn": Table((0, 1), (0.1, 0.001)),
        "momentum": Table((0, 1), (0.5, 0.9)),
        "clip_norm": Table((0, 1), (1.0, 2.0)),
        "weight_decay": Cosine(0.01, 0, 3),
        "k": Table((0, 1), (1, 3)),
    },
}


def test_learning_goes_on_from_a_file_as_it_would_have(python_model, toy_rolls, tmp_path):
    model = python_model()
    model.fit(toy_rolls[:1], 20, 2, **SCHEDULED)
    model.save(tmp_path / "m")
    loaded = RnnRbm.load(tmp_path / "m", mode=AS_WRITTEN)
    values = [{name: scalar.get_value() for name, scalar in m.state.scalars.items()} for m in (model, loaded)]
    assert values[0] == values[1] and values[0]["k"] == 3 and values[0]["momentum"] == 0.9
    for m in (model, loaded):
        m.partial_fit(toy_rolls[:2], 20)
    assert same(model, loaded)


def test_files_without_the_scalars_of_learning_load(python_model, toy_rolls, tmp_path):
    model = python_model()
    model.fit(toy_rolls[:1], 20, 2, **SCHEDULED)
    model.save(tmp_path / "m")
    arrays, about = read_checkpoint(tmp_path / "m")
    older = {name: array for name, array in arrays.items() if not name.startswith("scalar_")}
    assert len(arrays) - len(older) == 6
    write_checkpoint(tmp_path / "m", older, about)
    loaded = RnnRbm.load(tmp_path / "m")
    assert loaded.lr.get_value() == 0.02 and loaded.state.scalars["k"].get_value() == 1  # as these files always did


def test_streams_of_philox_come_back(toy_model, tmp_path):
    model = toy_model(streams="philox")
    for i, stream in enumerate(model.streams.streams):
        stream.set_value(np.array([1, 2, 3, i], np.uint32))
    model.save(tmp_path / "m")
    for i, stream in enumerate(RnnRbm.load(tmp_path / "m").streams.streams):
        assert list(stream.get_value()) == [1, 2, 3, i]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W": np.zeros((3, 3))}, r"W: expected an array of shape \(12, 8\), found \(3, 3\)"),
        ({"bv": np.zeros(12, int)}, "bv: expected an array of floats, found int64"),
        ({"carried_0": np.zeros(3)}, r"carried_0: expected a matrix, found an array of shape \(3,\)"),
        ({"slot_adam_m_W": np.zeros(3)}, r"slot_adam_m_W: expected an array of shape \(12, 8\), found \(3,\)"),
        ({"stream_0": np.zeros(4)}, "stream_0: expected an array of unsigned integers, found float64"),
        ({"shuffle_key": np.zeros(3, np.uint32)}, r"shuffle_key: expected an array of shape \(625,\), found \(3,\)"),
    ],
)
def test_arrays_that_are_no_state(python_model, change, message):
    model = python_model()
    with pytest.raises(ValueError, match=message):
        model.state.restore(model.state.arrays() | change)


def test_the_best_and_the_last_parameters(python_model):
    state = python_model().state
    bv = next(p for p in state.params if p.name == "bv")
    state.take_best()  # none is kept yet
    state.keep_best()
    bv.set_value(bv.get_value() + 1)
    state.take_best()
    assert not bv.get_value().any() and state.last["bv"].all()
    state.take_last()
    assert bv.get_value().all() and state.last is None


def rates_of(model, rolls, **settings):
    """The learning rate of each update of a run."""
    rates = []
    model.fit(rolls, 30, 4, on_update=lambda *_: rates.append(float(model.lr.get_value())), **settings)
    return rates


def test_a_schedule_ends_with_its_run(python_model, toy_rolls, tmp_path):
    schedule = {"lr": Cosine(0.05, 0, 4)}
    for floatX in ("float64", "float32"):
        model = python_model(floatX=floatX)
        assert rates_of(model, toy_rolls[:1], schedule=schedule)[-1] < 0.01
        model.save(tmp_path / "m")
        assert set(rates_of(model, toy_rolls[:1], optimizer="adam")) == {float(np.asarray(0.05, floatX))}
        for other in ("float64", "float32"):  # a model from a file, such as a pretrained one
            loaded = RnnRbm.load(tmp_path / "m", mode=AS_WRITTEN, floatX=other)
            assert set(rates_of(loaded, toy_rolls[:1])) == {float(np.asarray(0.05, other))}


def test_a_learning_rate_that_a_user_sets_after_a_schedule(python_model, toy_rolls, tmp_path):
    model = python_model().fit(toy_rolls[:1], 30, 4, schedule={"lr": Cosine(0.05, 0, 4)})
    model.save(tmp_path / "m")
    for one in (model, RnnRbm.load(tmp_path / "m", mode=AS_WRITTEN)):
        one.lr.set_value(0.02)
        assert set(rates_of(one, toy_rolls[:1])) == set(rates_of(one, toy_rolls[:1])) == {0.02}


def test_a_resumed_run_keeps_its_schedule(python_model, toy_rolls):
    schedule = {"lr": Cosine(0.05, 0, 4)}
    whole, extended = python_model(), python_model()
    whole.fit(toy_rolls[:1], 30, 4, schedule=schedule)
    extended.fit(toy_rolls[:1], 30, 2, schedule=schedule)
    extended.resume(toy_rolls[:1], 4)
    assert same(whole, extended)


def test_a_learning_rate_that_a_user_sets(python_model, toy_rolls):
    """Any Python number works, for a model of either float type. A rate that is not finite ends the run."""
    model = python_model(floatX="float32")
    model.lr.set_value(0.1)
    assert model.lr.get_value() == np.float32(0.1)
    model.lr.set_value(float("nan"))
    with pytest.raises(FloatingPointError, match="lr: 1 of 1 values are not finite"):
        model.fit(toy_rolls[:1], 20, 1)
