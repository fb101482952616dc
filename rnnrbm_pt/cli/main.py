"""The command `rnnrbm`: demo, train, generate, compare, evaluate, data, info. What needs no PyTensor imports none."""

import argparse
import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from rnnrbm_pt import __version__
from rnnrbm_pt.cli.data import add_parser as add_data_parser
from rnnrbm_pt.cli.evaluate import add_parser as add_evaluate_parser
from rnnrbm_pt.cli.generate import add_parser as add_generate_parser
from rnnrbm_pt.cli.input_files import FILES, add_reading_options, left_out, plural
from rnnrbm_pt.cli.named_sets import NAMES, add_set_options, named_set, read_music
from rnnrbm_pt.cli.output_files import LOG, MODEL, PICTURE, Output, check_outputs
from rnnrbm_pt.cli.training_options import add_running_options, add_training_options, settings_of_fit, settings_of_model


class CommandError(Exception):
    """What the user is told, in one sentence, before the command exits with 1."""


MODELS = {"rnn-rbm": "RnnRbm", "rtrbm": "Rtrbm", "lstm-rtrbm": "LstmRtrbm", "rnn-nade": "RnnNade"}
"""The word for each model, and its class."""


def pair(text):
    """Parse "21,109" or "21:109" as a range of notes."""
    low, high = text.replace(":", ",").split(",")
    return int(low), int(high)


def make_parser():
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="rnnrbm", description="Polyphonic music from an RNN-RBM: train it on MIDI files, let it write its own."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, function, text):
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(function=function)
        return sub

    def model_options(sub):
        sub.add_argument("--model", choices=list(MODELS), default="rnn-rbm", help="which model (rnn-rbm)")
        sub.add_argument("--hidden", type=int, default=150, metavar="N", help="hidden units of the RBMs (150)")
        sub.add_argument(
            "--recurrent", type=int, metavar="N", help="hidden units of the RNN (100); an RTRBM's are its hidden ones"
        )
        sub.add_argument("--k", type=int, metavar="N", help="Gibbs steps in training (15)")
        sub.add_argument("--learn-initial", action="store_true", help="learn the state before the first frame")
        sub.add_argument("--seed", type=int, default=0xBEEF, help="of everything random (48879, the tutorial's)")
        sub.add_argument(
            "--streams",
            choices=["srs", "mrg", "philox"],
            help="random streams: which of Theano's (srs), or Philox, faster and the only one of jax",
        )
        sub.add_argument("--float32", action="store_true", help="single precision instead of double")
        sub.add_argument(
            "--r", type=pair, default=(21, 109), metavar="LOW,HIGH", help="range of notes, half open (21,109)"
        )
        sub.add_argument("--dt", type=float, help="seconds of a frame (0.3)")

    demo = command("demo", run_demo, "train on the Bach chorales of music21 and write two samples")
    demo.add_argument("-o", "--output", default="rnnrbm-demo", metavar="FOLDER", help="where to write (./rnnrbm-demo)")
    demo.add_argument("--epochs", type=int, default=DEMO["epochs"], help=f"({DEMO['epochs']})")

    train = command("train", run_train, "train a model on MIDI files or on a data set")
    train.add_argument("files", nargs="+", metavar="FILES", help=f"{FILES}; or one of {NAMES}, a data set")
    train.add_argument(
        "-o", "--output", required=True, metavar="MODEL", help="the model file to write: .npz or no suffix"
    )
    train.add_argument("--log", metavar="FILE", help="write a line of JSON an epoch to it (MODEL.jsonl)")
    train.add_argument("--checkpoint-every", type=int, metavar="N", help="write MODEL every N updates, not epochs only")
    train.add_argument("--resume", action="store_true", help="continue the run that MODEL holds; FILES as before")
    add_reading_options(train)
    about_sets = "The training part is learned from; --validation takes the validation part."
    add_set_options(train.add_argument_group("data sets", about_sets))
    model_options(train.add_argument_group("model"))
    add_running_options(train.add_argument_group("running"))
    add_training_options(train)

    add_generate_parser(commands)
    compare = command("compare", run_compare, "hold the logs of runs against what the original program printed")
    compare.add_argument(
        "logs", nargs="+", metavar="LOG", help="MODEL.jsonl, a model file, or a file of printed output"
    )
    compare.add_argument("--plot", metavar="OUT.png", help="the curves as a picture: .png, .svg or .pdf")
    compare.add_argument("--all", action="store_true", help="show the epochs as well that the original's logs lack")

    add_evaluate_parser(commands)
    add_data_parser(commands)
    command("info", run_info, "say what is installed and which backends can be used")
    return parser


