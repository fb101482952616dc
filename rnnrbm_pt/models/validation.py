"""What training computes on sequences that it does not learn from."""

from rnnrbm_pt.models.types import Model, Rolls
from rnnrbm_pt.training.loop import Record
from rnnrbm_pt.training.settings import Validation

FRAMES_TO_VALIDATE = 1000
"""Frames for which a validation estimates the likelihood where it is not exact: the same frames each time."""

WIDEST = 0.25
"""Nats per frame between the estimates by annealing forward and in reverse, above which neither is believed. Epochs
that differ by less than that are told apart since their frames and their draws are the same."""


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
    elif validation.measure_mixing:
        raise ValueError("measure_mixing: expected a validation to measure it on, found none")
    elif validation.patience is not None:
        raise ValueError(f"patience: expected a validation for {validation.patience} epochs, found none")


def check_measurable(validation: Validation, model: Model) -> None:
    """Check that a model has what a validation measures; a ValueError otherwise."""
    if validation.measure_mixing and (model.graphs.free_energy is None or model.real_valued):
        raise ValueError("measure_mixing: expected a model of RBMs with binary visible units, found another one")


def validate(model: Model, rolls: Rolls, validation: Validation, batch_size: int) -> Record:
    """What the record of an epoch says of the validation sequences.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays, shape (n_steps, n_visible)
    validation : Validation
    batch_size : int
        Frames per window, for the monitor.

    Returns
    -------
    dict
        validation, in nats per frame, higher is better. Where it is an estimated likelihood also validation_reverse, by
        annealing in reverse, and validation_refused, whether the two contradict each other. And mixing, if asked for.
    """
    if validation.validate_by == "monitor":
        record = {"validation": model.monitor(rolls, batch_size)}
    elif model.scorer.is_exact(None):
        record = {"validation": validation_likelihood(model, rolls)}
    else:
        forward, reverse = (validation_likelihood(model, rolls, reverse=reverse) for reverse in (False, True))
        refused = contradict(forward, reverse)
        record = {"validation": forward, "validation_reverse": reverse, "validation_refused": refused}
    if validation.measure_mixing:
        record["mixing"] = model.scorer.mixing(rolls, n_chains=10).to_json()
    return model.compiling.of_first_process(record)


def contradict(forward: float, reverse: float) -> bool:
    """Whether two estimates of a likelihood differ by more than `WIDEST`. They enclose it, or one of them failed."""
    return not abs(forward - reverse) <= WIDEST


def validation_likelihood(model: Model, rolls: Rolls, *, reverse: bool = False) -> float:
    """The log-likelihood per frame as `fit` validates by it: exact, or a quick estimate.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays, shape (n_steps, n_visible)
    reverse : bool
        Whether an estimate anneals in reverse, for a bracket.

    Returns
    -------
    float
        In nats.
    """
    if model.scorer.is_exact(None):
        return float(model.score(rolls))
    n_frames = min(FRAMES_TO_VALIDATE, sum(map(len, rolls)))
    return float(model.score(rolls, n_frames=n_frames, n_chains=10, reverse=reverse))
