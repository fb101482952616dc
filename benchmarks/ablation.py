"""Compare improvements of training, one at a time, with the tutorial's program.

    python -m benchmarks.ablation run nottingham DATA FOLDER --only tutorial adam
    python -m benchmarks.ablation run jsb_chorales DATA FOLDER
    python -m benchmarks.ablation show FOLDER

`run` trains each configuration and writes NAME.jsonl with one line per epoch: the number of updates so far, the mean
monitor of the epoch's updates, the monitor of the validation split, and the CPU seconds of training. The CPU seconds
include pretraining and its compilation, but not validation. Several runs can go on at the same time. `show` prints a
table and writes curves.png.
"""

import argparse
import json
import time
from pathlib import Path

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.music.datasets import load
from rnnrbm_pt.training.schedules import Cosine

RBM = {"frame_epochs": 10}
RNN = {"rnn_epochs": 20, "rnn_also": ["bv"]}
NESTEROV = {"optimizer": "nesterov", "momentum": 0.9, "clip_norm": 5.0}
MUSIC = {"tonality": "parallel", "key_from": "notes", "steps_per_quarter": 2}

CONFIGURATIONS = {
    "tutorial": ("the tutorial as it is", {}, {}),
    "music": ("transposed, beat-aligned frames", {"preprocess": MUSIC}, {}),
    "rbm": ("RBM pretrained", {}, {"pretrain": RBM}),
    "rnn": ("RNN pretrained", {}, {"pretrain": RNN}),
    "nesterov": ("gradient clipping, Nesterov momentum", {}, NESTEROV),
    "adam": ("Adam", {}, {"optimizer": "adam"}),
    "u0": ("u0 learned", {"learn_initial": True}, {}),
    "carry": ("state carried from window to window", {}, {"carry_state": True}),
    "fast": (
        "Adam, whose rate falls along a cosine",
        {"lr": 0.001},
        {"num_epochs": 20, "optimizer": "adam", "schedule": {"lr": Cosine(0.001, 0.0, 20)}},
    ),
}
"""{name: (description, keywords of the model, keywords of `fit`)}."""


def read(dataset, folder, model):
    """The training and the validation split: the tutorial's MIDI files for Nottingham, else the paper's rolls."""
    if dataset == "nottingham":
        data = load(dataset, "midi", folder, download=False)
        return [model.read(files) for files in (data.train, data.valid)]
    data = load(dataset, "rolls", folder, download=False)
    return [data.train, data.valid]


def settings_of(name):
    """The keywords of the model and of `fit` for a configuration."""
    _, of_model, of_fit = CONFIGURATIONS[name]
    return dict(of_model), dict(of_fit)


