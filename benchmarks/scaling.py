"""Measure the time per update as one size grows: a figure with one panel per size, and the numbers.

    python -m benchmarks.scaling --figure scaling.png --json scaling.json [--only PATTERN] [--theano PYTHON]
    python -m benchmarks.scaling --only jax --sequences 1024 --json gpu.json      on a machine with a GPU
    python -m benchmarks.scaling --only "RnnNade, numba|RNN-NADE, JAX" --panels n_visible n_steps --frames 10000 ...
    python -m benchmarks.scaling --from scaling.json gpu.json --figure both.png   draws earlier measurements

The programs take turns. The other sizes are the tutorial's: 88 visible, 150 hidden and 100 recurrent units, CD-15
(contrastive divergence with 15 Gibbs steps), one sequence of 100 frames.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

PANELS = {
    "n_visible": ("visible units", [12, 25, 50, 88, 175, 350, 512]),
    "n_hidden": ("hidden units", [50, 100, 150, 250, 500, 1000, 2000]),
    "k": ("Gibbs steps, k", [1, 2, 5, 10, 15, 25, 50]),
    "n_steps": ("frames per window", [50, 100, 200, 400, 800, 1600, 3200, 10_000]),
    "n_sequences": ("sequences per update", [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
}
"""{size: (label of the axis, values)}."""

DEFAULT = "pt numba, (srs|philox), float64|pt jax, philox, float32|^[a-z]+ by hand, float(64|32)$"


def parse(arguments=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.split("\n")[0])
    parser.add_argument("--only", metavar="PATTERN", default=DEFAULT, help="programs to measure (%(default)s)")
    parser.add_argument("--theano", metavar="PYTHON", help="Python interpreter with Theano 1.0.5")
    parser.add_argument("--threads", type=int, default=1, help="threads of each program (1)")
    parser.add_argument("--panels", nargs="+", choices=PANELS, default=list(PANELS), help="sizes to vary (all)")
    parser.add_argument("--frames", type=int, default=1600, help="maximum frames per window (1600)")
    parser.add_argument("--sequences", type=int, default=256, help="maximum sequences per update (256)")
    parser.add_argument("--rounds", type=int, default=20, help="updates of each program at each point (20)")
    parser.add_argument(
        "--seconds", type=float, default=120, help="time limit per panel, after at least three rounds (120)"
    )
    parser.add_argument(
        "--from",
        dest="sources",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="draw the measurements of these files instead",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file, panel by panel")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the figure into this file: PNG, SVG or PDF")
    return parser.parse_args(arguments)


def points(panel, options):
    """Values of a size, up to the limits of the command line."""
    most = {"n_sequences": options.sequences, "n_steps": options.frames}
    return [value for value in PANELS[panel][1] if value <= most.get(panel, value)]


def stand_ready_at(rows, panel, values, tutorial):
    """Prepare the programs at all points of a panel: {(name, value): Run}. Print why a program is missing."""
    from benchmarks.programs import stand_ready

    runs, told = {}, set()
    for value in values:
        print(f"{panel} = {value} ...", file=sys.stderr, flush=True)
        found, absent = stand_ready(rows, replace(tutorial, **{panel: value}), say=lambda line: None)
        runs.update({(name, value): run for name, run in found.items()})
        for name in absent.keys() - told:
            print(f"  {name}: {absent[name]}", file=sys.stderr, flush=True)
        told |= absent.keys()
    return runs


def measure_panel(rows, panel, values, tutorial, rounds, seconds):
    """Measure the curves of a panel.

    All points take turns too, so that a busy minute of the machine does not bend a curve.

    Returns
    -------
    dict {program: [[value, median, lower quartile, upper quartile], ...]}
        Times in milliseconds.
    """
    from benchmarks.timing import measure, summary

    runs = stand_ready_at(rows, panel, values, tutorial)
    times = measure(runs, rounds=rounds, warm_up=1, seconds=seconds)
    curves = {}
    for (name, value), run in runs.items():
        run.close()
        found = summary(times[name, value])
        curves.setdefault(name, []).append([value, found["median_ms"], *found["quartiles_ms"]])
    return curves


def measure_panels(rows, options, write):
    """Measure the panels of the command line. After each panel, call `write` with all results so far."""
    from benchmarks.machine import describe
    from benchmarks.programs import Sizes

    tutorial = Sizes(threads=options.threads)
    results = {"tutorial": vars(tutorial), "panels": {}}
    for panel in options.panels:
        values = points(panel, options)
        results["panels"][panel] = measure_panel(rows, panel, values, tutorial, options.rounds, options.seconds)
        results["machine"] = describe(options.threads)
        write(results)
    return results


def read(sources):
    """Merge the results of several files. The name of a curve gets the accelerator that it was measured on."""
    panels, machines = {}, []
    for path in sources:
        found = json.loads(path.read_text(encoding="utf-8"))
        device = found["machine"]["accelerator"]
        machines.append(found["machine"])
        for panel, curves in found["panels"].items():
            for name, curve in curves.items():
                panels.setdefault(panel, {})[f"{name}, {device}" if device else name] = curve
    return panels, machines


def curve_style(name, names):
    """Style of a curve: colour and marker by program, dashes and hollow markers for float32."""
    programs = list(dict.fromkeys(n.replace("float32", "").replace("float64", "") for n in names))
    place = programs.index(name.replace("float32", "").replace("float64", ""))
    colours = ["#3b5b92", "#c8553d", "#4f8a5b", "#8e6c9e", "#c9962b", "#5f9ea0", "#7d7d7d", "#b0577b"]
    markers = "osD^vPXh"
    return {
        "color": colours[place % len(colours)],
        "marker": markers[place % len(markers)],
        "linestyle": (0, (4, 2)) if "float32" in name else "-",
        "markerfacecolor": "white" if "float32" in name else colours[place % len(colours)],
    }


def draw(panels, machines, path):
    """Draw one panel per size, with logarithmic axes, and mark the tutorial's value.

    Parameters
    ----------
    panels : dict {size: {program: [[value, median, ...], ...]}}
        Times in milliseconds.
    machines : list of dict
        Results of `machine.describe`.
    path : path
        The image file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    from benchmarks.programs import Sizes

    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    columns = min(len(panels), 2)
    n_rows = -(-len(panels) // columns)
    legend_rows = -(-len(names) // 2)
    height = 3.6 * n_rows + 0.24 * legend_rows + 0.9
    figure = Figure(figsize=(5.2 * columns, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(n_rows, columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    plain = FuncFormatter(lambda x, _: f"{x:g}")

    lines = {}
    for axes, (panel, curves) in zip(grid.flat, panels.items(), strict=False):  # one may stay empty
        ticks = sorted({point[0] for curve in curves.values() for point in curve})
        axes.axvline(getattr(Sizes(), panel), color="#bbbbbb", linewidth=6, alpha=0.35, zorder=0)
        for name, curve in curves.items():
            values, medians, *_ = zip(*curve, strict=True)
            style = curve_style(name, names)
            (lines[name],) = axes.plot(values, medians, linewidth=1.4, markersize=4, **style)
        axes.set(xscale="log", yscale="log", xlabel=PANELS[panel][0])
        axes.set_xticks(ticks[:: -(-len(ticks) // 8)])
        axes.xaxis.set_major_formatter(plain)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(plain)
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(which="major", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("milliseconds per update")

    where = "; ".join(dict.fromkeys(f"{m['accelerator'] or m['cpu']}, CPU threads: {m['threads']}" for m in machines))
    title = f"Time per update as one size grows\n{where}. Grey bands: the tutorial's sizes."
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    lines = [lines[name] for name in names]
    figure.legend(lines, names, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.savefig(path)


def main(arguments=None):
    """Measure, or read earlier measurements, and draw."""
    options = parse(arguments)
    if not (options.json or options.figure):
        sys.exit("python -m benchmarks.scaling: expected --json FILE, --figure FILE or both, found neither")
    if options.sources:
        panels, machines = read(options.sources)
    else:
        from benchmarks.machine import bound_threads

        bound_threads(options.threads)
        from benchmarks.programs import chosen, programs

        def write(results):
            if options.json:
                options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")

        try:
            rows = chosen(programs(options.theano), options.only)
        except ValueError as error:
            sys.exit(f"python -m benchmarks.scaling: {error}")
        results = measure_panels(rows, options, write)
        panels, machines = results["panels"], [results["machine"]]
    if options.figure:
        draw({panel: curves for panel, curves in panels.items() if curves}, machines, options.figure)


if __name__ == "__main__":
    main()
