"""Prepare a trained model for publication with the package, and evaluate it.

    python -m benchmarks.pretrained keep MODEL.npz OUT.npz
    python -m benchmarks.pretrained measure MODEL.npz MIDI_FOLDER

`keep` removes from a model what only its training run needs, such as the state of the optimiser and all parameters but
the best. It prints the SHA-256 hash of the file. `measure` generates 20 pieces, prints their statistics and those of
the training data, and scores the model on the MIDI files.
"""

import argparse
import hashlib
import json
from pathlib import Path

from rnnrbm_pt.cli.evaluate import estimate
from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.generation import STARTS
from rnnrbm_pt.music.plot import save_piano_roll
from rnnrbm_pt.music.statistics import outside, statistics

OF_THE_RUN = "slot_", "best_", "last_", "carried_", "particles"
"""Prefixes, in a model file, of the names of arrays that only the training run needs."""

N_PIECES, N_STEPS = 20, 200


def keep(args):
    """Write the part of a model that generation and further training need."""
    arrays, metadata = read_checkpoint(args.model)
    arrays = {name: array for name, array in arrays.items() if not name.startswith(OF_THE_RUN)}
    write_checkpoint(args.output, arrays, {**metadata, "progress": None})
    content = Path(args.output).read_bytes()
    print(f"{args.output}: {len(content):,} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


def measure(args):
    """Print statistics of a model's pieces, and score the model on MIDI files."""
    model = SequenceModel.load(args.model)
    how = {"start": args.start} if args.start else {}
    pieces = [model.sample(N_STEPS, seed=seed, **how) for seed in range(1, N_PIECES + 1)]
    found = {"pieces": statistics(pieces, model.r).to_json()}
    if model.state.data is not None:
        found["data"] = model.state.data.to_json()
        found["outside"] = [outside(statistics([piece], model.r), model.state.data) for piece in pieces]
    if args.plots:
        for seed in range(1, 4):
            save_piano_roll(args.plots / f"{seed}.png", pieces[seed - 1], model.r, model.step_seconds, crop=True)
    if args.midi:
        rolls = model.read(args.midi)
        exact = model.scorer.is_exact(None)
        annealing = {} if exact else {"n_frames": 500, "n_chains": 10, "n_temperatures": 1000}
        found["log_likelihood"] = estimate(model.score(rolls, **annealing))
        if not exact:
            found["log_likelihood_reverse"] = estimate(model.score(rolls, **annealing, reverse=True))
    print(json.dumps(found, indent=1))


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretrained", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    keeping = commands.add_parser("keep")
    keeping.add_argument("model", metavar="MODEL.npz")
    keeping.add_argument("output", metavar="OUT.npz")
    keeping.set_defaults(function=keep)
    measuring = commands.add_parser("measure")
    measuring.add_argument("model", metavar="MODEL.npz")
    measuring.add_argument("midi", nargs="?", metavar="MIDI_FOLDER")
    measuring.add_argument("--start", choices=STARTS, help="start of the Gibbs chains (zeros)")
    measuring.add_argument("--plots", type=Path, metavar="FOLDER", help="save pictures of three pieces to FOLDER")
    measuring.set_defaults(function=measure)
    args = parser.parse_args(arguments)
    args.function(args)


if __name__ == "__main__":
    main()
