"""What commands say of the pieces that a model writes: their statistics beside those of the data, and a warning."""

from rnnrbm_pt.cli.input_files import plural, warn

N_STEPS = 200
"""Frames of each piece whose statistics are compared with those of data."""


def warn_if_outside(model, roll, name):
    """Say so on stderr if a piece leaves the range of the training data in density, as far as the model knows it.

    Parameters
    ----------
    model : SequenceModel
    roll : array of 0 and 1, shape (n_steps, n_visible)
    name : str
        What to call the piece.
    """
    from rnnrbm_pt.music.statistics import N_DENSITY, outside, statistics

    data = model.state.data
    if data is None or not len(roll):
        return
    piece = statistics([roll], model.r)
    where = outside(piece, data)
    if where is None:
        return
    kind, found = ("denser", piece.densest) if where == "above" else ("thinner", piece.thinnest)
    n = min(N_DENSITY, len(roll))
    warn(
        f"{name} is {kind} than the training data: {found:.1f} notes per frame over {n} frames; the data have "
        f"{data.thinnest:.1f} to {data.densest:.1f}"
    )


def compare_pieces(model, rolls, n, seed):
    """The statistics of pieces that a model writes, of the given sequences and of the training data.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays, shape (n_steps, n_visible)
        Sequences of the data, with which the pieces are compared.
    n : int
        Pieces, of `N_STEPS` frames each.
    seed : int
        Of the first piece; the others have the seeds behind it.

    Returns
    -------
    dict
        JSON's types only.
    """
    from rnnrbm_pt.music.statistics import frames_of, outside, statistics

    pieces = [model.sample(N_STEPS, seed=seed + i) for i in range(n)]
    data = statistics(rolls, model.r)
    range_of = model.state.data or data
    found = {
        "pieces": statistics(pieces, model.r, data=frames_of(rolls)).to_json(),
        "data": data.to_json(),
        "seed": seed,
        "outside": [outside(statistics([piece], model.r), range_of) for piece in pieces],
    }
    return found if model.state.data is None else found | {"training_data": model.state.data.to_json()}


def piece_lines(found):
    """The numbers of `compare_pieces`, as lines of a table."""
    from rnnrbm_pt.music.statistics import ROWS

    columns = {"pieces": found["pieces"], "these data": found["data"]}
    if "training_data" in found:
        columns["training data"] = found["training_data"]
    n, seed = found["pieces"]["pieces"], found["seed"]
    seeds = f"seed {seed}" if n == 1 else f"seeds {seed} to {seed + n - 1}"
    yield f"{plural(n, 'piece')} of {N_STEPS} frames that the model writes ({seeds}), beside the data:"
    yield ""
    yield " " * 24 + "".join(f"{title:>16}" for title in columns)
    for title, show in ROWS.items():
        yield f"{title:<24}" + "".join(f"{show(numbers):>16}" for numbers in columns.values())
    for kind in ("above", "below"):
        if kind in found["outside"]:
            word = {"above": "denser", "below": "thinner"}[kind]
            seeds = ", ".join(str(seed + i) for i, where in enumerate(found["outside"]) if where == kind)
            yield f"Pieces {word} than the range of the data: {found['outside'].count(kind)} of {n} (seed {seeds})."
