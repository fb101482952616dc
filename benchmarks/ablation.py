"""Compare each improvement of training, one at a time, with the tutorial's program.

    python -m benchmarks.ablation run nottingham DATA FOLDER --only tutorial adam
    python -m benchmarks.ablation run jsb_chorales DATA FOLDER
    python -m benchmarks.ablation show FOLDER

`run` trains each configuration and writes NAME.jsonl, with one line per epoch: the updates so far, the mean monitor of
the epoch's updates, the monitor of the validation split, and CPU seconds since training began. The seconds include
pretraining and its compilation but not validation. Several configurations can run at the same time. `show` prints the
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
    "nesterov": ("Nesterov momentum, gradient clipped", {}, NESTEROV),
    "adam": ("Adam", {}, {"optimizer": "adam"}),
    "u0": ("u0 learned", {"learn_initial": True}, {}),
    "carry": ("state carried between windows", {}, {"carry_state": True}),
    "fast": (
        "Adam, rate falling to 0",
        {"lr": 0.001},
        {"num_epochs": 20, "optimizer": "adam", "schedule": {"lr": Cosine(0.001, 0.0, 20)}},
    ),
}
"""{name: (title, keywords of the model, keywords of `fit`)}."""


def read(dataset, folder, model):
    """Read the training and the validation split: the tutorial's MIDI files for Nottingham, else the paper's rolls."""
    if dataset == "nottingham":
        data = load(dataset, "midi", folder, download=False)
        return [model.read(files) for files in (data.train, data.valid)]
    data = load(dataset, "rolls", folder, download=False)
    return [data.train, data.valid]


def settings_of(name):
    """Keywords of the model and of `fit` for a configuration."""
    _, of_model, of_fit = CONFIGURATIONS[name]
    return dict(of_model), dict(of_fit)


def run(args):
    """Train the chosen configurations, or all of them."""
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
    """Compile everything except pretraining: train one epoch on a short roll, then restore the model."""
    state = model.state.arrays()
    model.fit([roll], **{**of_fit, "pretrain": None, "num_epochs": 1})
    model.monitor(valid)
    model.state.restore(state)
    model.log.clear()


class Watch:
    """Callback that writes one line per epoch. Its clock stops during validation."""

    def __init__(self, model, valid, every, file):
        self.model, self.valid, self.every, self.file = model, valid, every, file
        self.start = time.process_time()

    def __call__(self, record):
        """Write the row of an epoch, with the monitor of the validation split where one is due."""
        now = time.process_time()
        row = {"epoch": record["epoch"], "updates": self.model.progress.updates, "monitor": record["monitor"]}
        row |= {"gradient_norm": record["gradient_norm"], "seconds": round(now - self.start, 2)}
        if record["epoch"] % self.every == 0 or record["epoch"] == 1:
            row["validation"] = self.model.monitor(self.valid)
        self.write(row)
        self.start += time.process_time() - now

    def write(self, row):
        """Write a row to the file and print it."""
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()
        print(json.dumps(row), flush=True)


def read_runs(folder):
    """Read the epochs of each run in a folder, in the order of the configurations."""
    runs = {}
    for name in CONFIGURATIONS:
        path = folder / f"{name}.jsonl"
        if path.exists():
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            runs[name] = [row for row in rows if "epoch" in row]
    return runs


def first_at(rows, goal):
    """Row of the first epoch whose monitor is at least the goal, or None."""
    return next((row for row in rows if row["monitor"] >= goal), None)


def table(runs):
    """Table of the results of all runs, in Markdown.

    Parameters
    ----------
    runs : dict {name: list of rows}
        The epochs of each run. The run "tutorial" must be among them: its last monitor is the goal of all runs.

    Returns
    -------
    str
        One line per run.
    """
    goal = runs["tutorial"][-1]["monitor"]
    lines = [
        f"| run | epochs | last monitor | best validation | at epoch | updates to {goal:.3f} | share | CPU seconds |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    n_updates = runs["tutorial"][-1]["updates"]
    for name, rows in runs.items():
        best = max((row for row in rows if "validation" in row), key=lambda row: row["validation"])
        there = first_at(rows, goal)
        reached = " | | " if there is None else ratio(there, n_updates, pretraining_epochs(name) * rows[0]["updates"])
        lines.append(
            f"| {CONFIGURATIONS[name][0]} | {len(rows)} | {rows[-1]['monitor']:.3f} | {best['validation']:.3f} "
            f"| {best['epoch']} | {reached} |"
        )
    return "\n".join(lines)


def pretraining_epochs(name):
    """Number of epochs of pretraining of a configuration."""
    pretrain = settings_of(name)[1].get("pretrain", {})
    return pretrain.get("frame_epochs", 0) + pretrain.get("rnn_epochs", 0)


def ratio(row, n_updates, n_before):
    """Updates of a row, their share of the tutorial's updates, and CPU seconds: three cells of the table.

    The updates exclude pretraining, whose updates cost less. The share includes pretraining: each of its epochs counts
    as one epoch of updates.
    """
    return f"{row['updates']:,} | 1/{n_updates / (row['updates'] + n_before):.1f} | {row['seconds']:,.0f}"


def draw(runs, path):
    """Draw the monitor of each run over its updates, one panel per run, with the tutorial's curve in all panels.

    Parameters
    ----------
    runs : dict {name: list of rows}
        As for `table`.
    path : path
        The image file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n_rows = -(-len(runs) // 3)
    figure = Figure(figsize=(10, 2.3 * n_rows + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(n_rows, 3, sharex=True, sharey=True, squeeze=False)
    for axes, (name, rows) in zip(grid.flat, runs.items(), strict=False):  # panels may stay empty
        draw_run(axes, rows, runs["tutorial"])
        axes.set_title(CONFIGURATIONS[name][0], fontsize=10)
    for axes in grid.flat[len(runs) :]:
        axes.set_visible(False)
    for axes in grid.flat[max(len(runs) - 3, 0) : len(runs)]:  # the lowest panel of each column
        axes.set_xlabel("updates")
        axes.tick_params(labelbottom=True)
    values = [
        (rows[:3][-1]["monitor"], rows[-1]["monitor"], curve(rows, "validation")[1][-1]) for rows in runs.values()
    ]
    grid[0, 0].set_ylim(bottom=1.03 * min(map(min, values)))  # the first two epochs may lie below
    figure.supylabel("monitor (nats per frame)", fontsize=10)
    entries = grid[0, 0].get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper center", ncols=4, fontsize=9, frameon=False)
    figure.savefig(path, dpi=110)


def draw_run(axes, rows, tutorial):
    """Draw the monitor of a run on both splits, and the tutorial's behind it."""
    axes.plot(*curve(tutorial, "monitor"), color="0.72", linewidth=3, label="the tutorial, training split")
    axes.plot(*curve(rows, "monitor"), color="#1f4e79", linewidth=1.6, label="this run, training split")
    style = {"color": "#c05a2b", "linewidth": 1, "marker": "o", "markersize": 3, "markerfacecolor": "white"}
    axes.plot(*curve(rows, "validation"), "--", **style, label="this run, validation split")
    goal = tutorial[-1]["monitor"]
    axes.axhline(goal, color="black", linewidth=0.8, linestyle=":", label="the tutorial's last monitor")
    axes.set_xscale("log")
    axes.spines[["top", "right"]].set_visible(False)


def curve(rows, key):
    """Updates and values of the rows that have a value under the key."""
    found = [row for row in rows if key in row]
    return [row["updates"] for row in found], [row[key] for row in found]


def show(args):
    """Print the table of a folder and draw its figure."""
    runs = read_runs(args.folder)
    print(table(runs))
    draw(runs, args.folder / "curves.png")
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
    sub.add_argument("--every", type=int, default=5, help="validate every N epochs (5)", metavar="N")
    sub.add_argument("--frames", type=int, metavar="N", help="at the end, score N frames of that split")
    sub.add_argument("--seed", type=int, default=0xBEEF)
    sub = commands.add_parser("show")
    sub.set_defaults(function=show)
    sub.add_argument("folder", type=Path)
    args = parser.parse_args(arguments)
    args.function(args)


if __name__ == "__main__":
    main()
