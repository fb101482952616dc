"""Run the tutorial's original program with a Python that has Theano 1.0.5, and record its numbers.

    python -m rnnrbm_pt.reference.record FILES... --theano PYTHON -o RECORD.npz [options]

FILES are the MIDI files to train on: files, folders, patterns or zip files. This library reads them; its reader gives
the same rolls as the original's. `rnnrbm compare LOG --against RECORD.npz` compares a run with the recording.
`rnnrbm_pt.reference.recording` describes the file format.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnrbm_pt.checks import integer
from rnnrbm_pt.io.atomic_write import FilePath, claimed
from rnnrbm_pt.io.named_arrays import read_named_arrays
from rnnrbm_pt.models.rnnrbm import RnnRbm
from rnnrbm_pt.music.frames import NoteFrames
from rnnrbm_pt.music.pianoroll import check_roll
from rnnrbm_pt.reference.recording import NAMES, Recording, TheanoSettings, write_recording
from rnnrbm_pt.reference.theano_process import HOW_TO_INSTALL, TheanoProcess

THEANO = "RNNRBM_THEANO"
"""Name of the environment variable with the path of a Python that has Theano."""

SUFFIXES = ".npz", ".json"
"""Suffixes of the files of recordings."""


def record(
    python: FilePath,
    rolls: Sequence[np.ndarray],
    settings: TheanoSettings,
    *,
    params: FilePath | None = None,
    n_generated: int = 1,
    threads: int = 1,
    on_epoch: Callable[[Recording], object] | None = None,
) -> Recording:
    """Run the original program, and record its numbers.

    Parameters
    ----------
    python : path
        A Python interpreter that has Theano 1.0.5.
    rolls : list of arrays, shape (n_steps, n_visible)
        The training sequences, in the order before the original's first shuffle.
    settings : TheanoSettings
        Settings of the program.
    params : path, optional
        A file of initial parameters, in any form that `RnnRbm.set_params` accepts. It does not change the streams and
        the shuffling, which depend on the seed.
    n_generated : int
        Number of rolls to generate after training.
    threads : int
        Number of BLAS threads.
    on_epoch : callable, optional
        Function to call after each epoch with the recording so far, which lacks generated rolls and the gradient.

    Returns
    -------
    Recording

    Raises
    ------
    ImportError
        If the interpreter lacks Theano. The message says how to install it.
    ChildProcessError
        If the program fails.
    """
    arrays = {f"sequence_{i}": check_roll(roll, settings.r, f"roll {i}") for i, roll in enumerate(rolls)}
    if not sum(map(len, rolls)):
        raise ValueError("rolls: expected frames to train on, found none")
    given = None if params is None else RnnRbm.from_arrays(params, r=settings.r).get_params()
    if given is not None:
        settings = replace(settings, n_hidden=given["bh"].size, n_hidden_recurrent=given["bu"].size)
    names = "streams", "floatX", "n_hidden", "n_hidden_recurrent", "k", "lr", "k_generate", "n_steps", "seed"
    used = {name: getattr(settings, name) for name in names}
    with (
        tempfile.TemporaryDirectory() as folder,
        TheanoProcess(python, threads=threads, n_visible=settings.n_visible, **used) as program,
    ):
        source, target = Path(folder, "source.npz"), Path(folder, "target.npz")

        def send(command: str, arrays: dict[str, np.ndarray]) -> None:
            np.savez(source, **dict[str, Any](arrays))
            program.ask(command, source)

        def answers(when: str) -> dict[str, np.ndarray]:
            found = read_named_arrays(target)
            return {f"{when}_{name}": found[name] for name in (*NAMES, *(["cost"] if "cost" in found else []))}

        send("rolls", arrays)
        if given is not None:
            send("params", given)
        program.ask("save", target)
        arrays |= answers("init")
        monitors = np.empty(0)
        seconds: list[float] = []

        def recording() -> Recording:
            program.ask("save", target)
            found = {**arrays, "monitor": monitors, **answers("final")}
            return Recording(settings, found, program.versions, seconds, None if params is None else str(params))

        for _ in range(settings.num_epochs):
            epoch = program.ask("epoch", settings.batch_size)
            monitors = np.append(monitors, epoch["monitors"])
            seconds.append(round(epoch["seconds"], 3))
            if on_epoch is not None:
                on_epoch(recording())
        for i in range(n_generated):
            program.ask("generate", Path(folder, "roll.npy"))
            arrays[f"generated_{i}"] = np.load(Path(folder, "roll.npy"))
        v = next(arrays[name] for name in arrays if name.startswith("sequence_") and len(arrays[name]))
        v = v[: settings.batch_size]
        v_sample = (np.random.RandomState(settings.seed).uniform(size=v.shape) < max(v.mean(), 0.1)).astype(np.uint8)
        np.savez(source, v=v, v_sample=v_sample)
        program.ask("gradient", source, target)
        arrays |= {"grad_v": v, "grad_v_sample": v_sample, **answers("grad")}
        return recording()


def synthetic_rolls(n: int, n_visible: int, seed: int = 0) -> list[np.ndarray]:
    """Random sequences of 20 to 60 frames. A fifth of the notes sound, and notes last for several frames.

    Parameters
    ----------
    n : int
        Number of sequences.
    n_visible : int
        Width of a frame.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    list of arrays of uint8, shape (n_steps, n_visible)
    """
    random_state = np.random.RandomState(seed)
    rolls = []
    for _ in range(n):
        n_steps = random_state.randint(20, 61)
        roll = random_state.uniform(size=(n_steps, n_visible)) < 0.2
        held = random_state.uniform(size=(n_steps, n_visible)) < 0.6
        for t in range(1, n_steps):
            roll[t] = np.where(held[t], roll[t - 1], roll[t])
        rolls.append(roll.astype(np.uint8))
    return rolls


def read_rolls_of_arrays(path: FilePath) -> list[np.ndarray]:
    """Read the rolls of an .npz file: its matrices in their order, as written by `np.savez(path, *rolls)`.

    Raises
    ------
    ValueError
        If the file contains no matrix.
    """
    found = [array for array in read_named_arrays(path).values() if array.ndim == 2]
    if not found:
        raise ValueError(f"{path}: expected rolls of shape (n_steps, n_visible), found no matrix")
    return found


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command's options."""
    summary, *_ = str(__doc__).split("\n", 1)
    parser = argparse.ArgumentParser(
        prog="python -m rnnrbm_pt.reference.record",
        usage="%(prog)s FILES [FILES ...] --theano PYTHON -o RECORD [options]",
        description=summary,
        epilog=HOW_TO_INSTALL,
    )
    parser.add_argument("files", nargs="*", metavar="FILES", help="MIDI files, folders, patterns or zip files")
    parser.add_argument("--rolls", metavar="FILE.npz", help="train on the matrices in a file instead, in their order")
    parser.add_argument("--synthetic", type=int, metavar="N", help="train on N random sequences instead")
    parser.add_argument(
        "--theano",
        default=os.environ.get(THEANO),
        metavar="PYTHON",
        help=f"a Python that has Theano 1.0.5 (by default, the environment variable {THEANO})",
    )
    parser.add_argument("-o", "--output", required=True, metavar="RECORD", help="file to write: .npz or .json")
    parser.add_argument("--params", metavar="FILE", help="start from the parameters in a file, such as Theano's pickle")
    parser.add_argument(
        "--generate", type=int, default=1, metavar="N", help="number of rolls to generate after training (1)"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="number of BLAS threads for Theano (1)")
    for field in fields(TheanoSettings):
        argument = dict(field.metadata["argument"])
        option = argument.pop("option", None) or f"--{field.name.replace('_', '-')}"
        if field.name == "r":
            argument = {"type": _pair, "metavar": "LOW,HIGH"}
            default = "21,109"
        else:
            default = str(field.default)
        parser.add_argument(option, dest=field.name, help=f"{field.metadata['help']} ({default})", **argument)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status, which is 1 after an error."""
    args = make_parser().parse_args(arguments)
    try:
        _run(args)
    except (ValueError, OSError, ImportError) as error:
        print(f"record: error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(args: argparse.Namespace) -> None:
    if Path(args.output).suffix.lower() not in SUFFIXES:
        raise ValueError(f"-o {args.output}: expected a file name that ends in {' or '.join(SUFFIXES)}")
    if args.theano is None:
        raise ValueError(f"--theano: expected a Python that has Theano 1.0.5, found none. {HOW_TO_INSTALL}")
    if sum(map(bool, (args.files, args.rolls, args.synthetic))) != 1:
        raise ValueError("expected one of FILES, --rolls and --synthetic to train on")
    names = [field.name for field in fields(TheanoSettings)]
    settings = TheanoSettings(**{name: getattr(args, name) for name in names if getattr(args, name) is not None})
    n_generated, threads = integer("--generate", args.generate, 0), integer("--threads", args.threads, 1)
    if args.files:
        rolls = NoteFrames(settings.r, settings.dt).read(args.files)
    elif args.rolls:
        rolls = read_rolls_of_arrays(args.rolls)
    else:
        rolls = synthetic_rolls(integer("--synthetic", args.synthetic, 1), settings.n_visible, settings.seed)
    sequences = f"{len(rolls)} sequence{'s' * (len(rolls) != 1)}"
    print(f"Training set: {sequences}, {sum(map(len, rolls)):,} frames. Theano compiles ...", flush=True)

    def keep(recording: Recording) -> None:
        write_recording(args.output, recording)  # keeps the epochs so far if a long run is stopped
        last = recording.log[-1]
        print(f"Epoch {last['epoch']}/{settings.num_epochs} {last['monitor']} ({last['seconds']:.1f} s)", flush=True)

    options = {"params": args.params, "n_generated": n_generated, "threads": threads}
    with claimed(args.output):
        write_recording(args.output, record(args.theano, rolls, settings, on_epoch=keep, **options))
    print(f"Wrote {args.output}.")


def _pair(text: str) -> tuple[int, int]:
    low, high = text.replace(":", ",").split(",")
    return int(low), int(high)


if __name__ == "__main__":
    sys.exit(main())
