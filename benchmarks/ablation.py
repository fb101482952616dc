"""What each improvement of training brings by itself, measured beside the tutorial's program.

    python -m benchmarks.ablation run nottingham Nottingham.zip FOLDER --only tutorial adam
    python -m benchmarks.ablation run jsb jsb_chorales.npz FOLDER
    python -m benchmarks.ablation show FOLDER

`run` trains each configuration and writes NAME.jsonl, a line an epoch: updates so far, the mean monitor of the epoch's
updates, the monitor of the validation split, and seconds of the processor since training began, pretraining included
and compiling not. Several can run side by side. `show` prints the table and writes curves.png.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

RBM = {"frame_epochs": 10}
RNN = {"rnn_epochs": 10}
NESTEROV = {"optimizer": "nesterov", "momentum": 0.9, "clip_norm": 10.0}
MUSIC = {"tonality": "parallel", "key_from": "notes", "steps_per_quarter": 2}

CONFIGURATIONS = {
    "tutorial": ("the tutorial as it is", {}, {}),
    "music": ("transposed, frames by the beat", {"preprocess": MUSIC}, {}),
    "rbm": ("RBM pretrained", {}, {"pretrain": RBM}),
    "rnn": ("RNN pretrained", {}, {"pretrain": RNN}),
    "nesterov": ("gradient clipped, Nesterov's momentum", {}, NESTEROV),
    "adam": ("Adam", {}, {"optimizer": "adam"}),
    "u0": ("u0 learned", {"learn_initial": True}, {}),
    "carry": ("state carried from window to window", {}, {"carry_state": True}),
    "fast": ("the recipe fast", None, None),
}
"""Each name: what it is, the model's keywords, and those of `fit`."""

GOAL = -4.73
"""The monitor of the tutorial's program after 200 epochs of Nottingham."""


def read(dataset, path, model):
    """The training and the validation split."""
    if dataset == "nottingham":
        return [model.read(path / "Nottingham" / split) for split in ("train", "valid")]
    rolls = []
    with np.load(path) as arrays:
        for split in ("train", "valid"):
            lengths = arrays[f"{split}_lengths"]
            n = int(lengths.sum())
            frames = np.unpackbits(arrays[f"{split}_frames"], count=n * 88).reshape(n, 88)
            rolls.append(np.split(frames, np.cumsum(lengths)[:-1]))
    return rolls


def settings_of(name):
    """Keywords of the model and of `fit` for a configuration."""
    _, of_model, of_fit = CONFIGURATIONS[name]
    if name == "fast":
        from rnnrbm_pt.training.recipes import RECIPES

        of_model, of_fit = RECIPES["fast"].model, RECIPES["fast"].fit
    return dict(of_model), dict(of_fit)


def run(args):
    """Train the configurations that are asked for."""
    from rnnrbm_pt import RnnRbm

    args.folder.mkdir(parents=True, exist_ok=True)
    for name in args.only or CONFIGURATIONS:
        of_model, of_fit = settings_of(name)
        model = RnnRbm(seed=args.seed, floatX="float32", streams="philox", **of_model)
        train, valid = read(args.dataset, args.path, model)
        model.fit(train[:1], num_epochs=0, **{**of_fit, "pretrain": None})  # so that what follows compiles nothing
        update = model.updater(100, of_fit.get("n_sequences", 1))
        state = model.get_state()
        update(train[0][:100])
        model.set_state(state)
        model.monitor(valid[:1])
        start = time.process_time()
        with open(args.folder / f"{name}.jsonl", "w", encoding="utf-8") as file:

            def look(record, model=model, valid=valid, file=file, start=start, name=name):
                seconds = time.process_time() - start
                row = {"epoch": record["epoch"], "updates": model.progress.updates, "monitor": record["monitor"]}
                if record["epoch"] % args.every == 0 or record["epoch"] == 1:
                    row["validation"] = model.monitor(valid)
                row |= {"gradient_norm": record["gradient_norm"], "seconds": round(seconds, 2)}
                file.write(json.dumps(row) + "\n")
                file.flush()
                print(name, row, flush=True)

            model.fit(train, num_epochs=args.epochs, on_epoch=look, **of_fit)


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    sub = commands.add_parser("run")
    sub.set_defaults(function=run)
    sub.add_argument("dataset", choices=["nottingham", "jsb"])
    sub.add_argument("path", type=Path)
    sub.add_argument("folder", type=Path)
    sub.add_argument("--only", nargs="+", choices=CONFIGURATIONS)
    sub.add_argument("--epochs", type=int, default=200)
    sub.add_argument("--every", type=int, default=5, help="epochs between two looks at the validation split (5)")
    sub.add_argument("--seed", type=int, default=0xBEEF)
    args = parser.parse_args(arguments)
    args.function(args)


if __name__ == "__main__":
    main()
