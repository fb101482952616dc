"""`rnnrbm search`: search for the settings of `rnnrbm train` with the best validation."""

import argparse
import os
import shlex
import shutil
import sys
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

from rnnrbm_pt.checks import LARGEST_SEED
from rnnrbm_pt.cli import train
from rnnrbm_pt.cli.input_files import load_model
from rnnrbm_pt.cli.named_sets import read_music
from rnnrbm_pt.cli.options import add_command, whole_number
from rnnrbm_pt.cli.output_files import MODEL, Output, check_outputs
from rnnrbm_pt.cli.training_options import settings_of_fit, settings_of_model

OF_ONE_RUN = (
    *("output", "log", "resume", "overwrite", "checkpoint-every", "validate-by", "augment", "tensorboard"),
    *("coordinator", "processes", "process"),
)
"""Options of `train` that trials cannot follow, so they are refused."""

NO_SETTINGS = {
    *OF_ONE_RUN,
    *("strict", "kind", "folder", "validation", "backend", "threads", "devices", "r", "dt", "transpose", "key-from"),
    *("steps-per-quarter", "drums", "tempo-from", "pedal", "keep-short", "sample-every", "log-updates"),
}
"""Options of `train` that are not settings of the model or of training, so they cannot be searched."""

USAGE = "rnnrbm search --study FOLDER --space NAME=VALUES [options] train FILES --validation FILES [options of train]"


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(
        commands,
        "search",
        run,
        "search for the training settings with the best validation",
        ". End the command with the `train` command that all trials share, without -o. To continue an interrupted "
        "search, run the same command again.",
        usage=USAGE,
    )
    parser.add_argument("--study", required=True, metavar="FOLDER", help="folder for checkpoints and results")
    parser.add_argument(
        "--space",
        action="append",
        metavar="NAME=VALUES",
        help="option of `train` and the values to try (repeatable): lr=1e-4..0.1:log, hidden=50..300:50, "
        "optimizer=sgd,nesterov",
    )
    parser.add_argument("--space-file", metavar="FILE", help="read the space from a TOML file, which allows conditions")
    at_least_1 = whole_number(1)
    parser.add_argument(
        "--trials", type=at_least_1, default=20, metavar="N", help="total number of trials in the study [default: 20]"
    )
    parser.add_argument(
        "--jobs", type=at_least_1, default=1, metavar="N", help="number of processes, one thread each [default: 1]"
    )
    parser.add_argument(
        "--by",
        choices=["likelihood", "monitor", "accuracy"],
        help="quantity to maximise [default: likelihood for rnn-nade and biaxial-rnn, where it is exact; otherwise "
        "monitor]",
    )
    parser.add_argument("--no-prune", action="store_true", help="train every trial to the end")
    parser.add_argument(
        "--storage", metavar="URL", help="database that several machines share [default: a journal file in FOLDER]"
    )
    seed = whole_number(0, LARGEST_SEED)
    parser.add_argument(
        "--search-seed", type=seed, default=0, metavar="N", help="seed for the choice of settings [default: 0]"
    )
    parser.add_argument("--best", action="store_true", help="write the model of the best trial to -o, and do not train")
    parser.add_argument("-o", "--output", metavar="MODEL", help="model file to write; requires --best")
    parser.add_argument("--overwrite", action="store_true", help="overwrite an existing MODEL; requires --best")
    parser.add_argument("train", nargs=argparse.REMAINDER, metavar="train ...", help="`train` command without -o")


class _Parser(argparse.ArgumentParser):
    """Parser that raises a ValueError instead of exiting."""

    def error(self, message):
        raise ValueError(message)


def train_arguments(words, values):
    """Parse the arguments of a `train` command with the values of a trial. The output is "" if the words name none."""
    return parsed([words[0], "-o", "", *words[1:], *options_of(values)])


def parsed(words):
    """Parse the words of a `train` command."""
    parser = _Parser(prog="rnnrbm")
    train.add_parser(parser.add_subparsers())
    return parser.parse_args(words)


def options_of(values):
    """Convert values to words of a command line.

    A value of False switches the option off, as in --no-persistent. An option that can only be switched on is left out.
    """
    return [word for name, value in values.items() for word in words_of(name, value)]


