"""Pretraining: both objectives against NumPy, their effect, and what they leave unchanged."""

import copy
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from oracles import bit_of, finite_differences
from oracles import temporal as oracle
from oracles.runs import interrupting, same
from scipy.special import expit

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm, Rtrbm
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.models.pretraining import (
    Pretraining,
    pretrain,
    pretrain_frames,
    pretrain_rnn,
    rnn_params,
    run_stage,
    stage_randomness,
)
from rnnrbm_pt.training.loop import shuffled_batches

RNN = ["Wuv", "Wvu", "Wuu", "bu"]
GATES = [name + gate for gate in "ifog" for name in ("Wv", "Ws", "b")]
KINDS = {
    "rnn-rbm": (RnnRbm, {"n_hidden_recurrent": 2, "learn_initial": True}, oracle.RnnRbm, [*RNN, "u0"]),
    "rtrbm": (Rtrbm, {"dynamic_visible_bias": True, "learn_initial": True}, oracle.Rtrbm, ["Wuv"]),
    "lstm-rtrbm": (
        LstmRtrbm,
        {"n_hidden_recurrent": 2, "dynamic_visible_bias": True, "learn_initial": True},
        oracle.LstmRtrbm,
        [*GATES, "Wuv", "Wsv", "s0", "c0"],
    ),
    "rnn-nade": (RnnNade, {"n_hidden_recurrent": 2}, oracle.RnnNade, RNN),
}
ROLLS = [np.random.RandomState(i).randint(2, size=(n, 4)) for i, n in enumerate((6, 3, 0))]


def make(kind, scale=0.8, **settings):
    """Make a model of four units with random parameters."""
    model = kind(n_hidden=3, r=(21, 25), backend="c", mode=AS_WRITTEN, **settings)
    values = np.random.default_rng(1)
    for param in model.params:
        param.set_value(values.normal(scale=scale, size=param.get_value().shape))
    return model


def values_of(model):
    return {p.name: p.get_value() for p in model.params}


def contrastive_divergence(v, mask, W, bv, bh, bits, draw_v):
    """The CD-1 gradient of W, bv and bh, and the monitor, for the frames of a batch that count."""
    positive = expit(v @ W + bh)
    sample = draw_v(bits(positive) @ W.T + bv)
    negative = expit(sample @ W + bh)
    logit = bits(negative) @ W.T + bv
    weights = mask / mask.sum()
    gradients = (
        -(v.T * weights) @ positive + (sample.T * weights) @ negative,
        weights @ (sample - v),
        weights @ (negative - positive),
    )
    return gradients, logit, weights


@pytest.mark.parametrize("visible", ["binary", "gaussian"])
def test_an_epoch_of_frames_by_hand(visible):
    """Five frames in batches of four: the second update has one frame and three padding frames."""
    frames = np.random.RandomState(3).randint(2, size=(5, 4)) + (0.25 if visible == "gaussian" else 0)
    model = make(RnnRbm, n_hidden_recurrent=2, visible=visible)
    before, (random_state, streams) = values_of(model), stage_randomness(model, 1)
    rng_h, rng_v, rng_h_monitor, _ = (copy.deepcopy(stream.get_value()) for stream in streams.rbm())
    order = random_state.permutation(5)
    W, bv, bh = (before[name] for name in ("W", "bv", "bh"))
    monitors = []
    for rows in (order[:4], order[4:]):
        v, mask = np.zeros((4, 4)), np.zeros(4)
        v[: len(rows)], mask[: len(rows)] = frames[rows], 1
        sources = iter((rng_h, rng_h_monitor))

        def bits(p, sources=sources):
            return bit_of(next(sources).random(p.shape), p)

        def draw_v(logit):
            return rng_v.normal(logit, 1) if visible == "gaussian" else bit_of(rng_v.random((4, 4)), expit(logit))

        gradients, logit, weights = contrastive_divergence(v, mask, W, bv, bh, bits, draw_v)
        p = expit(logit)
        log_p = v * np.log(p) + (1 - v) * np.log(1 - p)
        if visible == "gaussian":
            log_p = -((v - logit) ** 2 + np.log(2 * np.pi)) / 2
        monitors += [*log_p.sum(axis=1)[mask > 0]]
        W, bv, bh = (x - 0.5 * g for x, g in zip((W, bv, bh), gradients, strict=True))
    pretraining = Pretraining(1, frame_lr=0.5, frame_batch_size=4, frame_optimizer="sgd")
    (record,) = pretrain_frames(model, [frames[:2], frames[2:]], pretraining)
    for name, value in values_of(model).items():
        expected = {"W": W, "bv": bv, "bh": bh}.get(name, before[name])
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14, err_msg=name)  # from the order of sums
    assert record["monitor"] == pytest.approx(np.mean(monitors), rel=1e-12)
    assert {**record, "monitor": 0, "seconds": 0} == {
        "stage": "frames",
        "epoch": 1,
        "monitor": 0,
        "updates": 2,
        "frames": 5,
        "seconds": 0,
    }


