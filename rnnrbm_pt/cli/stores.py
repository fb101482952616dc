"""Stores of `rnnrbm prepare`, which commands accept instead of files."""

from pathlib import Path

from rnnrbm_pt.music.folders import is_store


def store_of(sources):
    """Open the store that a command was given, if any.

    Parameters
    ----------
    sources : list of str, path-like and ZipMember
        The command's arguments: files or one store.

    Returns
    -------
    RollStore or None

    Raises
    ------
    ValueError
        If a store is given together with other names, or `RollStore` refuses it.
    """
    paths = [Path(source).expanduser() for source in sources if isinstance(source, (str, Path))]
    stores = [path for path in paths if is_store(path)]
    if not stores:
        return None
    if len(sources) > 1:
        raise ValueError(f"{stores[0]}: expected a store without other names, found {len(sources)} names")
    from rnnrbm_pt.music.store import RollStore

    return RollStore(stores[0])


def frames_of_store(store, args):
    """Return the keywords of a model for the frames of a store: r, dt and preprocess.

    Parameters
    ----------
    store : RollStore
    args : argparse.Namespace
        Options of `rnnrbm train`.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If an option contradicts the frames of the store.
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
                f"{store.path}: {option} asks for {asked}, but the store was prepared with {found}; leave the option "
                "out, or prepare another store"
            )
    return {"r": frames.r, "dt": frames.dt, "preprocess": frames.preprocess}


def check_frames(store, model):
    """Check that the frames of a store are those of a model.

    Raises
    ------
    ValueError
        If they differ.
    """
    if store.frames != model.frames:
        raise ValueError(f"{store.path}: expected the model's frames, {model.frames}, found {store.frames}")
