"""`rnnrbm train`: train a model on MIDI files or a data set, or resume a run."""

import json
import os
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from rnnrbm_pt.checks import LARGEST_SEED
from rnnrbm_pt.cli.input_files import FILES, add_reading_options, left_out, load_file, n_frames
from rnnrbm_pt.cli.named_sets import NAMES, add_set_options, named_set, read_music
from rnnrbm_pt.cli.options import add_command, whole_number
from rnnrbm_pt.cli.output_files import LOG, MODEL, Output, check_outputs
from rnnrbm_pt.cli.processes import add_device_options, joined
from rnnrbm_pt.cli.progress import watched
from rnnrbm_pt.cli.training_options import (
    FOR_FIT,
    MODELS,
    PREPROCESS,
    add_range_options,
    add_running_options,
    add_training_options,
    settings_of_fit,
    settings_of_model,
)
from rnnrbm_pt.io.atomic_write import claimed
from rnnrbm_pt.settings import sorted_into

EXACT = "rnn-nade", "biaxial-rnn"
"""Models with an exact likelihood and no Gibbs chain."""

TIED = "tied-rnn-rbm", "biaxial-rnn"
"""Models whose notes share the weights of the recurrent network."""

RECURRENCES = "tanh", "lstm", "gru"
"""Names of the networks in `rnnrbm_pt.graphs.recurrences`, repeated here so that the help does not import PyTensor."""

OF_MODEL = {
    "hidden": "n_hidden",
    "recurrent": "n_hidden_recurrent",
    "k": "k",
    "recurrence": "recurrence",
    "window": "window",
    "learn_initial": "learn_initial",
    "dynamic_visible_bias": "dynamic_visible_bias",
    "seed": "seed",
    "streams": "streams",
    "r": "r",
    "dt": "dt",
}
"""Model options, and the keywords of the model class that they set."""


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    usage = "rnnrbm train FILES [FILES ...] -o MODEL [options]"  # short, so that it does not hide an error below it
    parser = add_command(commands, "train", run, "train a model on MIDI files or a data set", usage=usage)
    parser.add_argument(
        "files", nargs="+", metavar="FILES", help=f"{FILES}; or a data set ({NAMES}); or a store of `prepare`"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="MODEL", help="model file to write (.npz or no suffix)"
    )
    parser.add_argument("--log", metavar="FILE", help="write a JSON line per epoch to this file [default: MODEL.jsonl]")
    parser.add_argument(
        "--tensorboard",
        metavar="FOLDER",
        help="write a TensorBoard log to this folder, including the pieces of --sample-every as pictures; requires the "
        "extra `tensorboard`",
    )
    at_least_1 = whole_number(1)
    parser.add_argument(
        "--checkpoint-every",
        type=at_least_1,
        metavar="N",
        help="save MODEL every N updates, in addition to every epoch",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in MODEL with the same FILES; a larger --epochs extends it",
    )
    parser.add_argument("--overwrite", action="store_true", help="overwrite an existing MODEL and log")
    add_reading_options(parser)
    about_sets = "FILES uses the training split of a data set, and --validation uses its validation split."
    add_set_options(parser.add_argument_group("data sets", about_sets))

    model = parser.add_argument_group("model")
    model.add_argument("--model", choices=list(MODELS), help="kind of model [default: rnn-rbm]")
    model.add_argument(
        "--hidden",
        type=at_least_1,
        metavar="N",
        help="hidden units of the RBMs; per note in a tied-rnn-rbm [default: 150; tied-rnn-rbm 4, biaxial-rnn 48]",
    )
    model.add_argument(
        "--recurrent",
        type=at_least_1,
        metavar="N",
        help="hidden units of the RNN; an rtrbm uses --hidden instead [default: 100; tied-rnn-rbm and biaxial-rnn 64]",
    )
    model.add_argument(
        "--recurrence",
        choices=RECURRENCES,
        help="recurrent network of an rnn-rbm or rnn-nade [default: tanh, as in the tutorial], or of a tied-rnn-rbm or "
        "along time in a biaxial-rnn [default: gru]",
    )
    model.add_argument(
        "--window",
        type=at_least_1,
        metavar="N",
        help="number of notes above and below each note that a tied-rnn-rbm or biaxial-rnn reads [default: 12]",
    )
    model.add_argument("--k", type=at_least_1, metavar="N", help="Gibbs steps in training (CD-k) [default: 15]")
    model.add_argument(
        "--learn-initial", action="store_true", default=None, help="learn the state before the first frame"
    )
    model.add_argument(
        "--dynamic-visible-bias",
        action="store_true",
        default=None,
        help="let the state change the visible biases of an rtrbm or lstm-rtrbm",
    )
    seed = whole_number(0, LARGEST_SEED)
    model.add_argument("--seed", type=seed, metavar="N", help="random seed [default: 48879, as in the tutorial]")
    model.add_argument(
        "--streams",
        choices=["srs", "mrg", "philox"],
        help="random streams: Theano's shared_randomstreams (srs), Theano's MRG31k3p (mrg), or Philox, which is faster "
        "and the only choice for jax [default: srs; philox for jax]",
    )
    model.add_argument("--float32", action="store_true", default=None, help="use single precision instead of double")
    add_range_options(model)
    running = parser.add_argument_group("running")
    add_running_options(running)
    add_device_options(running)
    add_training_options(parser)


