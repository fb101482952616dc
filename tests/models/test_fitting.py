"""Runs of training: optimisers, schedules, carried states, validation, checkpoints, guards."""

import json

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import Mode

from rnnrbm_pt import LstmRtrbm, RnnNade, RnnRbm, Rtrbm, midiread, midiwrite
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.music.preprocessing import Preprocessing
from rnnrbm_pt.training.loop import side_by_side
from rnnrbm_pt.training.progress import StopTraining
from rnnrbm_pt.training.schedules import Cosine, Table
from rnnrbm_pt.training.updates import adam

PYTHON = Mode(linker="py", optimizer="fast_compile")
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


@pytest.fixture
def kin():
    """Makes a small model of each kind, run as written."""

    def make(kind, **settings):
        if kind is not Rtrbm:
            settings["n_hidden_recurrent"] = 6
        if kind is not RnnNade:
            settings = {"k": 2, "k_generate": 2, **settings}
        return kind(8, **{"lr": 0.05, "r": (21, 33), "streams": "philox", "mode": PYTHON, **settings})

    return make


def same(one, other):
    """Whether two models are equal, to the bit, in all that learning changes."""
    a, b = one.state.arrays(), other.state.arrays()
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def monitors(model):
    return [(record["monitor"], record["error"], record.get("validation")) for record in model.log]


def test_adam_in_fit_is_adam_by_hand(python_model, toy_rolls):
    model, twin = python_model(lr=0.01), python_model(lr=0.01)
    model.fit(toy_rolls[:2], 20, 1, optimizer="adam", beta1=0.8)
    graphs = twin.graphs
    updates = adam(graphs.cost, list(twin.params), twin.lr, beta1=0.8, consider_constant=[graphs.v_sample])
    function = pytensor.function([graphs.v], graphs.monitor, updates={**graphs.updates_train, **updates}, mode=PYTHON)
    order = [0, 1]
    twin.random_state.shuffle(order)
    found = [function(toy_rolls[i][start : start + 20].astype(float)) for i in order for start in (0, 20, 40)]
    assert model.log[0]["monitor"] == pytest.approx(np.mean(found), abs=1e-12)
    for p, q in zip(model.params, twin.params, strict=True):
        np.testing.assert_allclose(p.get_value(), q.get_value(), rtol=0, atol=1e-12)


def test_windows_alone_and_side_by_side_share_the_slots(python_model, toy_rolls):
    model = python_model()
    model.fit(toy_rolls[:1], 45, 1, optimizer="momentum", momentum=0.5)
    velocity = model.state.slots["momentum_velocity_W"]
    before = velocity.get_value()
    model.partial_fit(toy_rolls[:2], 48, n_sequences=2)
    assert len(model.state.slots) == 8 and not np.array_equal(velocity.get_value(), before)
    model.fit(toy_rolls[:1], 45, 0, optimizer="momentum", momentum=0.7)  # a new run begins with nothing remembered
    assert not velocity.get_value().any() and model.state.scalars["momentum"].get_value() == 0.7
    model.fit(toy_rolls[:1], 45, 0)
    assert model.state.slots == {} and "momentum" not in model.state.scalars


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
    loaded = RnnRbm.load(tmp_path / "m", mode=PYTHON)
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
    assert loaded.lr.get_value() == 0.02 and loaded.state.scalars["k"].get_value() == 1  # as those files always did


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


def test_a_chain_of_scheduled_length_is_one_of_that_length(python_model, toy_rolls):
    one, other = python_model(k=3), python_model(k=2)
    one.fit(toy_rolls[:2], 30, 2)
    other.fit(toy_rolls[:2], 30, 2, schedule={"k": 3})
    assert monitors(one) == monitors(other)


def test_columns_of_sequences_that_go_on():
    rolls = [np.full((n, 1), i) for i, n in enumerate([5, 0, 2, 3, 4])]
    found = [
        ([(len(window), int(window[0, 0]) if len(window) else None) for window in columns], fresh.tolist())
        for columns, fresh in side_by_side(rolls, [0, 1, 2, 3, 4], 2, 2)
    ]
    assert found == [
        ([(2, 0), (2, 2)], [True, True]),
        ([(2, 0), (2, 3)], [False, True]),
        ([(1, 0), (1, 3)], [False, False]),
        ([(2, 4), (0, None)], [True, False]),
        ([(2, 4), (0, None)], [False, False]),
    ]


@pytest.mark.parametrize(("kind", "n_sequences"), [(RnnNade, 1), (LstmRtrbm, 2)])
def test_with_the_state_carried_over_windows_are_whole_sequences(kin, toy_rolls, kind, n_sequences):
    model = kin(kind, lr=0.0, learn_initial=True)
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
    states = pytensor.function([model.graphs.v], list(model.graphs.states), mode=PYTHON)
    pasts = [None] * n_sequences  # of each column: the frames so far
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
    assert not whole  # every sequence went by as a whole
    if kind is RnnNade and n_sequences == 1:  # the monitor is the likelihood: by windows it is that of the sequences
        total = sum(monitor * len(windows[0]) for windows, _, _, monitor in seen)
        assert total / sum(map(len, rolls)) == pytest.approx(model.score(rolls), abs=1e-12)


