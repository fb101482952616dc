"""Training options of `rnnrbm train`, and their conversion to keywords of a model and of its `fit` method.

An option that is not given has no value. Its default comes from the recipe, or else from `training.settings`.
"""

import argparse
from functools import partial

from rnnrbm_pt.checks import number
from rnnrbm_pt.cli.named_sets import named_set, preprocessing_of_rolls
from rnnrbm_pt.cli.options import add_options, checked, given, whole_number
from rnnrbm_pt.cli.stores import frames_of_store, store_of
from rnnrbm_pt.music.midi_notes import TEMPO_FROM
from rnnrbm_pt.training.recipes import RECIPES
from rnnrbm_pt.training.schedules import parse_schedule
from rnnrbm_pt.training.settings import SCHEDULED, Learning, Pretraining, Run, Validation

MODELS = {
    "rnn-rbm": "RnnRbm",
    "rtrbm": "Rtrbm",
    "lstm-rtrbm": "LstmRtrbm",
    "rnn-nade": "RnnNade",
    "tied-rnn-rbm": "TiedRnnRbm",
    "biaxial-rnn": "BiaxialRnn",
}
"""Values of --model, and the classes that they stand for."""

FOR_FIT = Run, Validation, Learning
"""Settings classes whose fields are keywords of `fit`."""

PRETRAIN = "pretrain-"
"""Prefix of the options of `Pretraining`."""

PREPROCESS = {
    "transpose": "tonality",
    "key_from": "key_from",
    "steps_per_quarter": "steps_per_quarter",
    "drums": "drums",
    "tempo_from": "tempo_from",
    "pedal": "pedal",
    "keep_short": "keep_short",
}
"""Preprocessing options, and the fields of `Preprocessing` that they set."""


def add_training_options(parser):
    """Add the training options to the parser of `rnnrbm train`."""
    learning = parser.add_argument_group("training")
    learning.add_argument(
        "--recipe", choices=tuple(RECIPES), help="defaults of the model and its training [default: tutorial]"
    )
    rate = checked(float, partial(number, least=0))
    learning.add_argument("--lr", type=rate, metavar="X", help="learning rate [default: 0.001]")
    for kind in (Run, Learning):
        add_options(learning, kind)
    learning.add_argument(
        "--schedule",
        action="append",
        metavar="WHAT=HOW",
        help="change a setting during training (repeatable), as in lr=cosine:0.01,0,200 or k=growth:1,100,50. WHAT is "
        f"{', '.join(SCHEDULED[:-1])} or {SCHEDULED[-1]}. HOW is constant, table, step, exponential, 1/t, cosine or "
        "growth, per epoch, or per update with @update; +warmup:N adds a warm-up of N updates",
    )
    copies = whole_number(0)
    learning.add_argument(
        "--augment", type=copies, metavar="N", help="also train on copies transposed by up to N semitones up and down"
    )
    validation = parser.add_argument_group("validation")
    validation.add_argument(
        "--validation",
        nargs="+",
        metavar="FILES",
        help="validate on these files or on this data set, and keep the best parameters",
    )
    add_options(validation, Validation)
    add_options(parser.add_argument_group("pretraining"), Pretraining, PRETRAIN)
    add_preprocessing_options(parser.add_argument_group("preprocessing"))


def add_range_options(group):
    """Add the options for the range of notes and the duration of a frame.

    Parameters
    ----------
    group : argparse.ArgumentParser or argument group
    """
    group.add_argument("--r", type=pair, metavar="LOW,HIGH", help="MIDI notes from LOW to HIGH - 1 [default: 21,109]")
    group.add_argument("--dt", type=float, metavar="SECONDS", help="seconds per frame [default: 0.3]")


