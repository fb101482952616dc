"""Ctrl+C and SIGTERM at any moment: nothing crashes, nothing is torn apart, and the exit status says what happened."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

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


# ---------------------------------------------------------------------------------------------------
# A model that is interrupted is as good as before

# Works until it is interrupted, checks the model, and so on. A line of output says that work has begun.
WORK = """
import signal, sys
import numpy as np
from rnnrbm_pt import RnnRbm

signal.signal(signal.SIGINT, signal.default_int_handler)
model = RnnRbm(8, 6, r=(21, 33), backend=sys.argv[1], streams="philox")
rolls = [(np.random.RandomState(0).rand(120, 12) < 0.2).astype(np.uint8)]


def results():
    return (
        model.sample(300, seed=3),
        model.predict_next(rolls[0], n_samples=3),
        float(model.score(rolls, exact=False, n_chains=5)),
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
        ("numba", 25),
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
                time.sleep(moments.uniform(0, 0.05))
                process.send_signal(signal.SIGINT)
        error = process.stderr.read()
    assert (process.returncode, line, error) == (0, "whole\n", "")
