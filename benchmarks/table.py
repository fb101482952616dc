"""Time of one update: compare this library with handwritten programs, all in one run.

    python -m benchmarks.table [--only PATTERN] [--theano PYTHON] [--markdown FILE] [--json FILE]

The programs take turns, in a new order each round. The table has medians and their ratios to one row. The column
"cores" is the CPU seconds of an update divided by its seconds. The floor is the unavoidable work of an update, in
NumPy. If a program cannot be measured, its row says why. Theano's process gets the environment variable THEANO_FLAGS.
"""

import argparse
import json
import sys
from pathlib import Path


def parse(arguments=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=60, help="timed updates per program (60)")
    parser.add_argument("--only", metavar="PATTERN", help="measure programs whose name matches a regular expression")
    parser.add_argument("--against", metavar="PATTERN", help="the row with ratio 1 (the first)")
    parser.add_argument("--theano", metavar="PYTHON", help="a Python interpreter with Theano 1.0.5")
    parser.add_argument("--threads", type=int, default=1, help="threads per program (1)")
    parser.add_argument("--sequences", type=int, default=1, help="sequences per update (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times to FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to FILE")
    return parser.parse_args(arguments)


def reference_row(names, pattern):
    """The row with ratio 1: the first one whose name matches the pattern."""
    from benchmarks.programs import Program, chosen

    return chosen([Program(name, None) for name in names], pattern)[0].name


def markdown(rows, absent, against, title, sentences_above):
    """Format the results as a Markdown table.

    Parameters
    ----------
    rows : dict {name: summary}
    absent : dict {name: str}
        Reasons why programs could not be measured.
    against : str
        Name of the row with ratio 1.
    title : str
    sentences_above : list of str
        Lines to print above the table.
    """
    unit = rows[against]["median_ms"]
    lines = [*sentences_above, "", f"| {title} | median | quartiles | ratio | cores |", "|---|--:|--:|--:|--:|"]
    for name, row in rows.items():
        low, high = row["quartiles_ms"]
        lines.append(
            f"| {name} | {row['median_ms']:.2f} ms | {low:.2f} to {high:.2f} "
            f"| {row['median_ms'] / unit:.2f} | {row['cores']:.2f} |"
        )
    lines += [f"| {name} | {reason} | | | |" for name, reason in absent.items()]
    return "\n".join(lines) + "\n"


def main(arguments=None):
    """Measure and print the table."""
    options = parse(arguments)
    from benchmarks.machine import bound_threads, describe, sentences

    bound_threads(options.threads)
    from benchmarks.programs import Sizes, chosen, programs, stand_ready
    from benchmarks.timing import measure, summary

    sizes = Sizes(threads=options.threads, n_sequences=options.sequences)
    try:
        rows = chosen(programs(options.theano), options.only)
        if options.against:
            reference_row([row.name for row in rows], options.against)
    except ValueError as error:
        sys.exit(f"python -m benchmarks.table: {error}")

    runs, absent = stand_ready(rows, sizes, say=lambda line: print(line, file=sys.stderr, flush=True))
    times = measure(runs, rounds=options.rounds) if runs else {}
    if not times:
        sys.exit("\n".join(f"{name}: {reason}" for name, reason in absent.items()))
    results = {name: summary(found) for name, found in times.items()}

    machine = describe(options.threads)
    for run in runs.values():
        if run.versions:
            machine["Theano"] = run.versions
        run.close()
    sequences = "" if sizes.n_sequences == 1 else f" of each of {sizes.n_sequences} sequences"
    against = reference_row(results, options.against)
    text = markdown(results, absent, against, f"an update of {sizes.n_steps} frames{sequences}", sentences(machine))
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.json:
        seconds = {name: [wall for wall, _ in found] for name, found in times.items()}
        content = {"machine": machine, "sizes": vars(sizes), "results": results, "absent": absent, "seconds": seconds}
        options.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
