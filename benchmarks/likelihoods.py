"""Train models on the paper's four data sets, and measure the two numbers of its table 1 on the test split.

    python -m benchmarks.likelihoods train jsb_chorales gru-nade FOLDER --data ROLLS
    python -m benchmarks.likelihoods train jsb_chorales gru-nade FOLDER --data ROLLS --set lr=0.002 --try
    python -m benchmarks.likelihoods measure jsb_chorales gru-nade FOLDER --data ROLLS
    python -m benchmarks.likelihoods all FOLDER --data ROLLS
    python -m benchmarks.likelihoods ensemble jsb_chorales FOLDER biaxial-rnn gru-nade --data ROLLS
    python -m benchmarks.likelihoods show FOLDER

`train` trains by the settings below, or by others, keeps the parameters that were best on the validation split, and
writes the model to FOLDER/SET/ROW/seed-N.npz. A run that was stopped goes on. With `--try` it keeps no model, but adds
a line to FOLDER/SET/tried.jsonl: so the settings were chosen. Neither looks at the test split. `measure` does, and adds
what the model comes to there, a piece that it wrote and a picture of that. `all` trains and measures every row that has
no result yet. `ensemble` measures the mean of the probabilities of several models, all seeds of the given rows. `show`
prints the tables.
"""

import argparse
import inspect
import json
import time
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

import rnnrbm_pt
from rnnrbm_pt import midiwrite
from rnnrbm_pt.cli.evaluate import estimate, rounded_up
from rnnrbm_pt.cli.named_sets import cut
from rnnrbm_pt.evaluation.paper import SETS, TABLE
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.music.datasets import load
from rnnrbm_pt.music.pianoroll import with_transpositions
from rnnrbm_pt.music.plot import save_piano_roll
from rnnrbm_pt.training.schedules import Cosine

ROWS = {
    "rbm": ("RnnRbm", {}, "RBM"),
    "nade": ("RnnNade", {}, "NADE"),
    "rtrbm": ("Rtrbm", {"dynamic_visible_bias": True}, "RTRBM"),
    "rnn-rbm": ("RnnRbm", {}, "RNN-RBM"),
    "gru-rbm": ("RnnRbm", {"recurrence": "gru"}, "RNN-RBM"),
    "lstm-rbm": ("RnnRbm", {"recurrence": "lstm"}, "RNN-RBM"),
    "lstm-rtrbm": ("LstmRtrbm", {"dynamic_visible_bias": True}, None),
    "rnn-nade": ("RnnNade", {}, "RNN-NADE"),
    "gru-nade": ("RnnNade", {"recurrence": "gru"}, "RNN-NADE"),
    "lstm-nade": ("RnnNade", {"recurrence": "lstm"}, "RNN-NADE"),
    "tied-rnn-rbm": ("TiedRnnRbm", {}, "RNN-RBM"),
    "biaxial-rnn": ("BiaxialRnn", {}, None),
}
"""Of each row the class, its settings, and the paper's name of the kind."""

OF_FRAMES = "rbm", "nade"
"""Rows without recurrence: the weights from the state are zero, and are not trained."""

DEFAULTS = {
    "lr": 0.003,
    "epochs": 30,
    "augment": 0,
    "scale": None,
    "seed": 1,
    "optimizer": "adam",
    "n_sequences": 4,
    "validate_every": 5,
}
"""Where all that follows is silent. Others are the library's own settings, of the model or of `fit`, by name. The
rate falls from lr to 0 along a cosine. augment: semitones up and down of copies. scale: of the initial weights, times
the square root of the number of inputs, where they are not the library's. The visible biases begin at the log odds of
the notes of the training split.
"""

SEQUENCES = {
    "jsb_chorales": {"augment": 6, "epochs": 30},
    "nottingham": {"epochs": 24, "validate_every": 4},
    "piano_midi": {"augment": 3, "epochs": 10, "validate_every": 2},
    "musedata": {"epochs": 16, "validate_every": 4},
}
"""For each set, the passes over it by a model of sequences. They cost a few minutes each."""

