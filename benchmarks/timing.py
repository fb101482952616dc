"""Programs take turns, so that whatever else the machine does falls on all of them."""

import random
import statistics
import time


class Run:
    """A program that stands ready: each call of `update` does one update, and returns when it is done.

    Parameters
    ----------
    update : callable
        Takes nothing; returns the monitor, if it has one.
    model : SequenceModel, optional
        Whose update it is.
    """

    versions = None

    def __init__(self, update, model=None):
        self.update = update
        self.model = model

    def timed(self):
        """Do an update; the seconds it took, and those of all threads of the process together."""
        start, cpu = time.perf_counter(), time.process_time()
        self.update()
        return time.perf_counter() - start, time.process_time() - cpu

    def close(self):
        """Free what it holds."""


def measure(runs, *, rounds, warm_up=3, seconds=None, seed=0):
    """Time the updates of several programs, one of each in turn, in a new order each round.

    Parameters
    ----------
    runs : dict {name: Run}
    rounds : int
    warm_up : int
        Rounds that are not counted.
    seconds : float, optional
        End after this many seconds of counted rounds, or as soon as three rounds are done if these take longer.
    seed : int
        Of the orders.

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
    """What is told of one program's times.

    Returns
    -------
    dict
        Milliseconds: median, quartiles, minimum; cores: CPU seconds to seconds, over all updates.
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
