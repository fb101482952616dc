"""`rnnrbm search`: a few tiny trials, pruned, killed and continued; and what is refused in one sentence."""

import builtins
import pickle
import shlex
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from oracles.runs import COMMAND, dying_at_save, same

from rnnrbm_pt import RnnNade, RnnRbm
from rnnrbm_pt.cli import search as search_command
from rnnrbm_pt.cli.input_files import Read
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.cli.search import check_space, options_of, train_arguments
from rnnrbm_pt.cli.training_options import settings_of_fit
from rnnrbm_pt.io.atomic_write import claimed, fcntl
from rnnrbm_pt.music.midi import midiwrite
from rnnrbm_pt.search.space import Parameter, Space

pytest.importorskip("optuna")

TRAIN = ["train", "midi", "--validation", "midi", "--r", "21,33", "--recurrent", "4", "--epochs", "3"]
NADE = [*TRAIN, "--model", "rnn-nade"]
SPACE = ["--space", "lr=1e-3..0.1:log", "--space", "hidden=4..8", "--space", "optimizer=sgd,momentum"]


def search(capsys, *options, status=0, train=NADE):
    """What the command says: its output, or its error."""
    assert main(["search", *options, *train]) == status
    said = capsys.readouterr()
    return said.err if status else said.out


def trials(folder):
    """The numbers, states, parameters and values of the trials of a study."""
    from rnnrbm_pt.search.trials import open_study

    found = open_study(Path(folder), new=False).get_trials()
    return [(trial.number, trial.state.name, trial.params, trial.value) for trial in found]


def test_a_search_finds_the_best_trial_and_the_command_that_trains_it(here, capsys):
    said = search(capsys, "--study", "s", "--trials", "3", *SPACE)
    done = trials("s")
    assert [number for number, *_ in done] == [0, 1, 2]
    best = max((one for one in done if one[3] is not None), key=lambda one: one[3])
    assert said.splitlines()[3].split()[:2] == ["trial", "state"] and said.splitlines()[4].startswith(f"{best[0]} ")
    assert Path("s/results.png").read_bytes()[:4] == b"\x89PNG"
    page = Path("s/results.html").read_text()
    assert "data:image/png;base64," in page and f"<td>{best[2]['lr']:.4g}" in page
    said = search(capsys, "--study", "s", "--best", "-o", "best.npz", train=[])
    command = said.splitlines()[-1]
    assert f"Wrote best.npz: trial {best[0]}, likelihood {best[3]:.4f}." in said
    Path("old.npz").write_text("old")
    error = search(capsys, "--study", "s", "--best", "-o", "old.npz", status=1, train=[])
    assert error == "rnnrbm: error: -o old.npz: the file exists; use --overwrite to replace it\n"
    assert Path("old.npz").read_text() == "old"
    if fcntl is not None:
        with claimed("old.npz"):
            error = search(capsys, "--study", "s", "--best", "-o", "old.npz", "--overwrite", status=1, train=[])
        assert "old.npz: another process is writing it" in error
    search(capsys, "--study", "s", "--best", "-o", "old.npz", "--overwrite", train=[])
    assert Path("old.npz").read_bytes() == Path("best.npz").read_bytes()
    assert main(shlex.split(command)[1:]) == 0
    one, other = RnnNade.load("best.npz"), RnnNade.load("model.npz")
    assert same(one, other)
    from rnnrbm_pt.search.trials import open_study

    attributes = open_study(Path("s"), new=False).get_trials()[0].user_attrs
    assert attributes["seed"] == 48879 and "optuna" in attributes["versions"]


def test_a_value_of_false_switches_an_option_off():
    words = ["train", "midi", "--recipe", "recommended"]
    for value in (True, False):
        assert settings_of_fit(train_arguments(words, {"persistent": value}))["persistent"] is value
    off = {"persistent": False, "pretrain-rnn-precondition": False, "learn-initial": False}
    assert options_of(off) == ["--no-persistent", "--no-pretrain-rnn-precondition"]
    assert options_of({"persistent": True, "learn-initial": True}) == ["--persistent", "--learn-initial"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hidden", "space: hidden: argument --hidden: expected an integer of at least 1, found 'False'"),
        ("hiden", "space: hiden: expected an option of `rnnrbm train`, found none"),
        ("float32", "space: float32: expected `train` without --float32, which no value switches off"),
    ],
)
def test_a_value_of_false_that_switches_nothing_off_is_refused(name, message):
    space = Space((Parameter(name, (False,)),))
    with pytest.raises(ValueError, match=f"^{message}"):
        check_space(space, ["train", "midi", "--float32"])


