"""Numbers of a run's training data, and of pieces that are drawn while it trains."""

from typing import Any

from rnnrbm_pt.models.types import Model, Rolls
from rnnrbm_pt.music.statistics import Statistics, frames_of, of_a_sample, statistics
from rnnrbm_pt.training.settings import Run

N_STEPS = 200
"""Frames of a piece that is drawn for the log."""


def describe_data(model: Model, rolls: Rolls) -> Statistics | None:
    """The statistics of training data; None where frames are real numbers instead of notes."""
    return None if model.real_valued else statistics(rolls, model.r)


def check_sampling(model: Model, run: Run) -> None:
    """Refuse to draw pieces for the log from a model of real numbers.

    Raises
    ------
    ValueError
    """
    if run.sample_every is not None and model.real_valued:
        raise ValueError(
            f"sample_every: expected a model of notes, found one of {model.n_visible} real numbers per frame"
        )


def sample_for_log(model: Model, rolls: Rolls, epoch: int) -> dict[str, Any]:
    """Draw a piece with a seed of its own, so that training goes on with the same digits.

    Parameters
    ----------
    model : SequenceModel
        Its state has the statistics of the training data.
    rolls : list of arrays, shape (n_steps, n_visible)
        The training data.
    epoch : int
        From 1: the seed of the piece.

    Returns
    -------
    dict
        The seed, and what `of_a_sample` says of the piece.
    """
    roll = model.sample(N_STEPS, seed=epoch)
    return {"seed": epoch, **of_a_sample(roll, model.r, model.state.data, frames_of(rolls))}
