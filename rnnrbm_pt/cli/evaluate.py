"""`rnnrbm evaluate`: how well a trained model predicts music, beside simple models and the paper's."""

import json
import math
import sys
from functools import partial

from rnnrbm_pt.checks import integer
from rnnrbm_pt.cli.input_files import (
    FILES,
    add_averages_option,
    add_reading_options,
    load_model,
    plural,
    read_files,
)
from rnnrbm_pt.cli.named_sets import NAMES, add_set_options, load_set, named_set, read_split
from rnnrbm_pt.cli.options import add_command, add_options, checked, given
from rnnrbm_pt.cli.piece_statistics import compare_pieces, piece_lines
from rnnrbm_pt.evaluation.annealing import Annealing
from rnnrbm_pt.music.paper_sets import SPLITS


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(
        commands,
        "evaluate",
        run,
        "measure how well a trained model predicts unseen music",
        ": the likelihood and the expected accuracy of each frame given those before it, beside what simple models "
        "reach, and beside the paper's model of that kind on that set.",
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "data",
        nargs="+",
        metavar="DATA",
        help=f"one of {NAMES}, which are looked for (and fetched) as `rnnrbm data` does it; or {FILES}, read as those "
        "that the model was trained on",
    )
    sets = parser.add_argument_group("data sets")
    sets.add_argument("--split", choices=SPLITS, help="(test)")
    add_set_options(sets)
    files = parser.add_argument_group("MIDI files")
    files.add_argument("--training", nargs="+", metavar="FILES", help="what the simple models learn from")
    add_reading_options(files)
    how = parser.add_argument_group("how")
    how.add_argument("--frames", type=int, metavar="N", help="take N frames at random, which is faster (all)")
    how.add_argument("--samples", type=int, default=10, metavar="N", help="samples per frame, for the accuracy (10)")
    how.add_argument(
        "--pieces",
        type=checked(int, partial(integer, least=0)),
        default=0,
        metavar="N",
        help="also draw N pieces from the model and describe them beside the data: density, held notes, dissonance (0)",
    )
    add_options(how, Annealing)
    how.add_argument(
        "--bracket",
        action="store_true",
        help="double the temperatures until estimates forward and in reverse agree, or say that they do not",
    )
    add_averages_option(how)
    how.add_argument("--backend", choices=["numba", "c", "jax"], default="numba", help="what compiles (numba)")
    how.add_argument("--threads", type=int, default=1, metavar="N", help="of Numba, for streams of Philox (1)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run(args):
    """`rnnrbm evaluate`."""
    named = named_set(args.data) is not None
    if not named and (args.split or args.kind or args.folder):
        raise ValueError(f"--split, --kind and --folder are of data sets: one of {NAMES}; found MIDI files")
    if named and args.training:
        raise ValueError(f"--training is for MIDI files; the simple models learn {args.data[0]} from its own split")

    model = load_model(args.model, args)
    if model.real_valued:
        raise ValueError(f"{args.model}: expected a model of notes, found Gaussian visible units")
    rolls, simple, data = _of_set(model, args) if named else _of_files(model, args)
    report = {"model": describe_model(model, args.model), "data": data}
    if not args.json:
        print("\n".join(heading(report)) + "\n", flush=True)
    report |= measure(model, rolls, simple, args)
    if args.pieces:
        say(f"{plural(args.pieces, 'piece')} of music")
        report["pieces"] = compare_pieces(model, rolls, args.pieces, report["how"]["seed"])
        say("")
    if args.json:
        print(json.dumps(finite(report), indent=1))
    else:
        print("\n".join(table(report)))
        if args.pieces:
            print("\n" + "\n".join(piece_lines(report["pieces"])))


# ---------------------------------------------------------------------------------------------------
# The data


def _of_set(model, args):
    """The rolls of a split, the same and the training split for the simple models, and what they are.

    The simple models have the paper's 88 notes. A model with fewer takes the others to be silent for certain.
    """
    name, split, kind = args.data[0], args.split or "test", args.kind or "rolls"
    found = load_set(name, args)
    rolls, outside, step = read_split(model, found, split, args.strict)
    if kind == "midi":
        simple = rolls, rolls if split == "train" else read_split(model, found, "train", args.strict).rolls
    else:
        simple = getattr(found, split), found.train
    return rolls, simple, describe_data(rolls, name, split, kind, step, sum(outside))


def _of_files(model, args):
    """The same of MIDI files; there is something to learn from only if it is named."""
    rolls, outside, step = read_files(model, args.data, args.strict)
    training = None if args.training is None else read_files(model, args.training, args.strict).rolls
    return rolls, (rolls, training), describe_data(rolls, " ".join(args.data), None, "midi", step, sum(outside))


# ---------------------------------------------------------------------------------------------------
# What is said


def describe_model(model, file):
    """What a model is, for the report."""
    return {
        "file": file,
        "kind": type(model).__name__,
        "sizes": {name: n for name, n in model.settings.items() if name.startswith("n_hidden")},
        "notes": list(model.r),
        "epochs": len(model.log),
    }


def describe_data(rolls, name, split, kind, step, outside):
    """What sequences are, for the report."""
    sizes = {"sequences": len(rolls), "frames": sum(map(len, rolls))}
    return {"name": name, "split": split, "kind": kind, **sizes, "step": step, "notes_left_out": outside}


def measure(model, rolls, simple, args):
    """All the numbers of the report.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays
    simple : pair
        The same rolls and those to learn from, or None, for the simple models.
    args : argparse.Namespace

    Returns
    -------
    dict
        JSON's types only.
    """
    from rnnrbm_pt.evaluation.baselines import baselines
    from rnnrbm_pt.evaluation.paper import ROWS, TABLE

    scale = [b._asdict() for b in baselines(*simple)]
    n = f"{args.frames or sum(map(len, rolls)):,} frames"
    say(f"log-likelihood of {n}")
    annealing = Annealing(**given(args, Annealing))
    settings = {"n_frames": args.frames, "seed": annealing.seed}
    sizes = {"n_chains": annealing.n_chains, "n_temperatures": annealing.n_temperatures}
    reverse = mixing = bracket = None
    if args.bracket and not model.scorer.is_exact(annealing.exact):
        bracket = model.bracket(rolls, n_chains=annealing.n_chains, **settings)
        score, reverse, mixing = bracket.upper, bracket.lower, bracket.mixing
        sizes["n_temperatures"] = bracket.n_temperatures
    else:
        score = model.score(rolls, **sizes, **settings)
        if annealing.reverse and not score.exact:
            say(f"log-likelihood of {n}, in reverse")
            reverse = model.score(rolls, **sizes, **settings, reverse=True)
            say("mixing of the chains")
            mixing = model.scorer.mixing(
                rolls, n_chains=annealing.n_chains, n_steps=annealing.n_temperatures, seed=annealing.seed
            )
    effective = None if score.exact else {"forward": score.effective_chains}
    if reverse is not None:
        effective["reverse"] = reverse.effective_chains
    say(f"expected accuracy of {n}")
    settled = model.settled_accuracy(rolls, n_samples=args.samples, **settings)
    say("monitor")
    monitor = model.monitor(rolls)
    say("")
    how = {"seed": annealing.seed, "samples": args.samples}
    if not score.exact:
        how |= {"chains": annealing.n_chains, "temperatures": sizes["n_temperatures"]}
    row, cell = ROWS.get(type(model).__name__), None
    if row and args.data[0] in TABLE[row] and (args.kind or "rolls") == "rolls" and (args.split or "test") == "test":
        cell = {"row": row, **TABLE[row][args.data[0]]._asdict()}
    return {
        "log_likelihood": {**estimate(score), "exact": score.exact},
        "log_likelihood_reverse": None if reverse is None else estimate(reverse),
        "effective_chains": effective,
        "mixing": None if mixing is None else mixing.to_json(),
        "bracket": None if bracket is None else bracket.to_json(),
        "expected_accuracy": estimate(settled.accuracy),
        "expected_precision": estimate(settled.precision),
        "accuracy_chains": settled.to_json(),
        "monitor": float(monitor),
        "how": how,
        "baselines": scale,
        "paper": cell,
    }


def estimate(found):
    """An `Estimate`, for the report."""
    how = {"standard_error": found.standard_error, "frames": found.n_frames, "low_ess": found.n_low_ess}
    return {"value": float(found), **how}


def say(what):
    """What is being computed, to who looks on: a line that the next one takes the place of."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what and f'Computing: {what} ...'}", end="", file=sys.stderr, flush=True)


def heading(report):
    """What is evaluated on what, as lines."""
    model, data = report["model"], report["data"]
    low, high = model["notes"]
    sizes = " and ".join(map(str, model["sizes"].values()))
    title = data["name"] if data["split"] is None else f"{data['name']}, {data['split']} split ({data['kind']})"
    yield f"Model  {model['file']}"
    yield f"       {model['kind']}, {sizes} hidden units, notes {low} to {high - 1}, {plural(model['epochs'], 'epoch')}"
    yield f"Data   {title}"
    yield f"       {plural(data['sequences'], 'sequence')}, {plural(data['frames'], 'frame')} of {data['step']}"
    if data["notes_left_out"]:
        yield f"       {plural(data['notes_left_out'], 'note')} outside the model's range left out"


WIDTHS = 24, 14, 10, 11, 10


def line(name, log_p="", log_p_error="", accuracy="", accuracy_error=""):
    """A line of the table: two numbers, each with its error."""
    words = zip((log_p, log_p_error, accuracy, accuracy_error), WIDTHS[1:], strict=True)
    return (name.ljust(WIDTHS[0]) + "".join(word.rjust(width) for word, width in words)).rstrip()


def table(report):
    """The numbers, as lines."""
    log_p, accuracy = report["log_likelihood"], report["expected_accuracy"]
    yield line("", "log-likelihood", "", "accuracy")
    yield line("", "nats/frame", "", "%")
    yield line(
        "the model",
        number(log_p["value"]),
        "exact" if log_p["exact"] and not log_p["standard_error"] else error(log_p["standard_error"]),
        number(100 * accuracy["value"]),
        error(100 * accuracy["standard_error"]),
    )
    if report["log_likelihood_reverse"]:
        below = report["log_likelihood_reverse"]
        yield line("  in reverse", number(below["value"]), error(below["standard_error"]))
    precision = report["expected_precision"]
    errors = error(100 * precision["standard_error"])
    yield line("  missed notes forgiven", accuracy=number(100 * precision["value"]), accuracy_error=errors)
    yield line("  its monitor", number(report["monitor"]))
    yield ""
    for b in report["baselines"]:
        yield line(b["name"], number(b["log_likelihood"]), "", number(100 * b["expected_accuracy"]))
    if report["paper"]:
        cell = report["paper"]
        yield ""
        known = "" if cell["accuracy"] is None else number(cell["accuracy"])
        yield line(f"{cell['row']} of the paper", number(cell["log_likelihood"]), "", known)
    yield ""
    yield from notes(report)


def notes(report):
    """How the numbers were come by, as lines."""
    log_p, how, (low, high) = report["log_likelihood"], report["how"], report["model"]["notes"]
    if report["data"]["kind"] == "rolls" and high - low != 88:
        yield f"The model has {high - low} notes, and the others are silent here; the simple models have all 88."
    if log_p["frames"] < report["data"]["frames"]:
        yield f"The model's two numbers are of {log_p['frames']:,} frames drawn at random; +- is of that choice too."
    if log_p["exact"]:
        yield "Its likelihood is exact of each frame."
    else:
        yield (
            f"Its likelihood is by annealed importance sampling, {how['chains']} chains of {how['temperatures']} "
            "temperatures a frame."
        )
        yield from verdict(report["bracket"])
        yield from doubts(report)
        yield from speeds(report)
    yield f"Its accuracy is sum TP / sum (TP + FP + FN), counts expected, by {how['samples']} samples a frame."
    yield from lengths(report["accuracy_chains"])
    yield "Its monitor is what training prints, on windows of 100 frames."
    if len(report["baselines"]) == 1:
        yield "More simple models than chance there are with --training FILES to learn from."
    if report["paper"]:
        yield "The paper: Boulanger-Lewandowski, Bengio, Vincent (2012), table 1. By all that can be seen, its"
        yield "accuracies forgive missed notes: TP / (TP + FP)."
        yield "Its numbers are from memory and from quotations, not from the paper itself, and may be wrong."


def verdict(bracket):
    """What may be reported, where the likelihood was enclosed, as lines."""
    if bracket:
        yield (
            f"The number to report is the lower one, {number(min(bracket['lower'], bracket['upper']))}."
            if bracket["holds"]
            else "None of the two can be reported: they are too far apart, still move, or the chains do not mix."
        )


def doubts(report):
    """Whether annealed importance sampling is to be trusted, as lines."""
    up, down = report["log_likelihood"], report["log_likelihood_reverse"]
    share = max(found["low_ess"] / found["frames"] for found in (up, down) if found)
    if share:
        yield (
            f"The chains of {100 * share:.2g} % of the frames disagree so much that their errors are not to be "
            "trusted; more --temperatures help."
        )
    mixing = report.get("mixing")
    if mixing and not mixing["mixes"]:
        one, other = mixing["starts"]
        yield "The chains do not mix: this bracket cannot be trusted, and the likelihood may lie below both numbers."
        yield (
            f"After {plural(mixing['n_steps'], 'Gibbs step')}, chains from {one} and from {other} still differ by "
            f"{100 * mixing['memory']:.0f} % of what their starts differ by."
        )
    elif down and down["value"] > up["value"]:
        yield "In reverse it came out higher, so the two do not enclose the likelihood. If they are far"
        yield "apart, the Gibbs chains do not mix."
    elif down:
        yield "Forward it errs upwards, in reverse downwards: it lies between the two, up to chance, unless"
        yield "there is a mode that no chain reached; chains from the frames, from silence and from all notes mix."
    elif share > DOUBT:
        yield "With --reverse it is enclosed from below."


def lengths(chains):
    """How long the Gibbs chains of the accuracy had to be, as lines; none of a NADE, whose samples are exact."""
    if chains["agrees"] and chains["n_steps"]:
        yield f"Gibbs chains of {chains['n_steps']} steps from silence and from the frame before agree in it."
    elif chains["n_steps"]:
        ours, other = (100 * chains[f"from_{name}"] for name in ("silence", "previous"))
        yield (
            f"It cannot be trusted: after {chains['n_steps']} Gibbs steps, chains from silence give {ours:.2f} % and "
            f"chains from the frame before {other:.2f} %."
        )


def speeds(report):
    """How many chains the estimate is worth, and how fast chains forget, as lines."""
    effective, mixing = report["effective_chains"], report["mixing"]
    worth = " and in reverse ".join(f"{x:.1f}" for x in effective.values())
    yield f"The {report['how']['chains']} chains of a frame are worth {worth} independent ones on average."
    if mixing:
        shares = ", ".join(f"{100 * x:.0f} % after {lag}" for lag, x in mixing["autocorrelation"].items())
        yield f"Autocorrelation of a chain's frames by further Gibbs steps: {shares}."


DOUBT = 0.01
"""The share of frames with a low effective sample size above which a bracket is recommended."""


def number(x):
    """Two decimals, as the paper has them."""
    return f"{x:.2f}"


def error(x):
    """A standard error, rounded up to two decimals; of one frame there is none."""
    return f"+- {rounded_up(x)}" if math.isfinite(x) else ""


def rounded_up(x):
    """Two decimals, of which an error has no less than it should."""
    return f"{math.ceil(100 * x) / 100:.2f}"


def finite(report):
    """The report with None for numbers that JSON does not have."""
    if isinstance(report, dict):
        return {name: finite(value) for name, value in report.items()}
    if isinstance(report, list):
        return [finite(value) for value in report]
    return None if isinstance(report, float) and not math.isfinite(report) else report