def test_frames_of_a_nade_by_finite_differences():
    model = make(RnnNade, n_hidden_recurrent=2)
    before, frames, names = values_of(model), np.concatenate(ROLLS), ("W", "V", "bv", "bh")
    (record,) = pretrain_frames(model, ROLLS, Pretraining(1, frame_lr=1.0, frame_optimizer="sgd"))
    after = values_of(model)

    def cost(**changed):
        p = before | changed
        return -np.mean([np.log(oracle.nade_probability(v, *(p[name] for name in names))) for v in frames])

    assert record["monitor"] == pytest.approx(-cost(), rel=1e-12)
    for name in before:
        expected = finite_differences(lambda x, name=name: cost(**{name: x}), before[name]) if name in names else 0
        np.testing.assert_allclose(
            before[name] - after[name], expected, rtol=0, atol=1e-8, err_msg=name
        )  # measured 1e-10


@pytest.mark.parametrize(
    ("kind", "also", "visible"),
    [*((kind, (), "binary") for kind in KINDS), ("rnn-rbm", ("bv",), "gaussian"), ("rtrbm", ("Wuh", "bh0"), "binary")],
)
def test_an_update_of_the_rnn_by_finite_differences(kind, also, visible):
    """One update by windows of 4, 2 and 3 frames side by side."""
    model_class, settings, twin, names = KINDS[kind]
    gaussian = {"visible": "gaussian"} if visible == "gaussian" else {}
    model = make(model_class, **settings, **gaussian)
    assert {p.name for p in rnn_params(model)} == set(names)
    before, pieces = values_of(model), [ROLLS[0][:4], ROLLS[0][4:], ROLLS[1]]
    pretraining = Pretraining(
        rnn_epochs=1, rnn_lr=1, rnn_optimizer="sgd", rnn_batch_size=4, rnn_n_sequences=4, rnn_also=also
    )
    (record,) = pretrain(model, ROLLS, pretraining)
    after = values_of(model)

    def cost(**changed):
        total = 0
        for piece in pieces:
            state = twin(before | changed)
            for v in piece:
                bv_t, _ = state.biases()
                p = expit(bv_t)
                one = ((v - bv_t) ** 2 / 2) if gaussian else -np.log(np.where(v, p, 1 - p))
                total += one.sum()
                state.see(v)
        return total / 9

    assert record["cost"] == pytest.approx(cost(), rel=1e-12)
    assert (record["stage"], record["epoch"], record["updates"], record["frames"]) == ("rnn", 1, 1, 9)
    for name in before:
        learned = name in (*names, *also)
        expected = finite_differences(lambda x, name=name: cost(**{name: x}), before[name]) if learned else 0
        np.testing.assert_allclose(before[name] - after[name], expected, rtol=0, atol=1e-8, err_msg=name)


def test_a_cross_entropy_of_saturated_units_is_finite():
    model = make(RnnRbm, n_hidden_recurrent=2)
    model.params[1].set_value(np.array([1000.0, -1000.0, 1000.0, -1000.0]))
    (record,) = pretrain_rnn(model, [np.array([[0, 1, 1, 0]])], Pretraining(rnn_epochs=1))
    assert record["cost"] == 2000


def test_what_does_not_move_the_visible_biases_is_refused_before_anything_is_learned():
    for model in (make(Rtrbm), make(LstmRtrbm, n_hidden_recurrent=2, visible="gaussian")):
        before = values_of(model)
        with pytest.raises(ValueError, match=f"rnn_epochs: .* set dynamic_visible_bias=True in {type(model).__name__}"):
            pretrain(model, ROLLS, Pretraining(frame_epochs=1, rnn_epochs=1))
        assert all(np.array_equal(before[name], value) for name, value in values_of(model).items())
    with pytest.raises(ValueError, match="rnn_also: expected any of the parameters bv, found 'Wuh'"):
        pretrain(make(RnnRbm, n_hidden_recurrent=2), ROLLS, Pretraining(rnn_epochs=1, rnn_also=("Wuh",)))


