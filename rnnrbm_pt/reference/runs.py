"""Runs to compare: their logs with names and settings, and the recorded run of Theano for a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.quoting import printable
from rnnrbm_pt.reference.logs import Log, Record, read_records
from rnnrbm_pt.reference.recorded import SETTINGS, THEANO, THEANO_MRG
from rnnrbm_pt.reference.run_settings import differing
from rnnrbm_pt.training.progress import numbers

MAX_UPDATES = 1_000_000
"""Largest number of updates in an epoch."""


@dataclass(frozen=True)
class LoggedRun:
    """A run to compare.

    Attributes
    ----------
    name : str
        Name of the run in tables.
    records : tuple of dict
        One record per epoch; see `read_records`.
    settings : dict or None
        Settings of the run, as returned by `run_settings`, with the size of an epoch. None if they are unknown.
    """

    name: str
    records: tuple[Record, ...]
    settings: Mapping[str, Any] | None = None

    @cached_property
    def log(self) -> Log:
        """{epoch: monitor} of the run."""
        return {record["epoch"]: record["monitor"] for record in self.records}

    @cached_property
    def updates(self) -> dict[int, np.ndarray]:
        """{epoch: monitors of the updates}, for the epochs whose updates were logged."""
        return {record["epoch"]: np.array(record["monitors"], float) for record in self.records if "monitors" in record}

    @property
    def floatX(self) -> str:
        """The float type of the run; float64 if it is unknown."""
        return "float32" if (self.settings or {}).get("floatX") == "float32" else "float64"


def read_run(path: FilePath, name: str | None = None) -> LoggedRun:
    """Read a run from a log, a printed output, a model file or a recording of Theano.

    Parameters
    ----------
    path : path
        The file; see `read_records`.
    name : str, optional
        Name of the run in tables. By default, the name of the file.

    Returns
    -------
    LoggedRun

    Raises
    ------
    ValueError, FileNotFoundError
        See `read_records`. Also ValueError if the monitors of updates are not numbers.
    """
    records = read_records(path)
    for record in records:
        monitors = record.get("monitors", [])
        try:
            if isinstance(monitors, list) and len(monitors) > MAX_UPDATES:
                raise ValueError(f"monitors: expected at most {MAX_UPDATES:,}, found {len(monitors):,}")
            numbers("monitors", monitors)
        except ValueError as error:
            raise ValueError(f"{path}: epoch {record['epoch']}: {error}") from None
    first, settings = records[0], records[0].get("run")
    if isinstance(settings, Mapping):
        size: dict[str, Any] = {name: first[name] for name in ("frames", "updates") if name in first}
        if "validation" in first:  # the fingerprint also covers the validation sequences
            size["data"] = None
        settings = {**settings, **size}
    else:
        settings = None
    return LoggedRun(Path(path).name if name is None else name, tuple(records), settings)


def recorded_run(streams: str) -> LoggedRun:
    """The recorded run of Theano 1.0.5, with "mrg" streams if they are given, else with "srs" streams."""
    log, streams = (THEANO_MRG, "mrg") if streams == "mrg" else (THEANO, "srs")
    records = tuple({"epoch": epoch, "monitor": monitor} for epoch, monitor in log.items())
    return LoggedRun(f"Theano 1.0.5, {streams}", records, {**SETTINGS, "streams": streams})


def fitting_recorded_run(run: LoggedRun) -> LoggedRun:
    """The recorded run of Theano with the same streams as the given run."""
    return recorded_run(str((run.settings or {}).get("streams")))


def notes(run: LoggedRun, reference: LoggedRun) -> list[str]:
    """Describe how far the digits of two runs can agree, judging by their settings.

    Parameters
    ----------
    run, reference : LoggedRun

    Returns
    -------
    list of str
        Sentences.
    """
    unknown = [one.name for one in (run, reference) if one.settings is None]
    if run.settings is None or reference.settings is None:
        return [f"The settings of {' and of '.join(unknown)} are unknown, so they are not compared."]
    differences = differing(run.settings, reference.settings)
    found = []
    if differences:
        listed = ", ".join(f"{name} {_shown(a)} ({_shown(b)})" for name, a, b in differences)
        found.append(
            f"The digits of {run.name} cannot agree with {reference.name} (in brackets), "
            f"because these settings differ: {listed}."
        )
    else:
        found.append(f"{run.name} has the settings of {reference.name}.")
    if run.floatX != reference.floatX:
        found.append(
            f"{run.name} is {run.floatX}, {reference.name} is {reference.floatX}. Such runs agree to about six digits "
            "until rounding changes a draw: at the tutorial's sizes, after a few updates. After that, only means over "
            "many epochs can be compared."
        )
    return found


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return printable(f"({', '.join(map(str, value))})", 60)
    return "none" if value is None else printable(str(value), 60)
