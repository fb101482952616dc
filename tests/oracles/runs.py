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
