"""Training runs: schedules, carried states, validation, errors, continuation."""

import json
import os
import signal

import numpy as np
import pytensor
import pytest
from oracles.runs import assert_same, interrupting, same

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm
from rnnrbm_pt.compile.modes import backend_mode, compile_function
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.training.progress import StopTraining
from rnnrbm_pt.training.schedules import Cosine, Table
from rnnrbm_pt.training.updates import adam

RICH = {
    "batch_size": 20,
    "num_epochs": 3,
    "n_sequences": 2,
    "carry_state": True,
    "optimizer": "adam",
    "lr_rnn": 0.01,
    "clip_norm": 1.0,
    "weight_decay": 1e-3,
    "schedule": {"lr": Cosine(0.05, 0, 3), "k": Table((0, 2), (1, 3))},
}


def monitors(model):
    return [(record["monitor"], record["error"], record.get("validation")) for record in model.log]


def check_a_run_stopped_at(at, whole, stopped, toy_rolls, validation, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(toy_rolls[:3], validation=validation, checkpoint=tmp_path / "m", on_update=interrupting(at), **RICH)
    loaded = RnnRbm.load(tmp_path / "m", mode=AS_WRITTEN)
    loaded.resume(toy_rolls[:3], validation=validation)
    assert same(whole, loaded) and monitors(whole) == monitors(loaded)
    assert whole.progress == loaded.progress


def test_adam_in_fit_is_adam_by_hand(python_model, toy_rolls):
    model, twin = python_model(lr=0.01), python_model(lr=0.01)
    model.fit(toy_rolls[:2], 20, 1, optimizer="adam", beta1=0.8)
    graphs = twin.graphs
    updates = adam(graphs.cost, list(twin.params), twin.lr, beta1=0.8, consider_constant=[graphs.v_sample])
    updates = {**graphs.updates_train, **updates}
    function = pytensor.function([graphs.v], graphs.monitor, updates=updates, mode=AS_WRITTEN)
    order = [0, 1]
    twin.random_state.shuffle(order)
    found = [function(toy_rolls[i][start : start + 20].astype(float)) for i in order for start in (0, 20, 40)]
    assert model.log[0]["monitor"] == pytest.approx(np.mean(found), abs=1e-12)
    for p, q in zip(model.params, twin.params, strict=True):
        np.testing.assert_allclose(p.get_value(), q.get_value(), rtol=0, atol=1e-12)


def test_schedules_are_followed(python_model, toy_rolls):
    model, rates = python_model(), []
    model.fit(
        toy_rolls[:2],
        30,
        4,
        schedule={"lr": Table((0, 2), (0.1, 0.01)), "k": Table((0, 3), (1, 2))},
        on_update=lambda *_: rates.append((float(model.lr.get_value()), int(model.state.scalars["k"].get_value()))),
    )
    assert rates == [(0.1, 1)] * 8 + [(0.01, 1)] * 4 + [(0.01, 2)] * 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": Table((0, 1), (0.1, -0.1))}, "lr: expected a finite number of at least 0, found -0.1"),
        ({"clip_norm": Cosine(1, -1, 1)}, "clip_norm: expected a finite number of at least 0, found -1"),
        ({"dropout_recurrent": Table((0, 1), (0, 1.5))}, "dropout_recurrent: .* at least 0 and below 1, found 1.5"),
    ],
)
def test_scheduled_values_have_the_bounds_of_their_settings(python_model, toy_rolls, settings, message):
    model = python_model()
    with pytest.raises(ValueError, match=f"{message} at epoch 1, update 2"):
        model.fit(toy_rolls[:1], 30, 4, schedule=settings)
    assert model.progress.updates == 2 and all(x.get_value() >= 0 for x in model.state.scalars.values())


def test_a_chain_of_scheduled_length_is_one_of_that_length(python_model, toy_rolls):
    one, other = python_model(k=3), python_model(k=2)
    one.fit(toy_rolls[:2], 30, 2)
    other.fit(toy_rolls[:2], 30, 2, schedule={"k": 3})
    assert monitors(one) == monitors(other)


