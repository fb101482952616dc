"""Calls of compiled functions: one at a time, and none that a signal cuts short.

A compiled function keeps its inputs and its working memory from call to call. So two threads that call it at once get
wrong numbers, without an error.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

from rnnrbm_pt.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from numba.core.event import Listener


class ModelLock:
    """A lock that one thread may take several times. A copy of it, or a pickled one, is a new lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type["ModelLock"], tuple]:
        return ModelLock, ()


class SafeFunction:
    """A compiled function that one thread at a time calls, and that signals do not cut short.

    Parameters
    ----------
    function : callable
    lock : context manager
        Held during a call. Functions that share variables share it.
    deferred : bool
        Whether Ctrl+C and SIGTERM wait until the call is over, or Numba is between two passes of its compiler. If
        False, they take effect within the call: for functions that run in Python, or that handle signals themselves.

    Attributes
    ----------
    function : callable
        The compiled function.
    """

    def __init__(self, function: Callable[..., Any], lock: AbstractContextManager, *, deferred: bool = True) -> None:
        self.function, self.lock, self.deferred = function, lock, deferred

    def __call__(self, *arguments: Any) -> Any:
        with self.lock, interruptible_compilation() if self.deferred else nullcontext():
            return self.function(*arguments)


@contextmanager
def interruptible_compilation() -> Iterator[None]:
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
def _listener_class() -> Callable[[Callable[[], object]], "Listener"]:
    from numba.core.event import Listener

    class PassListener(Listener):
        """Calls `check` before each pass of the compiler."""

        def __init__(self, check: Callable[[], object]) -> None:
            self.check = check

        def on_start(self, event: object) -> None:
            self.check()

        def on_end(self, event: object) -> None:
            pass

    return PassListener
