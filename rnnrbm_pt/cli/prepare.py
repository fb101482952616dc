"""`rnnrbm prepare`: convert MIDI files to a store on disk, from which models train in little memory."""

from itertools import chain, islice

from rnnrbm_pt.cli.input_files import FILES, left_out, plural, warn, warn_of_drums, warn_of_moved, warn_of_parts
from rnnrbm_pt.cli.options import add_command, whole_number
from rnnrbm_pt.cli.training_options import add_preprocessing_options, add_range_options, preprocessing_of_files

N_NAMED = 10
"""Maximum number of broken files to list on stderr. The index of the store lists all of them."""


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(
        commands,
        "prepare",
        run,
        "convert MIDI files to a store on disk, for collections larger than memory",
        ". `train` and `evaluate` accept the store instead of files. To continue an interrupted command, run it again.",
    )
    parser.add_argument("files", nargs="+", metavar="FILES", help=FILES)
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="folder of the store to write")
    at_least_1 = whole_number(1)
    parser.add_argument(
        "--jobs", type=at_least_1, default=1, metavar="N", help="number of processes that read files [default: 1]"
    )
    parser.add_argument("--overwrite", action="store_true", help="overwrite an existing store")
    add_range_options(parser)
    add_preprocessing_options(parser.add_argument_group("preprocessing"))


def run(args):
    """Run `rnnrbm prepare`."""
    from tqdm import tqdm

    from rnnrbm_pt.music.frames import NoteFrames
    from rnnrbm_pt.music.preprocessing import Preprocessing
    from rnnrbm_pt.music.sources import distinct, midi_files
    from rnnrbm_pt.music.store import RollStore
    from rnnrbm_pt.music.store_writer import write_store

    chosen = {"r": args.r, "dt": args.dt}
    frames = NoteFrames(
        **{name: value for name, value in chosen.items() if value is not None},
        preprocess=Preprocessing(**preprocessing_of_files(args)),
    )
    found = {source: midi_files(source) for source in args.files}
    for source, files in found.items():
        warn_of_parts(source, files)
    files = distinct(chain.from_iterable(found.values()))
    with tqdm(total=len(files), desc="reading MIDI files", unit="file", delay=1, disable=None) as bar:
        counts = write_store(args.output, files, frames, jobs=args.jobs, overwrite=args.overwrite, on_files=bar.update)
    if counts.before:
        print(f"{counts.before:,} of {plural(len(files), 'file')} had already been read.")
    store = RollStore(args.output)
    if counts.broken:
        some = [line["broken"] for line in islice(store.broken(), N_NAMED)]
        more = [f"and {counts.broken - N_NAMED:,} more: see the lines with `broken` in {args.output}/index.jsonl"]
        skipped = f"skipped {counts.broken:,} of {plural(len(files), 'file')} because of errors:"
        warn("\n  ".join([skipped, *some, *(more if counts.broken > N_NAMED else [])]))
    outside, drums, moved = notes_of(store)
    if outside:
        print(left_out(sum(outside), store.frames.r) + f" ({len(outside)} of {plural(len(store), 'file')}).")
    warn_of_drums(store.frames.preprocess, drums, len(store), "prepare")
    warn_of_moved(moved, len(store), "prepare")
    same = f" ({plural(counts.duplicates, 'duplicate')})" if counts.duplicates else ""
    print(f"{args.output}: {plural(counts.pieces, 'sequence')}{same}, {plural(counts.frames, 'frame')}.")


def notes_of(store):
    """Collect the notes of a store that are outside its range, of drums, or moved in time.

    Returns
    -------
    outside, drums : list of int
        Number of such notes, for each file that has them.
    moved : list of (str, int)
        Name of each file with such notes, and their number.
    """
    outside, drums, moved = [], [], []
    for described in map(store.describe, range(len(store))):
        if "outside" in described:
            outside.append(described["outside"])
        if "drums" in described:
            drums.append(described["drums"])
        if "moved" in described:
            moved.append((described["name"], described["moved"]))
    return outside, drums, moved