@pytest.mark.parametrize(("kind", "n_sequences"), [(RnnNade, 1), (LstmRtrbm, 2)])
def test_with_the_state_carried_over_windows_are_whole_sequences(model_of, toy_rolls, kind, n_sequences):
    model = model_of(kind, lr=0.0, learn_initial=True)
    rng = np.random.default_rng(3)
    for p in model.params:
        p.set_value(rng.normal(size=p.get_value().shape) * 0.5)
    seen = []
    update = model.trainer.updater

    def spy(*arguments):
        function = update(*arguments)

        def run(*windows, fresh):
            before = [carried.get_value() for carried in model.state.carried]
            monitor = function(*windows, fresh=fresh)
            seen.append(([window.copy() for window in windows], fresh, before, monitor))
            return monitor

        return run

    model.trainer.updater = spy
    rolls = toy_rolls[:3]
    model.fit(rolls, 20, 1, n_sequences=n_sequences, carry_state=True)
    whole = {roll.tobytes(): model.graphs for roll in rolls}
    states = pytensor.function([model.graphs.v], list(model.graphs.states), mode=AS_WRITTEN)
    pasts = [None] * n_sequences  # the frames so far, for each column
    for windows, fresh, before, _ in seen:
        for i, window in enumerate(windows):
            if fresh[i]:
                pasts[i] = np.zeros((0, 12))
            elif len(window):
                for state, carried in zip(states(pasts[i]), before, strict=True):
                    np.testing.assert_allclose(carried[i], state[-1], atol=1e-12)
            if len(window):
                pasts[i] = np.vstack([pasts[i], window])
                if pasts[i].astype(np.uint8).tobytes() in whole:
                    whole.pop(pasts[i].astype(np.uint8).tobytes())
    assert not whole  # every sequence was read completely
    if (
        kind is RnnNade and n_sequences == 1
    ):  # the monitor is the likelihood; over windows with carried states it equals that of the sequences
        total = sum(monitor * len(windows[0]) for windows, _, _, monitor in seen)
        assert total / sum(map(len, rolls)) == pytest.approx(model.score(rolls), abs=1e-12)


def test_the_best_parameters_are_kept_and_patience_ends_the_run(python_model, toy_rolls, tmp_path):
    model, values, weights = python_model(), iter([-5.0, -3.0, -4.0, -3.5, 0.0]), []
    model.monitor = lambda rolls, batch_size: next(values)
    model.fit(
        toy_rolls[:2],
        30,
        9,
        validation=toy_rolls[2:3],
        patience=2,
        checkpoint=tmp_path / "model",
        on_epoch=lambda record: weights.append(model.params[0].get_value()),
    )
    assert [record["validation"] for record in model.log] == [-5.0, -3.0, -4.0, -3.5]
    progress = model.progress
    assert (progress.best, progress.best_epoch, progress.stopped, progress.complete) == (-3.0, 2, True, True)
    assert np.array_equal(model.params[0].get_value(), weights[1])
    assert same(RnnRbm.load(tmp_path / "model"), model)


def test_validation_now_and_then(python_model, toy_rolls):
    model, values = python_model(), iter([-5.0, -6.0, -4.0])
    model.monitor = lambda rolls, batch_size: next(values)
    model.fit(toy_rolls[:1], 30, 7, validation=toy_rolls[2:3], validate_every=3)
    assert [record.get("validation") for record in model.log] == [None, None, -5.0, None, None, -6.0, -4.0]
    assert (model.progress.best, model.progress.best_epoch) == (-4.0, 7)


