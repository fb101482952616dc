"""Calls of compiled functions: one thread at a time, with signals deferred to the end of the call."""

import copy
import pickle
import signal
import threading
from contextlib import nullcontext

import pytest

from rnnrbm_pt.compile.calls import ModelLock, SafeFunction


def test_one_thread_at_a_time():
    inside, most = [], []

    def work(n):
        inside.append(n)
        most.append(len(inside))
        for _ in range(10_000):
            pass
        inside.pop()

    function = SafeFunction(work, ModelLock())
    threads = [threading.Thread(target=lambda n=n: [function(n) for _ in range(20)]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 80 and max(most) == 1


def test_a_thread_may_take_the_lock_again_and_a_copy_is_a_new_one():
    lock = ModelLock()
    assert SafeFunction(lambda: SafeFunction(lambda: 7, lock)(), lock)() == 7
    free = []
    for other in (copy.deepcopy(lock), pickle.loads(pickle.dumps(lock))):
        with lock:
            thread = threading.Thread(target=lambda other=other: free.append(other.__enter__()))
            thread.start()
            thread.join(60)
    assert len(free) == 2


def test_an_interrupt_waits_for_the_end_of_a_deferred_call():
    done = []

    def work():
        signal.raise_signal(signal.SIGINT)
        done.append("after")

    with pytest.raises(KeyboardInterrupt):
        SafeFunction(work, nullcontext())()
    assert done == ["after"]
    with pytest.raises(KeyboardInterrupt):
        SafeFunction(work, nullcontext(), deferred=False)()
    assert done == ["after"]
