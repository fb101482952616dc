"""`rnnrbm play`: listen to a MIDI file, or to a piece that a model generates, in a browser."""

import os
import secrets
import tempfile
import webbrowser
from pathlib import Path

from rnnrbm_pt.cli.generate import LARGEST_SEED
from rnnrbm_pt.cli.input_files import MODEL_FILE, load_notes_model
from rnnrbm_pt.cli.options import add_command, given
from rnnrbm_pt.cli.output_files import MIDI, PAGE, Output, check_outputs, suffix_of
from rnnrbm_pt.cli.piece_statistics import warn_if_outside
from rnnrbm_pt.cli.report import add_piece_options, patch_of, write_page
from rnnrbm_pt.cli.training_options import add_running_options
from rnnrbm_pt.models.generation import Generation
from rnnrbm_pt.quoting import printable


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(
        commands,
        "play",
        run,
        "listen to a model or a MIDI file in the browser",
        ". Write a page with a player, which works offline, and open it. A model first generates a new piece.",
    )
    parser.add_argument("source", metavar="MODEL|FILE.mid", help=f"{MODEL_FILE}; or MIDI file")
    parser.add_argument("-o", "--output", metavar="OUT.html", help="page to write [default: a temporary file]")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page")
    add_piece_options(parser, seed="seed of the piece [default: a new seed, which is printed]")
    add_running_options(parser.add_argument_group("running"))


def run(args):
    """Run `rnnrbm play`."""
    check_outputs(Output("-o", args.output, PAGE))
    patch = patch_of(args)
    from rnnrbm_pt.report import Piece, player_page

    if suffix_of(args.source) in MIDI.suffixes:
        piece, lead = Piece.from_midi(args.source, patch=patch), ""
        title = f"Listen to {piece.title}"
    else:
        piece, lead = piece_by(args, patch)
        title = printable(Path(args.source).name)
    path = args.output or new_file()
    write_page(path, player_page([piece], title, lead))
    opened = not args.no_browser and webbrowser.open(Path(path).resolve().as_uri())
    print(f"Wrote {path}" + (" and opened it." if opened else "; open it in a browser."))


def piece_by(args, patch):
    """Generate a piece. Return it with a sentence about it."""
    from rnnrbm_pt.report.model_report import lead, piece_of

    model = load_notes_model(args.source, args)
    seed = 1 + secrets.randbelow(LARGEST_SEED) if args.seed is None else args.seed
    roll, piece = piece_of(model, args.steps, seed, patch, given(args, Generation))
    warn_if_outside(model, roll, f"the piece of --seed {seed}")
    print(f"Generated {len(roll)} frames, {piece.seconds:.0f} s (--seed {seed} repeats the piece).")
    return piece, lead(model)


def new_file():
    """Create a temporary file. It is not deleted, because the browser reads it after this program has ended."""
    handle, path = tempfile.mkstemp(prefix="rnnrbm-", suffix=".html")
    os.close(handle)
    return path