def test_validation_by_the_likelihood(python_model, toy_rolls):
    """It is exact for such a small RBM. For large ones it is an estimate on a fixed choice of frames."""
    scores = []
    settings = {"validation": toy_rolls[2:3], "validate_by": "likelihood"}

    def look(record):
        exact = model.scorer.is_exact(None)
        scores.append(model.score(toy_rolls[2:3], **({} if exact else {"n_frames": 7, "n_chains": 10})))

    model = python_model()
    model.fit(toy_rolls[:2], 30, 2, **settings, on_epoch=look)
    assert [record["validation"] for record in model.log] == scores and scores[0].exact
    assert model.progress.best == max(scores)
    model = python_model()
    model.scorer.is_exact = lambda *_: False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnnrbm_pt.models.validation.FRAMES_TO_VALIDATE", 7)
        model.fit(toy_rolls[:2], 30, 1, **settings, on_epoch=look)
    assert model.log[0]["validation"] == scores[2] and scores[2].n_frames == 7
    assert scores[2] == pytest.approx(scores[0], abs=4 * scores[2].standard_error)


@pytest.mark.parametrize(("n_hidden", "exact"), [(10, True), (11, False)])
def test_a_validation_does_not_sum_over_many_states(python_model, toy_rolls, monkeypatch, n_hidden, exact):
    """`score` does, up to 20 units. Without weights both give the same number."""
    monkeypatch.setattr("rnnrbm_pt.models.validation.FRAMES_TO_VALIDATE", 7)
    model, seen = python_model(n_hidden=n_hidden), []
    for p in model.params:
        p.set_value(np.zeros_like(p.get_value()))
    score = model.score
    model.score = lambda rolls, **how: seen.append(score(rolls, **how)) or seen[-1]
    settings = {"validation": toy_rolls[1:], "validate_by": "likelihood", "schedule": {"lr": 0.0}}
    record = model.fit(toy_rolls[:1], 60, 1, **settings).log[0]
    assert {(found.n_frames, found.exact) for found in seen} == {(7, exact)} and model.scorer.is_exact(None)
    assert ("validation_reverse" in record) is not exact
    assert record["validation"] == pytest.approx(-12 * np.log(2), rel=1e-12)


def test_a_validation_of_a_nade_reads_all_frames(model_of, toy_rolls):
    model, rolls = model_of(RnnNade), [np.tile(toy_rolls[0], (23, 1))]  # 1,035 frames
    model.fit(toy_rolls[:1], 60, 1, validation=rolls, validate_by="likelihood")
    assert model.log[0]["validation"] == model.score(rolls) and model.score(rolls).n_frames == 1035


def test_an_estimate_that_its_bracket_contradicts_is_never_the_best(python_model, toy_rolls):
    scores = iter([-5.0, -5.1, -2.0, -2.5, -4.8, -4.7, -4.9, -np.inf, -1.0, np.nan])  # forward, reverse, forward, ...
    model, weights = python_model(), []
    model.scorer.is_exact = lambda *_: False
    model.score = lambda rolls, **how: next(scores)
    settings = {"validation": toy_rolls[2:3], "validate_by": "likelihood", "patience": 2}
    model.fit(toy_rolls[:1], 30, 9, **settings, on_epoch=lambda record: weights.append(model.get_params()))
    assert [record["validation_refused"] for record in model.log] == [False, True, False, True, True]
    assert [record["validation_reverse"] for record in model.log][:2] == [-5.1, -2.5]
    assert (model.progress.best, model.progress.best_epoch, model.progress.stopped) == (-4.8, 3, True)
    assert all(np.array_equal(value, weights[2][name]) for name, value in model.get_params().items())


def test_mixing_is_logged_if_asked_for(python_model, model_of, toy_rolls):
    model = python_model().fit(toy_rolls[:1], 30, 1, validation=toy_rolls[2:3], measure_mixing=True)
    assert json.loads(json.dumps(model.log)) == model.log
    assert model.log[0]["mixing"] == model.scorer.mixing(toy_rolls[2:3], n_chains=10).to_json()
    with pytest.raises(ValueError, match="measure_mixing: expected validation sequences to measure it on, found none"):
        python_model().fit(toy_rolls, measure_mixing=True)
    with pytest.raises(ValueError, match="measure_mixing: expected a model of RBMs with binary visible units"):
        model_of(RnnNade).fit(toy_rolls, validation=toy_rolls, measure_mixing=True)


