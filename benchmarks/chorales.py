"""Train a model on the JSB chorales of the paper's authors and measure how well it predicts the test split.

    python -m benchmarks.chorales DATA.npz FOLDER --model rnn-rbm --lr 0.03 --epochs 400 --seconds 500

DATA.npz is a file of rolls in any format that `read_roll_file` supports. Writes model.npz, sample.mid, sample.png and
result.json to FOLDER. The learning rate is constant for half of the epochs and then falls linearly to 0. The visible
biases start at the log odds of each note in the training split. Parameters and settings are chosen on the validation
split; the test split is used once, at the end.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from rnnrbm_pt.music.paper_sets import R as PAPER_R
from rnnrbm_pt.music.pianoroll import change_range
from rnnrbm_pt.music.roll_files import read_roll_file

R = 43, 97
"""Half-open range of the notes in the three splits."""

MODELS = {"rnn-rbm": "RnnRbm", "rtrbm": "Rtrbm", "lstm-rtrbm": "LstmRtrbm", "rnn-nade": "RnnNade"}


def load(path):
    """Read a file of rolls as {split: list of rolls}, reduced to the notes `R`."""
    rolls = {}
    for split, found in read_roll_file(path).items():
        changed = [change_range(roll, PAPER_R, R) for roll in found]
        if any(n_lost for _, n_lost in changed):
            raise ValueError(f"{path}: expected notes {R[0]} to {R[1] - 1}, found other notes in {split}")
        rolls[split] = [roll for roll, _ in changed]
    return rolls


def squared_error(model, rolls, n_samples):
    """Mean squared error of a model's predictions.

    Returns
    -------
    float
        The mean over all frames and 88 notes. Notes outside `R` have no error.
    """
    squares = sum(((roll - model.predict_next(roll, n_samples=n_samples)) ** 2).sum() for roll in rolls)
    return float(squares / (88 * sum(map(len, rolls))))


def baselines(rolls):
    """Mean squared errors of two simple predictions: the mean of the training split, and the previous frame."""
    mean = np.concatenate(rolls["train"]).mean(axis=0)
    frames = np.concatenate(rolls["test"])
    before = np.concatenate([np.vstack([np.zeros_like(roll[:1]), roll[:-1]]) for roll in rolls["test"]])
    return {
        "mean of each note": float(((frames - mean) ** 2).sum() / (88 * len(frames))),
        "frame before": float(((frames.astype(int) - before) ** 2).sum() / (88 * len(frames))),
    }


def main(arguments=None):
    """Train, choose parameters, evaluate, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chorales", description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", choices=MODELS, default="rnn-rbm")
    parser.add_argument("--lr", type=float, default=0.03)
    parser.add_argument(
        "--scale", type=float, help="initial weights are this times 1 / sqrt(inputs) (as in the tutorial)"
    )
    parser.add_argument("--hidden", type=int, default=150)
    parser.add_argument("--recurrent", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--every", type=int, default=20, help="epochs between two validations (20)")
    parser.add_argument("--seconds", type=float, default=np.inf, help="time limit, including compilation")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)

    import rnnrbm_pt
    from rnnrbm_pt import midiwrite
    from rnnrbm_pt.music.plot import save_piano_roll

    start = time.perf_counter()
    args.folder.mkdir(parents=True, exist_ok=True)
    rolls = load(args.data)
    sizes = {"n_hidden": args.hidden}
    if args.model != "rtrbm":
        sizes["n_hidden_recurrent"] = args.recurrent
    model_class = getattr(rnnrbm_pt, MODELS[args.model])
    model = model_class(**sizes, lr=args.lr, r=R, dt=0.5, seed=args.seed, floatX="float32", streams="philox")
    if args.scale is not None:
        random = np.random.default_rng(args.seed)
        for p in model.params:
            shape = p.get_value().shape
            if len(shape) == 2:
                p.set_value((args.scale / np.sqrt(shape[0]) * random.standard_normal(shape)).astype("float32"))
    often = np.clip(np.concatenate(rolls["train"]).mean(axis=0), 1e-4, None)
    biases = next(p for p in model.params if p.name == "bv")
    biases.set_value(np.log(often / (1 - often)).astype("float32"))

    curve, best = [], (np.inf, None)
    exact = args.model == "rnn-nade"

    def validate(record):
        nonlocal best
        epoch = record["epoch"]
        model.lr.set_value(np.float32(args.lr * min(1, 2 * (1 - epoch / args.epochs))))
        if epoch % args.every == 0 or epoch == args.epochs:
            error = squared_error(model, rolls["valid"], 3)
            log_p = model.score(rolls["valid"]) if exact else None
            seconds = time.perf_counter() - start
            row = {"epoch": epoch, "seconds": round(seconds, 1), "monitor": record["monitor"], "valid_error": error}
            curve.append({**row, "valid_log_likelihood": log_p})
            print(json.dumps(curve[-1]), flush=True)
            loss = -log_p if exact else error
            if loss < best[0]:
                best = loss, [p.get_value() for p in model.params]
            if seconds > args.seconds:
                raise KeyboardInterrupt

    try:
        model.fit(rolls["train"], batch_size=200, num_epochs=args.epochs, on_epoch=validate)
    except KeyboardInterrupt:
        print("stopped at the time limit", flush=True)
    if best[1] is not None:
        for p, value in zip(model.params, best[1], strict=True):
            p.set_value(value)
    log_p, accuracy = model.score(rolls["test"]), model.expected_accuracy(rolls["test"])
    result = {
        "model": args.model,
        **{name: value for name, value in vars(args).items() if isinstance(value, (int, float)) and value < np.inf},
        "train_seconds": round(time.perf_counter() - start, 1),
        "test_error": squared_error(model, rolls["test"], 10),
        "test_accuracy": accuracy,
        "test_accuracy_standard_error": accuracy.standard_error,
        "test_log_likelihood": log_p,
        "test_log_likelihood_standard_error": log_p.standard_error,
        "baseline_errors": baselines(rolls),
        "curve": curve,
    }
    (args.folder / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    model.save(args.folder / "model.npz")
    roll = model.sample(100, seed=1)
    midiwrite(args.folder / "sample.mid", roll, R, 0.5)
    save_piano_roll(args.folder / "sample.png", roll, R, 0.5, crop=True, note_names=True, title="")
    print(json.dumps({name: value for name, value in result.items() if name != "curve"}), flush=True)


if __name__ == "__main__":
    main()