def run(args):
    """Run `rnnrbm train`."""
    output, log = files_to_write(args)
    with joined(args) as writes:
        train(args, output, log, writes)


def files_to_write(args):
    """Return the model file and the log to write. Raise a ValueError if a file must not be written."""
    output = Path(args.output)
    if output.is_dir():
        raise ValueError(f"{output}: expected a file to write, found a folder")
    log = Path(args.log) if args.log else output.with_name(output.name + ".jsonl")
    # With --resume the file exists, under any name.
    check_outputs(*([] if args.resume else [Output("-o", args.output, MODEL)]), Output("--log", str(log), LOG))
    if not (args.resume or args.overwrite):
        refuse_to_overwrite(output, log)
    return output, log


def train(args, output, log, writes):
    """Train as the options say. Write the files if `writes` is true, and not another process."""
    check_set_options(args)
    settings = settings_of_fit(args)
    model = resumed_model(args, settings) if args.resume else new_model(args)
    check_settings(args, settings, model)
    callbacks = callbacks_of(args, model) if writes else []

    def read(files, what, split):
        rolls, outside, step = read_music(model, files, split, args)
        if outside:
            print(left_out(sum(outside), model.r) + f" ({len(outside)} of {len(rolls)} files).")
        print(f"{what} set: {n_frames(rolls)} of {step}.")
        return rolls

    rolls = read(args.files, "Training", "train")
    if args.augment:
        from rnnrbm_pt.music.pianoroll import Transpositions

        rolls = Transpositions(rolls, args.augment, model.r)
        print(f"With transposed copies: {n_frames(rolls)}.")
    validation = read(args.validation, "Validation", "valid") if args.validation else None
    if args.resume:
        num_epochs = args.num_epochs or model.progress.run.num_epochs
        settings = {"num_epochs": args.num_epochs}
        learn = model.resume
    else:
        num_epochs = settings.get("num_epochs", 200)
        learn = model.fit
    settings |= {"validation": validation, "checkpoint": output, "checkpoint_every": args.checkpoint_every}
    files = claimed(output, log) if writes else nullcontext()
    with files, log_file(log if writes else Path(os.devnull), model) as write:
        for record in model.log:  # write the old log of a resumed run, without lines after its last checkpoint
            write(record)

        def on_epoch(record):
            for callback in (write, *callbacks):
                callback(record)

        try:
            watched(partial(learn, rolls, **settings), num_epochs, on_epoch=on_epoch, on_pretrain=not args.resume)
        except KeyboardInterrupt:
            print(f"Stopped. {output} contains the run. Use --resume to continue it.")
            raise
    if model.progress.stopped:
        print(f"Stopped early: validation did not improve for {model.progress.validation.patience} epochs.")
    if any(record.get("validation_refused") for record in model.log):
        print(
            "Some validations were refused because annealing forward and in reverse disagreed. Those epochs cannot be "
            "the best."
        )
    if model.progress.best_epoch is not None:
        print(f"The parameters are those of epoch {model.progress.best_epoch}, which had the best validation.")
    print(f"Wrote {output} and {log}.")