@pytest.mark.slow
def test_more_trials_go_on_as_in_one_go(here, capsys):
    search(capsys, "--study", "s", "--trials", "2", *SPACE)
    search(capsys, "--study", "s", "--trials", "4", *SPACE)
    search(capsys, "--study", "s", "--trials", "4", *SPACE)
    Path("whole").mkdir()
    search(capsys, "--study", "whole/s", "--trials", "4", *SPACE)
    assert trials("s") == trials("whole/s") and len(trials("s")) == 4


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are those of Unix")
def test_a_killed_trial_is_taken_up_again(here, capsys):
    command = ["search", "--study", "s", "--trials", "3", *SPACE, *NADE]
    assert (
        subprocess.run(
            [sys.executable, "-c", dying_at_save(6) + COMMAND, *command], stdout=subprocess.DEVNULL
        ).returncode
        == -9
    )
    states = [state for _, state, *_ in trials("s")]
    assert states[-1] == "RUNNING" and len(states) == 2
    assert len(RnnNade.load("s/trial-1.npz").log) == 1
    search(capsys, "--study", "s", "--trials", "3", *SPACE)
    Path("whole").mkdir()
    search(capsys, "--study", "whole/s", "--trials", "3", *SPACE)
    assert trials("s") == trials("whole/s")


@pytest.mark.parametrize("by", ["monitor", "likelihood", pytest.param("accuracy", marks=pytest.mark.slow)])
def test_what_trials_are_compared_by(here, capsys, toy_rolls, by):
    from rnnrbm_pt.search.trials import measured

    search(capsys, "--study", "s", "--trials", "1", "--by", by, "--space", "hidden=4,5", train=[*TRAIN, "--k", "1"])
    model = RnnRbm.load("s/trial-0.npz")
    assert trials("s")[0][3] == measured(model, model.read(["midi"]), by)


def test_a_likelihood_that_is_not_exact_is_the_lower_one_of_two(python_model, toy_rolls, monkeypatch):
    from rnnrbm_pt.search.trials import measured

    model = python_model()
    monkeypatch.setattr(type(model.scorer), "is_exact", lambda *_: False)
    settings = {"n_frames": 5, "n_chains": 10}
    both = [model.score([toy_rolls[0][:5]], reverse=reverse, **settings) for reverse in (False, True)]
    assert measured(model, [toy_rolls[0][:5]], "likelihood") == min(both)


