"""Training that is killed at any moment continues from its last checkpoint and ends with the same bits.

SIGKILL cannot be caught: nothing is cleaned up, and everything in memory is lost. Some runs kill themselves during each
of their writes in turn. Other runs are killed from outside: half of these kills target the writing of a checkpoint, the
others come at random times. Each run is killed many times and continued each time.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from rnnrbm_pt import midiwrite
from rnnrbm_pt.io.checkpoint import read_checkpoint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills and forks are those of Unix")

# Trains the model in a file to the end of its run, or starts a new run if there is no file. It reports each update.
# Given a folder, it does so for each line of its input, in a fork of itself whose functions are already compiled. A
# line holds the number of the write during which the fork kills itself (0 for none) and the name of the file.
PROGRAM = """
import json, os, signal, stat, sys
import numpy as np
from rnnrbm_pt import RnnRbm
from rnnrbm_pt import midiwrite
from rnnrbm_pt.io.checkpoint import read_checkpoint
from rnnrbm_pt.models.compiling import AS_WRITTEN

backend, data, path, more = sys.argv[1:]
with np.load(data) as archive:
    *rolls, held_out = archive.values()
how = {"mode": AS_WRITTEN} if backend == "python" else {"backend": backend}


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())


def begin(path):
    model = RnnRbm(8, 6, lr=0.02, r=(21, 33), **how)
    settings = dict(batch_size=5, num_epochs=4, optimizer="adam", patience=1, validation=[held_out], checkpoint=path)

    settings |= json.loads(more)

    def on_update(*_):
        raise InterruptedError

    try:
        model.fit(rolls, **settings, on_update=on_update)
    except InterruptedError:  # what lies there was written before the first update
        model.state.restore_all(*read_checkpoint(path))
    return model


def die_in_writing(number):
    # Kill this process when it has written so many files but the last of them is not yet in its place.
    flush, written = os.fsync, 0

    def fsync(descriptor):
        nonlocal written
        written += stat.S_ISREG(os.fstat(descriptor).st_mode)  # folders are flushed too
        if written == number:
            os.kill(os.getpid(), signal.SIGKILL)
        flush(descriptor)

    os.fsync = fsync


def go_on(model, path):
    done = model.progress.updates

    def on_update(*_):
        if model.progress.updates == done + 1:
            say("update")

    def save(filename):
        if model.progress.complete:  # no run continues from this file, so it must hold the end
            assert all(np.array_equal(p.get_value(), model.state.best[p.name]) for p in model.params)
        type(model).save(model, filename)

    model.save = save
    if not model.progress.complete:
        model.resume(rolls, validation=[held_out], checkpoint=path, checkpoint_every=3, on_update=on_update)


