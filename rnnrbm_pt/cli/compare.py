"""`rnnrbm compare`: compare training logs with the log of the original program, or with another log."""

import json
from functools import partial
from pathlib import Path

from rnnrbm_pt.checks import number
from rnnrbm_pt.cli.options import add_command, checked
from rnnrbm_pt.cli.output_files import JSON, PAGE, PICTURE, Output, check_outputs
from rnnrbm_pt.io.atomic_write import replacing
from rnnrbm_pt.io.json_text import finite

LOG = "log (MODEL.jsonl), model file, saved terminal output, or recording by rnnrbm_pt.reference.record"


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(commands, "compare", run, "compare training logs with the log of the original program")
    parser.add_argument("logs", nargs="+", metavar="LOG", help=LOG)
    parser.add_argument(
        "--against", metavar="LOG", help="compare with this log instead of the original's, number by number"
    )
    parser.add_argument(
        "--updates",
        action="store_true",
        help="compare the monitor of each update; requires --against and logs of `train --log-updates`",
    )
    parser.add_argument(
        "--tolerance",
        type=checked(float, partial(number, least=0)),
        metavar="NATS",
        help="exit with status 1 if a number differs by more than this, or if there is nothing to compare",
    )
    parser.add_argument("--plot", metavar="OUT.png", help="plot the curves to this file (.png, .svg or .pdf)")
    parser.add_argument("--html", metavar="OUT.html", help="write tables and plots to this file (.html or .htm)")
    parser.add_argument("--json", metavar="OUT.json", help="write the numbers to this file (.json)")
    parser.add_argument("--all", action="store_true", help="also show epochs that the original's logs do not have")


def run(args):
    """Run `rnnrbm compare`."""
    outputs = Output("--plot", args.plot, PICTURE), Output("--html", args.html, PAGE), Output("--json", args.json, JSON)
    check_outputs(*outputs)
    if args.updates and args.against is None:
        raise ValueError("--updates: expected --against with a log of each update's monitor, found no --against")
    from rnnrbm_pt.reference import read_run

    paths = list(dict.fromkeys(args.logs))  # ignore a file that is given twice
    names = names_of([*paths, args.against] if args.against else paths)
    runs = [read_run(path, name) for path, name in zip(paths, names, strict=False)]
    if args.against:
        if args.plot and len(runs) > 1:
            raise ValueError(f"--plot: expected one LOG to draw against {args.against}, found {len(runs)}")
        found = against(runs, read_run(args.against, names[-1]), args)
    else:
        found = with_the_original(runs, args)
    if args.json:
        write(args.json, json.dumps({"runs": finite(found)}) + "\n")
    if args.tolerance is not None:
        check_tolerance(found, args.tolerance)


def names_of(paths):
    """Return names for files: the shortest of stem, file name and path for which all names differ."""
    files = [Path(path).name for path in paths]
    stems = [name.removesuffix(".jsonl").removesuffix(".npz").removesuffix(".json") for name in files]
    return next((names for names in (stems, files) if len(set(names)) == len(paths)), paths)


def with_the_original(runs, args):
    """Print, plot and write the comparison of runs with the recorded logs. Return it as JSON types."""
    from rnnrbm_pt.reference import THEANO, Comparison, Comparisons, fitting_recorded_run, notes, save_comparison

    references = [fitting_recorded_run(one) for one in runs]
    if (args.plot or args.html) and len({one.name for one in references}) > 1:
        raise ValueError("--plot and --html: expected runs with the same random streams, found srs and mrg")
    called = ["Theano 1.0.5" if one.log == THEANO else one.name for one in references]
    single = len(runs) == 1
    each = tuple(
        Comparison(one.log, reference.log, args.all, "yours" if single else one.name, name)
        for one, reference, name in zip(runs, references, called, strict=True)
    )
    shown = each[0] if single else Comparisons(each)
    remarks = [note for pair in zip(runs, references, strict=True) for note in notes(*pair)]
    print(shown)
    print()
    print("\n".join(remarks))
    logs = runs[0].log if single else {one.name: one.log for one in runs}
    if args.plot:
        save_comparison(args.plot, logs, theano=references[0].log)
        print(f"Wrote {args.plot}.")
    if args.html:
        from rnnrbm_pt.reference.page import Section
        from rnnrbm_pt.reference.plot import plot_comparison, png

        picture = png(lambda figure: plot_comparison(logs, figure.add_subplot(), theano=references[0].log))
        heading = ", ".join(one.name for one in runs)
        caption = "Monitor per epoch, compared with the original's."
        write_page(args.html, [Section(heading, remarks, shown._repr_html_(), picture, caption)])
    return [{**one.to_json(), "notes": notes(*pair)} for one, *pair in zip(each, runs, references, strict=True)]


def against(runs, other, args):
    """Print, plot and write the comparison of runs with another run. Return it as JSON types."""
    from rnnrbm_pt.reference import Pair, save_pair

    pairs = [Pair(one, other, args.updates) for one in runs]
    print("\n\n".join("\n\n".join([str(pair), "\n".join(pair.notes)]) for pair in pairs))
    if args.plot:
        save_pair(args.plot, pairs[0])
        print(f"Wrote {args.plot}.")
    if args.html:
        from rnnrbm_pt.reference.page import Section
        from rnnrbm_pt.reference.plot import draw_pair, png

        caption = "Monitors of both runs, and their difference."
        sections = [
            Section(
                f"{pair.run.name} against {pair.against.name}",
                pair.notes,
                pair._repr_html_(),
                png(lambda figure, pair=pair: draw_pair(figure, pair)),
                caption,
            )
            for pair in pairs
        ]
        write_page(args.html, sections)
    return [pair.to_json() for pair in pairs]


def write_page(path, sections):
    """Write a page and print its path."""
    from rnnrbm_pt.reference.page import page

    write(path, page("Comparison of runs", sections))


def write(path, text):
    """Write a text file and print its path."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"Wrote {path}.")


def check_tolerance(found, tolerance):
    """Check that the largest difference of each run is within the tolerance.

    Raises
    ------
    ValueError
        If a difference exceeds the tolerance, or there is nothing to compare.
    """
    for one in found:
        largest = one["largest_difference"]
        pair = f"{one['name']} and {one['against']}"
        if largest is None:
            raise ValueError(f"--tolerance: expected {pair} to have epochs in common, found none")
        if not largest <= tolerance:
            raise ValueError(
                f"--tolerance: expected {pair} to differ by at most {tolerance:g} nats, found {largest:.3g}"
            )
