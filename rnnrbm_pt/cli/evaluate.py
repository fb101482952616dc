"""`rnnrbm evaluate`: measure how well a model predicts music, compared with simple models and the paper's models."""

import json
import math
import sys

from rnnrbm_pt.cli.input_files import (
    FILES,
    MODEL_FILE,
    add_averages_option,
    add_reading_options,
    load_notes_model,
    plural,
    read_files,
)
from rnnrbm_pt.cli.named_sets import NAMES, add_set_options, load_set, named_set, read_split
from rnnrbm_pt.cli.options import add_command, add_options, given, whole_number
from rnnrbm_pt.cli.piece_statistics import compare_pieces, piece_lines
from rnnrbm_pt.cli.training_options import add_running_options
from rnnrbm_pt.evaluation.annealing import Annealing
from rnnrbm_pt.io.json_text import finite
from rnnrbm_pt.music.paper_sets import SPLITS


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(
        commands,
        "evaluate",
        run,
        "measure how well a model predicts unseen music",
        ". Compute the log-likelihood and the expected accuracy of each frame given the frames before it. Compare them "
        "with simple models, and with the results of the paper for the same kind of model and data set.",
    )
    parser.add_argument("model", metavar="MODEL", help=MODEL_FILE)
    parser.add_argument(
        "data",
        nargs="+",
        metavar="DATA",
        help=f"data set ({NAMES}), which is downloaded if necessary; or {FILES}, which are read as in training",
    )
    sets = parser.add_argument_group("data sets")
    sets.add_argument("--split", choices=SPLITS, help="split of the data set [default: test]")
    add_set_options(sets)
    files = parser.add_argument_group("MIDI files")
    files.add_argument("--training", nargs="+", metavar="FILES", help="train the simple models on these files")
    add_reading_options(files)
    how = parser.add_argument_group("method")
    how.add_argument(
        "--frames",
        type=whole_number(1),
        metavar="N",
        help="use N random frames, which is faster [default: all]",
    )
    how.add_argument(
        "--samples",
        type=whole_number(2),
        default=10,
        metavar="N",
        help="samples per frame for the accuracy [default: 10]",
    )
    how.add_argument(
        "--pieces",
        type=whole_number(0),
        default=0,
        metavar="N",
        help="also generate N pieces and compare their density, held notes and dissonance with the data [default: 0]",
    )
    add_options(how, Annealing)
    how.add_argument(
        "--bracket",
        action="store_true",
        help="estimate with more and more Gibbs steps and temperatures until the forward and the reverse estimate "
        "agree, or report that they do not",
    )
    add_averages_option(how)
    add_running_options(how)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    return parser


def run(args):
    """Run `rnnrbm evaluate`."""
    named = named_set(args.data) is not None
    if not named and (args.split or args.kind or args.folder):
        raise ValueError(f"--split, --kind and --folder: expected a data set, one of {NAMES}, found MIDI files")
    if named and args.training:
        raise ValueError(
            f"--training: expected MIDI files to evaluate, found {args.data[0]}, which has a training split"
        )
    chosen = {"--temperatures": args.n_temperatures, "--reverse": args.reverse, "--reverse-steps": args.reverse_steps}
    for option, value in chosen.items():
        if args.bracket and value is not None:
            raise ValueError(f"--bracket: expected no {option}, which it chooses itself, found {value}")

    model = load_notes_model(args.model, args)
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
    """Read a split of a data set.

    Returns
    -------
    rolls : list of arrays
        Sequences for the model.
    simple : pair
        The same sequences, and the training split, for the simple models. They have the paper's 88 notes; a model with
        fewer notes treats the others as certainly silent.
    data : dict
        Description of the data for the report.
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
    """Read MIDI files; see `_of_set`. The simple models have training data only with --training."""
    rolls, outside, step = read_files(model, args.data, args.strict)
    training = None if args.training is None else read_files(model, args.training, args.strict).rolls
    return rolls, (rolls, training), describe_data(rolls, " ".join(args.data), None, "midi", step, sum(outside))


# ---------------------------------------------------------------------------------------------------
# The report


def describe_model(model, file):
    """Describe a model for the report."""
    return {
        "file": file,
        "kind": type(model).__name__,
        "sizes": {name: n for name, n in model.settings.items() if name.startswith("n_hidden")},
        "notes": list(model.r),
        "epochs": len(model.log),
    }


def describe_data(rolls, name, split, kind, step, outside):
    """Describe sequences for the report."""
    sizes = {"sequences": len(rolls), "frames": sum(map(len, rolls))}
    return {"name": name, "split": split, "kind": kind, **sizes, "step": step, "notes_left_out": outside}


def measure(model, rolls, simple, args):
    """Compute all numbers of the report.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays
        Sequences to evaluate.
    simple : pair
        The same sequences for the simple models, and their training sequences or None.
    args : argparse.Namespace

    Returns
    -------
    dict
        The numbers as JSON types.
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
            reverse = model.score(rolls, **sizes, **settings, reverse=True, reverse_steps=annealing.reverse_steps)
            say("mixing of the chains")
            n_steps = max(annealing.reverse_steps, annealing.n_temperatures)
            mixing = model.scorer.mixing(rolls, n_chains=annealing.n_chains, n_steps=n_steps, seed=annealing.seed)
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
    """Convert an `Estimate` to JSON types."""
    how = {"standard_error": found.standard_error, "frames": found.n_frames, "low_ess": found.n_low_ess}
    return {"value": float(found), **how}


