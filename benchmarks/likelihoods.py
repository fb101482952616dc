"""Train the paper's models on its data sets, and measure the two numbers of its table 1 on the test split.

    python -m benchmarks.likelihoods train jsb_chorales rnn-rbm FOLDER --data ROLLS
    python -m benchmarks.likelihoods train jsb_chorales rnn-rbm FOLDER --data ROLLS --set lr=0.002 --set augment=0 --try
    python -m benchmarks.likelihoods measure jsb_chorales rnn-rbm FOLDER --data ROLLS
    python -m benchmarks.likelihoods show FOLDER

`train` trains by the settings below, or by others, keeps the parameters that were best on the validation split, and
writes the model and how it was trained to FOLDER/SET/MODEL. With `--try` it keeps no model, but adds a line to
FOLDER/SET/tried.jsonl: so the settings were chosen. `measure` looks at the test split, and adds what the model comes to
there, a piece that it wrote and a picture of that. `show` prints the tables.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

import rnnrbm_pt
from rnnrbm_pt import midiwrite
from rnnrbm_pt.cli.evaluate import estimate, rounded_up
from rnnrbm_pt.cli.named_sets import cut
from rnnrbm_pt.evaluation.paper import TABLE
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.pretraining import pretrain_frames
from rnnrbm_pt.music.datasets import load
from rnnrbm_pt.music.pianoroll import with_transpositions
from rnnrbm_pt.music.plot import save_piano_roll
from rnnrbm_pt.training.schedules import Cosine
from rnnrbm_pt.training.settings import Pretraining

CLASSES = {
    "rbm": "RnnRbm",
    "nade": "RnnNade",
    "rtrbm": "Rtrbm",
    "rnn-rbm": "RnnRbm",
    "lstm-rtrbm": "LstmRtrbm",
    "rnn-nade": "RnnNade",
    "biaxial-rnn": "BiaxialRnn",
}
"""The class of each row. The first two are without recurrence: only their frames are trained."""

ROWS = {"rbm": "RBM", "nade": "NADE", "rtrbm": "RTRBM", "rnn-rbm": "RNN-RBM", "rnn-nade": "RNN-NADE"}
"""The paper's names."""

DEFAULTS = {
    "hidden": 150,
    "recurrent": 100,
    "k": 15,
    "optimizer": "adam",
    "lr": 0.003,
    "epochs": 20,
    "batch_size": 100,
    "n_sequences": 1,
    "augment": 0,
    "weight_decay": None,
    "clip_norm": None,
    "every": 1,
    "frame_epochs": 0,
    "frame_lr": 0.03,
    "rnn_epochs": 0,
    "rnn_lr": 0.01,
    "dynamic_visible_bias": False,
    "scale": None,
    "dropout_recurrent": None,
    "dropout_hidden": None,
    "backend": "numba",
    "seed": 1,
}
"""Where the settings are silent. The rate falls to 0 along a cosine. augment: semitones up and down of copies; scale:
of the initial weights, times the square root of the number of inputs, where they are not the tutorial's; every: epochs
from one look at the validation split to the next; dynamic_visible_bias: of the RTRBMs.
"""

BIAXIAL = {"hidden": 48, "recurrent": 64, "backend": "jax"}

STARTED = {"dynamic_visible_bias": True, "scale": 1}