MIXING = {"lr": 0.0015, "n_sequences": 1, "weight_decay_rbm": 0.0001, "persistent": True, "average": 0.999}
LITTLE, SLIGHTLY, MORE, MOST = (
    {"dropout_recurrent": recurrent, "dropout_hidden": hidden}
    for recurrent, hidden in ((0.1, 0.1), (0.05, 0.2), (0.1, 0.3), (0.1, 0.4))
)
GATED = {"n_hidden_recurrent": 200}
NADE = {"lr": 0.004, "average": 0.999, **LITTLE}
OF_ROW = {
    "rbm": {**MIXING, "lr": 0.01, "lr_rnn": 0},
    "nade": {"lr": 0.01, "n_sequences": 1, "average": 0.999, "lr_rnn": 0},
    "rnn-rbm": {**MIXING, "dropout_recurrent": 0.1},
    "gru-rbm": {**MIXING, "dropout_recurrent": 0.2, **GATED},
    "lstm-rbm": {**MIXING, "dropout_recurrent": 0.2, **GATED},
    "rtrbm": {**MIXING, "scale": 1},
    "lstm-rtrbm": {**MIXING, "scale": 1},
    "rnn-nade": NADE,
    "gru-nade": {**NADE, **GATED},
    "lstm-nade": {**NADE, **GATED},
    "tied-rnn-rbm": {**MIXING, "lr": 0.004, "dropout_recurrent": 0.05, "augment": 0, "n_hidden": 4},
    "biaxial-rnn": {"n_hidden": 48, "n_hidden_recurrent": 64, "backend": "jax", "lr": 0.004, "augment": 0},
}
"""For each kind of model, how it is trained on every set."""

WITHOUT_PARTICLES = {"persistent": False, "augment": 3, "epochs": 50, "lr": 0.002, "validate_every": 10}

SETTINGS = {
    "jsb_chorales": {
        **dict.fromkeys(("rnn-rbm", "gru-rbm", "lstm-rbm", "rtrbm", "lstm-rtrbm"), WITHOUT_PARTICLES),
        "rbm": {"lr": 0.02, "weight_decay_rbm": 0.00003, "epochs": 300, "validate_every": 50},
        "nade": {"epochs": 60},
        "gru-nade": {"epochs": 60},
        "tied-rnn-rbm": {**LITTLE, "augment": 5, "epochs": 16},
        "biaxial-rnn": {**MOST, "batch_size": 64, "n_sequences": 2, "validate_every": 3},
    },
    "nottingham": {
        "rbm": {"weight_decay_rbm": 0.0003, "epochs": 12, "validate_every": 4},
        "nade": {"epochs": 20},
        "tied-rnn-rbm": {"epochs": 16, "k": 100},
        "biaxial-rnn": {**SLIGHTLY, "lr": 0.005, "epochs": 6, "validate_every": 1},
    },
    "piano_midi": {
        "rbm": {"lr": 0.003, "epochs": 60, "validate_every": 10},
        "nade": {"epochs": 12, "validate_every": 2},
        "gru-nade": {"dropout_recurrent": 0.2, "dropout_hidden": 0.2},
        "tied-rnn-rbm": {**LITTLE, "augment": 2, "epochs": 6},
        "biaxial-rnn": {**MORE, "epochs": 8},
    },
    "musedata": {
        "rbm": {"epochs": 20},
        "nade": {"epochs": 8, "validate_every": 2},
        "tied-rnn-rbm": {"epochs": 8, "validate_every": 2},
        "biaxial-rnn": {**SLIGHTLY, "epochs": 4, "validate_every": 1},
    },
}
"""For one kind on one set. All were chosen by the validation split."""

SECONDS = {"jsb_chorales": 0.5, "nottingham": 0.25, "piano_midi": 0.25, "musedata": 0.25}
"""Of a frame, in the pieces that are written."""


def read(dataset, folder, *splits):
    """Splits of a set, cut to the notes that are used in any split, and the range of those."""
    data = load(dataset, "rolls", folder, download=False)
    used = np.flatnonzero(
        np.any([roll.any(axis=0) for split in (data.train, data.valid, data.test) for roll in split], 0)
    )
    r = int(data.r[0] + used[0]), int(data.r[0] + used[-1] + 1)
    return {name: cut(getattr(data, name), data.r, r, name) for name in splits}, r


def chosen(dataset, row, changes=()):
    """The settings of a row that are not the defaults."""
    of_set = {} if row in OF_FRAMES else SEQUENCES[dataset]
    return {**of_set, **OF_ROW[row], **SETTINGS[dataset].get(row, {}), **dict(changes)}


