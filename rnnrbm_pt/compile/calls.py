"""Calls of compiled functions: one at a time, short, and never interrupted by a signal.

A compiled function keeps its inputs and its working memory from call to call. If two threads called it at once, they
would get wrong numbers without an error. Signals wait until a call ends, so a long calculation is divided into several
calls.
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
"""Lock that allows one thread at a time to build graphs and compile. All threads share PyTensor's flags, such as the
float type. A thread that holds this lock must not take a `ModelLock`."""


class ModelLock:
    """A reentrant lock. A copy or a pickle of it is a new lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type["ModelLock"], tuple]:
        return ModelLock, ()


class SafeFunction:
    """A compiled function that is safe to call from several threads, and that signals do not interrupt.

    Parameters
    ----------
    function : callable
        The compiled function.
    lock : context manager
        Held during a call. Functions that share variables must share the lock.
    deferred : bool
        Whether Ctrl+C and SIGTERM wait for the end of the call, or for a pause between two passes of Numba's compiler.
        If False, they take effect during the call. Use False only for functions that run in Python and change nothing.

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
        if self._context is interruptible_compilation:  # the first call has compiled the function
            self._context = deferred_interrupts
        return results


SECONDS = 0.25
"""Intended duration of one piece of a long calculation."""


def pieces(n_steps: int, *, at_most: int | None = None) -> Iterator[slice]:
    """Divide a long calculation into calls of about `SECONDS` each, starting with a single step.

    The caller passes the state from one piece to the next, so the result does not depend on where the cuts are.

    Parameters
    ----------
    n_steps : int
        Number of steps of the whole calculation.
    at_most : int, optional
        Largest number of steps in a piece. All pieces except the last then have the same size, whatever the clock
        says. This is for JAX, which compiles anew for each number of steps.

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
    """The largest size up to `at_most` that gives equal pieces; `at_most` itself if such pieces would be too small."""
    largest = max(size for size in range(1, at_most + 1) if n_steps % size == 0)
    return largest if 4 * largest >= at_most or largest == n_steps else at_most


@contextmanager
def interruptible_compilation() -> Iterator[None]:
    """Within the block, let signals take effect only between two passes of Numba's compiler, or at the end.

    An interruption there is safe: nothing has been computed yet, and Numba discards unfinished compilations.
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
