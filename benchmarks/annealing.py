"""Time of annealed importance sampling, in microseconds per chain and temperature.

    python -m benchmarks.annealing [--threads 1 2] [--frames N] [--chains N] [--temperatures N] [--json FILE]

Three programs take turns: the operation of the Numba backend, the scan that it replaces, and NumPy by hand. The RBMs
have 54 visible units, for the range of notes in Nottingham, and 150 hidden units. Each frame has its own biases.
"""

import argparse
import json
from pathlib import Path

DTYPES = "float32", "float64"


def parse(arguments=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.annealing", description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="numbers of Numba threads (1)")
    parser.add_argument("--frames", type=int, default=50, help="number of RBMs (50)")
    parser.add_argument("--chains", type=int, default=20, help="chains per RBM (20)")
    parser.add_argument("--temperatures", type=int, default=100, help="inverse temperatures (100)")
    parser.add_argument("--visible", type=int, default=54, help="visible units (54)")
    parser.add_argument("--hidden", type=int, default=150, help="hidden units (150)")
    parser.add_argument("--rounds", type=int, default=7, help="timed runs of each program (7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE")
    return parser.parse_args(arguments)


def values(options, dtype):
    """W, the biases of all chains, betas, and the chains' initial states. Few notes are on, as in music."""
    import numpy as np

    draws = np.random.default_rng(0)
    W = draws.normal(scale=0.1, size=(options.visible, options.hidden))
    bv = np.repeat(draws.normal(size=(options.frames, options.visible)) - 2, options.chains, axis=0)
    bh = np.repeat(draws.normal(size=(options.frames, options.hidden)) - 1, options.chains, axis=0)
    betas = np.linspace(0, 1, options.temperatures + 1)
    return [x.astype(dtype) for x in (W, bv, bh, betas, np.zeros_like(bv))]


def compiled(dtype, mode, parallel):
    """Compile annealing as a function of W, bv, bh, betas and v."""
    import pytensor
    import pytensor.tensor as pt

    from rnnrbm_pt.graphs.ais import annealed_importance
    from rnnrbm_pt.streams.philox import PhiloxStreams

    with pytensor.config.change_flags(floatX=dtype):
        W, bv, bh, v, betas = *pt.matrices("W", "bv", "bh", "v"), pt.vector("betas")
        log_w, end, updates = annealed_importance(W, bv, bh, betas, v, PhiloxStreams(1, parallel=parallel).rbm())
        return pytensor.function([W, bv, bh, betas, v], [log_w, end], updates=updates, mode=mode)


def runs_of(options):
    """The programs: {(name, dtype, threads): Run}."""
    import numpy as np

    from benchmarks.by_hand.numpy_annealing import anneal
    from benchmarks.timing import Run
    from rnnrbm_pt.compile.modes import backend_mode, bounded_threads

    mode = backend_mode("numba")
    modes = {"one operation": mode, "scan": mode.excluding("rnnrbm_philox_annealing")}
    runs = {}

    def add(name, dtype, threads, function, *arguments):
        def update():
            with bounded_threads(threads):
                function(*arguments)

        runs[name, dtype, threads] = Run(update)

    for dtype in DTYPES:
        inputs = values(options, dtype)
        for threads in options.threads:
            for name, its_mode in modes.items():
                add(name, dtype, threads, compiled(dtype, its_mode, threads > 1), *inputs)
        add("NumPy by hand", dtype, 1, anneal, *inputs, np.random.default_rng(0))
    return runs


def main(arguments=None):
    """Measure and print the results."""
    options = parse(arguments)
    from benchmarks.machine import bound_threads, describe, sentences

    bound_threads(max(options.threads))
    from benchmarks.timing import measure, summary

    per_chain = 1000 / (options.frames * options.chains * options.temperatures)
    rows = []
    for (name, dtype, threads), times in measure(runs_of(options), rounds=options.rounds, warm_up=1).items():
        found = summary(times)
        micro = {key: found[f"{key}_ms"] * per_chain for key in ("median", "minimum")}
        rows.append({"program": name, "dtype": dtype, "threads": threads, **micro, "cores": found["cores"]})
        print(
            f"{name:14} {dtype} {threads} threads: {micro['median']:6.3f} us, fastest {micro['minimum']:6.3f}",
            flush=True,
        )
    machine = describe(max(options.threads))
    print("\n".join(sentences(machine)))
    if options.json:
        settings = {key: value for key, value in vars(options).items() if key != "json"}
        found = {"settings": settings, "microseconds": rows, "machine": machine}
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