def settings_of(dataset, row, changes=()):
    """All settings of a row: those of this benchmark, of the model and of `fit`."""
    kind, fixed, _ = ROWS[row]
    found = {**DEFAULTS, **chosen(dataset, row, changes)}
    own = {name: found.pop(name) for name in ("lr", "epochs", "augment", "scale", "seed")}
    known = {*inspect.signature(getattr(rnnrbm_pt, kind).__init__).parameters, "backend"}
    of_model = {name: found.pop(name) for name in list(found) if name in known}
    return own, {**of_model, **fixed}, found


def build(row, own, of_model, r, train):
    """The model of a row, untrained."""
    model = getattr(rnnrbm_pt, ROWS[row][0])(
        lr=own["lr"], seed=own["seed"], r=r, floatX="float32", streams="philox", **of_model
    )
    rng = np.random.default_rng(own["seed"])
    share = np.clip(np.concatenate(train).mean(axis=0), 1e-4, 1 - 1e-4)
    if row == "biaxial-rnn":  # whose notes are all alike
        share[:] = share.mean()
    for p in model.params:
        if p.name == "bv":
            p.set_value(np.log(share / (1 - share)).astype(model.floatX))
        elif row in OF_FRAMES and p.name in ("Wuh", "Wuv"):
            p.set_value(np.zeros_like(p.get_value()))
        elif own["scale"] is not None and p.type.ndim == 2:
            shape = p.get_value().shape
            p.set_value((own["scale"] / np.sqrt(shape[0]) * rng.normal(size=shape)).astype(model.floatX))
    return model


def fit(model, rolls, valid, own, of_fit, look, checkpoint):
    """Train a model, and keep what was best on the validation split."""
    model.fit(
        rolls,
        num_epochs=own["epochs"],
        schedule={"lr": Cosine(own["lr"], 0.0, own["epochs"])},
        validation=valid,
        checkpoint=checkpoint,
        on_epoch=look,
        **{"validate_by": "likelihood", **of_fit},
    )
    return model.progress.best