@pytest.mark.slow
def test_conditions_and_combinations_that_fail(here, capsys):
    Path("space.toml").write_text(
        'optimizer = ["sgd", "momentum"]\nmomentum = {range = "0.5..0.9", when = {optimizer = ["momentum"]}}\n'
    )
    search(capsys, "--study", "s", "--trials", "4", "--space-file", "space.toml")
    assert all(("momentum" in params) == (params["optimizer"] == "momentum") for _, _, params, _ in trials("s"))
    error = search(capsys, "--study", "t", "--trials", "1", "--space", "momentum=0.5..0.9", status=1)
    assert (
        "t: no trial is complete; the first error: sgd: expected settings of this optimiser (none), found momentum"
        in error
    )
    assert trials("t")[0][1] == "FAIL"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--space", "hiden=1..2"], "space: hiden: expected an option of `rnnrbm train`, found none"),
        (["--space", "hidden=0..2"], "space: hidden: argument --hidden: expected an integer of at least 1, found 0"),
        (["--space", "optimizer=sgd,sdg"], "space: optimizer: argument --optimizer: invalid choice: 'sdg'"),
        (["--space", "r=1..2"], "space: r: expected a setting of the model or of training"),
        ([], "space: expected parameters from --space NAME=VALUES or --space-file, found none"),
        (
            ["--space", "lr=1..2", "--storage", "nonsense://x"],
            "--storage nonsense://x: cannot reach the database",
        ),
        (
            ["--space", "lr=1..2", "--storage", "nonsense"],
            "--storage: expected the URL of a database",
        ),
        (["--space", "lr=1..2", "--storage", "sqlite:////no/such/folder/x.db"], "--storage sqlite:////no/such/folder"),
        (
            ["--space", "lr=1..2", "--storage", "postgresql+psycopg://127.0.0.1:1/x"],
            "--storage postgresql+psycopg://127.0.0.1:1/x: cannot reach the database",
        ),
        (["--space", "tensorboard=a,b"], "space: tensorboard: expected a setting of the model or of training"),
        (["--space", "lr=1..2", "-o", "m.npz"], "-o: expected --best"),
        (["--space", "lr=1..2", "--overwrite"], "--overwrite: expected --best"),
        (["--best"], "--best: expected -o MODEL, found none"),
        (["--best", "-o", "m.npz"], "s/journal.log: expected the journal of a search, found no such file"),
    ],
)
def test_bad_input_is_one_sentence(here, capsys, options, message):
    error = search(capsys, "--study", "s", *options, status=1)
    assert error.startswith("rnnrbm: error: ") and message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("missing", "missing: no such file or folder"),
        ("empty", "empty: expected MIDI files (.mid, .midi) in it, found none"),
        ("damaged.zip", "damaged.zip: "),
        ("silent.mid", "silent.mid: expected notes, found none"),
        ("corpus", "corpus/"),
    ],
)
def test_music_that_cannot_be_read_ends_the_search_before_the_study_begins(here, capsys, files, message):
    Path("empty").mkdir()
    with zipfile.ZipFile("damaged.zip", "w") as file:
        file.write("midi/0.mid")
    Path("damaged.zip").write_bytes(Path("damaged.zip").read_bytes()[:-30])
    midiwrite("silent.mid", np.zeros((0, 12), np.uint8), (21, 33), 0.3)
    assert main(["prepare", "midi", "-o", "corpus", "--r", "21,33"]) == 0
    Path("corpus/frames.bits").write_bytes(Path("corpus/frames.bits").read_bytes()[:-1] + b"x")
    options = ["--study", "s", "--trials", "1", "--space", "hidden=4,5"]
    capsys.readouterr()
    for wrong in (["train", files, *NADE[2:]], [*NADE[:3], files, *NADE[4:]]):
        error = search(capsys, *options, "--jobs", "2", status=1, train=wrong)
        assert error.startswith("rnnrbm: error: ") and message in error and error.count("\n") == 1
    assert not Path("s").exists()
    search(capsys, *options)
    assert [state for _, state, *_ in trials("s")] == ["COMPLETE"]


def test_music_is_read_as_the_options_say(here):
    words = ["midi", "--validation", "midi", "--recipe", "recommended", "--dt", "0.15"]
    rolls, validation = search_command.read_data(train_arguments(["train", *words, "--r", "20,40"], {}))
    assert len(rolls) == len(validation) == 5 and rolls[0].shape == (90, 20)
    assert main(["prepare", "midi", "-o", "corpus", "--r", "21,33"]) == 0
    store, _ = search_command.read_data(train_arguments(["train", "corpus", "--validation", "midi"], {}))
    assert np.array_equal(pickle.loads(pickle.dumps(store))[4], store[4])  # for --jobs


def test_music_without_frames_is_refused(here, monkeypatch):
    monkeypatch.setattr(search_command, "read_music", lambda *arguments: Read([np.zeros((0, 88))], [], "0.3 s"))
    with pytest.raises(ValueError, match="^midi: expected frames, found none$"):
        search_command.read_data(train_arguments(["train", "midi", "--validation", "midi"], {}))


