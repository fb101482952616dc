"""The `rnnrbm` command. It imports PyTensor only where a subcommand needs it."""

import argparse
import os
import sys

from rnnrbm_pt import __version__
from rnnrbm_pt.cli import compare, data, demo, evaluate, export, generate, info, play, prepare, report, search, train
from rnnrbm_pt.interrupts import ended_by_signals

COMMANDS = demo, train, generate, play, report, compare, evaluate, export, data, prepare, search, info
"""Modules of the subcommands, in the order of the help. Each adds its parser and sets the function to call."""


def make_parser():
    """Make the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="rnnrbm",
        description="Train an RNN-RBM or a related model on polyphonic music, and generate music with it.",
        epilog="Run `rnnrbm COMMAND --help` for the options of a command.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_parser(commands)
    return parser


@ended_by_signals
def main(arguments=None):
    """Run a command and return its exit status: 0, 1 after an error, or 130 after Ctrl+C. SIGTERM exits with 143."""
    args = make_parser().parse_args(arguments)
    try:
        args.function(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # nobody reads the rest of the output, including what Python flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("rnnrbm: error: standard output was closed", file=sys.stderr)
        return 1
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"rnnrbm: error: {error}", file=sys.stderr)
        return 1
    return 0
