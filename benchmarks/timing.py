"""Time several programs in turn, so that other load on the machine affects all of them alike."""

import random
import statistics
import time


class Run:
    """A program that is ready to run. Each call of `update` does one update and returns when it is finished.

    Parameters
    ----------
    update : callable
        Called without arguments; returns the monitor, if there is one.
    model : SequenceModel, optional
        The model that is updated.
    """

    versions = None

    def __init__(self, update, model=None):
        self.update = update
        self.model = model

    def timed(self):
        """Do an update; return its seconds and the CPU seconds of all threads."""
        start, cpu = time.perf_counter(), time.process_time()
        self.update()
        return time.perf_counter() - start, time.process_time() - cpu

    def close(self):
        """Release resources."""


def measure(runs, *, rounds, warm_up=3, seconds=None, seed=0):
    """Time the updates of several programs. Each round has one update of each program, in a new random order.

    Parameters
    ----------
    runs : dict {name: Run}
    rounds : int
    warm_up : int
        Number of rounds before timing begins.
    seconds : float, optional
        Time limit. At least three rounds are timed.
    seed : int
        Seed of the random orders.

    Returns
    -------
    dict {name: list of (seconds, CPU seconds)}
    """
    order, shuffle = list(runs), random.Random(seed).shuffle
    for _ in range(warm_up):
        for run in runs.values():
            run.timed()
    times = {name: [] for name in runs}
    start = time.perf_counter()
    for done in range(rounds):
        if seconds is not None and done >= 3 and time.perf_counter() - start > seconds:
            break
        shuffle(order)
        for name in order:
            times[name].append(runs[name].timed())
    return times


def summary(times):
    """Summarise the times of one program.

    Returns
    -------
    dict
        Median, quartiles and minimum in milliseconds; cores: total CPU seconds divided by total seconds; number of
        updates.
    """
    wall, cpu = zip(*times, strict=True)
    low, _, high = statistics.quantiles(wall, n=4) if len(wall) > 1 else wall * 3
    return {
        "median_ms": 1000 * statistics.median(wall),
        "quartiles_ms": [1000 * low, 1000 * high],
        "minimum_ms": 1000 * min(wall),
        "cores": sum(cpu) / sum(wall),
        "updates": len(wall),
    }
