"""Compare Hessian-free optimisation with Adam and gradient descent, at equal CPU time and at equal passes.

    python -m benchmarks.hessian_free run FOLDER --data DATA --seconds 200
    python -m benchmarks.hessian_free run FOLDER --only adding --methods hf adam
    python -m benchmarks.hessian_free show FOLDER

`run` trains with each method on each task in turn for the given CPU seconds, which exclude compilation and validation.
It writes TASK-METHOD.jsonl, with one line per epoch or update. A run that was stopped, or that gets more --seconds,
continues from its checkpoint; without a checkpoint it starts again. `show` prints a table and writes curves.png.
"""

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytensor

from benchmarks.adding import N_STEPS, SOLVED, adding_objective, parameters, sequences
from rnnrbm_pt import RnnNade, RnnRbm
from rnnrbm_pt.compile.modes import backend_mode, bounded_threads, compile_function
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.models.pretraining import prediction_error, pretrain_rnn
from rnnrbm_pt.music.datasets import load
from rnnrbm_pt.music.roll_files import read_roll_file
from rnnrbm_pt.training import hessian_free as hf
from rnnrbm_pt.training.gauss_newton import CompiledObjective, compiled_objective
from rnnrbm_pt.training.loop import batch_of
from rnnrbm_pt.training.progress import StopTraining
from rnnrbm_pt.training.settings import HessianFree, Pretraining
from rnnrbm_pt.training.updates import optimizer_updates

TASKS = {
    "adding": "the adding problem: mean squared error",
    "jsb_chorales": "RNN-NADE, JSB chorales: nats per frame, validation",
    "nottingham": "RNN-NADE, Nottingham: nats per frame, validation",
    "prediction": "the RNN's auxiliary objective, Nottingham: nats per frame, validation",
}
METHODS = {"hf": "Hessian-free", "adam": "Adam", "sgd": "gradient descent"}
COLOURS = {"hf": ("#1f4e79", "-"), "adam": ("#c05a2b", "--"), "sgd": ("0.45", ":")}

ADDING = {
    "hf": {"gradient": 3000, "curvature": 500, "settings": HessianFree(damping=0.1, cg_iterations=150)},
    "adam": {"n": 50, "lr": 0.001},
    "sgd": {"n": 20, "lr": 0.01},
}
NADE = {
    "hf": {"optimizer": "hf", "n_sequences": 1000, "curvature_frames": 2000, "cg_iterations": 100},
    "adam": {"optimizer": "adam", "n_sequences": 1},
    "sgd": {"optimizer": "sgd", "n_sequences": 1, "clip_norm": 10.0},
}
NADE_LR = {"hf": 0.0, "adam": 0.001, "sgd": 0.01}
PREDICTION = {
    "hf": {"rnn_optimizer": "hf", "rnn_n_sequences": 400, "rnn_curvature_frames": 2000, "rnn_cg_iterations": 100},
    "adam": {"rnn_optimizer": "adam", "rnn_lr": 0.01},
    "sgd": {"rnn_optimizer": "sgd", "rnn_lr": 0.03},
}


