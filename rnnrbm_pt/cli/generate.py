"""`rnnrbm generate`: generate music with a trained model, as MIDI files, pictures and sounds."""

import argparse
import secrets
import textwrap
from pathlib import Path

from rnnrbm_pt.cli.input_files import (
    MODEL_FILE,
    add_averages_option,
    left_out,
    load_notes_model,
    warn_of_drums,
    warn_of_moved,
)
from rnnrbm_pt.cli.options import add_command, add_options, given
from rnnrbm_pt.cli.output_files import MIDI, PICTURE, SOUND, Output, check_outputs
from rnnrbm_pt.cli.piece_statistics import warn_if_outside
from rnnrbm_pt.cli.training_options import add_running_options
from rnnrbm_pt.io.atomic_write import claimed
from rnnrbm_pt.models.generation import Generation, frames_at
from rnnrbm_pt.music.instruments import FAMILIES, program

SAMPLING = "sampling (the defaults are the tutorial's)"
"""Heading of the options that change how pieces are generated."""

LARGEST_SEED = 10**9
"""Largest new seed. All random streams accept it, and it is short enough to type."""


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(
        commands,
        "generate",
        run,
        "generate music with a trained model",
        epilog=instruments(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help=MODEL_FILE)
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT.mid",
        help="MIDI file to write (.mid or .midi); with -n, OUT-1.mid, OUT-2.mid, ...",
    )
    parser.add_argument("--plot", metavar="OUT.png", help="also plot the piano-roll to this file (.png, .svg or .pdf)")
    parser.add_argument("--wav", metavar="OUT.wav", help="also write the sound to this file, with a simple synthesiser")
    parser.add_argument("-n", "--n", type=int, default=1, metavar="N", help="number of pieces [default: 1]")
    parser.add_argument("--steps", type=int, metavar="T", help="frames per piece; see also --seconds [default: 200]")
    parser.add_argument(
        "--seed",
        type=int,
        metavar="S",
        help="seed of the first piece; later pieces use S + 1, S + 2, ... [default: a new seed, which is printed]",
    )
    parser.add_argument(
        "--primer", metavar="IN.mid", help="continue this MIDI file; the output includes it only with --keep-primer"
    )
    parser.add_argument(
        "--patch",
        default="0",
        metavar="INSTRUMENT",
        help="instrument, by number (0 to 127) or name, as listed below; --wav has one timbre per family [default: 0]",
    )
    parser.add_argument(
        "--shift",
        type=int,
        metavar="N",
        help="transpose the output down by N semitones [default: 0, or back to the key of the primer]",
    )
    add_averages_option(parser)
    add_options(parser.add_argument_group(SAMPLING), Generation)
    add_running_options(parser)
    return parser


def instruments():
    """List the instruments by family, for the help."""
    lines, first = ["instruments for --patch, by number:"], 0
    for names in FAMILIES.values():
        names = names.split()
        number = f"  {first:>3} to {first + len(names) - 1:<3}  "
        indents = {"initial_indent": number, "subsequent_indent": " " * len(number)}
        lines.append(textwrap.fill(", ".join(names), 100, break_on_hyphens=False, **indents))
        first += len(names)
    return "\n".join(lines)


def run(args):
    """Run `rnnrbm generate`."""
    if args.n < 1 or (args.steps is not None and args.steps < 1):
        raise ValueError(f"expected -n and --steps of at least 1, found {args.n} and {args.steps or 0}")
    if args.keep_primer and args.primer is None:
        raise ValueError("--keep-primer: expected --primer as well, found none")
    check_outputs(
        Output("-o", args.output, MIDI), Output("--plot", args.plot, PICTURE), Output("--wav", args.wav, SOUND)
    )
    try:
        patch = program(args.patch)
    except ValueError as error:
        raise ValueError(f"--patch {args.patch}: {error}") from error

    model = load_notes_model(args.model, args)
    primer, shift = (None, 0) if args.primer is None else read_primer(model, args.primer)
    if args.shift is not None:
        shift = args.shift
    first_seed = 1 + secrets.randbelow(LARGEST_SEED) if args.seed is None else args.seed
    with claimed(*filter(None, (args.output, args.plot, args.wav))):
        write_pieces(model, args, first_seed, primer, shift, patch)


def write_pieces(model, args, first_seed, primer, shift, patch):
    """Generate the pieces and write the files of each piece."""
    from rnnrbm_pt.music.plot import save_piano_roll
    from rnnrbm_pt.music.sound import write_wav

    how = given(args, Generation)
    frames = frames_at(model.frames, how.get("tempo"))
    for i in range(args.n):
        seed = first_seed + i
        roll = model.sample(args.steps, seed=seed, primer=primer, **how)
        warn_if_outside(model, roll, f"the piece of --seed {seed}")
        if shift:
            roll = model.preprocess.undo(roll, model.r, shift=shift)
        midi, plot, wav = (
            _numbered(path, i + 1) if path and args.n > 1 else path for path in (args.output, args.plot, args.wav)
        )
        frames.write(midi, roll, patch=patch)
        if plot:
            save_piano_roll(plot, roll, model.r, frames.step_seconds, crop=True)
        if wav:
            write_wav(wav, roll, model.r, frames.step_seconds, patch=patch)
        print(
            f"Wrote {' and '.join(str(path) for path in (midi, plot, wav) if path)}: {len(roll)} frames, "
            f"{roll.sum(axis=1).mean():.2f} notes per frame (--seed {seed} repeats the piece)."
        )


def _numbered(path, i):
    """Add a number to a path: OUT.mid becomes OUT-1.mid."""
    path = Path(path)
    return path.with_name(f"{path.stem}-{i}{path.suffix}")


def read_primer(model, source):
    """Read the piece that the generated music continues.

    Parameters
    ----------
    model : SequenceModel
    source : str
        A MIDI file, or a folder, pattern or zip file that contains one MIDI file.

    Returns
    -------
    array, shape (n_steps, n_visible)
        The piece as a piano-roll.
    int
        Number of semitones by which the piece was transposed up.

    Raises
    ------
    ValueError
        If there are several MIDI files, or the file cannot be read.
    """
    from rnnrbm_pt.music.sources import midi_files

    files = midi_files(source)
    if len(files) > 1:
        raise ValueError(f"--primer {source}: expected one MIDI file, found {len(files)}, such as {files[0]}")
    prepared = model.prepare(
        files,
        on_outside=lambda file, n: print(f"{file}: {left_out(n, model.r)}."),
        on_drums=lambda file, n: warn_of_drums(model.preprocess, [n], 1),
        on_moved=lambda file, n: warn_of_moved([(file, n)], 1),
    )
    return prepared.rolls[0], prepared.shifts[0]
