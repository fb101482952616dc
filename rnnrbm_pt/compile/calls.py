"""Calls of compiled functions: one at a time, none that a signal cuts short, and none that takes long.

A compiled function keeps its inputs and its working memory from call to call. So two threads that call it at once get
wrong numbers, without an error. Signals wait for the end of a call, so a long one is made in pieces.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

from rnnrbm_pt.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from numba.core.event import Listener


COMPILING = threading.RLock()
"""One thread at a time builds graphs and compiles: PyTensor's flags, such as the float type, are one for all threads.
A thread that holds it takes no `ModelLock`."""


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
        False, they take effect within the call: for functions that run in Python and change nothing.

    Attributes
    ----------
    function : callable
        The compiled function.
    """

    def __init__(self, function: Callable[..., Any], lock: AbstractContextManager, *, deferred: bool = True) -> None:
        self.function, self.lock = function, lock
        self._context = interruptible_compilation if deferred else nullcontext

    def __call__(self, *arguments: Any) -> Any:
        with self.lock, self._context():
            results = self.function(*arguments)
        if self._context is interruptible_compilation:  # it is compiled now
            self._context = deferred_interrupts
        return results


SECONDS = 0.25
"""What a piece of a long calculation should take."""


def pieces(n_steps: int, *, at_most: int | None = None) -> Iterator[slice]:
    """Cut a long calculation into calls: few steps at first, then as many as the clock recommends.

    The caller carries over what a step leaves for the next one. Then the result does not depend on where the cuts are.

    Parameters
    ----------
    n_steps : int
    at_most : int, optional
        Steps of a piece, of which all but the last are equal then. For JAX, which compiles anew for each number of
        steps.

    Yields
    ------
    slice
        The steps of the next piece.
    """
    size = 1 if at_most is None else equal_size(n_steps, at_most)
    done = 0
    while done < n_steps:
        start = time.perf_counter()
        yield slice(done, min(done + size, n_steps))
        seconds = time.perf_counter() - start
        done += size
        if at_most is None:
            size = max(1, min(2 * size, int(size * SECONDS / max(seconds, 1e-9))))


def equal_size(n_steps: int, at_most: int) -> int:
    """The size of pieces that are equal, unless these would be much smaller than `at_most`."""
    largest = max(size for size in range(1, at_most + 1) if n_steps % size == 0)
    return largest if 4 * largest >= at_most or largest == n_steps else at_most


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
