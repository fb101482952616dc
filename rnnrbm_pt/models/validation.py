"""What training computes on sequences that it does not learn from."""

from rnnrbm_pt.models.types import Model, Rolls
from rnnrbm_pt.training.settings import Validation

FRAMES_TO_VALIDATE = 1000
"""Frames for which a validation estimates the likelihood where it is not exact: the same frames each time."""


def check_validation(validation: Validation, rolls: Rolls | None) -> None:
    """Check that the settings of a validation have sequences to be computed on, and the sequences have frames.

    Parameters
    ----------
    validation : Validation
    rolls : list of arrays or None
        The validation sequences.

    Raises
    ------
    ValueError
    """
    if rolls is not None:
        if not sum(map(len, rolls)):
            raise ValueError("validation: expected frames, found none")
    elif validation.validate_by != Validation.validate_by:
        raise ValueError(f"validate_by: expected a validation for {validation.validate_by!r}, found none")
    elif validation.patience is not None:
        raise ValueError(f"patience: expected a validation for {validation.patience} epochs, found none")


def validation_likelihood(model: Model, rolls: Rolls) -> float:
    """The log-likelihood per frame as `fit` validates by it: exact, or a quick estimate.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays, shape (n_steps, n_visible)

    Returns
    -------
    float
        In nats.
    """
    if model.scorer.is_exact(None):
        return float(model.score(rolls))
    n_frames = min(FRAMES_TO_VALIDATE, sum(map(len, rolls)))
    return float(model.score(rolls, n_frames=n_frames, n_chains=10))