def run(args):
    """Train one model, and write what it came to."""
    own, of_model, of_fit = settings_of(args.set_, args.row, [*args.change, ("seed", args.seed)])
    rolls, r = read(args.set_, args.data, "train", "valid")
    training = with_transpositions(rolls["train"], own["augment"], r)
    folder = args.folder / args.set_ / args.row
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = None if args.try_ else folder / f"seed-{args.seed}.npz"
    start, curve = time.process_time(), []

    def keep(record, seconds):
        curve.append({n: record[n] for n in LOGGED if n in record} | {"seconds": round(seconds, 1)})

    def look(record):
        keep(record, before + time.process_time() - start)
        print(json.dumps(curve[-1]), flush=True)

    before = 0.0
    if checkpoint is not None and checkpoint.exists():
        model = SequenceModel.load(checkpoint)
        for record in model.log:  # their own seconds: without compiling, and without looking at the validation split
            before += record["seconds"]
            keep(record, before)
        if not model.progress.complete:
            model.resume(training, validation=rolls["valid"], checkpoint=checkpoint, on_epoch=look)
        best = model.progress.best
    else:
        model = build(args.row, own, of_model, r, rolls["train"])
        best = fit(model, training, rolls["valid"], own, of_fit, look, checkpoint)
    found = {"model": args.row, "settings": chosen(args.set_, args.row, args.change), "validation": best}
    found["seconds"] = curve[-1]["seconds"]
    print(json.dumps(found), flush=True)
    if args.try_:
        with open(args.folder / args.set_ / "tried.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
    else:
        model.save(checkpoint)
        write(folder, args.seed, found | {"curve": curve})


LOGGED = "epoch", "monitor", "cost", "validation", "validation_reverse", "validation_refused"
"""What is kept of the record of an epoch."""


def measure(args):
    """Measure a trained model on the test split, and let it write a piece."""
    folder = args.folder / args.set_ / args.row
    model = SequenceModel.load(folder / f"seed-{args.seed}.npz")
    rolls, r = read(args.set_, args.data, "test")
    found = results(folder)[args.seed] | measured(model, rolls["test"], args)
    write(folder, args.seed, found)
    if args.seed == DEFAULTS["seed"]:
        roll = model.sample(100, seed=1)
        midiwrite(folder / "sample.mid", roll, r, SECONDS[args.set_])
        save_piano_roll(folder / "sample.png", roll, r, SECONDS[args.set_], crop=True, note_names=True, title="")
    print(json.dumps({name: value for name, value in found.items() if name != "curve"}), flush=True)


def measured(model, rolls, args):
    """The numbers of the table, on the test split, or on frames of it drawn at random where that has more."""
    some = {"n_frames": args.frames} if args.frames < sum(map(len, rolls)) else {}
    found, has_rbms = {}, model.graphs.free_energy is not None
    if model.scorer.is_exact(None):
        found["log_likelihood"] = estimate(model.score(rolls, **some if has_rbms else {})) | {"exact": True}
    if has_rbms:
        bracket = model.bracket(rolls, n_chains=args.chains, **some)
        found["bracket"] = bracket.to_json()
        if "log_likelihood" not in found:
            found["log_likelihood"] = estimate(min(bracket.lower, bracket.upper, key=float)) | {"exact": False}
    settled = model.settled_accuracy(rolls, **some)
    found |= {"expected_accuracy": estimate(settled.accuracy), "expected_precision": estimate(settled.precision)}
    return found | {"accuracy_chains": settled.to_json()}


def results(folder):
    """What is known of a row, by its seeds."""
    path = folder / "result.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {int(seed): result for seed, result in found.items()}


def write(folder, seed, found):
    """Write what is known of a model, the curve of its training last and a line each."""
    texts = []
    for number, result in sorted((results(folder) | {seed: found}).items()):
        head = json.dumps({name: value for name, value in result.items() if name != "curve"}, indent=1)
        curve = ",\n  ".join(map(json.dumps, result["curve"]))
        texts.append(f'"{number}": ' + head.removesuffix("\n}") + f',\n "curve": [\n  {curve}\n ]\n}}')
    (folder / "result.json").write_text("{\n" + ",\n".join(texts) + "\n}\n", encoding="utf-8")


def everything(args):
    """Train and measure what has no result yet."""
    for dataset in args.sets:
        for row in args.rows or ROWS:
            for seed in args.seeds:
                args.set_, args.row, args.seed, args.change, args.try_ = dataset, row, seed, [], False
                known = results(args.folder / dataset / row).get(seed, {})
                if not known:
                    print(f"{dataset} {row} {seed}: training", flush=True)
                    run(args)
                if "expected_accuracy" not in known:
                    print(f"{dataset} {row} {seed}: measuring", flush=True)
                    measure(args)


def ensemble(args):
    """Measure the mean of the probabilities that several exact models give to each frame, all with the same weight."""
    paths = [path for row in args.rows for path in sorted((args.folder / args.set_ / row).glob("seed-*.npz"))]
    rolls, _ = read(args.set_, args.data, "test")
    log_p = []  # of each model, for each frame
    for path in paths:
        model = SequenceModel.load(path)
        if not model.scorer.is_exact(None):
            raise ValueError(f"{path}: expected a model with an exact likelihood, found {type(model).__name__}")
        log_p.append(np.concatenate(model.log_likelihoods(rolls["test"])))
    found = {
        "members": {
            f"{path.parent.name}/{path.stem}": values.mean() for path, values in zip(paths, log_p, strict=True)
        },
        "log_likelihood": (logsumexp(log_p, axis=0) - np.log(len(log_p))).mean(),
    }
    text = json.dumps(found, indent=1)
    (args.folder / args.set_ / "ensemble.json").write_text(text + "\n", encoding="utf-8")
    print(text, flush=True)


# ---------------------------------------------------------------------------------------------------
# Tables


def show(args):
    """Print the tables of a folder."""
    for dataset in SETS:
        found = {row: results(args.folder / dataset / row) for row in ROWS}
        found = {row: seeds for row, seeds in found.items() if any("expected_accuracy" in x for x in seeds.values())}
        if found:
            print(f"## {dataset}\n\n" + table(dataset, found) + "\n")
        together = args.folder / dataset / "ensemble.json"
        if together.exists():
            one = json.loads(together.read_text(encoding="utf-8"))
            print(f"An ensemble of {', '.join(one['members'])}: {one['log_likelihood']:.2f}\n")
        tried = args.folder / dataset / "tried.jsonl"
        if tried.exists():
            rows = [json.loads(line) for line in tried.read_text(encoding="utf-8").splitlines()]
            print(f"### What was tried on {dataset}\n\n" + table_of_tried(rows) + "\n")


def table(dataset, found):
    """What each model came to, beside the paper's, as lines of a table."""
    lines = [
        "| model | log-likelihood | is | lower and upper side | paper | precision % | paper | accuracy % | minutes |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row, seeds in found.items():
        seeds = [result for result in seeds.values() if "expected_accuracy" in result]
        paper = TABLE[ROWS[row][2]][dataset] if ROWS[row][2] else None
        cells = [
            row,
            *likelihood_cells(seeds),
            f"{paper.log_likelihood:.2f}" if paper else "",
            percent(seeds, "expected_precision"),
            f"{paper.accuracy:.1f}" if paper and paper.accuracy else "",
            percent(seeds, "expected_accuracy"),
            minutes(np.mean([result["seconds"] for result in seeds])),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def likelihood_cells(seeds):
    """The likelihood of a row, how it was come by, and its two sides: means over the seeds, and how they spread."""
    values = [result["log_likelihood"]["value"] for result in seeds]
    spread = f" ± {rounded_up(np.std(values, ddof=1))}" if len(values) > 1 else ""
    brackets = [result["bracket"] for result in seeds if "bracket" in result]
    sides = ", ".join(f"{bracket['lower']:.2f} {bracket['upper']:.2f}" for bracket in brackets)
    if not brackets or any(result["log_likelihood"]["exact"] for result in seeds):
        return f"{np.mean(values):.2f}{spread}", "exact", sides
    if all(bracket["holds"] for bracket in brackets):
        return f"{np.mean(values):.2f}{spread}", "bound", sides
    return "none", "not enclosed", sides


def minutes(seconds):
    """Seconds as whole minutes, or with a decimal if they are few."""
    return f"{seconds / 60:.{0 if seconds >= 90 else 1}f}"


def percent(seeds, name):
    """A mean of shares over the seeds, in brackets if Gibbs chains had not forgotten their start."""
    found = f"{100 * np.mean([result[name]['value'] for result in seeds]):.1f}"
    return found if all(result["accuracy_chains"]["agrees"] for result in seeds) else f"({found})"


def table_of_tried(rows):
    """The settings that were tried, the best of each model first, as lines of a table."""
    lines = ["| model | settings | validation | minutes |", "|---|---|--:|--:|"]
    order = list(ROWS)
    for row in sorted(rows, key=lambda row: (order.index(row["model"]), -row["validation"])):
        settings = ", ".join(f"{name} {value}" for name, value in row["settings"].items())
        lines.append(f"| {row['model']} | {settings} | {row['validation']:.3f} | {minutes(row['seconds'])} |")
    return "\n".join(lines)


def change(text):
    """ "lr=0.01" as ("lr", 0.01)."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def main(arguments=None):
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.likelihoods", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train")
    train.add_argument("--set", action="append", type=change, default=[], dest="change", metavar="NAME=VALUE")
    train.add_argument("--try", action="store_true", dest="try_", help="look at the validation split alone")
    train.set_defaults(function=run)
    measuring = commands.add_parser("measure")
    measuring.set_defaults(function=measure)
    both = commands.add_parser("all")
    both.add_argument("folder", metavar="FOLDER", type=Path)
    both.add_argument("--sets", nargs="+", choices=SETS, default=SETS, help="(all four)")
    both.add_argument("--rows", nargs="+", choices=ROWS, help="(all)")
    both.add_argument("--seeds", nargs="+", type=int, default=[DEFAULTS["seed"]], metavar="N", help="(1)")
    both.set_defaults(function=everything)
    mixing = commands.add_parser("ensemble")
    mixing.add_argument("set_", metavar="SET", choices=SETS)
    mixing.add_argument("folder", metavar="FOLDER", type=Path)
    mixing.add_argument("rows", metavar="ROW", nargs="+", choices=ROWS)
    mixing.set_defaults(function=ensemble)
    for command in (train, measuring):
        command.add_argument("set_", metavar="SET", choices=SETS)
        command.add_argument("row", metavar="ROW", choices=ROWS)
        command.add_argument("folder", metavar="FOLDER", type=Path)
        command.add_argument("--seed", type=int, default=DEFAULTS["seed"], help="of the model and its streams (1)")
    for command in (train, measuring, both, mixing):
        command.add_argument("--data", type=Path, help="the folder of the rolls (RNNRBM_DATA, or the user's cache)")
    for command in (measuring, both):
        command.add_argument("--chains", type=int, default=20, help="of annealing, for each frame (20)")
        command.add_argument("--frames", type=int, default=6000, help="to look at, where there are more (6000)")
    shown = commands.add_parser("show")
    shown.add_argument("folder", metavar="FOLDER", type=Path)
    shown.set_defaults(function=show)
    args = parser.parse_args(arguments)
    args.function(args)


if __name__ == "__main__":
    main()
