"""`rnnrbm report`: write an HTML report on a model, with generated music that plays in a browser."""

import shlex
from pathlib import Path

from rnnrbm_pt.checks import LARGEST_SEED
from rnnrbm_pt.cli.generate import SAMPLING
from rnnrbm_pt.cli.input_files import FILES, MODEL_FILE, add_reading_options, load_notes_model
from rnnrbm_pt.cli.named_sets import NAMES, add_set_options, named_set, read_music
from rnnrbm_pt.cli.options import add_command, add_options, given, whole_number
from rnnrbm_pt.cli.output_files import PAGE, Output, check_outputs
from rnnrbm_pt.cli.training_options import add_running_options
from rnnrbm_pt.io.atomic_write import claimed, replacing
from rnnrbm_pt.models.generation import DIALS, Generation
from rnnrbm_pt.music.instruments import program
from rnnrbm_pt.quoting import printable

LONGEST_COMMAND = 1000  # characters


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(
        commands,
        "report",
        run,
        "write an HTML report on a model, with music to listen to",
        ". The report shows generated pieces with a player, their statistics next to those of the data, the training "
        "curve, scores and settings. It is a single file that works offline.",
    )
    parser.add_argument("model", metavar="MODEL", help=MODEL_FILE)
    parser.add_argument("-o", "--output", required=True, metavar="OUT.html", help="file to write (.html or .htm)")
    at_least_1 = whole_number(1)
    parser.add_argument("-n", "--n", type=at_least_1, default=4, metavar="N", help="number of pieces [default: 4]")
    add_piece_options(parser, seed="seed of the first piece; later pieces use S + 1, S + 2, ... [default: 1]")
    parser.set_defaults(seed=1)
    parser.add_argument(
        "--data",
        nargs="+",
        metavar="DATA",
        help=f"compare the pieces with this music and score the model on it: {FILES}; or the test split of {NAMES}",
    )
    add_reading_options(parser)
    add_set_options(parser.add_argument_group("data sets"))
    add_running_options(parser.add_argument_group("running"))


def add_piece_options(parser, seed):
    """Add the options of generated pieces that `report` and `play` share.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    seed : str
        Help text of --seed.
    """
    at_least_1 = whole_number(1)
    parser.add_argument("--steps", type=at_least_1, default=200, metavar="T", help="frames per piece [default: 200]")
    seed_number = whole_number(0, LARGEST_SEED)
    parser.add_argument("--seed", type=seed_number, metavar="S", help=seed)
    parser.add_argument(
        "--patch",
        default="0",
        metavar="INSTRUMENT",
        help="instrument, by number or name; see `rnnrbm generate --help` [default: 0]",
    )
    add_options(parser.add_argument_group(SAMPLING), Generation, only=("k", *DIALS))


def patch_of(args):
    """Return the MIDI program that --patch names."""
    try:
        return program(args.patch)
    except ValueError as error:
        raise ValueError(f"--patch {args.patch}: {error}") from error


def write_page(path, text):
    """Write a page atomically."""
    with claimed(path), replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def run(args):
    """Run `rnnrbm report`."""
    check_outputs(Output("-o", args.output, PAGE))
    patch = patch_of(args)
    if (args.kind or args.folder) and not named_set(args.data or []):
        raise ValueError(f"--kind and --folder: expected a data set in --data, one of {NAMES}")
    model = load_notes_model(args.model, args)
    data = read_music(model, args.data, "test", args).rolls if args.data else None

    from rnnrbm_pt.report import report_on, report_page

    report = report_on(
        model,
        printable(Path(args.model).name),
        n=args.n,
        n_steps=args.steps,
        seed=args.seed,
        patch=patch,
        dials=given(args, Generation),
        data=data,
        data_name=printable(" ".join(args.data or [])),
        command=command(args),
    )
    text = report_page(report)
    write_page(args.output, text)
    print(f"Wrote {args.output}: {args.n} piece{'s' * (args.n != 1)}, {len(text.encode()) / 1000:.0f} kB.")


def command(args):
    """Return the command that makes the page again, with the names of files but not their folders."""
    words = ["rnnrbm", "report", Path(args.model).name, "-o", Path(args.output).name, "-n", str(args.n)]
    words += ["--steps", str(args.steps), "--seed", str(args.seed)]
    if args.patch != "0":
        words += ["--patch", args.patch]
    for dial, value in given(args, Generation).items():
        words += [f"--{dial}", str(value)]
    if args.data:
        words += ["--data", *(Path(source).name for source in args.data)]
    if args.kind:
        words += ["--kind", args.kind]
    if args.strict:
        words += ["--strict"]
    return printable(shlex.join(words), LONGEST_COMMAND)
