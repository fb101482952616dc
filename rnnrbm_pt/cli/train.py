"""`rnnrbm train`: train a model on MIDI files or on a data set, or continue a run that was stopped."""

import json
import os
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from rnnrbm_pt.checks import LARGEST_SEED, integer
from rnnrbm_pt.cli.input_files import FILES, add_reading_options, left_out, load_file, n_frames
from rnnrbm_pt.cli.named_sets import NAMES, add_set_options, named_set, read_music
from rnnrbm_pt.cli.options import add_command, checked
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
"""Models whose likelihood is exact, and that have no Gibbs chain."""

RECURRENCES = "tanh", "lstm", "gru"
"""Recurrent networks, as `rnnrbm_pt.graphs.recurrences` has them; written out, since help needs no PyTensor."""

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
"""Options of the model, and the keywords of its class that they stand for."""


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    usage = "rnnrbm train FILES [FILES ...] -o MODEL [options]"  # the whole list would hide the error below it
    parser = add_command(commands, "train", run, "train a model on MIDI files or on a data set", usage=usage)
    parser.add_argument(
        "files", nargs="+", metavar="FILES", help=f"{FILES}; or one of {NAMES}, a data set; or a store of `prepare`"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="MODEL", help="the model file to write: .npz or no suffix"
    )
    parser.add_argument("--log", metavar="FILE", help="write a line of JSON per epoch to it (MODEL.jsonl)")
    parser.add_argument(
        "--tensorboard",
        metavar="FOLDER",
        help="write each epoch's numbers to it for TensorBoard, and with --sample-every pictures of the pieces; "
        "needs the extra `tensorboard`",
    )
    at_least_1 = checked(int, partial(integer, least=1))
    parser.add_argument(
        "--checkpoint-every", type=at_least_1, metavar="N", help="write MODEL every N updates, besides every epoch"
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue the run in MODEL, with the same FILES; --epochs extends it"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a MODEL or a log that is there")
    add_reading_options(parser)
    about_sets = "The training part is learned from; --validation takes the validation part."
    add_set_options(parser.add_argument_group("data sets", about_sets))

    model = parser.add_argument_group("model")
    model.add_argument("--model", choices=list(MODELS), help="which model (rnn-rbm)")
    model.add_argument("--hidden", type=at_least_1, metavar="N", help="hidden units of the RBMs (150)")
    model.add_argument(
        "--recurrent",
        type=at_least_1,
        metavar="N",
        help="hidden units of the RNN (100); an RTRBM has only --hidden",
    )
    model.add_argument(
        "--recurrence",
        choices=RECURRENCES,
        help="recurrent network of an rnn-rbm or rnn-nade (tanh, the tutorial's), or along time of a biaxial-rnn (gru)",
    )
    model.add_argument(
        "--window", type=at_least_1, metavar="N", help="notes on each side that a note of a biaxial-rnn hears (12)"
    )
    model.add_argument("--k", type=at_least_1, metavar="N", help="Gibbs steps in training (15)")
    model.add_argument(
        "--learn-initial", action="store_true", default=None, help="learn the state before the first frame"
    )
    model.add_argument(
        "--dynamic-visible-bias",
        action="store_true",
        default=None,
        help="let the visible biases of an RTRBM or LSTM-RTRBM move with the state",
    )
    seed = checked(int, partial(integer, least=0, most=LARGEST_SEED))
    model.add_argument("--seed", type=seed, metavar="N", help="seed of everything random (48879, the tutorial's)")
    model.add_argument(
        "--streams",
        choices=["srs", "mrg", "philox"],
        help="random streams: which of Theano's (srs), or Philox, faster and the only one of jax",
    )
    model.add_argument("--float32", action="store_true", default=None, help="single precision instead of double")
    add_range_options(model)
    running = parser.add_argument_group("running")
    add_running_options(running)
    add_device_options(running)
    add_training_options(parser)


def run(args):
    """`rnnrbm train`."""
    output, log = files_to_write(args)
    with joined(args) as writes:
        train(args, output, log, writes)


def files_to_write(args):
    """The model file and the log that the options name; a ValueError if they cannot or must not be written."""
    output = Path(args.output)
    if output.is_dir():
        raise ValueError(f"{output}: expected a file to write, found a folder")
    log = Path(args.log) if args.log else output.with_name(output.name + ".jsonl")
    # With --resume the file is there, and may have been given any name.
    check_outputs(*([] if args.resume else [Output("-o", args.output, MODEL)]), Output("--log", str(log), LOG))
    if not (args.resume or args.overwrite):
        refuse_to_overwrite(output, log)
    return output, log


def train(args, output, log, writes):
    """Train as the options say, and write the files, unless another process does."""
    if (args.kind or args.folder) and not (named_set(args.files) or named_set(args.validation or [])):
        raise ValueError(f"--kind and --folder are of data sets: one of {NAMES}; found MIDI files")
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
        print(f"With copies in other keys: {n_frames(rolls)}.")
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
        for record in model.log:  # of a run that goes on: a line that was written after its last checkpoint is no more
            write(record)

        def on_epoch(record):
            for callback in (write, *callbacks):
                callback(record)

        try:
            watched(partial(learn, rolls, **settings), num_epochs, on_epoch=on_epoch, on_pretrain=not args.resume)
        except KeyboardInterrupt:
            print(f"Stopped. {output} holds the run: continue it with --resume.")
            raise
    if model.progress.stopped:
        print(f"Stopped early: no better validation for {model.progress.validation.patience} epochs.")
    if any(record.get("validation_refused") for record in model.log):
        print(
            "Validations were refused where annealing forward and in reverse disagreed: such an epoch is not the best."
        )
    if model.progress.best_epoch is not None:
        print(f"The parameters are those of epoch {model.progress.best_epoch}, whose validation was best.")
    print(f"Wrote {output} and {log}.")