def pair(text):
    """Parse "21,109" or "21:109" as a range of notes."""
    try:
        low, high = map(int, text.replace(":", ",").split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected LOW,HIGH, found {text!r}") from None
    return low, high


def add_preprocessing_options(reading):
    """Add the options for preprocessing MIDI files.

    Parameters
    ----------
    reading : argparse.ArgumentParser or argument group
    """
    reading.add_argument(
        "--transpose",
        choices=["parallel", "relative"],
        help="transpose all pieces to C major and C minor (parallel), or to C major and A minor (relative)",
    )
    reading.add_argument(
        "--key-from",
        choices=["auto", "signature", "notes"],
        help="how --transpose determines the key of a piece [default: auto]",
    )
    steps = whole_number(1)
    reading.add_argument(
        "--steps-per-quarter", type=steps, metavar="N", help="use beat-aligned frames, N per quarter note, not --dt"
    )
    reading.add_argument(
        "--drums",
        action=argparse.BooleanOptionalAction,
        help="read the drums of channel 10 as notes; saved with the model for `evaluate` and --primer",
    )
    reading.add_argument(
        "--tempo-from",
        choices=TEMPO_FROM,
        help="take times from each file's tempo map (file), or follow the rule of the tutorial's reader (tutorial), "
        "which can be wrong where the tempo changes [default: tutorial]",
    )
    reading.add_argument(
        "--pedal",
        action=argparse.BooleanOptionalAction,
        help="let the sustain pedal hold notes; requires --tempo-from file",
    )
    reading.add_argument(
        "--keep-short",
        action=argparse.BooleanOptionalAction,
        help="keep each note shorter than a frame for one frame; otherwise some are lost",
    )


def preprocessing_of_files(args):
    """Return the keywords of `Preprocessing` for MIDI files that the options set.

    Returns
    -------
    dict
    """
    return {
        "tonality": args.transpose,
        "key_from": args.key_from or "auto",
        "steps_per_quarter": args.steps_per_quarter,
        **reading_of(args),
    }


def add_running_options(parser):
    """Add the options for the backend and its threads."""
    parser.add_argument(
        "--backend", choices=["numba", "c", "jax"], default="numba", help="compiler backend [default: numba]"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        metavar="N",
        help="number of Numba threads; only RNN-NADEs and --streams philox use more than one [default: 1]",
    )


def settings_of_model(args):
    """Return the keywords of a model that training options set: lr and preprocess; for a store also r and dt.

    Returns
    -------
    dict
    """
    found = dict(_recipe(args).model)
    if args.lr is not None:
        found["lr"] = args.lr
    data_set = named_set(args.files)
    if data_set and args.kind != "midi":
        found["preprocess"] = {**preprocessing_of_rolls(data_set, args), **reading_of(args)}
    else:
        store = store_of(args.files)
        found |= {"preprocess": preprocessing_of_files(args)} if store is None else frames_of_store(store, args)
    return found


def reading_of(args):
    """Return the fields of `Preprocessing` that say how to read MIDI files.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If --pedal is given without --tempo-from file.
    """
    tempo_from = args.tempo_from or "tutorial"
    if args.pedal and tempo_from != "file":
        raise ValueError(f"--pedal: expected --tempo-from file, found {tempo_from}")
    flags = {name: bool(getattr(args, name)) for name in ("drums", "pedal", "keep_short")}
    return {"tempo_from": tempo_from, **flags}


def settings_of_fit(args):
    """Return the keywords of `fit` that the options and the recipe set.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If a schedule is invalid.
    """
    found = dict(_recipe(args).fit)
    for kind in FOR_FIT:
        found |= given(args, kind)
    if args.schedule or args.lr is not None:
        schedule = dict(found.get("schedule", {}))
        if args.lr is not None:
            schedule.pop("lr", None)  # --lr replaces the recipe's schedule
        for text in args.schedule or []:
            what, equals, how = text.partition("=")
            if not equals:
                raise ValueError(f"--schedule: expected WHAT=HOW, found {text!r}")
            schedule[what] = parse_schedule(how)
        found["schedule"] = schedule
    stages = given(args, Pretraining, PRETRAIN)
    if stages:
        found["pretrain"] = {**found.get("pretrain", {}), **stages}
    return found


def _recipe(args):
    epochs = {} if args.num_epochs is None else {"num_epochs": args.num_epochs}
    return RECIPES[args.recipe or "tutorial"](model=MODELS[args.model or "rnn-rbm"], **epochs)
