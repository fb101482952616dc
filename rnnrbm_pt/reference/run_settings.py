"""The settings on which the digits of a run depend, and their differences between two runs."""

from collections.abc import Mapping
from typing import Any

from rnnrbm_pt.reference.recording import Recording
from rnnrbm_pt.settings import names
from rnnrbm_pt.training.loop import fingerprint
from rnnrbm_pt.training.settings import Learning, Run

OF_THE_RUN: Mapping[str, Any] = {name: getattr(Run(), name) for name in ("n_sequences", "carry_state", "persistent")}
AS_THE_ORIGINAL: Mapping[str, Any] = {
    "recurrence": "tanh",
    "nonlinearity": "tanh",
    "learn_initial": False,
    "visible": "binary",
    "tonality": None,
    "steps_per_quarter": None,
    "pretraining": None,
    **OF_THE_RUN,
    **{name: getattr(Learning(), name) for name in names(Learning) if name != "average"},
}
"""Settings that the original does not have, and the values with which this library does the same as the original."""

DATA = "data", "frames", "updates"
"""Entries that show whether two runs had the same sequences: their fingerprint, or else the size of an epoch."""


def run_settings(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Collect the settings of a run in a flat dictionary, from the metadata of a model file.

    Parameters
    ----------
    metadata : dict
        model, floatX, settings, learning and progress, as written by `models.storage`.

    Returns
    -------
    dict or None
        None if the metadata do not contain the settings of the training.
    """
    settings, learning, progress = (metadata.get(name) for name in ("settings", "learning", "progress"))
    if not (isinstance(settings, Mapping) and isinstance(learning, Mapping) and isinstance(progress, Mapping)):
        return None
    preprocess = settings.get("preprocess")
    preprocess = preprocess if isinstance(preprocess, Mapping) else {}
    found = {
        "model": metadata.get("model"),
        "floatX": metadata.get("floatX"),
        **{name: value for name, value in settings.items() if name != "preprocess"},
        **{name: preprocess.get(name) for name in ("tonality", "steps_per_quarter")},
        **{name: progress.get(name) for name in ("batch_size", "num_epochs", "pretraining", "data")},
        **{name: progress.get(name, default) for name, default in OF_THE_RUN.items()},
        **learning,
    }
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def of_recording(recording: Recording) -> dict[str, Any]:
    """The settings of a recording of the original, with the names of `run_settings`."""
    found = {"model": "RnnRbm", **recording.settings.to_json(), "params": recording.params}
    return {**found, "r": list(found["r"]), "data": fingerprint(recording.numbered("sequence"))}


def differing(found: Mapping[str, Any], reference: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """List the settings in which a run differs from a run of the original, so that their digits cannot agree.

    The float type is not compared.

    Parameters
    ----------
    found, reference : dict
        Settings of the two runs, as returned by `run_settings`, perhaps with the entries of `DATA`.

    Returns
    -------
    list of (str, object, object)
        The name of each setting, its value, and its value in the reference.
    """
    expected = {**reference, **{name: value for name, value in AS_THE_ORIGINAL.items() if name not in reference}}
    without = "floatX", "num_epochs", "k_generate", "n_steps", "params", *DATA
    compared = [name for name in expected if name not in without]
    pairs = [(name, found.get(name, AS_THE_ORIGINAL.get(name)), expected[name]) for name in compared]
    differences = [pair for pair in pairs if _plain(pair[1]) != _plain(pair[2])]
    for name in DATA:
        a, b = found.get(name), reference.get(name)
        if a is not None and b is not None and a != b:
            return [*differences, (f"training sequences ({name})", a, b)]
    return differences


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value
