"""Calls of compiled functions: one at a time, and none that a signal cuts short.

A compiled function keeps its inputs, and what it works in, from call to call. So two threads that call it at once get
wrong numbers, without an error.
"""

import sys
import threading
from contextlib import contextmanager, nullcontext
from functools import cache

from rnnrbm_pt.interrupts import deferred_interrupts


class ModelLock:
    """A lock that one thread may take several times. A copy of it, or what a pickle of it gives, is a new one."""

    def __init__(self):
        self._lock = threading.RLock()

    def __enter__(self):
        self._lock.acquire()

    def __exit__(self, *error):
        self._lock.release()

    def __reduce__(self):
        return ModelLock, ()


class SafeFunction:
    """A compiled function that one thread at a time calls, and that signals do not cut short.

    Parameters
    ----------
    function : callable
    lock : context manager
        Held during a call. Functions that share variables share it.
    deferred : bool
        Whether Ctrl+C and SIGTERM wait until the call is over, or Numba is between two passes of its compiler. Without,
        they take effect within the call; that is for functions that Python runs, or that look after it themselves.

    Attributes
    ----------
    function : callable
        As it was given.
    """

    def __init__(self, function, lock, *, deferred=True):
        self.function, self.lock, self.deferred = function, lock, deferred

    def __call__(self, *arguments):
        with self.lock, interruptible_compilation() if self.deferred else nullcontext():
            return self.function(*arguments)


@contextmanager
def interruptible_compilation():
    """Within the block, signals take effect only between two passes of Numba's compiler; else at its end.

    A pass comes before any computing, and Numba forgets a function whose compilation did not come to its end.
    """
    with deferred_interrupts() as check:
        if "numba" not in sys.modules:
            yield
            return
        from numba.core.event import install_listener

        with install_listener("numba:run_pass", _listener_class()(check)):
            yield


@cache
def _listener_class():
    from numba.core.event import Listener

    class PassListener(Listener):
        """Calls `check` before each pass of the compiler."""

        def __init__(self, check):
            self.check = check

        def on_start(self, event):
            self.check()

        def on_end(self, event):
            pass

    return PassListener
