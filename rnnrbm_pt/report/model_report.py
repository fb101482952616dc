"""Report on a model: generate pieces, compute their statistics, and collect the model's scores and settings."""

import io
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from rnnrbm_pt.checks import integer
from rnnrbm_pt.music.plot import note_name
from rnnrbm_pt.music.statistics import Statistics, frames_of, outside, statistics
from rnnrbm_pt.quoting import printable
from rnnrbm_pt.report.page import Report
from rnnrbm_pt.report.pieces import Piece

Model = Any
"""A `SequenceModel`. This folder only uses its methods and does not import the class."""

N_PIECES, N_STEPS, SEED = 4, 200, 1
N_FRAMES = 500
"""Number of frames for the scores."""
LONGEST_VALUE = 300  # characters of a setting from a file


def piece_of(
    model: Model, n_steps: int, seed: int, patch: int = 0, dials: Mapping[str, Any] | None = None
) -> tuple[np.ndarray, Piece]:
    """Generate a piece.

    Parameters
    ----------
    model : SequenceModel
    n_steps : int
        Number of frames.
    seed : int
    patch : int
        MIDI program of the instrument, 0 to 127.
    dials : dict, optional
        Settings of `model.sample`, such as ``{"start": "previous", "floor": 0.05}``.

    Returns
    -------
    array of uint8, shape (n_steps, n_visible)
        The piano-roll.
    Piece
        The same piece for a page.

    Raises
    ------
    ValueError
        If the model is not a model of notes.
    """
    if model.real_valued:
        raise ValueError(f"expected a model of notes, found one of {model.n_visible} real numbers per frame")
    roll = model.sample(n_steps, seed=seed, **(dials or {}))
    file = io.BytesIO()
    model.frames.write(file, roll, patch=patch)
    title, remark = f"Piece of seed {seed}", in_words(roll, model)
    how = model.r, model.step_seconds
    return roll, Piece.from_roll(roll, *how, title=title, patch=patch, remark=remark, midi=file.getvalue())


def in_words(roll: np.ndarray, model: Model) -> str:
    """Describe a piece by a few numbers, in one sentence."""
    found = statistics([roll], model.r)
    shares = [("held", found.held), ("of pairs dissonant", found.dissonance)]
    known = [f"{100 * share:.0f} % {word}" for word, share in shares if share is not None]
    return ", ".join([f"{found.notes_per_frame:.1f} notes per frame", *known]) + "."


def report_on(
    model: Model,
    title: str,
    *,
    n: int = N_PIECES,
    n_steps: int = N_STEPS,
    seed: int = SEED,
    patch: int = 0,
    dials: Mapping[str, Any] | None = None,
    data: list[np.ndarray] | None = None,
    data_name: str = "these data",
    command: str = "",
) -> Report:
    """Generate pieces and collect the content of a report on a model.

    Parameters
    ----------
    model : SequenceModel
        A model of notes.
    title : str
        Title of the page.
    n : int
        Number of pieces to generate, with the seeds `seed`, `seed` + 1, and so on.
    n_steps : int
        Frames per piece.
    seed : int
        Seed of the first piece.
    patch : int
        MIDI program of the instrument that plays the pieces, 0 to 127.
    dials : dict, optional
        Settings of `model.sample` for the pieces, such as ``{"start": "previous", "floor": 0.05}``.
    data : list of arrays, shape (n_steps, n_visible), optional
        Sequences to compare the pieces with and to score the model on, such as a test split.
    data_name : str
        Name of `data` on the page.
    command : str
        Command that makes the page again.

    Returns
    -------
    Report
        Argument of `report.page.report_page`.

    Raises
    ------
    ValueError
        If the model is not a model of notes, or an argument is invalid.
    """
    n, n_steps = integer("n", n, 1), integer("n_steps", n_steps, 1)
    drawn = [piece_of(model, n_steps, seed + i, patch, dials) for i in range(n)]
    rolls, known = [roll for roll, _ in drawn], None if data is None else frames_of(data)
    each = [statistics([roll], model.r, data=known) for roll in rolls]
    of_data: dict[str, Statistics] = {} if model.state.data is None else {"training data": model.state.data}
    if data is not None:
        of_data[data_name] = statistics(data, model.r)
    return Report(
        title=title,
        lead=lead(model),
        pieces=[piece for _, piece in drawn],
        each=each,
        together=statistics(rolls, model.r, data=known),
        data=of_data,
        log=model.log,
        scores=scores(model, data, data_name),
        settings=settings(model),
        warnings=list(warnings_of(each, next(iter(of_data.values()), None), seed)),
        command=command,
    )


