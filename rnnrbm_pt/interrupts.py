"""Defer Ctrl+C and SIGTERM until they are safe: between calls of compiled functions, never within a call.

Python runs a signal handler whenever the interpreter gets control, and compiled code calls the interpreter now and
then. An exception raised there enters machine code that does not expect it. The process crashes, or some arrays are
updated and others are not. During a compiled call, the handler therefore only records the signal. The previous handler
receives the signal once it is safe.

The functions of this module are independent of models. They do nothing outside the main thread, because Python handles
signals in the main thread only.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial, wraps
from typing import Any, ClassVar

INTERRUPTED = 130
"""Exit status after Ctrl+C. Shells use 128 plus the number of the signal."""

TERMINATED = 143
"""Exit status after SIGTERM."""


class Deferral:
    """Record signals now and deliver them to the previous handlers later.

    Attributes
    ----------
    handlers : dict {signal number: callable}
        The previous handlers. Signals that the system handles or ignores are not deferred.
    pending : list of int
        Signals that have arrived but have not been delivered.
    present : Deferral or None
        Class attribute: the installed deferral.
    """

    present: ClassVar["Deferral | None"] = None

    def __init__(self) -> None:
        found = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        self.handlers: dict[int, Callable[..., Any]] = {n: handler for n, handler in found.items() if callable(handler)}
        self.pending: list[int] = []

    def note(self, number: int, frame: object) -> None:
        """Record a signal. This is the installed handler."""
        if number not in self.pending:
            self.pending.append(number)

    def install(self) -> None:
        """Start to record signals."""
        Deferral.present = self
        for number in self.handlers:
            signal.signal(number, self.note)

    def put_back(self) -> None:
        """Restore the previous handlers, that of Ctrl+C last. It is restored even if SIGTERM ends the process first."""
        Deferral.present = None
        try:
            if signal.SIGTERM in self.handlers:
                signal.signal(signal.SIGTERM, self.handlers[signal.SIGTERM])
        finally:
            if signal.SIGINT in self.handlers:
                signal.signal(signal.SIGINT, self.handlers[signal.SIGINT])

    def check(self) -> None:
        """Deliver one recorded signal, if this is the main thread. Most handlers raise an exception."""
        if self.pending and in_main_thread():
            number = self.pending.pop(0)
            self.handlers[number](number, None)


def in_main_thread() -> bool:
    """Return whether the current thread is the main thread, in which Python handles signals."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def deferred_interrupts() -> Iterator[Callable[[], None]]:
    """Context manager: defer Ctrl+C and SIGTERM to the end of the block. Blocks may be nested.

    Yields
    ------
    check : callable
        Delivers a signal that has arrived. Call it where the block may safely be left: Python's default handler of
        Ctrl+C raises KeyboardInterrupt. A nested block yields the callable of the outermost block.
    """
    if not in_main_thread():
        yield lambda: None
        return
    if Deferral.present is not None:
        yield Deferral.present.check
        return
    deferral = Deferral()
    try:
        deferral.install()
        yield deferral.check
    finally:
        deferral.put_back()
        deferral.check()


@contextmanager
def lifted_deferral() -> Iterator[None]:
    """Context manager: let signals take effect at once, within a block of `deferred_interrupts`.

    Use it for work that takes seconds and changes nothing until it is complete, such as compilation.
    """
    deferral = Deferral.present
    if deferral is None or not in_main_thread():
        yield
        return
    try:
        deferral.put_back()
        deferral.check()
        yield
    finally:
        deferral.install()


# ---------------------------------------------------------------------------------------------------
# Commands


def is_ending() -> bool:
    """Return whether Python is in an `except` or `finally` block because of an interrupt."""
    error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            return True
        error = error.__context__
    return False


def interrupt_once(number: int, frame: object) -> None:
    """Signal handler of a command: end the command cleanly, unless it is already ending.

    A second Ctrl+C must not disturb the clean-up after the first, such as the removal of a half-written file.
    """
    if is_ending():
        return
    if number == signal.SIGTERM:
        raise SystemExit(TERMINATED)
    raise KeyboardInterrupt


def try_again(otherwise: Callable[[Any], object], unraisable: Any) -> None:
    """Hook for exceptions that Python cannot propagate: raise an interrupt again shortly afterwards.

    Python drops an exception that is raised in a callback of the garbage collector or of a library, and prints it.
    """
    error = unraisable.exc_value
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        number = signal.SIGTERM if isinstance(error, SystemExit) else signal.SIGINT
        threading.Timer(0.01, signal.raise_signal, [number]).start()
    else:
        otherwise(unraisable)


def ended_by_signals(main: Callable[..., int]) -> Callable[..., int]:
    """Decorator: end a command cleanly, with exit status 130 after Ctrl+C and 143 after SIGTERM.

    Parameters
    ----------
    main : callable
        ``main(arguments=None)`` returns an exit status. Without arguments it is the whole program. If the program is
        interrupted, it skips Python's shutdown, because a library that was interrupted while computing or compiling may
        crash there. Otherwise, it ignores both signals during the shutdown.

    Returns
    -------
    callable
        The decorated function, with the same signature.
    """

    @wraps(main)
    def run(arguments=None):
        if not in_main_thread():
            return main(arguments)
        defaults = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
        before = {number: handler for number, handler in defaults.items() if signal.getsignal(number) is handler}
        hook = sys.unraisablehook
        try:
            if before:
                sys.unraisablehook = partial(try_again, hook)
            for number in before:
                signal.signal(number, interrupt_once)
            return main(arguments)
        except KeyboardInterrupt:
            print("\nInterrupted by user.", file=sys.stderr)
            if arguments is None:
                leave(INTERRUPTED)
            return INTERRUPTED
        except SystemExit as error:
            if arguments is None and error.code == TERMINATED:
                leave(TERMINATED)
            raise
        finally:
            sys.unraisablehook = hook
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if arguments is None else handler)

    return run


def leave(status: int) -> None:
    """End the process at once, after flushing the standard streams."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the reader may be gone
            stream.flush()
    os._exit(status)