def check_set_options(args):
    """Raise a ValueError if there are options for a data set and no data set."""
    if (args.kind or args.folder) and not (named_set(args.files) or named_set(args.validation or [])):
        raise ValueError(f"--kind and --folder: expected a data set, one of {NAMES}, found MIDI files")


def callbacks_of(args, model):
    """Return the list of callbacks that the options ask for, without the log."""
    if args.tensorboard is None:
        return []
    from rnnrbm_pt.models.tensorboard import TensorBoard

    return [TensorBoard(args.tensorboard, model)]


@contextmanager
def log_file(path, model):
    """Context manager: open a log for writing and yield the function that appends a record.

    The first record also contains the settings of the run, as its entry "run".

    Raises
    ------
    OSError
        If the log cannot be written. The error names the log.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "w", encoding="utf-8")
    empty = True

    def write(record):
        nonlocal empty
        if empty:
            record, empty = {**record, "run": settings_of_run(model)}, False
        try:
            file.write(json.dumps(record) + "\n")
            file.flush()
        except OSError as error:
            with suppress(OSError):  # closing flushes again, and fails again
                file.close()
            raise OSError(error.errno, error.strerror, str(path)) from error

    with file:
        yield write


def settings_of_run(model):
    """Return the settings of a model's run for the log; see `reference.run_settings`."""
    from rnnrbm_pt.reference.run_settings import run_settings

    metadata = {"model": type(model).__name__, "floatX": model.floatX, "settings": model.settings}
    return run_settings({**metadata, **model.state.metadata()})


def refuse_to_overwrite(output, log):
    """Raise a ValueError if the model file, or a log with records, exists. The message says what would be lost."""
    if output.exists():
        raise ValueError(
            f"{output}: {what_it_holds(output)}; use --resume to continue the run or --overwrite to replace the file"
        )
    if log.exists() and log.stat().st_size:
        n_lines = len(log.read_bytes().splitlines())
        raise ValueError(
            f"{log}: a log of {n_lines:,} lines exists; use --overwrite to replace it or --log to name another file"
        )


def what_it_holds(path):
    """Describe an existing file in a few words: the progress of the run, if it is a model."""
    from rnnrbm_pt.io.checkpoint import read_checkpoint

    try:
        _, metadata = read_checkpoint(path)
        progress = metadata["progress"]
        return f"a model after {progress['epoch']} of {progress['num_epochs']} epochs exists"
    except (ValueError, KeyError, TypeError):
        return "the file exists"


def new_model(args):
    """Make the model that the options describe."""
    import rnnrbm_pt

    word = args.model or "rnn-rbm"
    keywords = settings_of_model(args)
    for option, keyword in OF_MODEL.items():
        if getattr(args, option) is not None:
            keywords[keyword] = getattr(args, option)
    if word == "rtrbm" and "n_hidden_recurrent" in keywords:
        n_hidden = keywords.get("n_hidden", 150)
        if keywords.pop("n_hidden_recurrent") != n_hidden:
            raise ValueError(
                f"--recurrent: expected {n_hidden}, the --hidden units, which are an RTRBM's recurrent units, "
                f"found {args.recurrent}"
            )
    if word not in ("rnn-rbm", "rnn-nade", *TIED) and args.recurrence is not None:
        raise ValueError(f"--recurrence: expected --model rnn-rbm, rnn-nade, {' or '.join(TIED)}, found {word}")
    if word not in TIED and args.window is not None:
        raise ValueError(f"--window: expected --model {' or '.join(TIED)}, found {word}")
    if word in EXACT and args.k is not None:
        raise ValueError(f"--k: expected a model with a Gibbs chain, found {word}")
    if word not in ("rtrbm", "lstm-rtrbm") and args.dynamic_visible_bias:
        raise ValueError(f"--dynamic-visible-bias: expected --model rtrbm or lstm-rtrbm, found {word}")
    return getattr(rnnrbm_pt, MODELS[word])(
        **keywords,
        backend=args.backend,
        floatX="float32" if args.float32 else "float64",
        threads=args.threads,
        devices=args.devices or 1,
    )