SETTINGS = {
    "jsb_chorales": {
        "rbm": {"epochs": 100, "every": 10},
        "nade": {"epochs": 60, "every": 10},
        "rtrbm": {**STARTED, "augment": 3, "epochs": 25, "every": 5},
        "rnn-rbm": {"lr": 0.002, "augment": 3, "epochs": 50, "every": 10},
        "lstm-rtrbm": {**STARTED, "augment": 3, "epochs": 12, "every": 4},
        "rnn-nade": {"augment": 3, "every": 5},
        "biaxial-rnn": {
            **BIAXIAL,
            "lr": 0.004,
            "epochs": 30,
            "batch_size": 64,
            "n_sequences": 2,
            "every": 3,
            "dropout_recurrent": 0.1,
            "dropout_hidden": 0.4,
        },
    },
    "nottingham": {
        "rbm": {"lr": 0.0003, "epochs": 10, "every": 5},
        "nade": {"epochs": 6, "every": 2},
        "rtrbm": {**STARTED, "epochs": 12, "every": 4},
        "rnn-rbm": {"lr": 0.005, "epochs": 50, "every": 10},
        "lstm-rtrbm": {**STARTED, "epochs": 6, "every": 3},
        "rnn-nade": {"epochs": 10, "every": 2},
        "biaxial-rnn": {
            **BIAXIAL,
            "lr": 0.005,
            "epochs": 6,
            "n_sequences": 4,
            "dropout_recurrent": 0.05,
            "dropout_hidden": 0.2,
        },
    },
}
"""What was best on the validation split, of what was tried and could be measured."""

SECONDS = {"jsb_chorales": 0.5, "nottingham": 0.25}
"""Of a frame, in the pieces that are written."""


def read(dataset, folder):
    """The splits, cut to the notes that are used in any of them, and the range of those."""
    data = load(dataset, "rolls", folder, download=False)
    used = np.flatnonzero(
        np.any([roll.any(axis=0) for split in (data.train, data.valid, data.test) for roll in split], 0)
    )
    r = int(data.r[0] + used[0]), int(data.r[0] + used[-1] + 1)
    return {name: cut(getattr(data, name), data.r, r, name) for name in ("train", "valid", "test")}, r


def build(name, settings, r):
    """The model of a row, untrained."""
    keywords = {"n_hidden": settings["hidden"], "n_hidden_recurrent": settings["recurrent"], "k": settings["k"]}
    if name == "rtrbm":
        del keywords["n_hidden_recurrent"]
    if name.endswith("nade") or name == "biaxial-rnn":
        del keywords["k"]
    if name.endswith("rtrbm"):
        keywords["dynamic_visible_bias"] = settings["dynamic_visible_bias"]
    keywords |= {"lr": settings["lr"], "seed": settings["seed"], "r": r, "floatX": "float32", "streams": "philox"}
    keywords["backend"] = settings["backend"]
    model = getattr(rnnrbm_pt, CLASSES[name])(**keywords)
    if settings["scale"] is not None:
        rng = np.random.default_rng(settings["seed"])
        for p in model.params:
            if p.type.ndim == 2:
                shape = p.get_value().shape
                p.set_value((settings["scale"] / np.sqrt(shape[0]) * rng.normal(size=shape)).astype("float32"))
    return model


def train_frames(model, rolls, valid, settings, look):
    """Train the RBM or NADE alone, and keep what was best on the validation split."""
    for p in model.params:
        if p.name in ("Wuh", "Wuv"):
            p.set_value(np.zeros_like(p.get_value()))
    best = {"validation": -np.inf}

    def on_epoch(record):
        if record["epoch"] % settings["every"] == 0 or record["epoch"] == settings["epochs"]:
            record["validation"] = model.validation_likelihood(valid)
        look(record)
        if record.get("validation", -np.inf) > best["validation"]:
            best.update(validation=record["validation"], values=[p.get_value() for p in model.params])

    pretraining = Pretraining(
        frame_epochs=settings["epochs"],
        frame_lr=settings["lr"],
        frame_k=settings["k"],
        frame_optimizer=settings["optimizer"],
    )
    pretrain_frames(model, rolls, pretraining, on_epoch)
    for p, value in zip(model.params, best["values"], strict=True):
        p.set_value(value)
    return best["validation"]


