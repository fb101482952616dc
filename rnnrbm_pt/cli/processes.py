"""Device options of `rnnrbm train`, and processes that train one model together on several hosts."""

import argparse
import os
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from rnnrbm_pt.checks import integer
from rnnrbm_pt.cli.options import whole_number
from rnnrbm_pt.interrupts import deferred_interrupts

SECONDS_TO_END = 30
"""How long a finished process waits for the others. Process 0 may still be writing a file."""


def add_device_options(group):
    """Add the options for devices and processes.

    Parameters
    ----------
    group : argparse.ArgumentParser or argument group
    """
    group.add_argument(
        "--devices",
        type=number_or_all,
        metavar="N|all",
        help="number of JAX devices that share the --n-sequences of an update [default: 1]",
    )
    group.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="train together with other processes: host of process 0 and a free port there, or auto under Slurm or "
        "Open MPI",
    )
    group.add_argument(
        "--processes",
        type=whole_number(1),
        metavar="N",
        help="number of processes that train together",
    )
    group.add_argument("--process", type=whole_number(0), metavar="I", help="index of this process, from 0")


def number_or_all(text):
    """Parse a number of devices, or "all"."""
    if text == "all":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, or all, found {text!r}")
    return int(text)


def check_process_options(args):
    """Check that the process options fit together.

    Raises
    ------
    ValueError
        If an option is given without another option that it requires, or contradicts another option.
    """
    numbers = args.processes, args.process
    if args.coordinator is None:
        if numbers != (None, None):
            raise ValueError("--processes and --process: expected --coordinator as well, found none")
        return
    if args.backend != "jax":
        raise ValueError(f"--coordinator: expected --backend jax, found {args.backend}")
    if args.devices == 1:
        raise ValueError("--devices: expected all with --coordinator, found 1")
    if args.coordinator == "auto":
        if numbers != (None, None):
            raise ValueError("--coordinator auto: expected neither --processes nor --process, which it finds itself")
        return
    if None in numbers:
        raise ValueError("--coordinator: expected --processes and --process as well, or --coordinator auto")
    integer("--process", args.process, 0, args.processes - 1)


@contextmanager
def joined(args):
    """Context manager: join the other processes that train the same model, if the options ask for them.

    Parameters
    ----------
    args : argparse.Namespace
        Options of `rnnrbm train`. With other processes, `devices` becomes "all" if it is not given.

    Yields
    ------
    bool
        Whether this process writes the files. The other processes print only errors.

    Raises
    ------
    ValueError
        If the options do not fit together.
    OSError
        If the processes cannot connect, or another process has ended.
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
    """Start JAX as one of several processes. Return whether this is process 0."""
    with deferred_interrupts():  # JAX may crash if its import is interrupted
        import jax
    numbers = {} if args.coordinator == "auto" else {"num_processes": args.processes, "process_id": args.process}
    address = None if args.coordinator == "auto" else args.coordinator
    jax.config.update("jax_enable_preemption_service", False)  # let SIGTERM end this process
    try:
        jax.distributed.initialize(address, **numbers, shutdown_timeout_seconds=SECONDS_TO_END)
    except (RuntimeError, ValueError) as error:
        raise OSError(f"--coordinator: {args.coordinator}: cannot join ({first_line(error)})") from error
    return jax.process_index() == 0


def first_line(error):
    """Return the first line of a JAX error, shortened."""
    return str(error).split("\n")[0][:200]
