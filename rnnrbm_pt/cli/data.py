"""`rnnrbm data`: list, fetch and verify the paper's four data sets."""

import argparse
import shlex
from pathlib import Path

from rnnrbm_pt.cli.input_files import LONGEST_LINE
from rnnrbm_pt.cli.options import add_command
from rnnrbm_pt.music.paper_sets import KINDS, SETS, SPLITS
from rnnrbm_pt.quoting import printable

NAMES = f"SET is one of {', '.join(SETS)}."


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    more = " (Boulanger-Lewandowski, Bengio and Vincent, 2012). Without an action, list them."
    parser = add_command(commands, "data", run, "list, fetch or verify the paper's four data sets", more)
    parser.set_defaults(action=None)
    folder = "folder of the data sets [default: $RNNRBM_DATA, or the user's cache]"
    parser.add_argument("--folder", metavar="FOLDER", help=folder)
    actions = parser.add_subparsers(metavar="ACTION")

    text = "Download data sets from the authors' websites"
    fetch = actions.add_parser("fetch", help=text[0].lower() + text[1:], description=f"{text}. {NAMES}")
    fetch.add_argument("names", nargs="+", choices=[*SETS, "all"], metavar="SET", help="data sets to download, or all")
    fetch.add_argument("--again", action="store_true", help="download even if the file exists")
    fetch.add_argument("--unchecked", action="store_true", help="accept a file that differs from the recorded hashes")
    fetch.set_defaults(action=run_fetch)

    text = "Compare the data sets in the folder with the recorded hashes"
    verify = actions.add_parser("verify", help=text[0].lower() + text[1:], description=f"{text}. {NAMES}")
    verify.add_argument("names", nargs="*", metavar="SET", help="data sets to verify [default: all in the folder]")
    verify.set_defaults(action=run_verify)

    for action in (fetch, verify):
        action.add_argument("--kind", choices=KINDS, help="piano-rolls or MIDI files [default: both]")
        # --folder may stand before or after the action. SUPPRESS keeps the value that stands before it.
        action.add_argument("--folder", metavar="FOLDER", default=argparse.SUPPRESS, help=folder)
    return parser


def run(args):
    """Run `rnnrbm data` with its action."""
    if args.folder is not None and args.action is not run_fetch and not Path(args.folder).expanduser().exists():
        raise FileNotFoundError(f"{args.folder}: no such folder")
    (args.action or run_list)(args)


def run_list(args):
    """Print a table of the data sets in the folder."""
    from rnnrbm_pt.music.datasets import data_folder

    folder = data_folder() if args.folder is None else Path(args.folder).expanduser()
    print(f"The data sets of Boulanger-Lewandowski, Bengio and Vincent (2012), in {folder}\n")
    lines, notes = [("set", "kind", *SPLITS, "")], []
    for name in SETS:
        for kind in KINDS:
            lines.append((name if kind == KINDS[0] else "", kind, *_row(name, kind, args.folder, notes)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())
    print("\nrolls: sequences / frames (one per eighth note; jsb_chorales: per quarter note). midi: files.")
    if any(line[-1] == ABSENT for line in lines):
        print("To download a data set from the authors: rnnrbm data fetch SET")
    for note in notes:
        print(note)


ABSENT = "not found"


def _row(name, kind, folder, notes):
    """Return the counts of the splits and the file's name."""
    from rnnrbm_pt.music.datasets import find, load

    source = find(name, kind, folder)
    if source is None:
        return ("-",) * len(SPLITS) + (ABSENT,)
    try:
        data = load(name, kind, folder, download=False)
    except (ValueError, OSError) as err:
        notes.append(printable(str(err), LONGEST_LINE))
        return ("?",) * len(SPLITS) + (f"{source.name}: cannot be read",)
    splits = [getattr(data, split) for split in SPLITS]
    return (*(_count(len(items), sum(map(len, items)) if kind == "rolls" else None) for items in splits), source.name)


def _count(n_sequences, n_frames):
    return f"{n_sequences:,}" if n_frames is None else f"{n_sequences:,} / {n_frames:,}"


def run_fetch(args):
    """Download each kind of the named data sets."""
    from rnnrbm_pt.music.datasets import fetch, find

    names = list(SETS) if "all" in args.names else dict.fromkeys(args.names)
    wanted = [(name, kind) for name in names for kind in _kinds(args)]
    hints = {}
    for name, kind in wanted:
        try:
            there = not args.again and find(name, kind, args.folder) is not None
            path = fetch(name, kind, args.folder, check=not args.unchecked, again=args.again, progress=True)
        except (ValueError, OSError) as err:
            print(f"{name} {kind}: {printable(str(err), LONGEST_LINE)}", flush=True)
        else:
            print(f"{name} {kind}: {'already there' if there else 'fetched'}, {path}", flush=True)
            hints[name, kind] = _hint(name, kind, path, args.folder)
    if hints:
        print("To use " + ("it:" if len(hints) == 1 else "them:"))
    for hint in hints.values():
        print(f"  {hint}")
    failed = len(wanted) - len(hints)
    if failed:
        raise OSError(f"{failed} of {len(wanted)} could not be fetched")


def _hint(name, kind, path, folder):
    """Return a command that trains on the fetched data."""
    if kind == "rolls":
        place = "" if folder is None else f" --folder {shlex.quote(str(Path(folder).expanduser()))}"
        return f"rnnrbm train {name}{place} -o MODEL"
    return f"rnnrbm train {shlex.quote(f'{path}/*/train' if path.is_file() else f'{path}/train')} -o MODEL"


def run_verify(args):
    """Compare the data sets in the folder with the manifest, and print the differences."""
    from rnnrbm_pt.music.datasets import find, verify

    wrong = done = 0
    for name in args.names or SETS:
        for kind in _kinds(args):
            if find(name, kind, args.folder) is None:
                print(f"{name} {kind}: {ABSENT}")
                continue
            done += 1
            try:
                verified = verify(name, kind, args.folder)
            except (ValueError, OSError) as err:
                wrong += 1
                print(f"{name} {kind}: {printable(str(err), LONGEST_LINE)}")
                continue
            wrong += bool(verified.faults)
            print(f"{name} {kind}: {_sentence(verified)}", flush=True)
            for fault in verified.faults[:MOST]:
                print(f"  {printable(fault, LONGEST_LINE)}")
            if len(verified.faults) > MOST:
                print(f"  and {len(verified.faults) - MOST:,} more")
    if not done:
        raise ValueError("no data set to verify was found")
    if wrong:
        raise ValueError(f"{wrong} of {done} differ from the record")


MOST = 10  # differences to print


def _sentence(verified):
    n_items = sum(count for count, _ in verified.counts.values())
    what = "sequences" if verified.kind == "rolls" else "files"
    if not verified.known:
        return f"all {n_items:,} files are complete; their hashes are not recorded ({verified.source})"
    if verified.faults:
        return f"differs from the record ({verified.source})"
    return f"all {n_items:,} {what} match the record ({verified.source})"


def _kinds(args):
    return [args.kind] if args.kind else KINDS