def test_a_callback_ends_the_run(python_model, toy_rolls):
    model = python_model()

    def on_epoch(record):
        if record["epoch"] == 2:
            raise StopTraining

    model.fit(toy_rolls[:1], 30, 9, on_epoch=on_epoch)
    assert len(model.log) == 2 and model.progress.complete
    with pytest.raises(ValueError, match="expected a stopped run, found one that is complete after 2 epochs"):
        model.resume(toy_rolls[:1])


def test_a_run_that_goes_on_from_its_file_ends_with_the_same_bits(python_model, toy_rolls, tmp_path):
    whole, validation = python_model(), toy_rolls[3:]
    whole.fit(toy_rolls[:3], validation=validation, **RICH)
    for at in (2, 6, 10):  # of 18 updates, 6 per epoch
        check_a_run_stopped_at(at, whole, python_model(), toy_rolls, validation, tmp_path)


def test_what_may_not_go_on(python_model, toy_rolls):
    model = python_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls[:2], 20, 2, validation=toy_rolls[3:], on_update=interrupting(2))
    for rolls, validation in (
        (toy_rolls[1::-1], toy_rolls[3:]),
        (toy_rolls[:2], None),
        (toy_rolls[:2], toy_rolls[2:3]),
    ):
        with pytest.raises(ValueError, match="the training and validation sequences of the stopped run"):
            model.resume(rolls, validation=validation)
    with pytest.raises(ValueError, match="expected the 2 sequences"):
        model.resume(toy_rolls[:3], validation=toy_rolls[3:])


def test_a_run_without_validation_does_not_go_on_with_an_empty_one(python_model, toy_rolls):
    model = python_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls[:2], 20, 2, on_update=interrupting(2))
    with pytest.raises(ValueError, match="validation: expected frames, found none"):
        model.resume(toy_rolls[:2], validation=[])
    assert model.progress.updates == 2
    assert model.resume(toy_rolls[:2]).progress.complete


@pytest.mark.parametrize("name", ["Wuu", "adam_m_bu"])
def test_what_is_not_finite_ends_the_run_by_name(python_model, toy_rolls, tmp_path, name):
    model, calls = python_model(), []

    def spoil(frames, total):
        calls.append(frames)
        if len(calls) == 6:  # the last update of the second epoch
            variable = next(v for v in (*model.params, *model.state.slots.values()) if v.name == name)
            value = variable.get_value()
            value.flat[3] = np.inf
            variable.set_value(value)

    with pytest.raises(FloatingPointError, match=f"{name}: 1 of .* not finite after 6 updates"):
        model.fit(toy_rolls[:1], 20, 9, optimizer="adam", checkpoint=tmp_path / "model", on_update=spoil)
    loaded = RnnRbm.load(tmp_path / "model")
    assert loaded.progress.epoch == 1 and all(np.isfinite(a).all() for a in loaded.state.arrays().values())


def test_a_rate_that_is_far_too_high(python_model, toy_rolls):
    model = python_model(lr=1e308)
    with pytest.raises(FloatingPointError, match="finite.* after"):
        with np.errstate(all="ignore"):
            model.fit(toy_rolls, 20, 9)


