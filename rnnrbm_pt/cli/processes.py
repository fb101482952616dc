"""Options of `rnnrbm train` about devices, and the processes that train one model together on several hosts."""

import argparse
import os
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial

from rnnrbm_pt.checks import integer
from rnnrbm_pt.cli.options import checked
from rnnrbm_pt.interrupts import deferred_interrupts

SECONDS_TO_END = 30
"""How long a process that is done waits for the others: the first one may still write a file."""


def add_device_options(group):
    """Add the options of devices and processes.

    Parameters
    ----------
    group : argparse.ArgumentParser or argument group
    """
    group.add_argument(
        "--devices",
        type=number_or_all,
        metavar="N|all",
        help="devices of jax that share the --n-sequences of an update (1)",
    )
    group.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="train together with other processes: where process 0 runs, and a free port there; or auto, under Slurm "
        "or Open MPI",
    )
    group.add_argument(
        "--processes", type=checked(int, partial(integer, least=1)), metavar="N", help="how many processes train"
    )
    group.add_argument(
        "--process", type=checked(int, partial(integer, least=0)), metavar="I", help="which of them this is, from 0"
    )


def number_or_all(text):
    """Parse a number of devices, or "all"."""
    if text == "all":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, or all, found {text!r}")
    return int(text)


def check_process_options(args):
    """Check the options of processes.

    Raises
    ------
    ValueError
        If one of them is given without the others that it needs.
    """
    numbers = args.processes, args.process
    if args.coordinator is None:
        if numbers != (None, None):
            raise ValueError("--processes and --process: expected --coordinator beside them, found none")
        return
    if args.backend != "jax":
        raise ValueError(f"--coordinator: expected --backend jax beside it, found {args.backend}")
    if args.devices == 1:
        raise ValueError("--devices: expected all beside --coordinator, found 1")
    if args.coordinator == "auto":
        if numbers != (None, None):
            raise ValueError("--coordinator: auto finds --processes and --process itself, but they are given")
        return
    if None in numbers:
        raise ValueError("--coordinator: expected --processes and --process beside it, or auto")
    integer("--process", args.process, 0, args.processes - 1)


@contextmanager
def joined(args):
    """Context in which this process trains together with the others that the options name.

    Parameters
    ----------
    args : argparse.Namespace
        `devices` is "all" afterwards, if it was not given and there are other processes.

    Yields
    ------
    bool
        Whether this process writes the files. Another one prints nothing but errors.

    Raises
    ------
    ValueError
        If the options do not fit together.
    OSError
        If the processes do not find each other, or another one has ended.
    """
    check_process_options(args)
    if args.coordinator is None:
        yield True
        return
    args.devices = args.devices or "all"
    is_first = join(args)
    import jax

    try:
        if is_first:
            yield True
            return
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield False
    except jax.errors.JaxRuntimeError as error:
        raise OSError(f"--coordinator: another process of the run has ended ({first_line(error)})") from error


def join(args):
    """Start JAX as one of several processes; whether this is the first of them."""
    with deferred_interrupts():  # it may crash where its import is interrupted
        import jax
    numbers = {} if args.coordinator == "auto" else {"num_processes": args.processes, "process_id": args.process}
    address = None if args.coordinator == "auto" else args.coordinator
    jax.config.update("jax_enable_preemption_service", False)  # SIGTERM ends this process as it does any other
    try:
        jax.distributed.initialize(address, **numbers, shutdown_timeout_seconds=SECONDS_TO_END)
    except (RuntimeError, ValueError) as error:
        raise OSError(f"--coordinator: {args.coordinator}: cannot join ({first_line(error)})") from error
    return jax.process_index() == 0


def first_line(error):
    """The first line of an error of JAX, which may be long."""
    return str(error).split("\n")[0][:200]
