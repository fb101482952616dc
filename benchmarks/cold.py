"""Cold start: the time from `import rnnrbm_pt` to the end of the first update, and the time to generate a piece.

    python -m benchmarks.cold [--only PATTERN] [--theano PYTHON] [--markdown FILE] [--json FILE]

Each program runs in a new process with empty caches of compiled code ("cold"), and then in another new process with the
caches of the first ("cached"). The start of Python itself is not counted. The libraries' bytecode exists, and their
files may be in the system's page cache. A generated piece has 200 frames, with 25 Gibbs steps each. "Compiled" is the
time of generation after compilation.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DEFAULT = "^rnnrbm_pt (numba|c), srs, float64|^rnnrbm_pt (numba|c|jax), philox, float64"


def parse(arguments=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__.split("\n")[0])
    parser.add_argument("--only", metavar="PATTERN", default=DEFAULT, help="programs to measure (%(default)s)")
    parser.add_argument("--theano", metavar="PYTHON", help="a Python interpreter with Theano 1.0.5")
    parser.add_argument("--threads", type=int, default=1, help="threads per program (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to FILE")
    parser.add_argument("--child", metavar="NAME", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def caches_in(folder):
    """Environment variables that put all libraries' caches of compiled code into a folder."""

    def flags(name):
        return ",".join(filter(None, [os.environ.get(name), f"base_compiledir={folder / name.lower()}"]))

    return {
        "PYTENSOR_FLAGS": flags("PYTENSOR_FLAGS"),
        "THEANO_FLAGS": flags("THEANO_FLAGS"),
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "torchinductor"),
        "TRITON_CACHE_DIR": str(folder / "triton"),
    }


def elapsed(function):
    """Seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def child(options):
    """Measure a program in this process, and print the seconds as JSON."""
    from benchmarks.machine import bound_threads

    bound_threads(options.threads)
    from benchmarks.programs import Sizes, first_line, programs

    (row,) = (row for row in programs(options.theano) if row.name == options.child)
    start = time.perf_counter()
    try:
        run = row.make(Sizes(threads=options.threads))
        made = time.perf_counter()
        run.update()
    except (ImportError, TypeError, ValueError) as error:
        print(json.dumps({"absent": first_line(error)}))
        return
    found = {"made": made - start, "first update": time.perf_counter() - start, "update": elapsed(run.update)}
    if run.model is not None:
        found["first generation"] = elapsed(lambda: run.model.sample(200))
        found["generation"] = min(elapsed(lambda: run.model.sample(200)) for _ in range(3))
    run.close()
    from benchmarks.machine import describe

    found["machine"] = describe(options.threads)
    print(json.dumps(found))


def measure(name, folder, options):
    """Run `child` in a new process with its caches in the folder, and return the seconds.

    Raises
    ------
    RuntimeError
        If the process fails.
    """
    command = [sys.executable, "-m", "benchmarks.cold", "--child", name, "--threads", str(options.threads)]
    if options.theano:
        command += ["--theano", options.theano]
    done = subprocess.run(command, env={**os.environ, **caches_in(folder)}, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: its process ended with exit status {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def markdown(results, sentences_above):
    """Format the results as a Markdown table.

    Parameters
    ----------
    results : dict {name: [cold, cached]}
        As printed by `child`. A program that could not run has one entry, with the key "absent".
    sentences_above : list of str
        Lines to print above the table.
    """
    lines = [*sentences_above, "", "| seconds | first update, cold | cached | generation, cold | cached | compiled |"]
    lines.append("|---|--:|--:|--:|--:|--:|")
    for name, found in results.items():
        if "absent" in found[0]:
            lines.append(f"| {name} | {found[0]['absent']} | | | | |")
            continue
        cells = [f"{seconds['first update']:.2f}" for seconds in found]
        if "generation" in found[0]:
            cells += [f"{seconds['first generation']:.2f}" for seconds in found]
            cells.append(f"{found[1]['generation']:.3f}")
        else:
            cells += ["", "", ""]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines) + "\n"


def main(arguments=None):
    """Measure and print the table."""
    options = parse(arguments)
    if options.child:
        child(options)
        return
    from benchmarks.machine import sentences
    from benchmarks.programs import chosen, programs

    try:
        rows = chosen(programs(options.theano), options.only)
    except ValueError as error:
        sys.exit(f"python -m benchmarks.cold: {error}")
    results, above = {}, []
    for row in rows:
        print(f"{row.name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            results[row.name] = [measure(row.name, Path(folder), options)]
            if "absent" not in results[row.name][0]:
                results[row.name].append(measure(row.name, Path(folder), options))
                above = above or sentences(results[row.name][0]["machine"])
    text = markdown(results, above)
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
