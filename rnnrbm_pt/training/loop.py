"""The training loop: epochs of updates over windows of shuffled sequences, as in the tutorial.

As in the tutorial, the monitor of an epoch is the mean over its updates: a short last window of a sequence counts as
much as a full window. An update may use several windows at once: the next ones in the order of the epoch. A run can
be stopped and continued.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from rnnrbm_pt.interrupts import deferred_interrupts
from rnnrbm_pt.training.progress import Progress, StopTraining

T = TypeVar("T")
Record = dict[str, Any]
"""Entries of the log for one epoch."""


def fingerprint(rolls: Iterable[np.ndarray]) -> str:
    """Compute a short text that identifies the sequences of a run.

    Parameters
    ----------
    rolls : iterable of arrays

    Returns
    -------
    str
    """
    digest = hashlib.sha256()
    for roll in rolls:
        digest.update(repr((roll.shape, roll.dtype.str)).encode())
        digest.update(np.ascontiguousarray(roll).tobytes())
    return digest.hexdigest()[:16]


def windows(rolls: Sequence[np.ndarray], order: Iterable[int], batch_size: int) -> Iterator[np.ndarray]:
    """Cut sequences into windows. The last window of a sequence may be shorter.

    Parameters
    ----------
    rolls : list of arrays, shape (n_steps, n_visible)
    order : list of int
        Indices of the sequences to cut, in order.
    batch_size : int
        Frames per window.

    Yields
    ------
    array, shape (<= batch_size, n_visible)
    """
    for index in order:
        roll = rolls[index]
        for start in range(0, len(roll), batch_size):
            yield roll[start : start + batch_size]


def groups(iterable: Iterable[T], n: int) -> Iterator[tuple[T, ...]]:
    """Divide an iterable into tuples of n entries. The last tuple may be shorter."""
    iterator = iter(iterable)
    while group := tuple(islice(iterator, n)):
        yield group


def side_by_side(
    rolls: Sequence[np.ndarray], order: Sequence[int], batch_size: int, n: int
) -> Iterator[tuple[tuple[np.ndarray, ...], np.ndarray]]:
    """Cut n sequences at a time into windows, so that each window continues the previous window in its column.

    When a sequence ends, the next sequence in the order takes its column.

    Parameters
    ----------
    rolls, order, batch_size
        See `windows`.
    n : int
        Number of columns.

    Yields
    ------
    columns : tuple of n arrays, shape (<= batch_size, n_visible)
        Windows. Near the end of an epoch some are empty.
    fresh : array of bool, shape (n,)
        True where a sequence begins.
    """
    waiting = iter([index for index in order if len(rolls[index])])
    nothing = rolls[order[0]][:0] if order else np.empty(0)
    columns: list[Iterator[np.ndarray]] = [iter(()) for _ in range(n)]
    while True:
        cut, fresh = [], np.zeros(n, bool)
        for i in range(n):
            window = next(columns[i], None)
            if window is None and (index := next(waiting, None)) is not None:
                columns[i] = windows(rolls, [index], batch_size)
                window, fresh[i] = next(columns[i]), True
            cut.append(nothing if window is None else window)
        if not any(map(len, cut)):
            return
        yield tuple(cut), fresh


def steps_of_epoch(
    rolls: Sequence[np.ndarray], progress: Progress
) -> Iterator[tuple[tuple[np.ndarray, ...], Mapping[str, Any]]]:
    """Yield the windows of each update of an epoch, and the keywords that the update takes with them."""
    run = progress.run
    if not run.persistent:
        yield from cut(rolls, progress)
        return
    numbers = particle_numbers([len(roll) for roll in rolls], run.n_particles)
    for (group, keywords), (rows, _) in zip(cut(rolls, progress), cut(numbers, progress), strict=True):
        yield group, {**keywords, "rows": rows}


def particle_numbers(lengths: Sequence[int], n_particles: int | None = None) -> list[np.ndarray]:
    """Number the persistent chains of all frames of sequences, with one array per sequence.

    By default each frame has its own chain, in the order of the sequences. With `n_particles`, the frames use so many
    chains in turn.

    Parameters
    ----------
    lengths : sequence of int
        Frames of each sequence.
    n_particles : int, optional
        Number of shared chains.

    Returns
    -------
    list of integer arrays
    """
    n_frames = sum(lengths)
    numbers = np.arange(n_frames) % (n_particles or max(n_frames, 1))
    return np.split(numbers, np.cumsum(lengths)[:-1])


def cut(rolls: Sequence[np.ndarray], progress: Progress) -> Iterator[tuple[tuple[np.ndarray, ...], Mapping[str, Any]]]:
    """Yield the windows of each update of an epoch and, if states are carried over, which windows begin a sequence."""
    order, batch_size, n = progress.order, progress.run.batch_size, progress.run.n_sequences
    if progress.run.carry_state:
        for columns, fresh in side_by_side(rolls, order, batch_size, n):
            yield columns, {"fresh": fresh}
    else:
        for group in groups(windows(rolls, order, batch_size), n):
            yield group, {}


def batch_of(
    windows: Sequence[np.ndarray], n_steps: int | None, n_sequences: int, dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    """Put windows side by side and make their mask.

    Parameters
    ----------
    windows : sequence of arrays, shape (n_steps, n_visible)
        Windows of any lengths.
    n_steps : int or None
        Number of frames to pad to. With None, the length of the longest window.
    n_sequences : int
        Number of windows to pad to, with empty ones.
    dtype : str

    Returns
    -------
    v : array of dtype, shape (n_steps, n_sequences, n_visible)
        Frames; 0 after the end of a window.
    mask : array of dtype, shape (n_steps, n_sequences)
        1 for a frame, 0 after the end of a window.
    """
    lengths = [len(window) for window in windows]
    n_steps = n_steps or max(lengths)
    v = np.zeros((n_steps, n_sequences, windows[0].shape[1]), dtype)
    mask = np.zeros((n_steps, n_sequences), dtype)
    for i, window in enumerate(windows):
        v[: lengths[i], i] = window
        mask[: lengths[i], i] = 1
    return v, mask


def shuffled_batches(
    frames: Any, batch_size: int, random_state: np.random.RandomState, dtype: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Divide all frames, in a new random order, into batches of one size.

    Parameters
    ----------
    frames : array, shape (n_frames, n_visible)
        Frames, or an object with ``len``, ``shape`` and ``[rows]`` like an array.
    batch_size : int
        Frames per batch.
    random_state : numpy.random.RandomState
        Generator of the order.
    dtype : str

    Yields
    ------
    v : array of dtype, shape (batch_size, n_visible)
        Frames. The last batch is padded with zeros.
    mask : array of dtype, shape (batch_size,)
        1 for a frame, 0 for padding.
    """
    order = random_state.permutation(len(frames))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        v = np.zeros((batch_size, frames.shape[1]), dtype)
        v[: len(rows)] = frames[rows]
        yield v, (np.arange(batch_size) < len(rows)).astype(dtype)