def main(arguments=None):
    """Run the command; the exit status: 0, 1 after an error, 130 after Ctrl+C."""
    args = make_parser().parse_args(arguments)
    try:
        args.function(args)
    except KeyboardInterrupt:
        print("\nInterrupted by user.", file=sys.stderr)
        return 130
    except (CommandError, ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"rnnrbm: error: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def status(text):
    """Say what takes a while, and then how long it took."""
    start = time.perf_counter()
    print(f"{text} ...", end=" ", flush=True)
    yield
    print(f"{time.perf_counter() - start:.1f} s", flush=True)


class EpochBar:
    """A bar within each epoch, with frames a second and the time left, and one line when it is done."""

    def __init__(self, num_epochs):
        self.num_epochs = num_epochs
        self.bar = None

    def on_update(self, frames, total_frames):
        """Move the bar on."""
        if self.bar is None:
            from tqdm import tqdm

            self.bar = tqdm(
                total=total_frames, unit="frame", unit_scale=True, leave=False, disable=None, dynamic_ncols=True
            )
        self.bar.update(frames)

    def on_epoch(self, record):
        """Put the line of the epoch in the place of its bar."""
        self.close()
        validation = f"validation {record['validation']:.4f}  " if "validation" in record else ""
        print(
            f"Epoch {record['epoch']}/{self.num_epochs}  {record['monitor']:.10f}  {validation}"
            f"({record['seconds']:.1f} s, {record['frames_per_second']:,.0f} frames/s)",
            flush=True,
        )

    def on_pretrain(self, record):
        """A line for an epoch of pretraining."""
        what = "monitor" if "monitor" in record else "cost"
        print(f"Pretraining, {record['stage']}, epoch {record['epoch']}  {what} {record[what]:.4f}", flush=True)

    def close(self):
        """Take the bar off the screen."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def fit(model, rolls, batch_size=100, num_epochs=200, *, on_epoch=None, **settings):
    """Train with a bar; the time to compile is said first, since nothing else moves then."""
    print("Compiling the training function (the first time on a machine about a minute, later seconds) ...", flush=True)
    bar = EpochBar(num_epochs)

    def epoch_done(record):
        bar.on_epoch(record)
        if on_epoch is not None:
            on_epoch(record)

    try:
        callbacks = {"on_update": bar.on_update, "on_epoch": epoch_done, "on_pretrain": bar.on_pretrain}
        model.fit(rolls, batch_size, num_epochs, **callbacks, **settings)
    finally:
        bar.close()


def n_frames(rolls):
    """ "12 sequences, 3,456 frames", for a line of output."""
    return f"{plural(len(rolls), 'sequence')}, {sum(map(len, rolls)):,} frames"


# Chosen by ear and by the clock: shorter windows and chains than the tutorial's give more updates in the same minute.
DEMO = {"epochs": 60, "hidden": 100, "recurrent": 100, "lr": 0.005, "k": 5, "batch_size": 25, "dt": 0.5}


def run_demo(args):
    """`rnnrbm demo`."""
    folder = Path(args.output)
    if folder.exists() and not folder.is_dir():
        raise CommandError(f"{folder}: expected a folder or nothing, found a file")
    from rnnrbm_pt.music.datasets import chorales

    print("The chorales are the four-part ones by J. S. Bach in the corpus of music21 (not for commercial use).")
    rolls = chorales(progress=True).train
    print(f"Training set: {n_frames(rolls)} of a quarter note each.")
    print("Each epoch has its monitor, a log pseudo-likelihood in nats a frame. It starts at -61, 88 fair coins, and")
    print("rises, though not evenly: a model that mixes better may score lower for a while.")

    from rnnrbm_pt.models.rnnrbm import RnnRbm
    from rnnrbm_pt.music.midi import midiwrite
    from rnnrbm_pt.music.plot import save_piano_roll, save_training_curve

    model = RnnRbm(DEMO["hidden"], DEMO["recurrent"], lr=DEMO["lr"], dt=DEMO["dt"], k=DEMO["k"])
    try:
        fit(model, rolls, DEMO["batch_size"], args.epochs)
    except KeyboardInterrupt:
        if not model.log:
            raise
        print("Interrupted by user: going on with the model as it is.")
    written = [folder / "model.npz", folder / "curve.png"]
    model.save(written[0])
    save_training_curve(written[1], [record["monitor"] for record in model.log])
    with status("Compiling the generator and drawing two samples"):
        for i in (1, 2):
            roll = model.sample(200)
            midiwrite(folder / f"sample{i}.mid", roll, model.r, model.dt)
            save_piano_roll(folder / f"sample{i}.png", roll, model.r, model.dt, crop=True)
            written += [folder / f"sample{i}.mid", folder / f"sample{i}.png"]
    print("Wrote:")
    contents = "the trained model", "the monitor, by epoch", "music", "its piano-roll", "music", "its piano-roll"
    for path, what in zip(written, contents, strict=True):
        print(f"  {path}  ({what})")


def new_model(args):
    """The model that the options of `rnnrbm train` describe."""
    import rnnrbm_pt

    sizes = {"n_hidden": args.hidden, **settings_of_model(args)}
    if args.model != "rtrbm":
        sizes["n_hidden_recurrent"] = 100 if args.recurrent is None else args.recurrent
    elif args.recurrent not in (None, args.hidden):
        raise CommandError(
            f"--recurrent: the recurrent units of an RTRBM are its hidden ones, {args.hidden} by --hidden, "
            f"found {args.recurrent}"
        )
    if args.k is not None:
        if args.model == "rnn-nade":
            raise CommandError("--k: an RNN-NADE has no Gibbs chain")
        sizes["k"] = args.k
    return getattr(rnnrbm_pt, MODELS[args.model])(
        **sizes,
        r=args.r,
        dt=0.3 if args.dt is None else args.dt,
        seed=args.seed,
        backend=args.backend,
        floatX="float32" if args.float32 else "float64",
        streams=args.streams,
        threads=args.threads,
    )


def run_train(args):
    """`rnnrbm train`."""
    output = Path(args.output)
    if output.is_dir():
        raise CommandError(f"{output}: expected a file to write, found a folder")
    # With --resume the file is there, and may have been given any name.
    check_outputs(*([] if args.resume else [Output("-o", args.output, MODEL)]), Output("--log", args.log, LOG))
    if (args.kind or args.folder) and not (named_set(args.files) or named_set(args.validation or [])):
        raise CommandError(f"--kind and --folder are of data sets: one of {NAMES}; found MIDI files")
    log = Path(args.log) if args.log else output.with_name(output.name + ".jsonl")

    from rnnrbm_pt.models.base import SequenceModel

    if args.resume:
        model = SequenceModel.load(output, backend=args.backend, threads=args.threads)
        if model.progress is None or model.progress.complete:
            raise CommandError(f"{output}: --resume: the run in it is complete")
        settings = {"resume": True, "num_epochs": model.progress.num_epochs}
    else:
        model = new_model(args)
        settings = settings_of_fit(args)

    def read(files, what, split):
        rolls, outside, step = read_music(model, files, split, args)
        if outside:
            print(left_out(sum(outside), model.r) + f" ({len(outside)} of {len(rolls)} files).")
        print(f"{what} set: {n_frames(rolls)} of {step}.")
        return rolls

    rolls = read(args.files, "Training", "train")
    if args.augment:
        from rnnrbm_pt.music.pianoroll import with_transpositions

        rolls = with_transpositions(rolls, args.augment, model.r)
        print(f"With copies in other keys: {n_frames(rolls)}.")
    if args.validation:
        settings["validation"] = read(args.validation, "Validation", "valid")
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as file:

        def on_epoch(record):
            file.write(json.dumps(record) + "\n")
            file.flush()

        for record in model.log:  # of a run that goes on: a line that was written after its last checkpoint is no more
            on_epoch(record)
        settings |= {"checkpoint": output, "checkpoint_every": args.checkpoint_every}
        try:
            fit(model, rolls, on_epoch=on_epoch, **settings)
        except KeyboardInterrupt:
            print(f"Interrupted by user. Wrote {output}: go on with --resume.")
            raise
    if model.progress.stopped:
        print(f"Stopped early: no better validation for {model.progress.patience} epochs.")
    if model.progress.best_epoch is not None:
        print(f"The parameters are those of epoch {model.progress.best_epoch}, whose validation was best.")
    print(f"Wrote {output} and {log}.")


def run_compare(args):
    """`rnnrbm compare`."""
    check_outputs(Output("--plot", args.plot, PICTURE))
    from rnnrbm_pt.reference import compare, compare_all, read_log, save_comparison

    paths = list(dict.fromkeys(args.logs))  # a file given twice says nothing new
    files = [Path(path).name for path in paths]
    stems = [name.removesuffix(".jsonl").removesuffix(".npz") for name in files]
    names = next(names for names in (stems, files, paths) if len(set(names)) == len(paths))  # the shortest that differ
    logs = {name: read_log(path) for name, path in zip(names, paths, strict=True)}
    if len(logs) == 1:
        (logs,) = logs.values()
        print(compare(logs, all_epochs=args.all))
    else:
        print(compare_all(logs, all_epochs=args.all))
    if args.plot:
        save_comparison(args.plot, logs)
        print(f"Wrote {args.plot}.")


def run_info(args):
    """`rnnrbm info`."""
    import os
    import platform
    from importlib.metadata import PackageNotFoundError, version

    print(f"rnnrbm_pt {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    for package in ("pytensor", "numba", "numpy", "scipy", "mido", "midiutil", "matplotlib", "music21", "jax"):
        try:
            print(f"  {package:<12}{version(package)}")
        except PackageNotFoundError:
            extra = {"music21": "corpus", "jax": "jax"}.get(package)
            extra = f' (pip install "rnnrbm-pt[{extra}]")' if extra else ""
            print(f"  {package:<12}not installed{extra}")

    import pytensor

    from rnnrbm_pt.compile.modes import describe_backends
    from rnnrbm_pt.music.datasets import cache_folder

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"  {cores} core{'s' * (cores != 1)}; a model takes one of them, or more by --threads (JAX: all)")
    print("Backends:")
    for backend, lines in describe_backends().items():
        for i, line in enumerate(lines):
            print(f"  {backend if i == 0 else '':<12}{line}")
    print(f"Compiled code is cached in {pytensor.config.compiledir}")
    print(f"Data is cached in {cache_folder()}")
