"""Options of `rnnrbm train` that say how a model learns, and the keywords of `fit` and of a model that they stand for.

An option that is not given has no value: then the recipe decides, or else the defaults of `training.settings`.
"""

import argparse
from functools import partial

from rnnrbm_pt.checks import integer, number
from rnnrbm_pt.cli.named_sets import named_set, preprocessing_of_rolls
from rnnrbm_pt.cli.options import add_options, checked, given
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
    "biaxial-rnn": "BiaxialRnn",
}
"""The word for each model, and its class."""

FOR_FIT = Run, Validation, Learning
"""Settings whose fields are keywords of `fit`."""

PRETRAIN = "pretrain-"
"""What the options of `Pretraining` begin with."""

PREPROCESS = {
    "transpose": "tonality",
    "key_from": "key_from",
    "steps_per_quarter": "steps_per_quarter",
    "drums": "drums",
    "tempo_from": "tempo_from",
    "pedal": "pedal",
    "keep_short": "keep_short",
}
"""Options of preprocessing, and the fields of `Preprocessing` that they set."""


def add_training_options(parser):
    """Add the options to the parser of `rnnrbm train`."""
    learning = parser.add_argument_group("training")
    learning.add_argument("--recipe", choices=tuple(RECIPES), help="defaults of the options below (tutorial)")
    rate = checked(float, partial(number, least=0))
    learning.add_argument("--lr", type=rate, metavar="X", help="learning rate (0.001)")
    for kind in (Run, Learning):
        add_options(learning, kind)
    learning.add_argument(
        "--schedule",
        action="append",
        metavar="WHAT=HOW",
        help="lr=cosine:0.01,0,200 or k=growth:1,100,50, and so on; WHAT is "
        f"{', '.join(SCHEDULED[:-1])} or {SCHEDULED[-1]}; HOW constant, table, step, exponential, 1/t, cosine or "
        "growth, by epochs or @update, and +warmup:N updates",
    )
    copies = checked(int, partial(integer, least=0))
    learning.add_argument(
        "--augment", type=copies, metavar="N", help="also learn from copies that are up to N semitones higher or lower"
    )
    validation = parser.add_argument_group("validation")
    validation.add_argument(
        "--validation", nargs="+", metavar="FILES", help="keep the parameters that are best on these, or on a set"
    )
    add_options(validation, Validation)
    add_options(parser.add_argument_group("pretraining"), Pretraining, PRETRAIN)
    add_preprocessing_options(parser.add_argument_group("preprocessing"))


def add_range_options(group):
    """Add the options of notes and seconds.

    Parameters
    ----------
    group : argparse.ArgumentParser or argument group
    """
    group.add_argument("--r", type=pair, metavar="LOW,HIGH", help="range of notes, half open (21,109)")
    group.add_argument("--dt", type=float, metavar="SECONDS", help="seconds per frame (0.3)")


def pair(text):
    """Parse "21,109" or "21:109" as a range of notes."""
    low, high = text.replace(":", ",").split(",")
    return int(low), int(high)


def add_preprocessing_options(reading):
    """Add the options of what is done to pieces before a model sees them.

    Parameters
    ----------
    reading : argparse.ArgumentParser or argument group
    """
    reading.add_argument(
        "--transpose",
        choices=["parallel", "relative"],
        help="all pieces to C major and C minor (parallel), or to C major and A minor (relative)",
    )
    reading.add_argument("--key-from", choices=["auto", "signature", "notes"], help="where the key comes from (auto)")
    steps = checked(int, partial(integer, least=1))
    reading.add_argument("--steps-per-quarter", type=steps, metavar="N", help="beat-aligned frames, not seconds")
    reading.add_argument(
        "--drums",
        action=argparse.BooleanOptionalAction,
        help="read the drums of channel 10 as notes; by default (--no-drums) they are left out; the model's file keeps "
        "this for `evaluate` and --primer",
    )
    reading.add_argument(
        "--tempo-from",
        choices=TEMPO_FROM,
        help="times by the rule of the tutorial's reader, or by each file's own tempo map, which is right where the "
        "tempo changes (tutorial)",
    )
    reading.add_argument(
        "--pedal",
        action=argparse.BooleanOptionalAction,
        help="let the sustain pedal hold notes; with --tempo-from file",
    )
    reading.add_argument(
        "--keep-short",
        action=argparse.BooleanOptionalAction,
        help="keep notes shorter than a frame as one frame; without it some of them are lost",
    )


def preprocessing_of_files(args):
    """What the options of preprocessing say, as `Preprocessing` takes it.

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
    """Add the options of what computes."""
    parser.add_argument("--backend", choices=["numba", "c", "jax"], default="numba", help="what compiles (numba)")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="Numba threads, used with --streams philox (1)"
    )


def settings_of_model(args):
    """The keywords of a model that are about training: lr and preprocess; of a store also r and dt.

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
    """How MIDI files are read, by the options: fields of `Preprocessing`.

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
        raise ValueError("--pedal: expected --tempo-from file beside it")
    flags = {name: bool(getattr(args, name)) for name in ("drums", "pedal", "keep_short")}
    return {"tempo_from": tempo_from, **flags}


def settings_of_fit(args):
    """The keywords of `fit`, as far as options and recipe set them.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If a schedule is invalid.
    """
    found = dict(_recipe(args).fit)
    if args.optimizer is not None:
        found.pop("momentum", None)  # of the recipe's optimiser
    for kind in FOR_FIT:
        found |= given(args, kind)
    if args.schedule or args.lr is not None:
        schedule = dict(found.get("schedule", {}))
        if args.lr is not None:
            schedule.pop("lr", None)  # the recipe's
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