class Log:
    """Writes the rows of a run and measures its CPU time.

    Parameters
    ----------
    path : Path
        An existing file has the rows of the earlier part of the run.
    budget : float
        CPU seconds of the whole run.
    n_rows : int, optional
        Number of existing rows to keep. Default: all.
    """

    def __init__(self, path, budget, n_rows=None):
        self.path, self.budget = path, budget
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        self.rows = rows if n_rows is None else rows[:n_rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        self.before = self.rows[-1]["seconds"] if self.rows else 0.0
        self.passes = self.rows[-1]["passes"] if self.rows else 0.0
        self.start = time.process_time()

    @property
    def seconds(self):
        """CPU seconds of the run so far."""
        return self.before + time.process_time() - self.start

    @property
    def is_over(self):
        """Whether the budget is used up."""
        return bool(self.rows) and self.rows[-1]["seconds"] >= self.budget

    def write(self, measure, **row):
        """Write a row. The time of measure() -> dict, which gives more of its values, is not counted."""
        now = time.process_time()
        row = {"seconds": round(self.before + now - self.start, 2), "passes": round(self.passes, 3), **row, **measure()}
        self.rows.append(row)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(self.path.stem, json.dumps(row), flush=True)
        self.start += time.process_time() - now


def counting(functions, log, n_total):
    """Wrap the functions of an objective so that each call adds its sequences or frames / n_total to log.passes."""

    def counted(function):
        def call(*arguments):
            log.passes += float(arguments[-1].sum() if arguments[-1].ndim == 2 else len(arguments[-1])) / n_total
            return function(*arguments)

        return call

    return CompiledObjective(*map(counted, functions))


# ---------------------------------------------------------------------------------------------------
# The adding problem, with new sequences in each update. 10,000 sequences count as a pass.

EPOCH = 10_000


def run_adding(folder, method, budget, n_steps, size):
    """Train an RNN on the adding problem; `size` is that of its input weights."""
    setting, path, draw = ADDING[method], folder / f"adding-{method}.npz", partial(sequences, n_steps=n_steps)
    mode = backend_mode("numba")

    def function(inputs, outputs, updates=None):
        return compile_function(inputs, outputs, updates, mode=mode, floatX="float32")

    with pytensor.config.change_flags(floatX="float32"):
        params = parameters(1, size)
        objective, batch = adding_objective(params)
        mean = objective.cost / objective.weight
        remembered = []
        if method == "hf":
            functions, layout = compiled_objective(objective, params, batch, function), hf.Layout.of(params)
        else:
            updates = optimizer_updates(method, mean, params, setting["lr"], clip_norm=1.0)
            step = function(batch, mean, updates)
            remembered = list(updates)
        error = function(batch, objective.reports[0] / objective.weight)
    held_out = draw(1000, 0)
    at_first = {x.name: x.get_value() for x in [*params, *remembered]}
    state, done = None, 0

    def hf_update(u, functions):
        several = [draw(500, [1, u, i]) for i in range(setting["gradient"] // 500)]
        few = several[: setting["curvature"] // 500]
        vector = layout.flat([p.get_value() for p in params])
        found, state_after, report = hf.update(
            functions, layout, vector, state or hf.init(setting["settings"], layout), several, few, setting["settings"]
        )
        for p, value in zip(params, layout.arrays(found), strict=True):
            p.set_value(value)
        return state_after, report

    with bounded_threads():  # compile before the clock starts, then restore the parameters
        error(*held_out)
        if method == "hf":
            hf.update(
                functions, layout, layout.flat([p.get_value() for p in params]), hf.init(setting["settings"], layout),
                [draw(500, 5)], [draw(500, 5)], HessianFree(cg_iterations=1),
            )  # fmt: skip
        else:
            step(*draw(setting["n"], 5))
        if path.exists():
            arrays, done = read_checkpoint(path)
        else:
            arrays = at_first
        for x in [*params, *remembered]:
            x.set_value(arrays[x.name])
        if "direction" in arrays:
            state = hf.HessianFreeState(float(arrays["damping"]), arrays["direction"])
        every = 1 if method == "hf" else 400
        log = Log(folder / f"adding-{method}.jsonl", budget, done // every)
        counted = counting(functions, log, EPOCH) if method == "hf" else None
        while not log.is_over:
            for _ in range(every):
                done += 1
                if method == "hf":
                    state, report = hf_update(done, counted)
                else:
                    step(*draw(setting["n"], [1, done]))
                    log.passes += setting["n"] / EPOCH
            more = report._asdict() | {"damping": state.damping} if method == "hf" else {}
            log.write(lambda: {"value": float(error(*held_out))}, updates=done, **more)
            arrays = {x.name: x.get_value() for x in [*params, *remembered]}
            if state is not None:
                arrays |= {"damping": np.asarray(state.damping), "direction": state.direction}
            write_checkpoint(path, arrays, done)
            if log.rows[-1]["value"] < SOLVED / 10:
                break


# ---------------------------------------------------------------------------------------------------
# Models


def read(dataset, folder):
    """The training and the validation split of one of the paper's sets, from an .npz file or the authors' file."""
    path = folder / f"{dataset}.npz"
    splits = read_roll_file(path) if path.exists() else vars(load(dataset, "rolls", folder, download=False))
    return splits["train"], splits["valid"]


def run_nade(folder, method, budget, data, dataset):
    """Train an RNN-NADE on one of the paper's sets."""
    train, valid = read(dataset, data)
    path = folder / f"{dataset}-{method}.npz"
    keywords = {"batch_size": 100, "num_epochs": 10**6, **NADE[method]}
    few = train[:20]
    model = RnnNade.load(path) if path.exists() else RnnNade(lr=NADE_LR[method])
    warm = RnnNade(lr=NADE_LR[method])  # fill the cache of compiled code
    warm.fit(few, **keywords | {"num_epochs": 1})
    model.score(valid[:2])
    if not path.exists():
        state = model.state.arrays()
        model.fit(few, **keywords | {"num_epochs": 1})
        model.state.restore(state)
        model.log.clear()
    elif method == "hf":
        model.trainer.functions.hessian_free  # noqa: B018  (compile before the clock starts)
    log = Log(folder / f"{dataset}-{method}.jsonl", budget, len(model.log))
    total = sum(map(len, train))
    if log.is_over:
        return
    if method == "hf":
        updates = model.trainer.functions.hessian_free
        updates.functions = counting(updates.functions, log, total)

    def on_epoch(record):
        if method != "hf":
            log.passes += 1
        more = {"damping": record["damping"]} if method == "hf" else {}
        log.write(
            lambda: {"value": -float(model.score(valid))},
            training=-record["monitor"],
            epoch=record["epoch"],
            **more,
        )
        if log.is_over:
            raise StopTraining

    if path.exists():
        model.resume(train, 10**6 + len(model.log), checkpoint=path, on_epoch=on_epoch)
    else:
        model.fit(train, **keywords, checkpoint=path, on_epoch=on_epoch)


def run_prediction(folder, method, budget, data):
    """Pretrain the RNN of an RNN-RBM on Nottingham. There is no checkpoint, so a stopped run starts again."""
    train, valid = read("nottingham", data)
    path = folder / f"prediction-{method}.jsonl"
    model = RnnRbm(streams="philox")
    settings = {"rnn_epochs": 1, "rnn_also": ["bv"], **PREDICTION[method]}
    at_first = model.state.arrays()
    pretrain_rnn(model, train[:20], Pretraining.from_json(settings))  # fill the cache of compiled code
    model.state.restore(at_first)
    graphs = model.build(batched=True)
    with model.compiling.float_variables():
        cost = (prediction_error(graphs.v, graphs.bv_t) * graphs.mask).sum() / graphs.mask.sum()
    error = model.compiling.function([graphs.v, graphs.mask], cost)
    held_out = batch_of([roll[:400] for roll in valid], None, len(valid), model.floatX)
    error(*held_out)
    if path.exists() and Log(path, budget).is_over:
        return
    path.unlink(missing_ok=True)
    log = Log(path, budget)

    def on_epoch(record):
        log.passes += 1
        log.write(lambda: {"value": float(error(*held_out))}, training=record["cost"], epoch=record["epoch"])
        if log.is_over:
            raise KeyboardInterrupt

    try:
        pretrain_rnn(model, train, Pretraining.from_json(settings | {"rnn_epochs": 10**6}), on_epoch)
    except KeyboardInterrupt:
        if not log.is_over:
            raise


def run(args):
    """Run the requested tasks."""
    if hasattr(os, "nice"):
        os.nice(10)
    args.folder.mkdir(parents=True, exist_ok=True)
    for task in args.only or TASKS:
        for method in args.methods or METHODS:
            common = args.folder, method, args.seconds, args.data
            if task == "adding":
                run_adding(*common[:3], args.steps, args.inputs)
            elif task == "prediction":
                run_prediction(*common)
            else:
                run_nade(*common, task)


# ---------------------------------------------------------------------------------------------------
# Pictures


def read_runs(folder):
    """The rows of each run in a folder, by task and method."""
    runs = {}
    for task in TASKS:
        paths = {method: folder / f"{task}-{method}.jsonl" for method in METHODS}
        found = {m: [json.loads(x) for x in p.read_text().splitlines()] for m, p in paths.items() if p.exists()}
        if found:
            runs[task] = found
    return runs


def best(rows, key, limit):
    """The lowest value among the rows whose `key` is at most the limit, or None."""
    return min((row["value"] for row in rows if row[key] <= limit), default=None)


def table(runs):
    """Format the best value of each method at equal CPU time and at equal passes, as a Markdown table.

    Equal means the CPU time and the passes of the method that has the fewest.

    Returns
    -------
    str
    """
    lines = ["| task | method | CPU seconds | passes | best | best in equal time | best in equal passes |"]
    lines.append("|---|---|--:|--:|--:|--:|--:|")
    for task, found in runs.items():
        equal = {key: min(rows[-1][key] for rows in found.values()) for key in ("seconds", "passes")}
        for method, rows in found.items():
            cells = [best(rows, "seconds", np.inf), *(best(rows, key, limit) for key, limit in equal.items())]
            shown = " | ".join("" if value is None else f"{value:.4f}" for value in cells)
            last = rows[-1]
            lines.append(f"| {task} | {METHODS[method]} | {last['seconds']:,.0f} | {last['passes']:,.1f} | {shown} |")
    return "\n".join(lines)


def show(args):
    """Print the table of a folder and save its figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    runs = read_runs(args.folder)
    print(table(runs))
    figure = Figure(figsize=(9, 2.9 * len(runs)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_2d(figure.subplots(len(runs), 2, sharey="row"))
    for (task, found), pair in zip(runs.items(), axes, strict=True):
        for ax, key, label in zip(pair, ("seconds", "passes"), ("CPU seconds", "passes over the data"), strict=True):
            for method, rows in found.items():
                colour, style = COLOURS[method]
                x, y = [row[key] for row in rows], [row["value"] for row in rows]
                ax.plot(x, y, style, color=colour, label=METHODS[method])
            ax.set(xlabel=label, xscale="log")
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.spines[["top", "right"]].set_visible(False)
        pair[0].set_title(TASKS[task], loc="left", fontsize="medium")
        pair[0].set_ylabel("squared error" if task == "adding" else "nats per frame")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(args.folder / "curves.png", dpi=110)
    print(f"Wrote {args.folder / 'curves.png'}.")


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hessian_free", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("run")
    sub.set_defaults(function=run)
    sub.add_argument("folder", type=Path)
    sub.add_argument("--data", type=Path, help="folder of the data sets")
    sub.add_argument("--only", nargs="+", choices=TASKS)
    sub.add_argument("--methods", nargs="+", choices=METHODS)
    sub.add_argument("--steps", type=int, default=N_STEPS, help=f"steps of the adding problem ({N_STEPS})")
    sub.add_argument("--inputs", type=float, default=1.0, metavar="SIZE", help="size of its input weights (1)")
    sub.add_argument("--seconds", type=float, default=200, help="CPU seconds per run (200)")
    sub = commands.add_parser("show")
    sub.set_defaults(function=show)
    sub.add_argument("folder", type=Path)
    args = parser.parse_args(arguments)
    args.function(args)


if __name__ == "__main__":
    main()
