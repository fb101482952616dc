"""Runs that are compared: their logs with names and settings, and the recorded run that fits a run."""

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
"""Of an epoch."""


@dataclass(frozen=True)
class LoggedRun:
    """A run that is compared.

    Attributes
    ----------
    name : str
        What a table calls it.
    records : tuple of dict
        One per epoch; see `read_records`.
    settings : dict or None
        Its settings as `run_settings` gives them, with the size of an epoch. None if they are not known.
    """

    name: str
    records: tuple[Record, ...]
    settings: Mapping[str, Any] | None = None

    @cached_property
    def log(self) -> Log:
        """{epoch: monitor}."""
        return {record["epoch"]: record["monitor"] for record in self.records}

    @cached_property
    def updates(self) -> dict[int, np.ndarray]:
        """{epoch: monitor of each update}, of the epochs whose updates were logged."""
        return {record["epoch"]: np.array(record["monitors"], float) for record in self.records if "monitors" in record}

    @property
    def floatX(self) -> str:
        """Its float type; float64 if that is not known."""
        return "float32" if (self.settings or {}).get("floatX") == "float32" else "float64"


def read_run(path: FilePath, name: str | None = None) -> LoggedRun:
    """Read a run: a log, a printed output, a model file or a recording of Theano.

    Parameters
    ----------
    path : path
    name : str, optional
        What a table shall call it. Without it, the name of the file.

    Returns
    -------
    LoggedRun

    Raises
    ------
    ValueError, FileNotFoundError
        As `read_records`; and if the monitors of updates are not numbers.
    """
    records = read_records(path)
    for record in records:
        monitors = record.get("monitors", [])
        try:
            if isinstance(monitors, list) and len(monitors) > MAX_UPDATES:
                raise ValueError(f"monitors: expected {MAX_UPDATES:,} at most, found {len(monitors):,}")
            numbers("monitors", monitors)
        except ValueError as error:
            raise ValueError(f"{path}: epoch {record['epoch']}: {error}") from None
    first, settings = records[0], records[0].get("run")
    if isinstance(settings, Mapping):
        size: dict[str, Any] = {name: first[name] for name in ("frames", "updates") if name in first}
        if "validation" in first:  # its sequences are in the fingerprint too
            size["data"] = None
        settings = {**settings, **size}
    else:
        settings = None
    return LoggedRun(Path(path).name if name is None else name, tuple(records), settings)


def recorded_run(streams: str) -> LoggedRun:
    """The run of Theano 1.0.5 that this package has the numbers of: for "mrg" streams, or else for "srs"."""
    log, streams = (THEANO_MRG, "mrg") if streams == "mrg" else (THEANO, "srs")
    records = tuple({"epoch": epoch, "monitor": monitor} for epoch, monitor in log.items())
    return LoggedRun(f"Theano 1.0.5, {streams}", records, {**SETTINGS, "streams": streams})


def fitting_recorded_run(run: LoggedRun) -> LoggedRun:
    """The recorded run of the streams that a run has."""
    return recorded_run(str((run.settings or {}).get("streams")))


def notes(run: LoggedRun, reference: LoggedRun) -> list[str]:
    """What the settings of two runs say about how far their digits can agree, in sentences.

    Parameters
    ----------
    run, reference : LoggedRun

    Returns
    -------
    list of str
    """
    unknown = [one.name for one in (run, reference) if one.settings is None]
    if run.settings is None or reference.settings is None:
        return [f"The settings of {' and of '.join(unknown)} are not known, so they are not compared."]
    differences = differing(run.settings, reference.settings)
    found = []
    if differences:
        listed = ", ".join(f"{name} {_shown(a)} ({_shown(b)})" for name, a, b in differences)
        found.append(
            f"The digits of {run.name} cannot agree with those of {reference.name} (in brackets), "
            f"since these settings differ: {listed}."
        )
    else:
        found.append(f"{run.name} has the settings of {reference.name}.")
    if run.floatX != reference.floatX:
        found.append(
            f"{run.name} is {run.floatX}, {reference.name} is {reference.floatX}. Such runs agree to about six digits "
            "until a draw comes out the other way: at the tutorial's sizes, for a few updates. After that only means "
            "over many epochs can be compared."
        )
    return found


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return printable(f"({', '.join(map(str, value))})", 60)
    return "none" if value is None else printable(str(value), 60)