def run(args):
    """Train the requested configurations."""
    args.folder.mkdir(parents=True, exist_ok=True)
    for name in args.only or CONFIGURATIONS:
        of_model, of_fit = settings_of(name)
        model = RnnRbm(seed=args.seed, floatX="float32", streams="philox", **of_model)
        train, valid = read(args.dataset, args.data, model)
        compile_all(model, train[0][:200], valid[:1], of_fit)
        with open(args.folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            watch = Watch(model, valid, args.every, file)
            model.fit(train, num_epochs=of_fit.pop("num_epochs", args.epochs), on_epoch=watch, **of_fit)
            if args.frames:
                score = model.score(valid, n_frames=args.frames)
                found = {"log_likelihood": float(score), "standard_error": score.standard_error}
                accuracy = model.expected_accuracy(valid, n_frames=args.frames)
                watch.write(found | {"frames": score.n_frames, "expected_accuracy": float(accuracy)})


def compile_all(model, roll, valid, of_fit):
    """Train briefly and restore the model, so that later training compiles nothing except pretraining."""
    state = model.state.arrays()
    model.fit([roll], **{**of_fit, "pretrain": None, "num_epochs": 1})
    model.monitor(valid)
    model.state.restore(state)
    model.log.clear()


class Watch:
    """Writes a line per epoch. Validation does not count towards the CPU seconds."""

    def __init__(self, model, valid, every, file):
        self.model, self.valid, self.every, self.file = model, valid, every, file
        self.start = time.process_time()

    def __call__(self, record):
        """Write the line of an epoch."""
        now = time.process_time()
        row = {"epoch": record["epoch"], "updates": self.model.progress.updates, "monitor": record["monitor"]}
        row |= {"gradient_norm": record["gradient_norm"], "seconds": round(now - self.start, 2)}
        if record["epoch"] % self.every == 0 or record["epoch"] == 1:
            row["validation"] = self.model.monitor(self.valid)
        self.write(row)
        self.start += time.process_time() - now

    def write(self, row):
        """Write a line to the file and print it."""
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()
        print(json.dumps(row), flush=True)


def read_runs(folder):
    """The rows of each run in a folder, in the order of the configurations."""
    runs = {}
    for name in CONFIGURATIONS:
        path = folder / f"{name}.jsonl"
        if path.exists():
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            runs[name] = [row for row in rows if "epoch" in row]
    return runs


def first_at(rows, goal):
    """The first epoch whose monitor is at least the goal, or None."""
    return next((row for row in rows if row["monitor"] >= goal), None)


def table(runs):
    """A Markdown table of the results.

    Parameters
    ----------
    runs : dict {name: list of rows}
        Includes "tutorial". Its last monitor is the goal of all other runs.

    Returns
    -------
    str
    """
    goal = runs["tutorial"][-1]["monitor"]
    lines = [
        "| configuration | epochs | last monitor | best validation | at epoch "
        f"| updates to {goal:.3f} | ratio | seconds to {goal:.3f} |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    n_updates = runs["tutorial"][-1]["updates"]
    for name, rows in runs.items():
        best = max((row for row in rows if "validation" in row), key=lambda row: row["validation"])
        row = first_at(rows, goal)
        reached = " | | " if row is None else ratio(row, n_updates, pretraining_epochs(name) * rows[0]["updates"])
        lines.append(
            f"| {CONFIGURATIONS[name][0]} | {len(rows)} | {rows[-1]['monitor']:.3f} | {best['validation']:.3f} "
            f"| {best['epoch']} | {reached} |"
        )
    return "\n".join(lines)


def pretraining_epochs(name):
    """Number of epochs of pretraining in a configuration."""
    pretrain = settings_of(name)[1].get("pretrain", {})
    return pretrain.get("frame_epochs", 0) + pretrain.get("rnn_epochs", 0)


def ratio(row, n_updates, n_before):
    """Updates, fraction of the tutorial's updates, and seconds, as cells of the table.

    The number of updates does not include pretraining, whose updates differ from those of training. The fraction does:
    an epoch of pretraining counts as much as an epoch of training.
    """
    return f"{row['updates']:,} | 1/{n_updates / (row['updates'] + n_before):.1f} | {row['seconds']:,.0f}"


def show(args):
    """Print the table of a folder and save its figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    runs = read_runs(args.folder)
    print(table(runs))
    figure = Figure(figsize=(10, 5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharey=True)
    goal = runs["tutorial"][-1]["monitor"]
    for name, rows in runs.items():
        style = {"color": f"C{list(CONFIGURATIONS).index(name)}", "linewidth": 1.4, "label": CONFIGURATIONS[name][0]}
        if name == "tutorial":
            style |= {"color": "black", "zorder": 3}
        left.plot([row["updates"] for row in rows], [row["monitor"] for row in rows], **style)
        seen = [row for row in rows if "validation" in row]
        right.plot([row["updates"] for row in seen], [row["validation"] for row in seen], **style)
    for axes, title in ((left, "training split, mean over the epoch"), (right, "validation split, after the epoch")):
        axes.axhline(goal, color="0.6", linewidth=0.8, linestyle="--")
        axes.set(title=title, xscale="log", xlabel="updates")
        axes.spines[["top", "right"]].set_visible(False)
    left.set_ylabel("monitor (nats per frame)")
    bottom = min(rows[min(len(rows) - 1, 2)]["monitor"] for rows in runs.values())
    left.set_ylim(bottom=bottom)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(args.folder / "curves.png", dpi=110)
    print(f"Wrote {args.folder / 'curves.png'}.")


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("run")
    sub.set_defaults(function=run)
    sub.add_argument("dataset", choices=["nottingham", "jsb_chorales"])
    sub.add_argument("data", type=Path, help="folder of the data sets")
    sub.add_argument("folder", type=Path)
    sub.add_argument("--only", nargs="+", choices=CONFIGURATIONS)
    sub.add_argument("--epochs", type=int, default=200)
    sub.add_argument("--every", type=int, default=5, help="epochs between two validations (5)")
    sub.add_argument("--frames", type=int, metavar="N", help="score the last model on N frames of the validation split")
    sub.add_argument("--seed", type=int, default=0xBEEF)
    sub = commands.add_parser("show")
    sub.set_defaults(function=show)
    sub.add_argument("folder", type=Path)
    args = parser.parse_args(arguments)
    args.function(args)


if __name__ == "__main__":
    main()