def test_too_few_frames_for_the_curvature_are_refused_before_the_frame_stage():
    model = make(RnnRbm, n_hidden_recurrent=2)
    before = values_of(model)
    settings = Pretraining(frame_epochs=1, rnn_epochs=1, rnn_optimizer="hf", rnn_batch_size=2)
    for learn in (pretrain, pretrain_rnn):
        with pytest.raises(ValueError, match="rnn_n_sequences: .* at least 9 frames .* expected 5 windows of 2 frames"):
            learn(model, ROLLS, settings)
    assert all(np.array_equal(before[name], value) for name, value in values_of(model).items())


@pytest.mark.parametrize("pretraining", [True, 3, "frames", Pretraining])
def test_what_is_no_pretraining(python_model, toy_rolls, pretraining):
    with pytest.raises(ValueError, match="pretrain: expected a Pretraining or a dict, found"):
        python_model().fit(toy_rolls, pretrain=pretraining)


def test_a_pretraining_that_is_refused_leaves_a_stopped_run(model_of, toy_rolls):
    """The run continues, with its own settings of learning, to the same bits."""
    whole, stopped = (model_of(Rtrbm) for _ in range(2))
    run = {"batch_size": 20, "num_epochs": 2, "optimizer": "adam"}
    whole.fit(toy_rolls[:1], **run)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(toy_rolls[:1], on_update=interrupting(2), **run)
    for refused in ({"rnn_epochs": 1}, {"frame_epochs": 1, "rnn_epochs": 1, "rnn_also": ["no"]}):
        with pytest.raises(ValueError, match="rnn_epochs: expected a model whose visible biases depend on its state"):
            stopped.fit(toy_rolls[:1], pretrain=refused)
    assert same(stopped.resume(toy_rolls[:1]), whole)


def test_rolls_are_checked():
    model = make(RnnRbm, n_hidden_recurrent=2)
    with pytest.raises(ValueError, match="expected rolls with frames, found none"):
        pretrain(model, [np.zeros((0, 4))], Pretraining(frame_epochs=1))
    with pytest.raises(ValueError, match="roll 0"):
        pretrain(model, [np.zeros((2, 5))], Pretraining(rnn_epochs=1))
    assert pretrain(model, ROLLS, Pretraining()) == []


def toy(toy_model, **settings):
    return toy_model(backend="c", mode=AS_WRITTEN, **settings)


BOTH = Pretraining(
    frame_epochs=10,
    frame_batch_size=50,
    frame_lr=0.1,
    frame_optimizer="sgd",
    rnn_epochs=10,
    rnn_lr=0.03,
    rnn_batch_size=20,
    rnn_n_sequences=10,
)


def test_frames_become_more_likely_and_better_predicted(toy_model, toy_rolls):
    model, heard, scores = toy(toy_model), [], []
    scores.append(model.score(toy_rolls))

    def hear(record):
        heard.append(record)
        if (record["stage"], record["epoch"]) == ("frames", 10):
            scores.append(model.score(toy_rolls))

    records = pretrain(model, toy_rolls, BOTH, on_epoch=hear)
    assert heard == records and json.loads(json.dumps(records)) == records
    assert [(r["stage"], r["epoch"]) for r in records] == [(s, e) for s in ("frames", "rnn") for e in range(1, 11)]
    assert {r["frames"] for r in records} == {sum(len(roll) for roll in toy_rolls)}
    frames, rnn = records[:10], records[10:]
    assert frames[-1]["monitor"] > frames[0]["monitor"] + 0.5
    assert rnn[-1]["cost"] < rnn[0]["cost"] - 0.5
    assert scores[1] > scores[0] + 1  # the exact likelihood


def test_one_seed_gives_one_pretraining_and_its_run_finds_the_models_randomness_as_it_was(toy_model, toy_rolls):
    one, same, other = (toy(toy_model, seed=seed) for seed in (1, 1, 2))
    untouched = toy(toy_model, seed=1)
    few = replace(BOTH, frame_epochs=2, rnn_epochs=2)
    for model in (one, same, other):
        for p, initial in zip(model.params, untouched.params, strict=True):
            p.set_value(initial.get_value())
        pretrain(model, toy_rolls[:1], few if model is not other else replace(few, rnn_epochs=0))
    for name, value in values_of(one).items():
        assert np.array_equal(value, values_of(same)[name])
        assert np.array_equal(value, values_of(other)[name]) == (name == "Wuh")
    assert str(one.random_state.get_state()) == str(untouched.random_state.get_state())
    for stream, fresh in zip(one.streams.streams, untouched.streams.streams, strict=True):
        assert str(stream.get_value().bit_generator.state) == str(fresh.get_value().bit_generator.state)
    assert one.log == [] and one.progress is None


