"""Ctrl+C and SIGTERM at any moment: nothing crashes, nothing is torn apart, and the exit status says what happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from rnnrbm_pt import RnnRbm, midiread, midiwrite
from rnnrbm_pt.interrupts import Deferral, deferred_interrupts, ended_by_signals, lifted_deferral

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals are those of Unix")

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture(autouse=True)
def default_handlers():
    """Python's own handler of Ctrl+C, which may be off where the tests were started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# ---------------------------------------------------------------------------------------------------
# Blocks that signals do not cut short


def test_a_signal_waits_for_the_end_of_the_outermost_block():
    reached = []
    with pytest.raises(KeyboardInterrupt):
        with deferred_interrupts():
            with deferred_interrupts():
                signal.raise_signal(signal.SIGINT)
                reached.append("inner")
            reached.append("outer")
        reached.append("after")
    assert reached == ["inner", "outer"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_takes_effect_where_the_block_checks():
    reached = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        with deferred_interrupts() as check:
            signal.raise_signal(signal.SIGINT)
            reached.append("before")
            check()
            reached.append("after")
    assert reached == ["before"]


def test_a_signal_is_at_once_where_the_deferral_is_lifted():
    reached = []
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        try:
            with lifted_deferral():
                signal.raise_signal(signal.SIGINT)
                reached.append("lifted")
        finally:
            signal.raise_signal(signal.SIGINT)
            reached.append("deferred again")
    assert reached == ["deferred again"]
    with lifted_deferral():  # in no block
        reached.append("no block")


def test_the_handler_from_before_gets_the_signal():
    got = []
    signal.signal(signal.SIGINT, lambda number, frame: got.append(number))
    with deferred_interrupts():
        signal.raise_signal(signal.SIGINT)
        assert got == []
    assert got == [signal.SIGINT]


def test_signals_that_are_ignored_or_the_systems_stay_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    deferral = Deferral()
    assert signal.SIGINT not in deferral.handlers and signal.SIGTERM not in deferral.handlers
    with deferred_interrupts():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_ends_in_order_although_a_second_signal_comes(number, status, capsys):
    reached = []

    @ended_by_signals
    def main(arguments=None):
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(signal.SIGINT)
            reached.append("in order")
        return 0

    if status == 143:
        with pytest.raises(SystemExit) as error:
            main([])
        assert error.value.code == status
    else:
        assert main([]) == status
        assert capsys.readouterr().err == "\nInterrupted by user.\n"
    assert reached == ["in order"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_interrupt_that_python_drops_comes_again(capsys):
    class Dropping:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    @ended_by_signals
    def main(arguments=None):
        Dropping()
        for _ in range(6000):  # it comes after 10 ms
            time.sleep(0.01)
        return 0

    assert main([]) == 130
    assert capsys.readouterr().err == "\nInterrupted by user.\n"


# ---------------------------------------------------------------------------------------------------
# A model that is interrupted is as good as before

# Works until it is interrupted, checks the model, and so on. A line of output says that work has begun.
WORK = """
import signal, sys
import numpy as np
from rnnrbm_pt import RnnRbm

signal.signal(signal.SIGINT, signal.default_int_handler)
model = RnnRbm(150, 100, backend=sys.argv[1])  # large: it is in compiled code nearly always
rolls = [(np.random.RandomState(0).rand(60, 88) < 0.2).astype(np.uint8)]


def results():
    return (
        model.sample(60, seed=3),
        model.predict_next(rolls[0], n_samples=5),
        float(model.score(rolls, exact=False, n_chains=5, n_temperatures=20)),
        model.monitor(rolls),
    )


expected = results()
for i in range(int(sys.argv[2])):
    try:
        print("working", flush=True)
        while True:
            results()
            model.sample(20)
    except KeyboardInterrupt:
        pass
    for before, now in zip(expected, results(), strict=True):
        assert np.array_equal(before, now), i
print("whole", flush=True)
"""


@pytest.mark.parametrize(
    ("backend", "n"),
    [
        ("numba", 10),
        *(
            pytest.param(backend, n, marks=pytest.mark.slow)
            for backend, n in [("numba", 300), ("c", 300), ("jax", 100)]
        ),
    ],
)
def test_results_after_an_interrupt_at_any_moment(backend, n):
    moments = random.Random(n)
    command = [sys.executable, "-c", WORK, backend, str(n)]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            if line == "working\n":
                time.sleep(moments.uniform(0, 0.3))
                process.send_signal(signal.SIGINT)
        error = process.stderr.read()
    assert (process.returncode, line, error) == (0, "whole\n", "")


# ---------------------------------------------------------------------------------------------------
# Commands

# The program, which says when it handles signals: before, one ends it in Python's own way.
COMMAND = """
import sys
from rnnrbm_pt.cli import main as cli

make_parser = cli.make_parser

def said():
    print("started", file=sys.stderr, flush=True)
    return make_parser()

cli.make_parser = said
sys.exit(cli.main())
"""

SIGNALS = [(signal.SIGINT,), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)]


@pytest.fixture(scope="module")
def folder(toy_rolls, tmp_path_factory):
    """A folder with music to read, and a model file that no command writes."""
    folder = tmp_path_factory.mktemp("interrupts")
    (folder / "music").mkdir()
    for i, roll in enumerate(toy_rolls):
        midiwrite(folder / "music" / f"{i}.mid", roll, (21, 33), 0.3)
    notes = [[(40 + np.flatnonzero(frame)).tolist() for frame in roll[:6]] for roll in toy_rolls]
    (folder / "sets").mkdir()
    (folder / "sets" / "jsb_chorales.json").write_text(
        json.dumps({"train": notes[:3], "valid": notes[3:4], "test": notes[4:]})
    )
    RnnRbm(30, 20, r=(21, 33)).save(folder / "model.npz")
    return folder


def arguments(command, folder, output, backend):
    """The command line; what it writes goes to the folder `output`."""
    return {
        "evaluate": [folder / "model.npz", folder / "music", "--temperatures", "500", "--backend", backend],
        "generate": [folder / "model.npz", "-o", output / "a.mid", "-n", "9", "--steps", "999", "--backend", backend],
        "data": ["--folder", folder / "sets"],
        "train": f"{folder / 'music'} -o {output / 'm'} --hidden 30 --recurrent 20 --r 21,33 --epochs 100 "
        f"--checkpoint-every 3 --validation {folder / 'music'} --backend {backend}".split(),
    }[command]


def interrupted(command, signals, moment, moments):
    """Run a command and send signals, the first after so many seconds; the exit status and what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, command)],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr.readline() == "started\n"
        time.sleep(moment)
        for number in signals:
            process.send_signal(number)
            time.sleep(moments.uniform(0, 0.05))
        error = process.stderr.read()
    return process.returncode, error


def check_files(output):
    """Each file is whole, and there is nothing beside the outputs."""
    for path in output.iterdir():
        if path.suffix == ".mid":
            assert len(midiread(path, (21, 33), 0.3).piano_roll)
        elif path.name == "m":
            assert RnnRbm.load(path).progress is not None
        else:
            assert path.name == "m.jsonl"
            for line in path.read_text().splitlines():
                json.loads(line)


@pytest.mark.parametrize(
    ("command", "backend", "n"),
    [
        ("evaluate", "numba", 2),
        ("generate", "numba", 2),
        *(
            pytest.param(command, backend, 30, marks=pytest.mark.slow)
            for command in ("evaluate", "generate", "train")
            for backend in ("numba", "c", "jax")
        ),
        pytest.param("data", "numba", 30, marks=pytest.mark.slow),
    ],
)
def test_commands_that_are_interrupted_at_any_moment(folder, tmp_path, command, backend, n):
    moments = random.Random(f"{command} {backend}")
    for i in range(n):
        output = tmp_path / str(i)
        output.mkdir()
        signals = SIGNALS[i % 3] if n > 3 else SIGNALS[i + 1]
        moment = moments.uniform(0, 0.5 if command == "data" else 8)
        status, error = interrupted([command, *arguments(command, folder, output, backend)], signals, moment, moments)
        seen = f"{command}, {signals} after {moment:.3f} s: {status}\n{error}"
        ended = {130, 0} if signals[0] == signal.SIGINT else {143, 0}  # it may have come to its end before
        assert status in ended, seen
        assert error.strip() in ("", "Interrupted by user."), seen
        assert (error.count("Interrupted by user.") == 1) == (status == 130), seen
        check_files(output)