def say(what):
    """Show on a terminal what is being computed. The next call overwrites the line, and an empty text clears it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what and f'Computing: {what} ...'}", end="", file=sys.stderr, flush=True)


def heading(report):
    """Yield the lines that describe the model and the data."""
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
    """Format a line of the table: a name and two numbers, each with its error."""
    words = zip((log_p, log_p_error, accuracy, accuracy_error), WIDTHS[1:], strict=True)
    return (name.ljust(WIDTHS[0]) + "".join(word.rjust(width) for word, width in words)).rstrip()


def table(report):
    """Yield the lines of the table of results, and the notes below it."""
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
    yield line("  ignoring missed notes", accuracy=number(100 * precision["value"]), accuracy_error=errors)
    yield line("  monitor", number(report["monitor"]))
    yield ""
    for b in report["baselines"]:
        yield line(b["name"], number(b["log_likelihood"]), "", number(100 * b["expected_accuracy"]))
    if report["paper"]:
        cell = report["paper"]
        yield ""
        known = "" if cell["accuracy"] is None else number(cell["accuracy"])
        yield line(f"{cell['row']} in the paper", number(cell["log_likelihood"]), "", known)
    yield ""
    yield from notes(report)


def notes(report):
    """Yield lines that explain how the numbers were computed."""
    log_p, how, (low, high) = report["log_likelihood"], report["how"], report["model"]["notes"]
    if report["data"]["kind"] == "rolls" and high - low != 88:
        yield f"The model has {high - low} notes; the others are silent in the data. The simple models have all 88."
    if log_p["frames"] < report["data"]["frames"]:
        yield f"Log-likelihood and accuracy are from {log_p['frames']:,} random frames; +- includes this choice."
    if log_p["exact"]:
        yield "Log-likelihood: exact for each frame."
    else:
        yield (
            f"Log-likelihood: annealed importance sampling with {how['chains']} chains of {how['temperatures']} "
            "temperatures per frame."
        )
        yield from verdict(report["bracket"])
        yield from doubts(report)
        yield from speeds(report)
    yield f"Accuracy: sum TP / sum (TP + FP + FN), with expected counts from {how['samples']} samples per frame."
    yield from lengths(report["accuracy_chains"])
    yield "Monitor: the quantity that training prints, on windows of 100 frames."
    if len(report["baselines"]) == 1:
        yield "For more simple models, add --training FILES."
    if report["paper"]:
        yield "Paper: Boulanger-Lewandowski, Bengio and Vincent (2012), table 1. Its accuracies apparently ignore"
        yield "missed notes: TP / (TP + FP). The numbers shown here come from memory and from quotations, not from the"
        yield "paper itself, and may be wrong."


def verdict(bracket):
    """Yield a line that says which number may be reported, if the likelihood was bracketed."""
    if bracket:
        yield (
            f"Report the lower estimate, {number(min(bracket['lower'], bracket['upper']))}."
            if bracket["holds"]
            else "Report neither estimate: they are too far apart, still change, or the chains do not mix."
        )


def doubts(report):
    """Yield lines that say whether annealed importance sampling can be trusted."""
    up, down = report["log_likelihood"], report["log_likelihood_reverse"]
    share = max(found["low_ess"] / found["frames"] for found in (up, down) if found)
    if share:
        yield (
            f"In {100 * share:.2g} % of the frames, the chains disagree so much that the errors cannot be trusted; "
            "more --temperatures help."
        )
    mixing = report.get("mixing")
    if mixing and not mixing["mixes"]:
        one, other = mixing["starts"]
        yield "The chains do not mix. The bracket cannot be trusted: the likelihood may lie below both numbers."
        yield (
            f"After {plural(mixing['n_steps'], 'Gibbs step')}, chains from {one} and from {other} still differ by "
            f"{100 * mixing['memory']:.0f} % of their initial difference."
        )
    elif down and down["value"] > up["value"]:
        yield "The reverse estimate is higher, so the two estimates do not enclose the likelihood. If they are far"
        yield "apart, the Gibbs chains do not mix."
    elif down:
        yield "The forward estimate errs upwards and the reverse estimate downwards. Up to chance, the likelihood"
        yield "lies between them, unless there is a mode that no chain reached. Chains from the frames, from silence"
        yield "and from all notes mix."
    elif share > DOUBT:
        yield "Use --reverse to bound the likelihood from below."


def lengths(chains):
    """Yield a line about the Gibbs chains of the accuracy. A NADE has none, because its samples are exact."""
    if chains["agrees"] and chains["n_steps"]:
        yield f"Gibbs chains of {chains['n_steps']} steps from silence and from the previous frame agree on it."
    elif chains["n_steps"]:
        ours, other = (100 * chains[f"from_{name}"] for name in ("silence", "previous"))
        yield (
            f"It cannot be trusted: after {chains['n_steps']} Gibbs steps, chains from silence give {ours:.2f} % and "
            f"chains from the previous frame {other:.2f} %."
        )


def speeds(report):
    """Yield lines about the effective number of chains and the autocorrelation of a chain."""
    effective, mixing = report["effective_chains"], report["mixing"]
    worth = " and in reverse ".join(f"{x:.1f}" for x in effective.values())
    yield f"The {report['how']['chains']} chains of a frame are worth {worth} independent chains on average."
    if mixing:
        shares = ", ".join(f"{100 * x:.0f} % after {lag}" for lag, x in mixing["autocorrelation"].items())
        yield f"Autocorrelation of a chain's frames, by the number of further Gibbs steps: {shares}."


DOUBT = 0.01
"""Fraction of frames with a low effective sample size above which --reverse is recommended."""


def number(x):
    """Format a number with two decimals, as in the paper."""
    return f"{x:.2f}"


def error(x):
    """Format a standard error, rounded up to two decimals. A single frame has no standard error."""
    return f"+- {rounded_up(x)}" if math.isfinite(x) else ""


def rounded_up(x):
    """Format a number with two decimals, rounded up, so that an error is never understated."""
    return f"{math.ceil(100 * x) / 100:.2f}"
