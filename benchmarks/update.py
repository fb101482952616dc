"""The time of one update of the tutorial's model, 100 frames, on each backend, float type and kind of streams.

    python -m benchmarks.update [--rounds N]

The variants take turns, so that whatever else the machine does falls on all of them; the table has medians and their
ratios to the first row. The floor is what an update cannot do without, by NumPy on one core: its matrix products and
uniforms.
"""

import argparse
import time

import numpy as np

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.graphs.backends import bounded_threads, c_blas

VARIANTS = [
    ("numba", "float64", "srs"),
    ("numba", "float32", "srs"),
    ("numba", "float64", "mrg"),
    ("numba", "float32", "mrg"),
    ("c", "float64", "srs"),
    ("c", "float64", "mrg"),
]


def floor():
    """The products of a Gibbs chain of 16 steps and the uniforms that it draws, by NumPy."""
    rng = np.random.Generator(np.random.MT19937(0))
    v, h, W = np.ones((100, 88)), np.ones((100, 150)), np.ones((88, 150))

    def run():
        for _ in range(16):
            v @ W
            h @ W.T
            rng.random((100, 150))
            rng.random((100, 88))

    return run


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=60, help="updates of each variant that are timed (60)")
    rounds = parser.parse_args().rounds
    window = (np.random.RandomState(0).rand(100, 88) < 0.05).astype(np.uint8)

    runs = {}
    for backend, floatX, streams in VARIANTS:
        name = f"{backend}, {floatX}, {streams}"
        print(f"compiling {name} ...", flush=True)
        model = RnnRbm(backend=backend, floatX=floatX, streams=streams)
        value = window.astype(floatX)
        runs[name] = lambda function=model.train_function, value=value: function(value)
    runs["floor: products and uniforms"] = floor()

    times = {name: [] for name in runs}
    with bounded_threads():
        for run in runs.values():
            run()
        for _ in range(rounds):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - start)

    medians = {name: 1000 * float(np.median(seconds)) for name, seconds in times.items()}
    first = next(iter(medians.values()))
    print(f"\n{'an update of 100 frames':<32}{'median':>10}{'ratio':>8}")
    for name, median in medians.items():
        print(f"{name:<32}{median:>7.2f} ms{median / first:>8.2f}")
    print(f"One BLAS thread; BLAS of the C backend: {c_blas() or 'none'}.")


if __name__ == "__main__":
    main()
