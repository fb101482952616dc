"""Compare regularisers of an RNN-RBM: dropout, persistent chains, parameter averages, weight decay and growing k.

    python -m benchmarks.regularisers run jsb_chorales FOLDER --data ROLLS --seeds 1 2 3
    python -m benchmarks.regularisers show FOLDER

`run` trains an RNN-RBM with a GRU for each variant and seed, for the same number of epochs. For each run it writes a
line to FOLDER/SET.jsonl: lower and upper estimates of the likelihood of the validation split, the accuracy with Gibbs
chains that are long enough to forget where they start, and statistics of 20 pieces, with the default settings of
generation and with DIALS. Runs that have a line already are skipped. `show` prints a table.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from benchmarks.likelihoods import build, read
from rnnrbm_pt.evaluation.paper import SETS
from rnnrbm_pt.music.pianoroll import with_transpositions
from rnnrbm_pt.music.statistics import outside, statistics
from rnnrbm_pt.training.schedules import Cosine, Growth

DECAY, DROPOUT = {"weight_decay_rbm": 0.0001}, {"dropout_recurrent": 0.1, "dropout_hidden": 0.1}
PERSISTENT, AVERAGE = {"persistent": True}, {"average": 0.999}

VARIANTS = {
    "none": {},
    "decay of W": DECAY,
    "dropout": DROPOUT,
    "persistent chains": PERSISTENT,
    "averages": AVERAGE,
    "k from 5 to 60": {"k": (5, 60)},
    "all but k": DECAY | DROPOUT | PERSISTENT | AVERAGE,
}
"""Keywords of `fit`, except that k is a pair of its first and last value."""

EPOCHS = {"jsb_chorales": 30, "nottingham": 12}
AUGMENT = {"jsb_chorales": 3, "nottingham": 0}
"""Semitones up and down to transpose copies of the training data."""

SIZES = {"n_hidden": 150, "n_hidden_recurrent": 150}

N_FRAMES, N_PIECES, N_STEPS = 500, 20, 200
DIALS = {"start": "previous", "floor": 0.05}
"""With which pieces are drawn a second time."""


def run(args):
    """Train and measure each variant that has no result yet."""
    rolls, r = read(args.set_, args.data, "train", "valid")
    training = with_transpositions(rolls["train"], AUGMENT[args.set_], r)
    data = statistics(rolls["train"], r)
    args.folder.mkdir(parents=True, exist_ok=True)
    path = args.folder / f"{args.set_}.jsonl"
    done = {(row["variant"], row["seed"]) for row in rows_of(path)}
    for seed in args.seeds:
        for variant in args.only or VARIANTS:
            if (variant, seed) not in done:
                row = {"variant": variant, "seed": seed, **outcome(args.set_, variant, seed, training, rolls, r, data)}
                with open(path, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(json.dumps(row), flush=True)


def outcome(dataset, variant, seed, training, rolls, r, data):
    """Train a variant and measure its results."""
    how, epochs = dict(VARIANTS[variant]), EPOCHS[dataset]
    schedule = {"lr": Cosine(0.003, 0.0, epochs)}
    if "k" in how:
        schedule["k"] = Growth(*how.pop("k"), epochs)
    own = {"lr": 0.003, "seed": seed, "scale": None}
    model = build("gru-rbm", own, {"recurrence": "gru", **SIZES}, r, rolls["train"])
    start = time.process_time()
    model.fit(training, num_epochs=epochs, n_sequences=4, optimizer="adam", schedule=schedule, **how)
    seconds = time.process_time() - start
    if "average" in how:
        model.use_averages()
    n_frames = min(N_FRAMES, sum(map(len, rolls["valid"])))
    bracket = model.bracket(rolls["valid"], n_frames=n_frames, n_chains=10, most=400)
    settled = model.settled_accuracy(rolls["valid"], n_frames=n_frames)
    return {
        "seconds": round(seconds, 1),
        "monitor": model.monitor(rolls["valid"]),
        "bracket": bracket.to_json(),
        "accuracy": float(settled.accuracy),
        "accuracy_chains": settled.to_json(),
        **written(model, r, data),
        "with_dials": written(model, r, data, **DIALS),
    }


def written(model, r, data, **dials):
    """What a model's pieces are like."""
    pieces = [model.sample(N_STEPS, seed=number, **dials) for number in range(1, N_PIECES + 1)]
    described = statistics(pieces, r)
    return {
        "notes_per_frame": described.notes_per_frame,
        "dissonance": described.dissonance,
        "outside": sum(bool(outside(statistics([piece], r), data)) for piece in pieces),
    }


def rows_of(path):
    """The lines of a file of results; an empty list if there is no file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def table(rows):
    """A Markdown table of the results of each variant, averaged over seeds."""
    lines = [
        "| variant | seeds | monitor | lower | upper | enclosed | accuracy % | notes per frame | dissonance "
        "| pieces outside | with dials: notes per frame | dissonance | pieces outside | CPU seconds |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for variant in VARIANTS:
        seeds = [row for row in rows if row["variant"] == variant]
        if seeds:
            sides = [[row["bracket"][side] for row in seeds] for side in ("lower", "upper")]
            settled = all(row["accuracy_chains"]["agrees"] for row in seeds)
            accuracy = f"{100 * mean(seeds, 'accuracy'):.1f}"
            cells = [
                variant,
                str(len(seeds)),
                f"{mean(seeds, 'monitor'):.2f}",
                *(f"{np.mean(side):.2f}{spread(side)}" for side in sides),
                f"{sum(row['bracket']['holds'] for row in seeds)} of {len(seeds)}",
                accuracy if settled else f"({accuracy})",
                *cells_of_pieces(seeds),
                *cells_of_pieces([row["with_dials"] for row in seeds]),
                f"{mean(seeds, 'seconds'):.0f}",
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cells_of_pieces(seeds):
    """Means of what pieces are like."""
    return (
        f"{mean(seeds, 'notes_per_frame'):.1f}",
        f"{mean(seeds, 'dissonance'):.2f}",
        f"{sum(row['outside'] for row in seeds)} of {N_PIECES * len(seeds)}",
    )


def mean(rows, name):
    """The mean of one number over rows, without rows where it is None."""
    return np.mean([row[name] for row in rows if row[name] is not None])


def spread(values):
    """The standard deviation over seeds as text; empty for one seed."""
    return f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""


def show(args):
    """Print a table for each set."""
    for dataset in SETS:
        if rows := rows_of(args.folder / f"{dataset}.jsonl"):
            print(f"## {dataset}\n\n{table(rows)}\n")


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.regularisers", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    running = commands.add_parser("run")
    running.add_argument("set_", metavar="SET", choices=EPOCHS)
    running.add_argument("folder", metavar="FOLDER", type=Path)
    running.add_argument("--data", type=Path, help="folder of the rolls (RNNRBM_DATA, or the user's cache)")
    running.add_argument("--seeds", nargs="+", type=int, default=[1], metavar="N", help="seeds to train with (1)")
    running.add_argument("--only", nargs="+", choices=VARIANTS, metavar="VARIANT", help="variants to train (all)")
    running.set_defaults(function=run)
    shown = commands.add_parser("show")
    shown.add_argument("folder", metavar="FOLDER", type=Path)
    shown.set_defaults(function=show)
    args = parser.parse_args(arguments)
    args.function(args)


if __name__ == "__main__":
    main()
