"""Stop runs of training at an update, and compare runs."""

import numpy as np


def same(one, other):
    """Whether everything that training changes is bit-identical in two models."""
    a, b = one.state.arrays(), other.state.arrays()
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def assert_same(one, other, atol):
    """Assert that two models have the same log, parameters and streams."""
    monitors = ([record["monitor"] for record in model.log] for model in (one, other))
    np.testing.assert_allclose(*monitors, rtol=0, atol=atol)
    for p, q in zip(one.params, other.params, strict=True):
        np.testing.assert_allclose(p.get_value(), q.get_value(), rtol=0, atol=atol, err_msg=p.name)
    for stream, twin in zip(one.streams.streams, other.streams.streams, strict=True):
        assert np.array_equal(stream.get_value(), twin.get_value())


def interrupting(at):
    """An on_update callback that acts like Ctrl+C at update number `at`."""
    calls = []

    def on_update(frames, total):
        calls.append(frames)
        if len(calls) == at:
            raise KeyboardInterrupt

    return on_update


COMMAND = """
import sys
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.models import compiling
compiling.backend_mode = lambda backend: compiling.AS_WRITTEN  # compiles nothing
sys.exit(main(sys.argv[1:]))
"""
"""A program that runs the command `rnnrbm` with its arguments."""


def dying_at_save(n):
    """What to put before `COMMAND`, so that its process is killed right after it has written a model n times."""
    return f"""
import os, signal
from rnnrbm_pt.models import storage
save, saved = storage.save, []
def save_and_die(model, path):
    save(model, path)
    saved.append(path)
    if len(saved) == {n}:
        os.kill(os.getpid(), signal.SIGKILL)
storage.save = save_and_die
"""
