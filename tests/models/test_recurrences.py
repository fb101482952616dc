"""Models with an LSTM or GRU as their recurrent network: files, stopped runs, arrays, the command."""

import numpy as np
import pytest
from oracles.runs import interrupting, same

from rnnrbm_pt import RnnNade, RnnRbm
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.cli.train import RECURRENCES as WORDS
from rnnrbm_pt.graphs.recurrences import RECURRENCES
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.music.midi import midiwrite

RUN = {"batch_size": 20, "num_epochs": 2, "n_sequences": 2, "carry_state": True, "optimizer": "adam", "lr_rnn": 0.01}


WORDS_OF = {RnnRbm: "rnn-rbm", RnnNade: "rnn-nade"}
BY_DEFAULT = (RnnRbm, "gru"), (RnnNade, "lstm")


@pytest.fixture(
    params=[
        pytest.param(
            (kind, recurrence),
            marks=[] if (kind, recurrence) in BY_DEFAULT else pytest.mark.slow,
            id=f"{kind.__name__}-{recurrence}",
        )
        for kind in WORDS_OF
        for recurrence in ("lstm", "gru")
    ]
)
def kind_and_recurrence(request):
    return request.param


@pytest.fixture
def recurrence(kind_and_recurrence):
    return kind_and_recurrence[1]


@pytest.fixture
def make(kind_and_recurrence, model_of):
    kind, recurrence = kind_and_recurrence
    return lambda **settings: model_of(kind, recurrence=recurrence, learn_initial=True, **settings)


def test_a_run_that_goes_on_from_its_file_ends_with_the_same_bits(make, toy_rolls, tmp_path):
    whole, stopped = make().fit(toy_rolls[:3], **RUN), make()
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(toy_rolls[:3], checkpoint=tmp_path / "m", on_update=interrupting(3), **RUN)
    loaded = SequenceModel.load(tmp_path / "m", mode=AS_WRITTEN)
    assert type(loaded) is type(whole) and loaded.settings == whole.settings
    assert same(loaded.resume(toy_rolls[:3]), whole)
    np.testing.assert_array_equal(loaded.sample(20, seed=1), whole.sample(20, seed=1))


def test_it_learns_and_its_likelihood_says_so(make, toy_rolls):
    model = make()
    before = model.score(toy_rolls)
    model.fit(toy_rolls, 20, 8, optimizer="adam", schedule={"lr": 0.02})
    assert model.score(toy_rolls) > before + 2


def test_one_window_at_a_time_is_a_batch_of_one(make, toy_rolls):
    one, other = make(), make()
    one.fit(toy_rolls[:2], 20, 1)
    order = [0, 1]
    other.random_state.shuffle(order)
    for i in order:
        for start in (0, 20, 40):
            window = toy_rolls[i][start : start + 20].astype(float)
            if len(window):
                other.batch_function(window[:, None], np.ones((len(window), 1)))
    for p, q in zip(one.params, other.params, strict=True):
        np.testing.assert_allclose(p.get_value(), q.get_value(), rtol=0, atol=1e-12, err_msg=p.name)


def test_models_of_arrays(make, toy_rolls, recurrence):
    model = make()
    settings = {"recurrence": recurrence, "learn_initial": True, "r": (21, 33)}
    twin = type(model).from_arrays(model.get_params(), **settings)
    assert twin.settings["n_hidden_recurrent"] == 6 and twin.score(toy_rolls) == model.score(toy_rolls)
    with pytest.raises(ValueError, match="expected the parameters W, .* Wvu, Wuu, bu, found 'W'"):
        type(model).from_arrays(model.get_params(), r=(21, 33))


def test_a_file_that_declares_what_it_does_not_hold(make, tmp_path):
    make().save(tmp_path / "m")
    arrays, metadata = read_checkpoint(tmp_path / "m")
    for change, message in (
        ({"recurrence": "qrnn"}, "recurrence: expected one of tanh, lstm, gru, found 'qrnn'"),
        ({"n_hidden_recurrent": 10**6}, "parameters for 12 visible, 8 hidden and 1,000,000 recurrent units"),
    ):
        write_checkpoint(tmp_path / "odd", arrays, {**metadata, "settings": metadata["settings"] | change})
        with pytest.raises(ValueError, match=message):
            SequenceModel.load(tmp_path / "odd")


def test_settings_that_do_not_go_together(recurrence):
    with pytest.raises(ValueError, match=f"nonlinearity: expected 'tanh' with recurrence='{recurrence}'"):
        RnnRbm(recurrence=recurrence, nonlinearity="relu")
    with pytest.raises(ValueError, match="recurrence: expected one of tanh, lstm, gru, found 3"):
        RnnNade(recurrence=3)


def test_the_tutorials_network_is_the_default(toy_model):
    one, other = toy_model(), toy_model(recurrence="tanh")
    assert WORDS == RECURRENCES and WORDS[0] == "tanh"
    assert same(one, other) and [p.name for p in one.params][5:] == ["Wvu", "Wuu", "bu"]


def test_the_command(kind_and_recurrence, toy_rolls, tmp_path, as_written, capsys):
    kind, recurrence = kind_and_recurrence
    midiwrite(tmp_path / "a.mid", toy_rolls[0], (21, 33), 0.3)
    train = ["train", str(tmp_path / "a.mid"), "-o", str(tmp_path / "m"), "--epochs", "1", "--hidden", "5"]
    train += ["--recurrent", "4", "--model", WORDS_OF[kind], "--recurrence", recurrence]
    assert main(train) == 0
    model = SequenceModel.load(tmp_path / "m")
    assert model.settings["recurrence"] == recurrence
    assert main([*train, "--resume", "--epochs", "2"]) == 0
    other = "gru" if recurrence == "lstm" else "lstm"
    assert main([*train, "--resume", "--epochs", "3", "--recurrence", other]) == 1
    assert f"--recurrence asks for {other}, but the run has {recurrence}" in capsys.readouterr().err


def test_the_command_refuses_it_beside_other_models(tmp_path, toy_rolls, capsys):
    midiwrite(tmp_path / "a.mid", toy_rolls[0], (21, 33), 0.3)
    train = ["train", str(tmp_path / "a.mid"), "-o", str(tmp_path / "m"), "--model", "rtrbm", "--recurrence", "gru"]
    assert main(train) == 1
    expected = "--recurrence: expected --model rnn-rbm, rnn-nade, tied-rnn-rbm or biaxial-rnn, found rtrbm"
    assert expected in capsys.readouterr().err