def test_an_error_in_a_process_is_one_sentence(monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device", "s/trial-0.npz")

    monkeypatch.setattr(search_command, "work", full)
    with pytest.raises(SystemExit, match="^rnnrbm: error: .*No space left on device: 's/trial-0.npz'$"):
        search_command.work_in_process()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "m.npz"], "-o: not allowed in the `train` command of a search"),
        (
            ["--validate-by", "monitor"],
            "--validate-by: not allowed in the `train` command of a search; use --by, before",
        ),
        (["--log", "m.jsonl"], "--log: not allowed"),
        (["--checkpoint-every", "5"], "--checkpoint-every: not allowed"),
        (["--resume"], "--resume: not allowed"),
        (["--overwrite"], "--overwrite: not allowed"),
        (["--augment", "2"], "--augment: not allowed"),
        (["--tensorboard", "x"], "--tensorboard: not allowed"),
        (["--coordinator", "auto"], "--coordinator: not allowed"),
        (["--processes", "1"], "--processes: not allowed"),
        (["--process", "0"], "--process: not allowed"),
        (["--kind", "midi"], "--kind and --folder: expected a data set"),
    ],
)
def test_options_that_trials_cannot_follow_are_refused(here, capsys, options, message):
    error = search(capsys, "--study", "s", *SPACE, status=1, train=[*NADE, *options])
    assert error.startswith(f"rnnrbm: error: {message}") and error.count("\n") == 1
    assert not Path("s").exists()


@pytest.mark.parametrize("by", ["monitor", "accuracy", "likelihood"])
def test_the_command_validates_as_the_trials_did(here, capsys, by):
    said = search(capsys, "--study", "s", "--trials", "1", "--by", by, "--space", "hidden=4,5")
    assert main(shlex.split(said.splitlines()[-1].partition(": ")[2])[1:]) == 0
    one, other = RnnNade.load("s/trial-0.npz"), RnnNade.load("model.npz")
    assert same(one, other) and one.progress.validation == other.progress.validation


@pytest.mark.parametrize("text", ["not JSON", "[]", "3", '{"op_code": 0}', "\xff"])
def test_a_damaged_journal_is_one_sentence(here, capsys, text):
    Path("s").mkdir()
    Path("s/journal.log").write_bytes(f"{text}\n{text}\n".encode("latin-1"))
    error = search(capsys, "--study", "s", *SPACE, status=1)
    assert error.startswith("rnnrbm: error: s/journal.log: expected ") and error.count("\n") == 1


def test_a_journal_that_cannot_be_written_is_one_sentence(here, capsys):
    Path("file").touch()
    Path("s/journal.log").mkdir(parents=True)
    for folder, named in (("file", "file"), ("file/s", "file/s"), ("s", "s/journal.log")):
        error = search(capsys, "--study", folder, *SPACE, status=1)
        assert error.startswith("rnnrbm: error: ") and error.endswith(f": '{named}'\n") and error.count("\n") == 1


def test_a_password_is_not_shown(here, capsys):
    url = "postgresql+nothing://me:secret@127.0.0.1:1/x"
    error = search(capsys, "--study", "s", "--space", "lr=1..2", "--storage", url, status=1)
    assert "secret" not in error and "me:***@" in error


def test_a_study_stays_what_it_began_as(here, capsys):
    search(capsys, "--study", "s", "--trials", "1", *SPACE)
    error = search(capsys, "--study", "s", "--trials", "2", "--space", "lr=1..2", status=1)
    assert "s: space: the study began with" in error
    error = search(capsys, "--study", "s", "--trials", "2", *SPACE, status=1, train=[*NADE, "--k", "3"])
    assert "s: train: the study began with" in error


def test_without_optuna_the_extra_is_named(here, capsys, monkeypatch):
    real = builtins.__import__

    def absent(name, *more):
        if name == "optuna":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", absent)
    error = search(capsys, "--study", "s", *SPACE, status=1)
    assert error == "rnnrbm: error: search: Optuna is not installed; run pip install 'rnnrbm-pt[search]'\n"


@pytest.mark.slow
def test_two_processes_share_a_study(toy_rolls, tmp_path, monkeypatch):
    for i, roll in enumerate(toy_rolls):
        midiwrite(tmp_path / "midi" / f"{i}.mid", roll, (21, 33), 0.3)
    monkeypatch.chdir(tmp_path)
    command = ["search", "--study", "s", "--trials", "3", "--jobs", "2", *SPACE, *NADE]
    subprocess.run([sys.executable, "-m", "rnnrbm_pt", *command], check=True)
    done = trials("s")
    assert [number for number, *_ in done] == [0, 1, 2] and all(state != "RUNNING" for _, state, *_ in done)
    assert np.isfinite([value for *_, value in done if value is not None]).all()