def test_frames_come_once_an_epoch_in_a_new_order():
    frames, random_state = np.arange(7)[:, None], np.random.RandomState(0)
    epochs = []
    for _ in range(2):
        batches = list(shuffled_batches(frames, 3, random_state, "float32"))
        assert [(v.shape, v.dtype, mask.tolist()) for v, mask in batches] == [
            ((3, 1), np.float32, mask) for mask in ([1, 1, 1], [1, 1, 1], [1, 0, 0])
        ]
        epochs.append(np.concatenate([v[mask > 0, 0] for v, mask in batches]).tolist())
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(7)) and epochs[0] != epochs[1]


def test_ctrl_c_leaves_what_was_learned(toy_model, toy_rolls):
    stopped = toy(toy_model)

    def press(record):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):  # after the only update of the first epoch
        pretrain_frames(stopped, toy_rolls[:1], Pretraining(9, frame_batch_size=50), on_epoch=press)
    one = toy(toy_model)
    pretrain_frames(one, toy_rolls[:1], Pretraining(1, frame_batch_size=50))
    assert np.array_equal(values_of(stopped)["W"], values_of(one)["W"])


def test_ctrl_c_within_the_first_update_leaves_the_parameters(toy_model):
    model = toy(toy_model)
    before = values_of(model)

    def update(mask):
        model.params[0].set_value(before["W"] + 1)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_stage(model, "frames", "monitor", 1, update, lambda: [(np.ones(1),)], list(model.params), None)
    assert np.array_equal(values_of(model)["W"], before["W"])


@pytest.mark.parametrize("backend", [pytest.param("numba", marks=pytest.mark.slow), "jax"])
def test_backends_agree(backend, toy_model, toy_rolls):
    if backend == "jax":
        pytest.importorskip("jax")
    settings = {"streams": "philox", "floatX": "float32"}
    model, reference = toy_model(backend=backend, **settings), toy(toy_model, **settings)
    pretraining = Pretraining(frame_epochs=2, rnn_epochs=2, rnn_n_sequences=2, rnn_batch_size=30)
    records, expected = (pretrain(m, toy_rolls, pretraining) for m in (model, reference))
    for one, other in zip(records, expected, strict=True):
        for name in {"monitor", "cost"} & set(one):
            assert one[name] == pytest.approx(other[name], rel=1e-5)
    for name, value in values_of(model).items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, values_of(reference)[name], rtol=0, atol=1e-4, err_msg=name)


def test_a_pretraining_is_json():
    pretraining = Pretraining(np.int64(3), np.float32(0.5), rnn_also=["bv"], rnn_clip_norm=np.float64(2))
    text = json.dumps(pretraining.to_json())
    assert Pretraining.from_json(json.loads(text)) == pretraining and hash(pretraining)
    assert Pretraining.from_json({}) == Pretraining()
    with pytest.raises(ValueError, match="Pretraining: expected one of frame_epochs, .*, found 'epochs'"):
        Pretraining.from_json({"epochs": 1})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"frame_epochs": -1}, "frame_epochs: expected an integer of at least 0, found -1"),
        ({"rnn_epochs": 1.5}, "rnn_epochs: expected an integer of at least 0, found 1.5"),
        ({"frame_batch_size": 0}, "frame_batch_size: expected an integer of at least 1, found 0"),
        ({"frame_k": 0}, "frame_k: expected an integer of at least 1, found 0"),
        ({"rnn_n_sequences": "2"}, "rnn_n_sequences: expected an integer of at least 1, found '2'"),
        ({"frame_lr": 0}, "frame_lr: expected a finite number above 0, found 0"),
        ({"rnn_lr": float("nan")}, "rnn_lr: expected a finite number above 0, found nan"),
        ({"rnn_clip_norm": -1}, "rnn_clip_norm: expected a finite number above 0, found -1"),
        ({"frame_optimizer": "sdg"}, "frame_optimizer: expected one of sgd, .*adamw, found 'sdg'"),
        ({"rnn_optimizer": None}, "rnn_optimizer: expected one of sgd, .*, found None"),
        ({"rnn_also": "bv"}, "rnn_also: expected a tuple of parameter names, found 'bv'"),
    ],
)
def test_bad_settings_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Pretraining(**settings)
