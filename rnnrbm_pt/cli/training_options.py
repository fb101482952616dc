"""Options of `rnnrbm train` that say how a model learns, and the keywords of `fit` and of a model that they stand for.

An option that is not given has no value: then the recipe speaks, and where that is silent, the tutorial.
"""

import argparse

from rnnrbm_pt.cli.named_sets import named_set, preprocessing_of_rolls

OPTIMIZERS = "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "amsgrad", "adamw"
RECIPES = "tutorial", "fast"


def add_training_options(parser):
    """Add the options to the parser of `rnnrbm train`."""
    sub = parser.add_argument_group("training")
    sub.add_argument("--recipe", choices=RECIPES, default="tutorial", help="what the options below are by default")
    sub.add_argument("--epochs", type=int, metavar="N", help="(200; of the recipe fast 20)")
    sub.add_argument("--batch-size", type=int, metavar="N", help="frames of an update's window (100)")
    sub.add_argument("--n-sequences", type=int, metavar="N", help="windows of an update (1)")
    sub.add_argument("--carry-state", action="store_true", default=None, help="from window to window of a sequence")
    sub.add_argument("--optimizer", choices=OPTIMIZERS, help="(sgd)")
    sub.add_argument("--lr", type=float, help="learning rate (0.001)")
    sub.add_argument("--lr-rnn", type=float, metavar="LR", help="of the recurrent network's parameters (that of all)")
    sub.add_argument("--momentum", type=float, help="(0.9)")
    sub.add_argument("--clip-norm", type=float, metavar="X", help="bound of the gradient's norm (none)")
    sub.add_argument("--clip-value", type=float, metavar="X", help="bound of each of the gradient's values (none)")
    sub.add_argument("--weight-decay", type=float, metavar="X", help="of matrices (none)")
    sub.add_argument(
        "--schedule",
        action="append",
        metavar="WHAT=HOW",
        help="lr=cosine:0.01,0,200 or k=table:0=1,50=15, and so on; WHAT is lr, lr_rnn, momentum, k, clip_norm, "
        "clip_value or weight_decay; HOW constant, table, step, exponential, 1/t or cosine, by epochs or @update, "
        "and +warmup:N updates",
    )
    sub.add_argument("--pretrain-rbm", type=int, metavar="N", help="epochs of W, bv and bh on shuffled frames before")
    sub.add_argument("--pretrain-rnn", type=int, metavar="N", help="epochs of the RNN's parameters before")
    sub.add_argument(
        "--augment", type=int, default=0, metavar="N", help="learn from copies too, to N semitones up and down"
    )
    sub.add_argument(
        "--validation", nargs="+", metavar="FILES", help="keep the parameters that are best on these, or on a set"
    )
    sub.add_argument(
        "--validate-by", choices=["monitor", "likelihood"], help="which is best: by the monitor, or by the likelihood"
    )
    sub.add_argument("--validate-every", type=int, metavar="N", help="epochs from one validation to the next (1)")
    sub.add_argument("--patience", type=int, metavar="N", help="end after N epochs without a better validation")
    sub.add_argument(
        "--transpose",
        choices=["parallel", "relative"],
        help="all pieces to C major and C minor (parallel), or to C major and A minor (relative)",
    )
    sub.add_argument(
        "--key-from", choices=["auto", "signature", "notes"], default="auto", help="where the key is taken from (auto)"
    )
    sub.add_argument("--steps-per-quarter", type=int, metavar="N", help="frames by the beat, not by the second")
    sub.add_argument(
        "--drums",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="read the drums of channel 10 as notes; by default (--no-drums) they are left out; the model's file keeps "
        "this for `evaluate` and --primer",
    )


def add_running_options(parser):
    """Add the options that say what computes."""
    parser.add_argument("--backend", choices=["numba", "c", "jax"], default="numba", help="what compiles (numba)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of Numba, with --streams philox (1)")


def settings_of_model(args):
    """The keywords of a model: lr and preprocess, and learn_initial where it is asked for.

    Returns
    -------
    dict
    """
    found = {"lr": 0.001, **_recipe(args).model}
    if args.lr is not None:
        found["lr"] = args.lr
    if args.learn_initial:
        found["learn_initial"] = True
    data_set = named_set(args.files)
    if data_set and args.kind != "midi":
        found["preprocess"] = preprocessing_of_rolls(data_set, args)
    else:
        found["preprocess"] = {
            "tonality": args.transpose,
            "key_from": args.key_from,
            "steps_per_quarter": args.steps_per_quarter,
            "drums": args.drums,
        }
    return found


def settings_of_fit(args):
    """The keywords of `fit`.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If a schedule is none.
    """
    from rnnrbm_pt.training.schedules import parse_schedule

    found = {"batch_size": 100, **_recipe(args).fit}
    names = "batch_size", "n_sequences", "carry_state", "optimizer", "lr_rnn", "momentum", "clip_norm", "clip_value"
    if args.optimizer is not None:
        found.pop("momentum", None)  # of the recipe's optimiser
    for name in (*names, "weight_decay", "validate_by", "validate_every", "patience"):
        if getattr(args, name) is not None:
            found[name] = getattr(args, name)
    if args.schedule or args.lr is not None:
        schedule = dict(found.get("schedule", {}))
        if args.lr is not None:
            schedule.pop("lr", None)  # the recipe's
        for given in args.schedule or []:
            what, equals, how = given.partition("=")
            if not equals:
                raise ValueError(f"--schedule: expected WHAT=HOW, found {given!r}")
            schedule[what] = parse_schedule(how)
        found["schedule"] = schedule
    epochs = {"frame_epochs": args.pretrain_rbm, "rnn_epochs": args.pretrain_rnn}
    epochs = {name: n for name, n in epochs.items() if n is not None}
    if epochs:
        found["pretrain"] = {**(found.get("pretrain") or {}), **epochs}
    return found


def _recipe(args):
    from rnnrbm_pt.training.recipes import RECIPES

    return RECIPES[args.recipe](*([] if args.epochs is None else [args.epochs]))