def words_of(name, value):
    """Convert the value of an option to no word or one word of a command line."""
    if value is True:
        return [f"--{name}"]
    if value is False and stands_alone(f"--no-{name}"):
        return [f"--no-{name}"]
    if value is False and stands_alone(f"--{name}"):
        return []
    return [f"--{name}={value}"]


@cache
def stands_alone(option):
    """Whether an option of `train`, such as --no-persistent, exists and takes no value."""
    try:
        parsed(["train", "FILES", "-o", "MODEL", option])
    except ValueError:
        return False
    return True


def check_space(space, words):
    """Check that each parameter is an option of `train` that accepts its values.

    Raises
    ------
    ValueError
        If a parameter is not a searchable option, or a value is invalid.
    """
    train_arguments(words, {})
    for one in space.parameters:
        if one.name in NO_SETTINGS:
            raise ValueError(f"space: {one.name}: expected a setting of the model or of training, found another option")
        for value in one.examples():
            try:
                arguments = train_arguments(words, {one.name: value})
            except ValueError as error:
                if "unrecognized" in str(error):
                    raise ValueError(f"space: {one.name}: expected an option of `rnnrbm train`, found none") from None
                raise ValueError(f"space: {one.name}: {error}") from None
            if value is False and getattr(arguments, one.name.replace("-", "_"), None):
                raise ValueError(
                    f"space: {one.name}: expected `train` without --{one.name}, which no value switches off"
                )


def run(args):
    """Run `rnnrbm search`."""
    from rnnrbm_pt.search.space import parse_space
    from rnnrbm_pt.search.trials import identity, import_optuna

    import_optuna()
    if args.best:
        write_best(args)
        return
    if args.output or args.overwrite:
        option = "-o" if args.output else "--overwrite"
        raise ValueError(f"{option}: expected --best as well, to write the model of the best trial")
    if args.train[:1] != ["train"]:
        raise ValueError(f"expected {USAGE}")
    space = parse_space(args.space or [], args.space_file)
    check_space(space, args.train)
    fixed = train_arguments(args.train, {})
    if not fixed.validation:
        raise ValueError("--validation: expected files to validate the trials on, found none")
    refuse_options_of_one_run(fixed)
    train.check_set_options(fixed)
    args.by = args.by or ("likelihood" if fixed.model in train.EXACT else "monitor")
    data = read_data(fixed)  # before the study stores the words, so that wrong words can be corrected
    folder = Path(args.study)
    study = study_of(args)
    check_same(study, folder, {"space": space.to_json(), "train": args.train[1:], "by": args.by})
    identity(folder)
    if args.jobs == 1:
        work(args, space, data)
    else:
        work_by_processes(args, space, data)
    show(args, study, [one.name for one in space.parameters])


def refuse_options_of_one_run(args):
    """Raise a ValueError if a `train` command has an option that trials cannot follow."""
    absent = train_arguments(["train", "FILES"], {})
    for name in OF_ONE_RUN:
        attribute, option = name.replace("-", "_"), "-o" if name == "output" else f"--{name}"
        if getattr(args, attribute) != getattr(absent, attribute):
            instead = "; use --by, before `train`" if name == "validate-by" else ""
            raise ValueError(f"{option}: not allowed in the `train` command of a search{instead}")


def read_data(args):
    """Read the training and the validation music of all trials.

    Parameters
    ----------
    args : argparse.Namespace
        Options of `train`.

    Returns
    -------
    (training rolls, validation rolls)

    Raises
    ------
    ValueError
        If the music cannot be read, or has no frames.
    """
    from rnnrbm_pt import RnnRbm

    frames = {name: getattr(args, name) for name in ("r", "dt") if getattr(args, name) is not None}
    small = {"n_hidden": 1, "n_hidden_recurrent": 1}
    model = RnnRbm(**settings_of_model(args) | frames | small)  # it reads music like the model of every trial

    def read(files, split):
        rolls = read_music(model, files, split, args).rolls
        if not sum(map(len, rolls)):  # this also reads all of a store, and finds damage in it
            raise ValueError(f"{' '.join(files)}: expected frames, found none")
        return rolls

    return read(args.files, "train"), read(args.validation, "valid")


def study_of(args, new=True):
    """Open the study that the options name."""
    from rnnrbm_pt.search.trials import open_study

    return open_study(Path(args.study), args.storage, new=new, prune=not args.no_prune, seed=args.search_seed)