def test_the_monitor_of_given_sequences(kin, toy_rolls):
    nade = kin(RnnNade)
    nade.fit(toy_rolls, 20, 1)
    cut = [roll[i : i + 20] for roll in toy_rolls for i in range(0, len(roll), 20)]
    for n_sequences in (1, 4):
        assert nade.monitor(toy_rolls, 20, n_sequences=n_sequences) == pytest.approx(nade.score(cut), abs=1e-12)
    with pytest.raises(ValueError, match="expected frames, found none"):
        nade.monitor([toy_rolls[0][:0]])


def test_the_monitor_learns_nothing_and_is_the_same_each_time(python_model, toy_rolls):
    model = python_model()
    before = model.state.arrays()
    first = model.monitor(toy_rolls[:2], 20)
    assert model.monitor(toy_rolls[:2], 20) == first
    after = model.state.arrays()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    other = python_model(seed=7)
    other.fit(toy_rolls, 20, 1)
    for p, q in zip(other.params, model.params, strict=True):
        p.set_value(q.get_value())
    assert other.monitor(toy_rolls[:2], 20) == first  # the draws do not depend on the seed of the model


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
    """Exact of so small an RBM; of large ones it is an estimate on frames that are the same each time."""
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
    model.scorer.is_exact = lambda exact: False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnnrbm_pt.models.trainer.FRAMES_TO_VALIDATE", 7)
        model.fit(toy_rolls[:2], 30, 1, **settings, on_epoch=look)
    assert model.log[0]["validation"] == scores[2] and scores[2].n_frames == 7
    assert scores[2] == pytest.approx(scores[0], abs=4 * scores[2].standard_error)


def test_a_callback_ends_the_run(python_model, toy_rolls):
    model = python_model()

    def on_epoch(record):
        if record["epoch"] == 2:
            raise StopTraining

    model.fit(toy_rolls[:1], 30, 9, on_epoch=on_epoch)
    assert len(model.log) == 2 and model.progress.complete
    with pytest.raises(ValueError, match="the run is complete after 2 epochs"):
        model.resume(toy_rolls[:1])


def interrupting(at):
    """An on_update that presses Ctrl+C, so to speak, at the update of that number."""
    calls = []

    def on_update(frames, total):
        calls.append(frames)
        if len(calls) == at:
            raise KeyboardInterrupt

    return on_update


def test_a_run_that_goes_on_from_its_file_ends_with_the_same_bits(python_model, toy_rolls, tmp_path):
    whole, validation = python_model(), toy_rolls[3:]
    whole.fit(toy_rolls[:3], validation=validation, **RICH)
    for at in (2, 6, 10):  # of 18 updates, 6 an epoch
        check_a_run_stopped_at(at, whole, python_model(), toy_rolls, validation, tmp_path)