def train_sequences(model, rolls, valid, settings, look):
    """Train a model of sequences, and keep what was best on the validation split."""
    stages = {name: settings[name] for name in ("frame_epochs", "frame_lr", "rnn_epochs", "rnn_lr")}
    also = {} if settings["frame_epochs"] else {"rnn_also": ["bv"]}
    model.fit(
        rolls,
        settings["batch_size"],
        settings["epochs"],
        n_sequences=settings["n_sequences"],
        optimizer=settings["optimizer"],
        schedule={"lr": Cosine(settings["lr"], 0.0, settings["epochs"])},
        weight_decay=settings["weight_decay"],
        clip_norm=settings["clip_norm"],
        dropout_recurrent=settings["dropout_recurrent"],
        dropout_hidden=settings["dropout_hidden"],
        pretrain={**stages, **also} if settings["frame_epochs"] or settings["rnn_epochs"] else None,
        validation=valid,
        validate_by="likelihood",
        validate_every=settings["every"],
        on_epoch=look,
        on_pretrain=look,
    )
    return model.progress.best


def run(args):
    """Train one model, and write what it came to."""
    settings = {**DEFAULTS, **SETTINGS[args.set_].get(args.model, {})}
    for name, value in args.change:
        if name not in DEFAULTS:
            raise SystemExit(f"--set: expected one of {', '.join(DEFAULTS)}, found {name}")
        settings[name] = value
    rolls, r = read(args.set_, args.data)
    model = build(args.model, settings, r)
    curve, start = [], time.process_time()

    def look(record):
        seconds = round(time.process_time() - start, 1)
        shown = {n: record[n] for n in ("stage", "epoch", "monitor", "cost", "validation") if n in record}
        curve.append(shown | {"seconds": seconds})
        print(json.dumps(curve[-1]), flush=True)

    learn = train_frames if args.model in ("rbm", "nade") else train_sequences
    training = with_transpositions(rolls["train"], settings["augment"], r)
    best = learn(model, training, rolls["valid"], settings, look)
    changed = {name: value for name, value in settings.items() if value != DEFAULTS[name]}
    found = {"model": args.model, "settings": changed, "validation": best, "seconds": curve[-1]["seconds"]}
    print(json.dumps(found), flush=True)
    if args.try_:
        args.folder.joinpath(args.set_).mkdir(parents=True, exist_ok=True)
        with open(args.folder / args.set_ / "tried.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
    else:
        folder = args.folder / args.set_ / args.model
        folder.mkdir(parents=True, exist_ok=True)
        model.save(folder / "model.npz")
        write(folder, found | {"curve": curve})


def measure(args):
    """Measure a trained model on the test split, and let it write a piece."""
    folder = args.folder / args.set_ / args.model
    model = SequenceModel.load(folder / "model.npz")
    rolls, r = read(args.set_, args.data)
    found = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    found |= measured(model, rolls["test"], args)
    write(folder, found)
    roll = model.sample(100, seed=1)
    midiwrite(folder / "sample.mid", roll, r, SECONDS[args.set_])
    save_piano_roll(folder / "sample.png", roll, r, SECONDS[args.set_], crop=True)
    print(json.dumps({name: value for name, value in found.items() if name != "curve"}), flush=True)


def write(folder, found):
    """Write what is known of a model, the curve of its training last and a line each."""
    head = {name: value for name, value in found.items() if name != "curve"}
    curve = ",\n  ".join(map(json.dumps, found["curve"]))
    text = json.dumps(head, indent=1).removesuffix("\n}") + f',\n "curve": [\n  {curve}\n ]\n}}\n'
    (folder / "result.json").write_text(text, encoding="utf-8")


def measured(model, rolls, args):
    """The numbers of the table, on the test split, or on frames of it drawn at random where that has more."""
    n_total = sum(map(len, rolls))
    some = {"n_frames": args.frames} if args.frames < n_total else {}
    found, annealing = {}, {"n_chains": args.chains, "n_temperatures": args.temperatures}
    if model.scorer.is_exact(None):
        found["log_likelihood"] = estimate(model.score(rolls))
    else:
        found["log_likelihood"] = estimate(model.score(rolls, **annealing, **some))
        few = min(args.bracket, n_total)
        for name, reverse in (("forward", False), ("reverse", True)):
            found[f"log_likelihood_{name}"] = estimate(model.score(rolls, **annealing, n_frames=few, reverse=reverse))
        found["annealing"] = annealing
    accuracy, precision = model.accuracy_and_precision(rolls, **some, burn_in=args.burn_in, n_average=100)
    return found | {"expected_accuracy": estimate(accuracy), "expected_precision": estimate(precision)}


def show(args):
    """Print the tables of a folder."""
    for dataset in SETTINGS:
        results = {name: path for name in CLASSES if (path := args.folder / dataset / name / "result.json").exists()}
        if results:
            found = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in results.items()}
            print(f"## {dataset}\n\n" + table(dataset, found) + "\n")
        tried = args.folder / dataset / "tried.jsonl"
        if tried.exists():
            rows = [json.loads(line) for line in tried.read_text(encoding="utf-8").splitlines()]
            print(f"### What was tried on {dataset}\n\n" + table_of_tried(rows) + "\n")