def check_same(study, folder, described):
    """Store the description of a study, or raise a ValueError if the study has another description."""
    for name, value in described.items():
        found = study.user_attrs.get(name, value)
        if found != value:
            raise ValueError(f"{folder}: {name}: the study began with {found}; expected the same, found {value}")
        study.set_user_attr(name, value)


def work(args, space, data, lock=None):
    """Run trials in this process."""
    from rnnrbm_pt.search.trials import Search

    def start(values):
        arguments = train_arguments(args.train, values)
        settings = settings_of_fit(arguments)
        model = train.new_model(arguments)
        train.check_settings(arguments, settings, model)
        return model, settings

    search = Search(
        study_of(args),
        Path(args.study),
        space,
        args.trials,
        args.by,
        start,
        partial(load_model, args=train_arguments(args.train, {})),
        data,
        args.search_seed,
        on_trial=lambda number: print(f"Trial {number} is done.", flush=True),
    )
    if lock is not None:
        search.lock = lock
    search.run()


def work_in_process(*arguments):
    """Run trials in a process of its own. An error ends the process with one sentence, as it ends a command."""
    try:
        work(*arguments)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"rnnrbm: error: {error}")


def work_by_processes(args, space, data):
    """Run trials in spawned processes, which share the study and the cache of compiled code."""
    os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}  # for the processes
    context = get_context("spawn")
    lock = context.Lock()
    # The processes do not need `function`, the function of the command.
    plain = argparse.Namespace(**{name: value for name, value in vars(args).items() if name != "function"})
    shared = plain, space, data, lock
    processes = [context.Process(target=work_in_process, args=shared, daemon=True) for _ in range(args.jobs)]
    for process in processes:
        process.start()
    try:
        for process in processes:
            process.join()
    finally:
        for process in processes:
            process.terminate()
    n_failed = sum(process.exitcode != 0 for process in processes)
    if n_failed:
        raise OSError(f"{n_failed} of {args.jobs} processes ended early; run the same command again to continue")


def winner(study, folder):
    """Return the best trial.

    Raises
    ------
    ValueError
        If no trial is complete.
    """
    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if not done:
        raise ValueError(f"{folder}: expected a complete trial, found none")
    return max(done, key=lambda trial: trial.value)


def command_of(study, trial):
    """Return the command that trains the model of a trial."""
    from rnnrbm_pt.search.trials import validation_by

    by = ["--validate-by", validation_by(study.user_attrs["by"])]
    words = ["rnnrbm", "train", *study.user_attrs["train"], *by, *options_of(trial.params), "-o", "model.npz"]
    return shlex.join(words)


def show(args, study, names):
    """Print the best trials and the command of the best one, and write the page and the plot."""
    from rnnrbm_pt.search.results import N_SHOWN, lines_of, rows_of, table, write_results

    rows, folder = rows_of(study), Path(args.study)
    print("\n".join(lines_of(table(rows[:N_SHOWN], names, args.by))))
    any_done = any(row.value is not None for row in rows)
    command = command_of(study, winner(study, folder)) if any_done else None
    write_results(study, folder, args.by, names, command)
    print(f"Wrote {folder / 'results.html'} and {folder / 'results.png'}.")
    if command:
        print(f"To train the best model again: {command}")
    else:
        failed = [trial.user_attrs.get("failed") for trial in study.get_trials(deepcopy=False)]
        raise ValueError(f"{folder}: no trial is complete; the first error: {next(filter(None, failed), 'none')}")


def write_best(args):
    """Write the model file of the best trial."""
    from rnnrbm_pt.io.atomic_write import claimed, replacing
    from rnnrbm_pt.search.trials import checkpoint_of

    if not args.output:
        raise ValueError("--best: expected -o MODEL, found none")
    check_outputs(Output("-o", args.output, MODEL))
    if Path(args.output).exists() and not args.overwrite:
        raise ValueError(f"-o {args.output}: the file exists; use --overwrite to replace it")
    study, folder = study_of(args, new=False), Path(args.study)
    trial = winner(study, folder)
    path = checkpoint_of(folder, trial.number)
    if not path.is_file():
        raise ValueError(f"{path}: the model of the best trial, {trial.number}, is on the machine that trained it")
    with claimed(args.output), replacing(args.output) as temporary:
        shutil.copyfile(path, temporary)
    print(f"Wrote {args.output}: trial {trial.number}, {study.user_attrs['by']} {trial.value:.4f}.")
    print(command_of(study, trial))