def check_a_run_stopped_at(at, whole, stopped, toy_rolls, validation, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(toy_rolls[:3], validation=validation, checkpoint=tmp_path / "m", on_update=interrupting(at), **RICH)
    loaded = RnnRbm.load(tmp_path / "m", mode=PYTHON)
    loaded.resume(toy_rolls[:3], validation=validation)
    assert same(whole, loaded) and monitors(whole) == monitors(loaded)
    assert whole.progress == loaded.progress


@pytest.mark.parametrize("end", ["epochs", "no epochs", "patience", "on_update", "on_epoch", "ctrl_c"])
def test_each_checkpoint_is_written_once(python_model, toy_rolls, tmp_path, end):
    """However the run ends, the file in the end has the model in the end. It is written before on_epoch is called."""
    model, positions, save = python_model(), [], None

    def spy(filename):
        positions.append((model.progress.epoch, model.progress.updates, model.progress.complete))
        save(filename)

    def stop(*_):
        if model.progress.updates == 4:
            raise StopTraining if end != "ctrl_c" else KeyboardInterrupt

    save, model.save = model.save, spy
    run = {"num_epochs": 0 if end == "no epochs" else 2, "checkpoint": tmp_path / "m"}
    if end == "patience":
        run |= {"num_epochs": 9, "patience": 1, "validation": toy_rolls[2:3]}
        model.monitor = lambda rolls, batch_size: -float(model.progress.epoch)
    if end in ("on_update", "ctrl_c"):
        run["on_update"] = stop
    if end == "on_epoch":
        run["on_epoch"] = stop
        run |= {"num_epochs": 9}
    try:
        model.fit(toy_rolls[:1], 23, **run)  # 2 updates an epoch
    except KeyboardInterrupt:
        assert end == "ctrl_c"
    expected = [(0, 0, end == "no epochs"), (1, 2, False), (2, 4, True)][: 1 if end == "no epochs" else 3]
    if end in ("on_update", "ctrl_c"):
        expected[-1] = (1, 4, end == "on_update")
    if end == "on_epoch":
        expected.insert(2, (2, 4, False))
    assert positions == expected
    loaded = RnnRbm.load(tmp_path / "m")
    assert same(loaded, model) and loaded.progress == model.progress and loaded.log == model.log


def test_real_numbers_have_a_width_of_their_own(as_written, tmp_path):
    """Not that of a range of MIDI notes, of which there are 128."""
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
    """As they had before there was a width: such files hold a range and no width, and load."""
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
            "n_visible: expected visible='gaussian' beside it, since notes have a range r, found 'binary'",
        ),
        ({"n_visible": 0, "visible": "gaussian"}, "n_visible: expected an integer of at least 1, found 0"),
        (
            {"n_visible": 3, "visible": "gaussian", "r": (0, 3)},
            "n_visible: expected either n_visible or r, found 3 and",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            RnnRbm(5, 4, **settings)


def test_what_may_not_go_on(python_model, toy_rolls):
    model = python_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(toy_rolls[:2], 20, 2, validation=toy_rolls[3:], on_update=interrupting(2))
    for rolls, validation in (
        (toy_rolls[1::-1], toy_rolls[3:]),
        (toy_rolls[:2], None),
        (toy_rolls[:2], toy_rolls[2:3]),
    ):
        with pytest.raises(ValueError, match="the sequences and the validation of the stopped run"):
            model.resume(rolls, validation=validation)
    with pytest.raises(ValueError, match="expected the 2 sequences"):
        model.resume(toy_rolls[:3], validation=toy_rolls[3:])


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
    last.fit(toy_rolls[:2], 20, 2)  # whose parameters are those of the last epoch, not the best ones
    assert record["norms"] == {p.name: pytest.approx(np.linalg.norm(p.get_value())) for p in last.params}
    assert record["gradient_norm"] > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patience": 3}, "patience: expected a validation for 3 epochs, found none"),
        ({"patience": 0, "validation": True}, "patience"),
        ({"validate_by": "likelihood"}, "validate_by: expected a validation for 'likelihood'"),
        ({"validate_every": 0, "validation": True}, "validate_every: expected an integer of at least 1, found 0"),
        ({"validate_by": "ear", "validation": True}, "validate_by: expected one of monitor, likelihood, found 'ear'"),
        ({"checkpoint_every": 5}, "checkpoint_every: expected a checkpoint for 5 updates, found none"),
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
    with pytest.raises(TypeError, match="n_sequnces: expected any of the settings batch_size, beta1, "):
        model.fit(toy_rolls, n_sequnces=5)


def test_a_nade_has_no_chain_to_schedule(kin, toy_rolls):
    with pytest.raises(ValueError, match="no Gibbs chain"):
        kin(RnnNade).fit(toy_rolls, schedule={"k": 5})


@pytest.mark.parametrize(
    "backend", ["jax", pytest.param("c", marks=pytest.mark.slow), pytest.param("numba", marks=pytest.mark.slow)]
)
def test_every_backend_trains_alike(python_model, toy_model, toy_rolls, backend):
    if backend == "jax":
        pytest.importorskip("jax")
    run = RICH | {"validation": toy_rolls[3:], "pretrain": {"frame_epochs": 1, "rnn_epochs": 1}}
    as_written = python_model().fit(toy_rolls[:3], **run)
    compiled = toy_model(backend=backend, streams="philox", k=2).fit(toy_rolls[:3], **run)
    np.testing.assert_allclose(monitors(compiled), monitors(as_written), rtol=0, atol=1e-12)
    for p, q in zip(compiled.params, as_written.params, strict=True):
        np.testing.assert_allclose(p.get_value(), q.get_value(), rtol=0, atol=1e-12)


def test_preprocessing_belongs_to_the_model(python_model, toy_rolls, tmp_path):
    preprocess = {"tonality": "parallel", "steps_per_quarter": 2, "tempo": 90}
    model = python_model(preprocess=preprocess)
    for i, roll in enumerate(toy_rolls[:2]):
        midiwrite(tmp_path / f"{i}.mid", roll, (21, 33), 0.25)
    prepared = model.prepare([tmp_path / "0.mid", tmp_path / "1.mid"])
    expected = Preprocessing(**preprocess).read([tmp_path / "0.mid", tmp_path / "1.mid"], (21, 33))
    for found, rolls in ((prepared.rolls, expected.rolls), (model.read(tmp_path), expected.rolls)):
        assert all(np.array_equal(a, b) for a, b in zip(found, rolls, strict=True))
    assert prepared.shifts == expected.shifts and model.step_seconds == pytest.approx(1 / 3)
    model.fit(prepared.rolls, 30, 1)
    model.save(tmp_path / "model")
    loaded = RnnRbm.load(tmp_path / "model", mode=PYTHON)
    assert loaded.preprocess == Preprocessing(**preprocess)
    roll = loaded.generate(tmp_path / "out.mid", show=False, n_steps=9, seed=3, shift=2)
    assert np.array_equal(roll, Preprocessing(**preprocess).undo(model.sample(9, seed=3), (21, 33), shift=2))
    written = midiread(tmp_path / "out.mid", (21, 33), 0.5, unit="quarter").piano_roll
    assert np.array_equal(written, roll[: len(written)]) and not roll[len(written) :].any()
