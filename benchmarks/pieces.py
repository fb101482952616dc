"""What trained models write, beside what they learned from: statistics of many pieces, and pictures of a few.

    python -m benchmarks.pieces FOLDER nottingham-rnn-rbm "nottingham-rnn-rbm start=previous floor=0.05" nottingham

Each argument is a model file or the name of a pretrained model, and the dials to generate with. Writes a table and
the numbers to FOLDER/pieces.md and FOLDER/pieces.json, and a sheet of 12 pieces of each to FOLDER/NUMBER.png.
"""

import argparse
import json
from pathlib import Path

from rnnrbm_pt.cli.input_files import model_file
from rnnrbm_pt.models.base import SequenceModel
from rnnrbm_pt.models.generation import Generation
from rnnrbm_pt.music.plot import plot_piano_roll
from rnnrbm_pt.music.statistics import ROWS, outside, statistics

N_STEPS = 200
SHEET = 4, 3
"""Rows and columns of the pictures on a sheet."""


def described(model, dials, n_pieces):
    """The pieces of a model, and what is said of them."""
    pieces = [model.sample(N_STEPS, seed=seed, **dials) for seed in range(1, n_pieces + 1)]
    where = [outside(statistics([piece], model.r), model.state.data) for piece in pieces]
    numbers = statistics(pieces, model.r).to_json()
    counts = {"runaways": where.count("above"), "thinner": where.count("below")}
    return pieces, {"dials": dials, "pieces": numbers, "data": model.state.data.to_json(), **counts}


def table(found, n_pieces):
    """The statistics of each model beside those of its data, as lines of a table."""
    titles = [f"{name} | its data" for name in found]
    lines = [f"| | {' | '.join(titles)} |", "|---|" + "--:|" * (2 * len(titles))]
    for title, show in ROWS.items():
        if title != "known frames":
            cells = (show(numbers[of]) for numbers in found.values() for of in ("pieces", "data"))
            lines.append(f"| {title} | {' | '.join(cells)} |")
    for title, name in (("runaways", "runaways"), ("thinner than the data", "thinner")):
        cells = (f"{numbers[name]} of {n_pieces} | " for numbers in found.values())
        lines.append(f"| {title} | {'| '.join(cells)}|")
    return "\n".join(lines)


def sheet(path, model, pieces):
    """Draw the first pieces side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 10), layout="constrained")
    for number, (axes, piece) in enumerate(zip(figure.subplots(*SHEET).flat, pieces, strict=False), 1):
        plot_piano_roll(piece, model.r, model.step_seconds or 0.3, ax=axes, title=f"seed {number}")
    figure.savefig(path, dpi=80)


def parsed(text):
    """A model and dials, "NAME start=previous floor=0.05", as a name and a dict."""
    name, *dials = text.split()
    pairs = (dial.partition("=")[::2] for dial in dials)
    return name, {dial: value if dial == "start" else json.loads(value) for dial, value in pairs}


def main(arguments=None):
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pieces", description=__doc__.split("\n")[0])
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a file or a name, and dials behind it")
    parser.add_argument("--pieces", type=int, default=100, metavar="N", help="of each model (100)")
    args = parser.parse_args(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for number, text in enumerate(args.models, 1):
        name, dials = parsed(text)
        Generation(**dials)
        model = SequenceModel.load(model_file(name))
        pieces, found[text.replace(name, Path(name).stem)] = described(model, dials, args.pieces)
        sheet(args.folder / f"{number}.png", model, pieces)
    words = table(found, args.pieces)
    (args.folder / "pieces.md").write_text(words + "\n", encoding="utf-8")
    (args.folder / "pieces.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(words)


if __name__ == "__main__":
    main()