if os.path.isdir(path):
    model = begin(os.path.join(path, "begin"))
    model.monitor([held_out], 5)
    say("ready")
    for line in sys.stdin:
        child = os.fork()
        if child:
            say("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            continue
        status = 1
        try:
            say(os.getpid())
            number, path = line.rstrip().split(" ", 1)
            model.state.restore_all(*read_checkpoint(path))
            if number != "0":
                die_in_writing(int(number))
            go_on(model, path)
            status = 0
        finally:
            os._exit(status)
else:
    say(os.getpid())
    go_on(RnnRbm.load(path, **how) if os.path.exists(path) else begin(path), path)
"""


@pytest.fixture(scope="module")
def start(toy_rolls, tmp_path_factory):
    """Start the program on a backend, or as "python", which compiles nothing, with optional settings of `fit`."""
    data = tmp_path_factory.mktemp("data") / "rolls.npz"
    np.savez(data, *toy_rolls)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def start(backend, path, more=None):
        command = [sys.executable, "-c", PROGRAM, backend, str(data), str(path), json.dumps(more or {})]
        return subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    return start


def follow(output, kill):
    """Call `kill(pid)` after the first update of a run, and return the last line that the run or its parent printed."""
    pid = int(output.readline())
    line = output.readline()
    if line == "update\n":
        with contextlib.suppress(ProcessLookupError):  # the run may end first
            kill(pid)
        line = output.readline()
    return line


@contextlib.contextmanager
def forks(start, backend, folder, more=None):
    """Return a function that runs a file until its end or a kill, and returns whether the end was reached."""
    with start(backend, folder, more) as server:
        assert server.stdout.readline() == "ready\n"

        def run(path, kill=lambda pid: None, fatal_writing=0):
            if not path.exists():
                shutil.copy(folder / "begin", path)
            print(fatal_writing, path, file=server.stdin, flush=True)
            status = int(follow(server.stdout, kill).removeprefix("ended "))
            assert status in (0, -signal.SIGKILL)
            return status == 0

        yield run
        server.stdin.close()


@pytest.fixture(scope="module", params=["python", *(pytest.param(b, marks=pytest.mark.slow) for b in ("numba", "c"))])
def run_in_fork(request, start, tmp_path_factory):
    """The function of `forks`, in one process that compiles once for all tests."""
    with forks(start, request.param, tmp_path_factory.mktemp("forks")) as run:
        yield run


@contextlib.contextmanager
def processes(start, backend, folder):
    """Like `forks`, with a new process for each run."""

    def run(path, kill=lambda pid: None):
        with start(backend, path) as process:
            follow(process.stdout, kill)
        assert process.returncode in (0, -signal.SIGKILL)
        return process.returncode == 0

    run(folder / "first")  # compiled functions and cached ones may differ in the last digit
    yield run


def temporary_files(path):
    return {name for name in os.listdir(path.parent) if name.startswith(f".{path.name}-")}


def kill_at_random(moments, path):
    def kill(pid):
        time.sleep(moments.uniform(0, 0.1))
        os.kill(pid, signal.SIGKILL)

    return kill


def kill_while_writing(moments, path):
    """Let a run proceed in pieces of up to 30 ms, until it has a half-written file at the end of one."""
    before = temporary_files(path)

    def kill(pid):
        end = time.monotonic() + 20  # a child of this process that has already ended ignores signals
        while temporary_files(path) <= before and time.monotonic() < end:
            os.kill(pid, signal.SIGCONT)
            time.sleep(moments.uniform(0, 0.03))
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)

    return kill


def outcome(path):
    """All bits of the arrays, and the whole text except times."""
    arrays, about = read_checkpoint(path)
    about["log"] = [
        {name: value for name, value in record.items() if name not in ("seconds", "frames", "frames_per_second")}
        for record in about["log"]
    ]
    return {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}, about


def assert_kills_change_nothing(run, folder, n_kills):
    """Kill a run several times, then let it end. Its bits must equal those of a run that was not killed."""
    assert run(folder / "whole")
    expected = outcome(folder / "whole")
    assert {"W", "slot_adam_m_W", "slot_adam_t", "best_W", "stream_0", "shuffle_key"} <= set(expected[0])
    assert 1 < len(expected[1]["log"]) < 4 and expected[1]["progress"]["stopped"], "expected an early stop"

    path, moments = folder / "killed", random.Random(0)
    updates, while_writing = [], 0
    while len(updates) < n_kills:
        before = temporary_files(path)
        aim = (kill_at_random, kill_while_writing)[len(updates) % 2]
        if run(path, aim(moments, path)):  # the run ended before the kill
            assert outcome(path) == expected
            path.unlink()
            continue
        arrays, about = read_checkpoint(path)
        assert all(np.isfinite(array).all() for array in arrays.values())
        updates.append(about["progress"]["updates"])
        while_writing += not temporary_files(path) <= before
    assert run(path)
    assert outcome(path) == expected
    print(f"{n_kills} kills, {while_writing} of them while a checkpoint was written; found after {updates} updates")
    assert 0 < while_writing < n_kills
    assert not temporary_files(path)


def test_killed_in_each_writing(run_in_fork, tmp_path):
    """A run that dies in its second write has advanced by one checkpoint. So every write except the first is hit."""
    assert run_in_fork(tmp_path / "whole")
    path, n_kills = tmp_path / "killed", 0
    while not run_in_fork(path, fatal_writing=2):
        n_kills += 1
        assert len(temporary_files(path)) == 1
    assert n_kills > 10
    assert outcome(path) == outcome(tmp_path / "whole")
    assert not temporary_files(path)


@pytest.mark.slow
def test_killed_with_all_that_a_run_may_keep(start, tmp_path):
    """The checkpoints also hold persistent chains, parameter averages and streams of masks."""
    (tmp_path / "forks").mkdir()
    with forks(start, "python", tmp_path / "forks", {"persistent": True, "average": 0.9, "dropout_hidden": 0.2}) as run:
        test_killed_in_each_writing(run, tmp_path)
    arrays, _ = read_checkpoint(tmp_path / "whole")
    assert {"particles", "slot_average_W", "slot_average_t", "stream_9"} <= set(arrays)


def test_killed_in_forks(run_in_fork, tmp_path):
    assert_kills_change_nothing(run_in_fork, tmp_path, 10)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numba", "c"])
def test_killed_and_loaded_by_new_processes(start, tmp_path, backend):
    with processes(start, backend, tmp_path) as run:
        assert_kills_change_nothing(run, tmp_path, 50)


INTERRUPTS = [(signal.SIGINT,), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "ways", "n_stops"),
    [("c", [(signal.SIGKILL,)], 20), ("numba", INTERRUPTS, 12), ("c", INTERRUPTS, 12), ("jax", INTERRUPTS, 12)],
)
def test_the_command_goes_on(toy_rolls, tmp_path, backend, ways, n_stops):
    """The same with the command, killed or interrupted. Its log has one line per epoch."""
    for i, roll in enumerate(toy_rolls):
        midiwrite(tmp_path / "midi" / f"{i}.mid", roll, (21, 33), 0.3)

    def start(path):
        sizes = ["--hidden", "8", "--recurrent", "6", "--r", "21,33", "--lr", "0.02", "--backend", backend]
        run = ["--batch-size", "5", "--epochs", "60", "--optimizer", "adam", "--checkpoint-every", "3"]
        more = ["--resume"] if path.exists() else []
        command = [sys.executable, "-m", "rnnrbm_pt", "train", str(tmp_path / "midi"), "-o", str(path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*command, *sizes, *run, *more], env=environment, **pipes)

    def assert_whole(path):
        assert outcome(path) == expected
        lines = [json.loads(line)["monitor"] for line in path.with_name(f"{path.name}.jsonl").read_text().splitlines()]
        assert lines == [record["monitor"] for record in expected[1]["log"]] and len(lines) == 60
        assert {name for name in os.listdir(tmp_path) if name.startswith(".")} == set()

    def run_to_its_end(path):
        with start(path) as process:
            assert process.stderr.read() == ""
        assert process.returncode == 0

    run_to_its_end(tmp_path / "first")  # compiling takes time
    run_to_its_end(tmp_path / "whole")
    path, moments, updates = tmp_path / "stopped", random.Random(0), []
    expected = outcome(tmp_path / "whole")
    while len(updates) < n_stops:
        signals = ways[len(updates) % len(ways)]
        written = path.stat().st_mtime_ns if path.exists() else None
        with start(path) as process:
            while process.poll() is None and (not path.exists() or path.stat().st_mtime_ns == written):
                time.sleep(0.001)
            time.sleep(moments.uniform(0, 0.1))
            for number in signals:
                process.send_signal(number)
                time.sleep(moments.uniform(0, 0.02))
            error = process.stderr.read()
        ended = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[signals[0]]
        assert process.returncode in (0, ended), error
        assert error == ("\nInterrupted by user.\n" if process.returncode == 130 else "")
        progress = read_checkpoint(path)[1]["progress"]
        updates.append(progress["updates"])
        if progress["epoch"] == 60:  # the run ended first: start another one
            assert_whole(path)
            path.unlink()
            path.with_name("stopped.jsonl").unlink()
    if path.exists():
        run_to_its_end(path)
        assert_whole(path)
    print(f"{n_stops} stops of the command on {backend}; found after {updates} updates")
