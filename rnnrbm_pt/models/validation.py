"""The check of a validation."""

from rnnrbm_pt.models.types import Rolls
from rnnrbm_pt.training.settings import Validation


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
