"""Stores of `rnnrbm prepare`, as commands take them instead of files."""

from pathlib import Path

from rnnrbm_pt.music.folders import is_store


def store_of(sources):
    """The store, if that is what a command was given.

    Parameters
    ----------
    sources : list of str, path-like and ZipMember

    Returns
    -------
    RollStore or None

    Raises
    ------
    ValueError
        If a store is named beside something else; or as `RollStore`.
    """
    paths = [Path(source).expanduser() for source in sources if isinstance(source, (str, Path))]
    stores = [path for path in paths if is_store(path)]
    if not stores:
        return None
    if len(sources) > 1:
        raise ValueError(f"{stores[0]}: a store is named alone, found {len(sources)} names")
    from rnnrbm_pt.music.store import RollStore

    return RollStore(stores[0])


def frames_of_store(store, args):
    """The keywords of a model of the store's frames: r, dt and preprocess.

    Parameters
    ----------
    store : RollStore
    args : argparse.Namespace
        Those of `rnnrbm train`.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If an option asks for other frames.
    """
    frames = store.frames
    for option, asked, found in (
        ("--r", args.r, frames.r),
        ("--dt", args.dt, frames.dt),
        ("--transpose", args.transpose, frames.preprocess.tonality),
        ("--key-from", args.key_from, frames.preprocess.key_from),
        ("--steps-per-quarter", args.steps_per_quarter, frames.preprocess.steps_per_quarter),
        ("--drums", args.drums, frames.preprocess.drums),
        ("--tempo-from", args.tempo_from, frames.preprocess.tempo_from),
        ("--pedal", args.pedal, frames.preprocess.pedal),
        ("--keep-short", args.keep_short, frames.preprocess.keep_short),
    ):
        if asked not in (None, found):
            raise ValueError(
                f"{store.path}: {option} asks for {asked}, the store was prepared with {found}; leave the option out, "
                "or prepare another store"
            )
    return {"r": frames.r, "dt": frames.dt, "preprocess": frames.preprocess}


def check_frames(store, model):
    """Check that the rolls of a store are what a model takes.

    Raises
    ------
    ValueError
    """
    if store.frames != model.frames:
        raise ValueError(f"{store.path}: expected frames of the model, {model.frames}, found {store.frames}")