def test_the_log_is_json_and_has_the_norms(python_model, toy_rolls):
    model = python_model()
    model.fit(toy_rolls[:2], 20, 2, validation=toy_rolls[2:])
    assert json.loads(json.dumps(model.log)) == model.log
    record = model.log[-1]
    last = python_model()
    last.fit(toy_rolls[:2], 20, 2)  # its parameters are those of the last epoch, not the best ones
    assert record["norms"] == {p.name: pytest.approx(np.linalg.norm(p.get_value())) for p in last.params}
    assert record["gradient_norm"] > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patience": 3}, "patience: expected validation sequences for a patience of 3 epochs, found none"),
        ({"patience": 0, "validation": True}, "patience"),
        ({"validate_by": "likelihood"}, "validate_by: expected validation sequences for 'likelihood'"),
        ({"validate_every": 0, "validation": True}, "validate_every: expected an integer of at least 1, found 0"),
        ({"validate_by": "ear", "validation": True}, "validate_by: expected one of monitor, likelihood, found 'ear'"),
        ({"checkpoint_every": 5}, "checkpoint_every: expected a checkpoint to write every 5 updates, found none"),
        ({"checkpoint_every": 0.5}, "checkpoint_every: expected an integer of at least 1, found 0.5"),
        ({"batch_size": 2.5}, "batch_size: expected an integer of at least 1, found 2.5"),
        ({"num_epochs": "3"}, "num_epochs: expected an integer of at least 0, found '3'"),
        ({"n_sequences": True}, "n_sequences: expected an integer of at least 1, found True"),
        ({"carry_state": "no"}, "carry_state: expected True or False, found 'no'"),
        ({"lr_rnn": True}, "lr_rnn: expected a finite number of at least 0, found True"),
        ({"schedule": {"lr": True}}, "Constant: value: expected a finite number, found True"),
        ({"optimizer": "adan"}, "optimizer: expected one of"),
        ({"schedule": {"dt": 1}}, "schedule: expected any of"),
    ],
)
def test_settings_that_are_none(python_model, toy_rolls, settings, message):
    if settings.get("validation"):
        settings = settings | {"validation": toy_rolls}
    model = python_model()
    with pytest.raises(ValueError, match=message):
        model.fit(toy_rolls, **settings)
    assert model.progress is None


def test_a_keyword_that_there_is_not(python_model, toy_rolls):
    model = python_model()
    with pytest.raises(TypeError, match="n_sequnces: expected one of the settings average, batch_size, beta1, "):
        model.fit(toy_rolls, n_sequnces=5)


def test_a_nade_has_no_chain_to_schedule(model_of, toy_rolls):
    with pytest.raises(ValueError, match="schedule: k: expected a model with a Gibbs chain in training"):
        model_of(RnnNade).fit(toy_rolls, schedule={"k": 5})


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "c", "numba"])
def test_every_backend_trains_alike(python_model, toy_model, toy_rolls, backend):
    if backend == "jax":
        pytest.importorskip("jax")
    run = RICH | {"validation": toy_rolls[3:], "pretrain": {"frame_epochs": 1, "rnn_epochs": 1}}
    as_written = python_model().fit(toy_rolls[:3], **run)
    compiled = toy_model(backend=backend, streams="philox", k=2).fit(toy_rolls[:3], **run)
    np.testing.assert_allclose(monitors(compiled), monitors(as_written), rtol=0, atol=1e-12)
    for p, q in zip(compiled.params, as_written.params, strict=True):
        np.testing.assert_allclose(p.get_value(), q.get_value(), rtol=0, atol=1e-12)


def test_several_windows_of_any_lengths(python_model, toy_rolls):
    frames = []
    model = python_model().fit(toy_rolls, 20, 2, n_sequences=4, on_update=lambda n, total: frames.append((n, total)))
    total = sum(len(roll) for roll in toy_rolls)
    assert [record["updates"] for record in model.log] == [4, 4]  # 15 windows: the last update takes three
    assert [record["frames"] for record in model.log] == [total, total]
    assert sum(n for n, _ in frames) == 2 * total and {n for _, n in frames} == {total}
    assert model.progress.run.n_sequences == 4
    assert model.train_function(toy_rolls[0].astype(float)) < 0  # continues with the same parameters and streams


def test_n_sequences_has_to_be_one_at_least(toy_model, toy_rolls):
    with pytest.raises(ValueError, match="n_sequences: expected an integer of at least 1, found 0"):
        toy_model().fit(toy_rolls, n_sequences=0)