def table(dataset, results):
    """What each model came to, beside the paper's, as lines of a table."""
    lines = [
        "| model | log-likelihood | paper | precision % | paper | accuracy % | reverse and forward | minutes |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, found in results.items():
        score, accuracy = found["log_likelihood"], found["expected_accuracy"]
        up, down = (found.get(f"log_likelihood_{n}") for n in ("forward", "reverse"))
        cell = TABLE[ROWS[name]][dataset] if name in ROWS else None
        cells = [
            name,
            f"{score['value']:.2f}" + (f" ± {rounded_up(score['standard_error'])}" if score["standard_error"] else ""),
            f"{cell.log_likelihood:.2f}" if cell else "",
            f"{100 * found['expected_precision']['value']:.1f}",
            f"{cell.accuracy:.1f}" if cell else "",
            f"{100 * accuracy['value']:.1f}",
            " and ".join(f"{x['value']:.2f} ± {rounded_up(x['standard_error'])}" for x in (down, up))
            if down
            else "exact",
            f"{found['seconds'] / 60:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def table_of_tried(rows):
    """The settings that were tried, the best of each model first, as lines of a table."""
    lines = ["| model | settings | validation | minutes |", "|---|---|--:|--:|"]
    order = list(CLASSES)
    for row in sorted(rows, key=lambda row: (order.index(row["model"]), -row["validation"])):
        settings = ", ".join(f"{name} {value}" for name, value in row["settings"].items())
        lines.append(f"| {row['model']} | {settings} | {row['validation']:.3f} | {row['seconds'] / 60:.0f} |")
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
    for command in (train, measuring):
        command.add_argument("set_", metavar="SET", choices=SETTINGS)
        command.add_argument("model", metavar="MODEL", choices=CLASSES)
        command.add_argument("folder", metavar="FOLDER", type=Path)
        command.add_argument("--data", type=Path, help="the folder of the rolls (RNNRBM_DATA, or the user's cache)")
    measuring.add_argument("--chains", type=int, default=20, help="of annealing, for each frame (20)")
    measuring.add_argument("--temperatures", type=int, default=400, help="of annealing (400)")
    measuring.add_argument("--frames", type=int, default=6000, help="to look at, where there are more (6000)")
    measuring.add_argument("--bracket", type=int, default=1000, help="of these, those to bracket (1000)")
    measuring.add_argument("--burn-in", type=int, default=200, help="Gibbs steps before the accuracy (200)")
    measuring.set_defaults(function=measure)
    shown = commands.add_parser("show")
    shown.add_argument("folder", metavar="FOLDER", type=Path)
    shown.set_defaults(function=show)
    args = parser.parse_args(arguments)
    args.function(args)


if __name__ == "__main__":
    main()
