"""Dropout in runs: own streams, stopped and resumed runs, all backends, an effect on training only."""

import numpy as np
import pytest
from oracles import finite_differences, put_normal
from oracles import temporal as oracle
from oracles.runs import interrupting, same
from scipy.special import expit

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.compiling import AS_WRITTEN

RUN = {"batch_size": 20, "num_epochs": 2, "optimizer": "adam", "dropout_recurrent": 0.3, "dropout_hidden": 0.5}


@pytest.mark.parametrize(
    ("kind", "n_sequences"),
    [
        pytest.param(kind, n, marks=[] if (kind, n) in ((RnnRbm, 1), (RnnNade, 2)) else pytest.mark.slow)
        for kind in (RnnRbm, RnnNade, LstmRtrbm)
        for n in (1, 2)
    ],
)
def test_a_run_that_goes_on_from_its_file_ends_with_the_same_bits(model_of, toy_rolls, tmp_path, kind, n_sequences):
    run = RUN | {"n_sequences": n_sequences, "carry_state": n_sequences == 2}
    whole, stopped = model_of(kind).fit(toy_rolls[:2], **run), model_of(kind)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(toy_rolls[:2], checkpoint=tmp_path / "m", on_update=interrupting(3), **run)
    loaded = SequenceModel.load(tmp_path / "m", mode=AS_WRITTEN)
    assert same(loaded, stopped) and len(loaded.streams.streams) == len(model_of(kind).streams.streams) + 2
    assert same(loaded.resume(toy_rolls[:2]), whole)


def test_off_it_changes_nothing(python_model, toy_rolls):
    one, other = python_model().fit(toy_rolls[:2], 20, 1), python_model()
    other.fit(toy_rolls[:2], 20, 1, dropout_recurrent=0.0, dropout_hidden=0.0)
    for name, value in one.get_params().items():
        np.testing.assert_allclose(value, other.get_params()[name], rtol=0, atol=1e-14)
    for stream, twin in zip(one.streams.streams, other.streams.streams, strict=False):
        assert np.array_equal(stream.get_value(), twin.get_value())
    assert len(one.streams.streams) == 8 and len(other.streams.streams) == 10


def test_it_is_for_training_alone(python_model, toy_rolls):
    model, twin = python_model().fit(toy_rolls[:2], **RUN), python_model()
    twin.set_params(model.get_params())
    assert model.score(toy_rolls) == twin.score(toy_rolls) and model.monitor(toy_rolls) == twin.monitor(toy_rolls)
    assert np.array_equal(model.sample(20, seed=1), twin.sample(20, seed=1))
    model.fit(toy_rolls[:2], 20, 1)
    assert np.isfinite(model.log[0]["monitor"])


def test_one_share_alone_and_a_schedule(python_model, toy_rolls):
    model = python_model().fit(toy_rolls[:1], 20, 1, dropout_hidden=0.5)
    assert "dropout_recurrent" not in model.state.scalars
    model = python_model().fit(toy_rolls[:1], 20, 1, schedule={"dropout_recurrent": 0.25})
    assert model.state.scalars["dropout_recurrent"].get_value() == 0.25
    with pytest.raises(ValueError, match="dropout_hidden: expected .* below 1, found 1"):
        model.fit(toy_rolls, dropout_hidden=1.0)


@pytest.mark.parametrize(("kind", "twin"), [(RnnRbm, oracle.RnnRbm), (RnnNade, oracle.RnnNade)])
def test_sparsity_is_that_of_the_units_without_dropout(model_of, toy_rolls, kind, twin):
    """The gradient of the penalty by finite differences. Both updates have the same masks and chains."""
    roll, moved = toy_rolls[0][:20].astype(float), []
    for cost in (0.0, 0.5):
        model = put_normal(model_of(kind, lr=1.0), 0.5)
        before = model.get_params()
        model.fit([roll], 20, 1, sparsity=0.2, sparsity_cost=cost, dropout_hidden=0.5)
        moved.append(model.get_params())

    def penalty(bh):
        p = {**before, "bh": bh}
        state, q = twin(p), np.zeros(8)
        for v in roll:
            q += expit(v @ p["W"] + state.biases()[1]) / len(roll)
            state.see(v)
        return -(0.2 * np.log(q) + 0.8 * np.log(1 - q)).sum()

    expected = -0.5 * finite_differences(penalty, before["bh"])
    assert abs(expected).min() > 0.01
    np.testing.assert_allclose(moved[1]["bh"] - moved[0]["bh"], expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("backend", "kind"),
    [
        pytest.param(backend, kind, marks=[] if (backend, kind) == ("jax", RnnRbm) else pytest.mark.slow)
        for backend in ("jax", "numba", "c")
        for kind in (RnnRbm, RnnNade)
    ],
)
def test_every_backend_trains_alike(model_of, toy_rolls, kind, backend):
    if backend == "jax":
        pytest.importorskip("jax")
    as_written = model_of(kind).fit(toy_rolls[:2], **RUN)
    compiled = model_of(kind, mode=None, backend=backend).fit(toy_rolls[:2], **RUN)
    for p, q in zip(compiled.params, as_written.params, strict=True):
        np.testing.assert_allclose(p.get_value(), q.get_value(), rtol=0, atol=1e-11, err_msg=p.name)
