"""`rnnrbm compare`: logs of runs beside what the original program printed."""

from pathlib import Path

from rnnrbm_pt.cli.options import add_command
from rnnrbm_pt.cli.output_files import PICTURE, Output, check_outputs


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(commands, "compare", run, "compare the logs of runs with what the original program printed")
    parser.add_argument("logs", nargs="+", metavar="LOG", help="MODEL.jsonl, a model file, or a file of printed output")
    parser.add_argument("--plot", metavar="OUT.png", help="the curves as a picture: .png, .svg or .pdf")
    parser.add_argument("--all", action="store_true", help="show the epochs as well that the original's logs lack")


def run(args):
    """`rnnrbm compare`."""
    check_outputs(Output("--plot", args.plot, PICTURE))
    from rnnrbm_pt.reference import compare, compare_all, read_log, save_comparison

    paths = list(dict.fromkeys(args.logs))  # a file given twice says nothing new
    files = [Path(path).name for path in paths]
    stems = [name.removesuffix(".jsonl").removesuffix(".npz") for name in files]
    names = next(names for names in (stems, files, paths) if len(set(names)) == len(paths))  # the shortest that differ
    logs = {name: read_log(path) for name, path in zip(names, paths, strict=True)}
    if len(logs) == 1:
        (logs,) = logs.values()
        print(compare(logs, all_epochs=args.all))
    else:
        print(compare_all(logs, all_epochs=args.all))
    if args.plot:
        save_comparison(args.plot, logs)
        print(f"Wrote {args.plot}.")
