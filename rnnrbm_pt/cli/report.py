"""`rnnrbm report`: a page on a model, with music that it writes, to listen to in a browser."""

import shlex
from functools import partial
from pathlib import Path

from rnnrbm_pt.checks import LARGEST_SEED, integer
from rnnrbm_pt.cli.input_files import FILES, add_reading_options, load_model
from rnnrbm_pt.cli.named_sets import NAMES, add_set_options, named_set, read_music
from rnnrbm_pt.cli.options import add_command, checked
from rnnrbm_pt.cli.output_files import PAGE, Output, check_outputs
from rnnrbm_pt.cli.training_options import add_running_options
from rnnrbm_pt.io.atomic_write import claimed, replacing
from rnnrbm_pt.music.instruments import program
from rnnrbm_pt.quoting import printable

LONGEST_COMMAND = 1000  # characters


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(
        commands,
        "report",
        run,
        "write a page on a model, with music that it writes, for a browser",
        ": pieces to look at and to listen to, their statistics beside the data's, the curve of training, scores and "
        "settings. The page is one file, which needs no network.",
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("-o", "--output", required=True, metavar="OUT.html", help="the page to write: .html or .htm")
    at_least_1 = checked(int, partial(integer, least=1))
    parser.add_argument("-n", "--n", type=at_least_1, default=4, metavar="N", help="how many pieces (4)")
    add_piece_options(parser, seed="seed of the first piece; the others have the seeds behind it (1)")
    parser.set_defaults(seed=1)
    parser.add_argument(
        "--data",
        nargs="+",
        metavar="DATA",
        help=f"also compare with, and score the model on, {FILES}; or one of {NAMES}, of which the test split is taken",
    )
    add_reading_options(parser)
    add_set_options(parser.add_argument_group("data sets"))
    add_running_options(parser.add_argument_group("running"))


def add_piece_options(parser, seed):
    """Add the options that `report` and `play` share: of the pieces that a model writes.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    seed : str
        The help of --seed.
    """
    at_least_1 = checked(int, partial(integer, least=1))
    parser.add_argument("--steps", type=at_least_1, default=200, metavar="T", help="frames of a piece (200)")
    seed_number = checked(int, partial(integer, least=0, most=LARGEST_SEED))
    parser.add_argument("--seed", type=seed_number, metavar="S", help=seed)
    parser.add_argument(
        "--patch", default="0", metavar="INSTRUMENT", help="number or name of an instrument, as for `generate` (0)"
    )


def patch_of(args):
    """The MIDI program of --patch."""
    try:
        return program(args.patch)
    except ValueError as error:
        raise ValueError(f"--patch {args.patch}: {error}") from error


def write_page(path, text):
    """Write a page, all or nothing."""
    with claimed(path), replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def run(args):
    """`rnnrbm report`."""
    check_outputs(Output("-o", args.output, PAGE))
    patch = patch_of(args)
    if (args.kind or args.folder) and not named_set(args.data or []):
        raise ValueError(f"--kind and --folder are of data sets: --data with one of {NAMES}")
    model = load_model(args.model, args)
    if model.real_valued:
        raise ValueError(f"{args.model}: expected a model of notes, found Gaussian visible units")
    data = read_music(model, args.data, "test", args).rolls if args.data else None

    from rnnrbm_pt.report import report_on, report_page

    report = report_on(
        model,
        printable(Path(args.model).name),
        n=args.n,
        n_steps=args.steps,
        seed=args.seed,
        patch=patch,
        data=data,
        data_name=printable(" ".join(args.data or [])),
        command=command(args),
    )
    text = report_page(report)
    write_page(args.output, text)
    print(f"Wrote {args.output}: {args.n} piece{'s' * (args.n != 1)}, {len(text.encode()) / 1000:.0f} kB.")


def command(args):
    """The command that makes the page again, without what its own machine calls things."""
    words = ["rnnrbm", "report", Path(args.model).name, "-o", Path(args.output).name, "-n", str(args.n)]
    words += ["--steps", str(args.steps), "--seed", str(args.seed)]
    if args.patch != "0":
        words += ["--patch", args.patch]
    if args.data:
        words += ["--data", *args.data]
    return printable(shlex.join(words), LONGEST_COMMAND)
