"""Statistics of the pieces that a model generates, compared with the data, and warnings about unusual pieces."""

from rnnrbm_pt.cli.input_files import plural, warn

N_STEPS = 200
"""Frames per piece in comparisons with the data."""


def warn_if_outside(model, roll, name):
    """Warn on stderr if a piece is denser or thinner than the training data.

    Does nothing if the model does not know the statistics of its training data.

    Parameters
    ----------
    model : SequenceModel
    roll : array of 0 and 1, shape (n_steps, n_visible)
        The piece.
    name : str
        Name of the piece, for the warning.
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
        f"{name} is {kind} than the training data: {found:.1f} notes per frame over {n} frames; the data range from "
        f"{data.thinnest:.1f} to {data.densest:.1f}"
    )


def compare_pieces(model, rolls, n, seed):
    """Compute statistics of generated pieces, of the given sequences and of the training data.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays, shape (n_steps, n_visible)
        Sequences to compare the pieces with.
    n : int
        Number of pieces to generate, of `N_STEPS` frames each.
    seed : int
        Seed of the first piece. Later pieces use seed + 1, seed + 2, and so on.

    Returns
    -------
    dict
        Statistics as JSON types.
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
    """Yield the lines of a table of the statistics from `compare_pieces`."""
    from rnnrbm_pt.music.statistics import ROWS

    columns = {"pieces": found["pieces"], "these data": found["data"]}
    if "training_data" in found:
        columns["training data"] = found["training_data"]
    n, seed = found["pieces"]["pieces"], found["seed"]
    seeds = f"seed {seed}" if n == 1 else f"seeds {seed} to {seed + n - 1}"
    yield f"{plural(n, 'generated piece')} of {N_STEPS} frames ({seeds}), compared with the data:"
    yield ""
    yield " " * 24 + "".join(f"{title:>16}" for title in columns)
    for title, show in ROWS.items():
        yield f"{title:<24}" + "".join(f"{show(numbers):>16}" for numbers in columns.values())
    for kind in ("above", "below"):
        if kind in found["outside"]:
            word = {"above": "denser", "below": "thinner"}[kind]
            seeds = ", ".join(str(seed + i) for i, where in enumerate(found["outside"]) if where == kind)
            yield f"Pieces {word} than the data: {found['outside'].count(kind)} of {n} (seed {seeds})."
