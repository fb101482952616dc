"""Epochs of updates over the windows of shuffled sequences, as the tutorial runs them; can be stopped and continued.

An epoch's mean is that of its updates: a short last window of a sequence weighs as much as a whole one, as in the
tutorial.
"""

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Progress:
    """Where a run stands: what it takes to continue it, beside the model and the state of the shuffling generator."""

    num_epochs: int
    """Epochs that the run shall have."""
    batch_size: int
    """Frames of a window."""
    order: list
    """Indices of the sequences in their present order: each epoch shuffles that of the epoch before."""
    epoch: int = 0
    """Epochs that are complete."""
    shuffled: bool = False
    """Whether `order` is that of the present epoch already."""
    monitors: list = field(default_factory=list)
    """Monitors of the present epoch so far, one an update."""

    @property
    def complete(self):
        """Whether all epochs are done."""
        return self.epoch >= self.num_epochs


def windows(rolls, order, batch_size):
    """Cut sequences into windows; the last window of each may be shorter.

    Parameters
    ----------
    rolls : list of arrays, shape (n_steps, n_visible)
    order : list of int
        Which sequences, in which order.
    batch_size : int
        Frames of a window.

    Yields
    ------
    array, shape (<= batch_size, n_visible)
    """
    for index in order:
        roll = rolls[index]
        for start in range(0, len(roll), batch_size):
            yield roll[start : start + batch_size]


@contextmanager
def interrupt_between_updates():
    """Let Ctrl+C take effect between two updates, never within one.

    Yields
    ------
    check : callable
        To be called after each update; raises KeyboardInterrupt if Ctrl+C was pressed. Until its first call, and at a
        second Ctrl+C, the interrupt is immediate.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield lambda: None
        return

    pressed = False
    deferring = False

    def handler(signum, frame):
        nonlocal pressed
        if pressed or not deferring:
            raise KeyboardInterrupt
        pressed = True

    def check():
        nonlocal deferring
        deferring = True
        if pressed:
            raise KeyboardInterrupt

    previous = signal.signal(signal.SIGINT, handler)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, previous)


def run_epochs(update, rolls, random_state, progress, *, on_update=None, on_epoch=None):
    """Run the epochs that a progress has left.

    Parameters
    ----------
    update : callable
        Takes a window (n_steps, n_visible), updates the model, returns the monitor.
    rolls : list of arrays, shape (n_steps, n_visible)
    random_state : numpy.random.RandomState
        Shuffles the order of the sequences, once an epoch.
    progress : Progress
        Kept up to date after every update, so that a run that was stopped continues where it was.
    on_update : callable, optional
        Called as on_update(frames, total_frames) with the frames of the update and of the whole epoch.
    on_epoch : callable, optional
        Called with a dict after each epoch: epoch (from 1), monitor (mean over updates), updates, frames, seconds,
        frames_per_second (of what this call did of the epoch).

    Raises
    ------
    KeyboardInterrupt
        After the update during which Ctrl+C was pressed.
    """
    total_frames = sum(len(roll) for roll in rolls)
    with interrupt_between_updates() as check:
        while not progress.complete:
            if not progress.shuffled:
                random_state.shuffle(progress.order)
                progress.shuffled = True
            start = time.perf_counter()
            frames = 0
            done = len(progress.monitors)
            for i, window in enumerate(windows(rolls, progress.order, progress.batch_size)):
                if i < done:
                    if on_update is not None:
                        on_update(len(window), total_frames)
                    continue
                progress.monitors.append(float(update(window)))
                frames += len(window)
                if on_update is not None:
                    on_update(len(window), total_frames)
                check()
            seconds = time.perf_counter() - start
            record = {
                "epoch": progress.epoch + 1,
                "monitor": float(np.mean(progress.monitors)),
                "updates": len(progress.monitors),
                "frames": frames,
                "seconds": round(seconds, 3),
                "frames_per_second": round(frames / seconds, 1) if seconds > 0 else 0.0,
            }
            progress.epoch += 1
            progress.shuffled = False
            progress.monitors = []
            if on_epoch is not None:
                on_epoch(record)