def callbacks_of(args, model):
    """The callbacks that the options ask for, besides the log: a list."""
    if args.tensorboard is None:
        return []
    from rnnrbm_pt.models.tensorboard import TensorBoard

    return [TensorBoard(args.tensorboard, model)]


@contextmanager
def log_file(path, model):
    """Context: a log that is open for writing. It gives the function that appends a record of the model's run.

    The first record has the settings of the run too, as its entry "run".

    Raises
    ------
    OSError
        If the log cannot be written. It names the log.
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
            with suppress(OSError):  # closing flushes once more, and fails as before
                file.close()
            raise OSError(error.errno, error.strerror, str(path)) from error

    with file:
        yield write


def settings_of_run(model):
    """The settings of a model's run, for its log; see `reference.run_settings`."""
    from rnnrbm_pt.reference.run_settings import run_settings

    metadata = {"model": type(model).__name__, "floatX": model.floatX, "settings": model.settings}
    return run_settings({**metadata, **model.state.metadata()})


def refuse_to_overwrite(output, log):
    """Refuse to replace a model, or a log with records, unless told so.

    Raises
    ------
    ValueError
        The sentence says what would be lost.
    """
    if output.exists():
        raise ValueError(f"{output}: {what_it_holds(output)}; --resume continues it, --overwrite replaces it")
    if log.exists() and log.stat().st_size:
        n_lines = len(log.read_bytes().splitlines())
        raise ValueError(f"{log}: a log of {n_lines:,} lines is there; --overwrite replaces it, --log names another")


def what_it_holds(path):
    """A few words on a file that is there: how far the run in it has come, if it is a model."""
    from rnnrbm_pt.io.checkpoint import read_checkpoint

    try:
        _, metadata = read_checkpoint(path)
        progress = metadata["progress"]
        return f"a model after {progress['epoch']} of {progress['num_epochs']} epochs is there"
    except (ValueError, KeyError, TypeError):
        return "a file is there"


def new_model(args):
    """The model that the options describe."""
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
                f"--recurrent: the recurrent units of an RTRBM are its hidden ones, {n_hidden} by --hidden, "
                f"found {args.recurrent}"
            )
    if word not in ("rnn-rbm", "rnn-nade", "biaxial-rnn") and args.recurrence is not None:
        raise ValueError(f"--recurrence: expected the model rnn-rbm, rnn-nade or biaxial-rnn beside it, found {word}")
    if word != "biaxial-rnn" and args.window is not None:
        raise ValueError(f"--window: expected the model biaxial-rnn beside it, found {word}")
    if word in EXACT and args.k is not None:
        raise ValueError(f"--k: the model {word} has no Gibbs chain")
    if word not in ("rtrbm", "lstm-rtrbm") and args.dynamic_visible_bias:
        raise ValueError(f"--dynamic-visible-bias: the visible biases of the model {word} always move")
    return getattr(rnnrbm_pt, MODELS[word])(
        **keywords,
        backend=args.backend,
        floatX="float32" if args.float32 else "float64",
        threads=args.threads,
        devices=args.devices or 1,
    )


def check_settings(args, settings, model):
    """Check the settings of a run before any file is opened for writing."""
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
    """The model whose run is to be continued.

    Raises
    ------
    ValueError
        If there is no run to continue, or an option contradicts the run.
    """
    model = load_file(args.output, args)
    if model.progress is None:
        raise ValueError(f"{args.output}: --resume: there is no run in it")
    if model.progress.complete and (args.num_epochs or 0) <= model.progress.epoch:
        raise ValueError(
            f"{args.output}: --resume: the run in it is complete after {model.progress.epoch} epochs; "
            "a larger --epochs extends it"
        )
    for option, asked, found in contradictions(args, settings, model):
        raise ValueError(
            f"{args.output}: --resume: {option} asks for {asked}, the run has {found}; leave the option out, or begin "
            "another run"
        )
    return model


def contradictions(args, settings, model):
    """Options that ask for something else than the run in a model has: (option, asked, found) for each."""
    from rnnrbm_pt.models.pretraining import as_pretraining

    progress, learning = model.progress, model.learning
    if args.model is not None and MODELS[args.model] != type(model).__name__:
        yield "--model", args.model, type(model).__name__
    if args.float32 and model.floatX != "float32":
        yield "--float32", "float32", model.floatX
    of_model = {keyword: getattr(args, option) for option, keyword in OF_MODEL.items()} | {"lr": args.lr}
    for keyword, asked in of_model.items():
        found = model.settings.get(keyword, asked)
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
    """The option that stands for a keyword of a model or of `fit`."""
    if keyword == "pretraining":
        return "--pretrain-..."
    option = next((option for option, name in OF_MODEL.items() if name == keyword), keyword)
    return "--" + option.replace("_", "-")
