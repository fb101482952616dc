"""A study in a real PostgreSQL server on loopback: three workers, one of them killed in a trial."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from oracles.runs import COMMAND, dying_at_save

from rnnrbm_pt import RnnNade
from rnnrbm_pt.music.midi import midiwrite

pytest.importorskip("optuna")
pytest.importorskip("psycopg", reason="needs psycopg, the driver of PostgreSQL")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("initdb"), reason="PostgreSQL's programs are not installed"),
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are those of Unix"),
]

N_TRIALS = 4
SPACE = ["--space", "lr=1e-3..0.1:log", "--space", "hidden=4..8"]
TRAIN = ["train", "midi", "--validation", "midi", "--r", "21,33", "--recurrent", "4", "--model", "rnn-nade"]
TRAIN += ["--epochs", "3"]


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@pytest.fixture(scope="module")
def url():
    """The URL of a database of a new server, which ends with the tests."""
    folder = Path(tempfile.mkdtemp(prefix="rnnrbm-postgres-"))
    how = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    if os.geteuid() == 0:  # as which a server does not run
        shutil.chown(folder, "nobody")
        how["user"] = "nobody"
    data, port = folder / "data", free_port()
    subprocess.run(["initdb", "-D", data, "-U", "search", "-A", "trust", "--no-sync"], **how)
    listening = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    subprocess.run(["pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", listening, "start"], **how)
    try:
        yield f"postgresql+psycopg://search@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run(["pg_ctl", "-D", data, "-m", "immediate", "stop"], **how)
        shutil.rmtree(folder)


def worker(machine, url, first=""):
    """A process of `rnnrbm search`, on what might be a machine of its own: it has its own folder."""
    command = ["search", "--study", f"{machine}/tunes", "--storage", url, "--trials", str(N_TRIALS), "--no-prune"]
    return subprocess.Popen(
        [sys.executable, "-c", first + COMMAND, *command, *SPACE, *TRAIN], stdout=subprocess.DEVNULL
    )


def states(url):
    """Those of the trials, in their order. Two machines may both ask for the last one: the loser's is left out."""
    import optuna

    storage = optuna.storages.RDBStorage(url)
    try:
        found = optuna.load_study(study_name="tunes", storage=storage).get_trials()
        assert all(trial.state.name == "FAIL" for trial in found[N_TRIALS:])
        return [trial.state.name for trial in found[:N_TRIALS]]
    finally:
        storage.remove_session()
        storage.engine.dispose()


def test_three_workers_and_one_killed_in_a_trial(url, toy_rolls, tmp_path, monkeypatch):
    midiwrite(tmp_path / "midi" / "0.mid", toy_rolls[0], (21, 33), 0.3)
    monkeypatch.chdir(tmp_path)
    assert worker("first", url, dying_at_save(2)).wait() == -signal.SIGKILL
    assert states(url) == ["RUNNING"]
    assert RnnNade.load("first/tunes/trial-0.npz").progress.epoch == 1

    others = [worker(machine, url) for machine in ("second", "third")]
    assert [process.wait() for process in others] == [0, 0]
    assert states(url) == ["RUNNING"] + ["COMPLETE"] * (N_TRIALS - 1)

    assert worker("first", url).wait() == 0
    assert states(url) == ["COMPLETE"] * N_TRIALS
    checkpoints = [path.name for path in Path().glob("*/tunes/trial-*.npz")]
    assert sorted(checkpoints) == [f"trial-{number}.npz" for number in range(N_TRIALS)]
