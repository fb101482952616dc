"""Statistics of a run's training data and of pieces that are drawn during training."""

from typing import Any

from rnnrbm_pt.models.types import Model, Rolls
from rnnrbm_pt.music.statistics import Statistics, frames_of, of_a_sample, statistics
from rnnrbm_pt.training.settings import Run

N_STEPS = 200
"""Number of frames of a piece that is drawn for the log."""


def describe_data(model: Model, rolls: Rolls) -> Statistics | None:
    """Compute the statistics of training data; None if the frames are real numbers instead of notes."""
    return None if model.real_valued else statistics(rolls, model.r)


def check_sampling(model: Model, run: Run) -> None:
    """Check that a model has notes, if pieces are to be drawn for the log.

    Raises
    ------
    ValueError
        If the model has real-valued frames.
    """
    if run.sample_every is not None and model.real_valued:
        raise ValueError(
            f"sample_every: expected a model of notes, found one of {model.n_visible} real numbers per frame"
        )


def sample_for_log(model: Model, rolls: Rolls, epoch: int) -> dict[str, Any]:
    """Draw a piece with its own seed, so that training continues with the same random numbers.

    Parameters
    ----------
    model : SequenceModel
        Model whose state has the statistics of the training data.
    rolls : list of arrays, shape (n_steps, n_visible)
        The training data.
    epoch : int
        Number of the epoch, from 1. It is also the seed of the piece.

    Returns
    -------
    dict
        The seed, and the statistics that `of_a_sample` computes.
    """
    roll = model.sample(N_STEPS, seed=epoch)
    return {"seed": epoch, **of_a_sample(roll, model.r, model.state.data, frames_of(rolls))}
