"""When Ctrl+C and SIGTERM take effect: between calls of compiled functions, never within one.

Python runs a signal's handler wherever its interpreter comes by, and compiled code calls the interpreter now and then.
An exception out of a handler there goes into machine code that does not expect it: the process crashes, or some of the
arrays that the code changes are changed and others are not. So the handler of a compiled call only takes a note, and
the signal goes to the handler from before the call when it is safe.

These functions know nothing of models. In threads other than the main one they do nothing, since signals are handled in
the main thread only.
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
"""Exit status after Ctrl+C, as shells have it: 128 and the number of the signal."""

TERMINATED = 143
"""Exit status after SIGTERM."""


class Deferral:
    """Takes a note of signals, for the handlers that were there before.

    Attributes
    ----------
    handlers : dict {signal number: callable}
        The handlers that the signals are for. Signals that the system handles by itself, or ignores, are not deferred.
    pending : list of int
        Signals that came and were not delivered yet.
    present : Deferral or None
        Of the class: the one that is installed.
    """

    present: ClassVar["Deferral | None"] = None

    def __init__(self) -> None:
        found = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        self.handlers: dict[int, Callable[..., Any]] = {n: handler for n, handler in found.items() if callable(handler)}
        self.pending: list[int] = []

    def note(self, number: int, frame: object) -> None:
        """The handler of the signals: only takes a note."""
        if number not in self.pending:
            self.pending.append(number)

    def install(self) -> None:
        """Have signals noted from now on."""
        Deferral.present = self
        for number in self.handlers:
            signal.signal(number, self.note)

    def put_back(self) -> None:
        """Put the handlers back. That of Ctrl+C comes last, and also if SIGTERM ends the process meanwhile."""
        Deferral.present = None
        try:
            if signal.SIGTERM in self.handlers:
                signal.signal(signal.SIGTERM, self.handlers[signal.SIGTERM])
        finally:
            if signal.SIGINT in self.handlers:
                signal.signal(signal.SIGINT, self.handlers[signal.SIGINT])

    def check(self) -> None:
        """Deliver the signals that came, if this is the main thread. Most handlers raise an exception."""
        if self.pending and in_main_thread():
            number = self.pending.pop(0)
            self.handlers[number](number, None)


def in_main_thread() -> bool:
    """Whether this thread is the one that signals are handled in."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def deferred_interrupts() -> Iterator[Callable[[], None]]:
    """Within the block, note Ctrl+C and SIGTERM; deliver them at its end. Blocks may be nested.

    Yields
    ------
    check : callable
        Call it where the block may be left: it delivers the signals that came. With Python's own handler of Ctrl+C it
        raises KeyboardInterrupt then. In a block within another one it is that of the outermost one.
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
    """Within the block, signals take effect at once, although it is in a block of `deferred_interrupts`.

    For what takes seconds and changes nothing until it is over, such as compiling.
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
    """Whether Python is in an `except` or `finally` block that an interrupt led to."""
    error = sys.exc_info()[1]
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            return True
        error = error.__context__
    return False


def interrupt_once(number: int, frame: object) -> None:
    """Handler of the signals of a command: end it, in order, unless it is ending already.

    A second Ctrl+C would otherwise tear apart what the first one has to put in order, such as a file half written.
    """
    if is_ending():
        return
    if number == signal.SIGTERM:
        raise SystemExit(TERMINATED)
    raise KeyboardInterrupt


def try_again(otherwise: Callable[[Any], object], unraisable: Any) -> None:
    """Hook for exceptions that Python has to drop, since a callback raised them: an interrupt comes again soon after.

    Such callbacks are those of the garbage collector, and of libraries. Python would print what it dropped.
    """
    error = unraisable.exc_value
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        number = signal.SIGTERM if isinstance(error, SystemExit) else signal.SIGINT
        threading.Timer(0.01, signal.raise_signal, [number]).start()
    else:
        otherwise(unraisable)


def ended_by_signals(main: Callable[..., int]) -> Callable[..., int]:
    """Decorator of the function of a command: it ends in order at Ctrl+C, with status 130, and at SIGTERM, with 143.

    Parameters
    ----------
    main : callable
        main(arguments=None) -> exit status. Without arguments it is the whole program. An interrupted program ends
        without Python's shutdown, in which a library may crash that was interrupted while it computed or compiled. All
        other programs ignore the signals during the shutdown.

    Returns
    -------
    callable
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
    """End the process at once, except that what was printed is written."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(status)
