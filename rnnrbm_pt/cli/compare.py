"""`rnnrbm compare`: logs of runs beside what the original program printed, or beside another log."""

import json
from functools import partial
from pathlib import Path

from rnnrbm_pt.checks import number
from rnnrbm_pt.cli.options import add_command, checked
from rnnrbm_pt.cli.output_files import JSON, PAGE, PICTURE, Output, check_outputs
from rnnrbm_pt.io.atomic_write import replacing

LOG = "MODEL.jsonl, a model file, a file of printed output, or a recording of rnnrbm_pt.reference.record"


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(commands, "compare", run, "compare the logs of runs with what the original program printed")
    parser.add_argument("logs", nargs="+", metavar="LOG", help=LOG)
    parser.add_argument(
        "--against", metavar="FILE", help="compare with this run instead, number by number: a LOG of any kind"
    )
    parser.add_argument(
        "--updates",
        action="store_true",
        help="with --against, compare the monitor of each update: see train --log-updates",
    )
    parser.add_argument(
        "--tolerance",
        type=checked(float, partial(number, least=0)),
        metavar="NATS",
        help="exit with 1 if a number differs by more than this, or if there is none to compare",
    )
    parser.add_argument("--plot", metavar="OUT.png", help="the curves as a picture: .png, .svg or .pdf")
    parser.add_argument("--html", metavar="OUT.html", help="tables and pictures as one page")
    parser.add_argument("--json", metavar="OUT.json", help="the numbers, for programs")
    parser.add_argument("--all", action="store_true", help="show the epochs as well that the original's logs lack")


def run(args):
    """`rnnrbm compare`."""
    outputs = Output("--plot", args.plot, PICTURE), Output("--html", args.html, PAGE), Output("--json", args.json, JSON)
    check_outputs(*outputs)
    if args.updates and args.against is None:
        raise ValueError("--updates: expected --against and a log with the monitor of each update, found none")
    from rnnrbm_pt.reference import read_run

    paths = list(dict.fromkeys(args.logs))  # a file given twice says nothing new
    names = names_of([*paths, args.against] if args.against else paths)
    runs = [read_run(path, name) for path, name in zip(paths, names, strict=False)]
    if args.against:
        if args.plot and len(runs) > 1:
            raise ValueError(f"--plot: expected one LOG to draw against {args.against}, found {len(runs)}")
        found = against(runs, read_run(args.against, names[-1]), args)
    else:
        found = with_the_original(runs, args)
    if args.json:
        write(args.json, json.dumps({"runs": found}) + "\n")
    if args.tolerance is not None:
        check_tolerance(found, args.tolerance)


def names_of(paths):
    """The shortest names of files that differ from each other."""
    files = [Path(path).name for path in paths]
    stems = [name.removesuffix(".jsonl").removesuffix(".npz").removesuffix(".json") for name in files]
    return next((names for names in (stems, files) if len(set(names)) == len(paths)), paths)


def with_the_original(runs, args):
    """Print, draw and write the comparison of runs with the recorded numbers; return it for JSON."""
    from rnnrbm_pt.reference import THEANO, Comparison, Comparisons, fitting_recorded_run, notes, save_comparison

    references = [fitting_recorded_run(one) for one in runs]
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
        caption = "The monitor of each epoch, beside the original's."
        write_page(args.html, [Section(heading, remarks, shown._repr_html_(), picture, caption)])
    return [{**one.to_json(), "notes": notes(*pair)} for one, *pair in zip(each, runs, references, strict=True)]


def against(runs, other, args):
    """Print, draw and write the comparison of runs with another one; return it for JSON."""
    from rnnrbm_pt.reference import Pair, save_pair

    pairs = [Pair(one, other, args.updates) for one in runs]
    print("\n\n".join("\n\n".join([str(pair), "\n".join(pair.notes)]) for pair in pairs))
    if args.plot:
        save_pair(args.plot, pairs[0])
        print(f"Wrote {args.plot}.")
    if args.html:
        from rnnrbm_pt.reference.page import Section
        from rnnrbm_pt.reference.plot import draw_pair, png

        caption = "The monitors of both runs, and how far they are apart."
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
    """Write a page, and say so."""
    from rnnrbm_pt.reference.page import page

    write(path, page("Runs compared", sections))


def write(path, text):
    """Write a text file, and say so."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"Wrote {path}.")


def check_tolerance(found, tolerance):
    """Check the largest difference of each run.

    Raises
    ------
    ValueError
        If one exceeds the tolerance, or there was nothing to compare.
    """
    for one in found:
        largest = one["largest_difference"]
        pair = f"{one['name']} and {one['against']}"
        if largest is None:
            raise ValueError(f"--tolerance: expected epochs that {pair} have in common, found none")
        if not largest <= tolerance:
            raise ValueError(
                f"--tolerance: expected {pair} to differ by {tolerance:g} nats at most, found {largest:.3g}"
            )