def check_settings(args, settings, model):
    """Check the settings of a run before a file is opened for writing."""
    from rnnrbm_pt.models.hf_updates import check_model
    from rnnrbm_pt.models.pretraining import as_pretraining
    from rnnrbm_pt.models.validation import check_validation

    keywords = {name: value for name, value in settings.items() if name != "pretrain"}
    run, when, learning = sorted_into(keywords, *FOR_FIT)
    check_model(model, learning)
    if args.resume:
        run, learning = model.progress.run, model.learning
    model.compiling.check_shares(run.n_sequences, learning.optimizer)
    as_pretraining(settings.get("pretrain", {}))
    check_validation(when, [[0]] if args.validation else None)


def resumed_model(args, settings):
    """Load the model whose run is to be continued.

    Raises
    ------
    ValueError
        If there is no run to continue, or an option contradicts the run.
    """
    model = load_file(args.output, args)
    if model.progress is None:
        raise ValueError(f"{args.output}: --resume: expected a run to continue, found a model without one")
    if model.progress.complete and (args.num_epochs or 0) <= model.progress.epoch:
        raise ValueError(
            f"{args.output}: --resume: the run is complete after {model.progress.epoch} epochs; "
            "use a larger --epochs to extend it"
        )
    for option, asked, found in contradictions(args, settings, model):
        raise ValueError(
            f"{args.output}: --resume: {option} asks for {asked}, but the run has {found}; leave the option out, or "
            "start another run"
        )
    return model


def contradictions(args, settings, model):
    """Yield (option, asked, found) for each option that contradicts the run in a model."""
    from rnnrbm_pt.models.pretraining import as_pretraining

    progress, learning = model.progress, model.learning
    if args.model is not None and MODELS[args.model] != type(model).__name__:
        yield "--model", args.model, type(model).__name__
    if args.float32 and model.floatX != "float32":
        yield "--float32", "float32", model.floatX
    of_model = {keyword: getattr(args, option) for option, keyword in OF_MODEL.items()} | {"lr": args.lr}
    of_run = {"n_hidden_recurrent": model.settings["n_hidden"], **model.settings}  # an RTRBM has one kind of units
    for keyword, asked in of_model.items():
        found = of_run.get(keyword)
        if asked is not None and asked != (tuple(found) if isinstance(found, list) else found):
            yield option_of(keyword), asked, found
    for option, field in PREPROCESS.items():
        asked, found = getattr(args, option), getattr(model.preprocess, field)
        if asked not in (None, found):
            yield option_of(option), asked, found
    for name, asked in settings.items():
        if name in ("num_epochs", "schedule"):
            continue
        if name == "pretrain":
            name, asked = "pretraining", as_pretraining(asked)
        parts = progress, progress.run, progress.validation, learning
        found = next(getattr(part, name) for part in parts if hasattr(part, name))
        if asked != found:
            yield option_of(name), asked, found
    for name, asked in settings.get("schedule", {}).items():
        if asked != learning.schedule.get(name):
            yield f"--schedule {name}", asked, learning.schedule.get(name, "none")


def option_of(keyword):
    """Return the option that sets a keyword of a model or of `fit`."""
    if keyword == "pretraining":
        return "--pretrain-..."
    option = next((option for option, name in OF_MODEL.items() if name == keyword), keyword)
    return "--" + option.replace("_", "-")