def test_a_stopped_run_of_several_sequences_goes_on(python_model, toy_rolls, tmp_path):
    whole = python_model().fit(toy_rolls, 20, 2, n_sequences=2)
    stopped, updates = python_model(), []

    def ctrl_c(frames, total_frames):
        updates.append(frames)
        if len(updates) == 11:  # of 8 per epoch
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        stopped.fit(toy_rolls, 20, 2, n_sequences=2, on_update=ctrl_c)
    stopped.save(tmp_path / "stopped")
    resumed = RnnRbm.load(tmp_path / "stopped", mode=stopped.mode)
    assert resumed.progress.run.n_sequences == 2 and len(resumed.progress.monitors) == 3
    resumed.resume(toy_rolls)
    assert_same(resumed, whole, 0)


def test_ctrl_c_in_the_first_update_leaves_the_model_as_it_was(python_model, toy_rolls):
    model, untouched = python_model(), python_model()
    function = model.batch_function

    def interrupted(*batch):
        function(*batch)
        raise KeyboardInterrupt

    model.trainer.functions.batch_function = interrupted
    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls, n_sequences=2)
    assert_same(model, untouched, 0)


@pytest.mark.parametrize(
    ("rolls", "message"),
    [
        ([], "Training set is empty"),
        ([np.zeros((0, 12))], "Training set is empty"),
        ([np.zeros((3, 11))], "roll 0.*12"),
        ([np.zeros((3, 12)), np.full((3, 12), 2)], "roll 1.*0.*1"),
        ([np.full((3, 12), np.nan)], "roll 0"),
    ],
)
def test_what_cannot_be_trained_on(toy_model, rolls, message):
    model = toy_model()
    with pytest.raises(ValueError, match=message):
        model.fit(rolls)
    assert model.log == []


def test_nothing_to_resume(toy_model, toy_rolls):
    model = toy_model()
    with pytest.raises(ValueError, match="resume: expected a stopped run to continue, found none"):
        model.resume(toy_rolls)
    model.fit(toy_rolls, num_epochs=1)
    with pytest.raises(ValueError, match="complete after 1 epochs; a larger num_epochs extends it"):
        model.resume(toy_rolls)
    with pytest.raises(ValueError, match="num_epochs: expected an integer of at least 2, found 1"):
        model.resume(toy_rolls, 1)


def test_resume_on_other_sequences_is_refused(toy_model, toy_rolls):
    model = toy_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls, on_update=lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(ValueError, match="expected the 5 sequences"):
        model.resume(toy_rolls[1:])


def test_the_error_of_each_epoch_is_kept(toy_model, toy_rolls):
    model = toy_model(seed=3)
    model.fit(toy_rolls, batch_size=10, num_epochs=30)
    errors = [record["error"] for record in model.log]
    density = np.concatenate(toy_rolls).mean()
    assert 0.25 < errors[0] < 0.5  # an untrained chain has half of the bits set
    assert errors[-1] < 0.6 * errors[0] and errors[-1] < 2 * density
    # One update, with the same streams: the mean of (v - v_sample)^2, the fraction of bits that differ.
    twin = toy_model(seed=3)
    graphs = twin.graphs
    chain = compile_function([graphs.v], graphs.v_sample, mode=backend_mode("numba"), floatX=twin.floatX)
    v = toy_rolls[0][:10].astype(twin.floatX)
    expected = ((v - chain(v)) ** 2).mean()
    twin.fit([toy_rolls[0][:10]], batch_size=10, num_epochs=1)
    assert twin.log[0]["error"] == pytest.approx(expected, abs=1e-12)


def test_learning_that_fails_leaves_the_sums_of_the_epoch(python_model, toy_rolls):
    model = python_model()
    model.state.errors.set_value(model.state.errors.get_value() + 3)
    before = model.state.errors.get_value()
    model.params[0].set_value(np.full_like(model.params[0].get_value(), np.nan))
    with pytest.raises(FloatingPointError):
        model.partial_fit(toy_rolls[:1])
    assert np.array_equal(model.state.errors.get_value(), before)
