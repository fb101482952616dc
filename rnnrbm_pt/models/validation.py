"""Validation: quantities that training computes on sequences it does not learn from."""

from rnnrbm_pt.models.types import Model, Rolls
from rnnrbm_pt.training.loop import Record
from rnnrbm_pt.training.settings import Validation

FRAMES_TO_VALIDATE = 1000
"""Largest number of frames on which a validation measures RBMs. Every validation uses the same frames."""

LARGEST_TO_VALIDATE = 10
"""Largest number of units in the smaller layer of RBMs for which a validation sums over all states.

The sum then takes about as long as the two estimates: some seconds for 1,000 frames. Each further unit doubles it.
"""

WIDEST = 0.25
"""Largest accepted difference between forward and reverse annealing, in nats per frame.

Smaller differences between epochs can still be compared, because all epochs use the same frames and the same draws.
"""


def check_validation(validation: Validation, rolls: Rolls | None) -> None:
    """Check that validation settings have sequences to validate on, and that these sequences have frames.

    Parameters
    ----------
    validation : Validation
    rolls : list of arrays or None
        The validation sequences.

    Raises
    ------
    ValueError
        If a setting needs validation sequences and there are none, or if the sequences have no frames.
    """
    if rolls is not None:
        if not sum(map(len, rolls)):
            raise ValueError("validation: expected frames, found none")
    elif validation.validate_by != Validation.validate_by:
        raise ValueError(f"validate_by: expected validation sequences for {validation.validate_by!r}, found none")
    elif validation.measure_mixing:
        raise ValueError("measure_mixing: expected validation sequences to measure it on, found none")
    elif validation.patience is not None:
        raise ValueError(
            f"patience: expected validation sequences for a patience of {validation.patience} epochs, found none"
        )


def check_measurable(validation: Validation, model: Model) -> None:
    """Check that the model supports the measurements of a validation; a ValueError otherwise."""
    if validation.measure_mixing and (model.graphs.free_energy is None or model.real_valued):
        raise ValueError("measure_mixing: expected a model of RBMs with binary visible units, found another model")


def validate(model: Model, rolls: Rolls, validation: Validation, batch_size: int) -> Record:
    """Compute the validation entries of an epoch's record.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays, shape (n_steps, n_visible)
        The validation sequences.
    validation : Validation
    batch_size : int
        Frames per window, for the monitor.

    Returns
    -------
    dict
        ``validation``, in nats per frame; higher is better. An estimated likelihood adds ``validation_reverse``, the
        estimate by reverse annealing, and ``validation_refused``, which is True if the two estimates contradict each
        other. With `measure_mixing` there is also ``mixing``.
    """
    if validation.validate_by == "monitor":
        record = {"validation": model.monitor(rolls, batch_size)}
    elif is_exact(model):
        record = {"validation": validation_likelihood(model, rolls)}
    else:
        forward, reverse = (validation_likelihood(model, rolls, reverse=reverse) for reverse in (False, True))
        refused = contradict(forward, reverse)
        record = {"validation": forward, "validation_reverse": reverse, "validation_refused": refused}
    if validation.measure_mixing:
        record["mixing"] = model.scorer.mixing(rolls, n_chains=10).to_json()
    return model.compiling.of_first_process(record)


def is_exact(model: Model) -> bool:
    """Whether a validation by the likelihood computes it exactly, instead of estimating it from two sides."""
    return bool(model.scorer.is_exact(None, LARGEST_TO_VALIDATE))


def contradict(forward: float, reverse: float) -> bool:
    """Whether two estimates of a likelihood differ by more than `WIDEST`, so that at least one of them failed."""
    return not abs(forward - reverse) <= WIDEST


def validation_likelihood(model: Model, rolls: Rolls, *, reverse: bool = False) -> float:
    """Compute the log-likelihood per frame that `fit` validates by: exact, or a quick estimate.

    A NADE is measured on all frames. Other models are measured on up to 1,000 frames, always the same: exactly, if the
    smaller layer of the RBMs has at most 10 units.

    Parameters
    ----------
    model : SequenceModel
    rolls : list of arrays, shape (n_steps, n_visible)
        Sequences of 0/1 frames.
    reverse : bool, default False
        Whether an estimate anneals in reverse, which gives the lower side of a bracket.

    Returns
    -------
    float
        Log-likelihood in nats per frame.
    """
    if model.graphs.free_energy is None:
        return float(model.score(rolls))
    n_frames = min(FRAMES_TO_VALIDATE, sum(map(len, rolls)))
    return float(model.score(rolls, n_frames=n_frames, n_chains=10, exact=is_exact(model), reverse=reverse))
