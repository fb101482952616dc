"""The command `rnnrbm`. What needs no PyTensor imports none."""

import argparse
import os
import sys

from rnnrbm_pt import __version__
from rnnrbm_pt.cli import compare, data, demo, evaluate, export, generate, info, play, prepare, report, search, train
from rnnrbm_pt.interrupts import ended_by_signals

COMMANDS = demo, train, generate, play, report, compare, evaluate, export, data, prepare, search, info
"""The modules of the commands, in the order of the help. Each adds its parser and names its function."""


def make_parser():
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="rnnrbm", description="Polyphonic music from an RNN-RBM: train it on MIDI files, let it write its own."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_parser(commands)
    return parser


@ended_by_signals
def main(arguments=None):
    """Run the command; the exit status: 0, 1 after an error, 130 after Ctrl+C. SIGTERM exits with 143."""
    args = make_parser().parse_args(arguments)
    try:
        args.function(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # what is left to write, at the end of the program too, has no reader
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("rnnrbm: error: standard output was closed", file=sys.stderr)
        return 1
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"rnnrbm: error: {error}", file=sys.stderr)
        return 1
    return 0