def run_epochs(
    update: Callable[..., Any],
    rolls: Sequence[np.ndarray],
    random_state: np.random.RandomState,
    progress: Progress,
    *,
    on_update: Callable[[int, int], object] | None = None,
    after_update: Callable[[], object] | None = None,
    measure: Callable[[Record], object] | None = None,
    complete: Callable[[Record], object] | None = None,
    on_epoch: Callable[[Record], object] | None = None,
) -> None:
    """Run the remaining epochs of a run.

    Parameters
    ----------
    update : callable
        Updates the model and returns the monitor. It takes `progress.run.n_sequences` windows (n_steps, n_visible), one
        per argument, or fewer at the end of an epoch. If states are carried over, it takes one window per column,
        possibly empty, and ``fresh=``; see `side_by_side`. If chains are persistent, it takes their numbers for each
        window, ``rows=``; see `particle_numbers`.
    rolls : list of arrays, shape (n_steps, n_visible)
    random_state : numpy.random.RandomState
        Shuffles the order of the sequences, once per epoch.
    progress : Progress
        Progress of the run. It is updated after every update, so that a stopped run can continue there.
    on_update : callable, optional
        Called as on_update(frames, total_frames) with the frames of the update and of the whole epoch.
    after_update : callable, optional
        Called without arguments after each update, when `progress` includes the update.
    measure : callable, optional
        Called with the record of an epoch after its updates, to add entries. An interrupt here leaves the epoch open:
        the continued run starts with this call.
    complete : callable, optional
        Called with the record as soon as `progress` counts the epoch as completed. No interrupt can occur in between.
    on_epoch : callable, optional
        Called last with the record: epoch (from 1), monitor (mean over the updates), updates, frames, seconds,
        frames_per_second (for the part of the epoch that this call ran) and, with the setting log_updates, monitors
        (one per update).

    Raises
    ------
    KeyboardInterrupt
        On Ctrl+C, after the current update.
    """
    total_frames = sum(len(roll) for roll in rolls)
    while not progress.complete:
        try:
            record = _run_epoch(update, rolls, random_state, progress, total_frames, on_update, after_update)
            if measure is not None:
                measure(record)
            with deferred_interrupts():
                progress.end_epoch()
                if complete is not None:
                    complete(record)
            if on_epoch is not None:
                on_epoch(record)
        except StopTraining:
            progress.stopped = True


def _run_epoch(
    update: Callable[..., Any],
    rolls: Sequence[np.ndarray],
    random_state: np.random.RandomState,
    progress: Progress,
    total_frames: int,
    on_update: Callable[[int, int], object] | None,
    after_update: Callable[[], object] | None,
) -> Record:
    if not progress.shuffled:
        random_state.shuffle(progress.order)
        progress.shuffled = True
    start = time.perf_counter()
    frames = 0
    done = len(progress.monitors)
    with deferred_interrupts() as check:
        for i, (group, keywords) in enumerate(steps_of_epoch(rolls, progress)):
            n_frames = sum(len(window) for window in group)
            if i >= done:
                progress.monitors.append(float(update(*group, **keywords)))
                progress.updates += 1
                frames += n_frames
            if on_update is not None:
                on_update(n_frames, total_frames)
            if i >= done and after_update is not None:
                after_update()
            check()
    seconds = time.perf_counter() - start
    record: Record = {
        "epoch": progress.epoch + 1,
        "monitor": float(np.mean(progress.monitors)),
        "updates": len(progress.monitors),
        "frames": frames,
        "seconds": round(seconds, 3),
        "frames_per_second": round(frames / seconds, 1) if seconds > 0 else 0.0,
    }
    if progress.run.log_updates:
        record["monitors"] = list(progress.monitors)
    return record