def lead(model: Model) -> str:
    """Describe a model in one or two sentences."""
    sizes = " and ".join(str(size) for name, size in model.settings.items() if name.startswith("n_hidden"))
    low, high = model.r
    text = f"{type(model).__name__}, {sizes} hidden units, notes {note_name(low)} to {note_name(high - 1)}"
    text += f", {len(model.log):,} epoch{'s' * (len(model.log) != 1)} of training"
    data = model.state.data
    if data is not None:
        text += f" on {data.pieces:,} piece{'s' * (data.pieces != 1)} of {data.frames:,} frames"
    return f"{text}. A frame lasts {model.step_seconds:g} s."


def warnings_of(each: list[Statistics], data: Statistics | None, seed: int) -> list[str]:
    """Return a sentence for each piece that is denser or thinner than the data."""
    found = []
    for i, piece in enumerate(each):
        where = None if data is None else outside(piece, data)
        if data is not None and where is not None:
            passage = piece.densest if where == "above" else piece.thinnest
            found.append(
                f"The piece of seed {seed + i} is outside the range of the data: a passage has {passage:.1f} notes per "
                f"frame; passages of the data have {data.thinnest:.1f} to {data.densest:.1f}."
            )
    return found


def scores(model: Model, data: list[np.ndarray] | None, data_name: str) -> dict[str, str]:
    """Return the scores of the run and the scores on `data`, by name."""
    found = {}
    if model.log:
        last = model.log[-1]
        found[f"monitor of epoch {last['epoch']}"] = f"{last['monitor']:.4f} nats per frame"
    progress = model.progress
    if progress is not None and progress.best is not None:
        found[f"best validation, of epoch {progress.best_epoch}"] = f"{progress.best:.4f} nats per frame"
    if data is not None:
        n = min(N_FRAMES, sum(map(len, data)))
        score = model.score(data, n_frames=n, seed=SEED)
        how = "exact" if score.exact else "estimated by annealed importance sampling"
        found[f"log-likelihood of {n:,} frames of {data_name}"] = f"{with_error(score)} nats per frame, {how}"
        accuracy = model.settled_accuracy(data, n_frames=n, seed=SEED).accuracy
        found[f"expected accuracy on {n:,} frames of {data_name}"] = f"{with_error(accuracy, 100)} %"
    return found


def with_error(estimate: Any, scale: float = 1) -> str:
    """Format an `Estimate` with its standard error."""
    error = scale * estimate.standard_error
    return f"{scale * float(estimate):.2f}" + (f" ± {error:.2f}" if math.isfinite(error) else "")


def settings(model: Model) -> dict[str, dict[str, str]]:
    """Return the settings of a model, of its training and of its last run, under headings."""
    found = {"Model": in_text(model.settings) | {"floatX": model.floatX}, "Learning": in_text(model.learning.to_json())}
    if model.progress is not None:
        found["Run"] = in_text(asdict(model.progress.run)) | in_text(asdict(model.progress.validation))
    return found


def in_text(values: Mapping[str, Any]) -> dict[str, str]:
    """Format settings as strings, without settings that are None or empty."""
    return {
        printable(str(name)): "; ".join(f"{key} {x}" for key, x in in_text(value).items())
        if isinstance(value, Mapping)
        else printable(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value), LONGEST_VALUE)
        for name, value in values.items()
        if value is not None and value != {}
    }
