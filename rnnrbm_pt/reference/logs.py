"""Readers for the logs of runs: JSON lines, printed output, saved models and recordings of Theano."""

import io
import numbers
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from rnnrbm_pt.io.archives import open_archive
from rnnrbm_pt.io.atomic_write import FilePath, read_bytes
from rnnrbm_pt.io.checkpoint import read_text
from rnnrbm_pt.io.json_text import MAX_CONTAINERS, check_containers, parse_json
from rnnrbm_pt.models import storage
from rnnrbm_pt.quoting import quoted
from rnnrbm_pt.reference.recording import is_recording, read_recording
from rnnrbm_pt.reference.run_settings import of_recording, run_settings

Log = Mapping[int, float]
"""{epoch: monitor} of a run."""

Record = dict[str, Any]
"""The log of one epoch of a run: the epoch, the monitor, and perhaps more."""


class HasLog(Protocol):
    """A model, or any other object with a log."""

    @property
    def log(self) -> Sequence[Record]: ...


LogSource = FilePath | HasLog | Log | Iterable[float] | Iterable[Mapping[str, Any]]
"""All forms of a log that `as_log` accepts."""

# The tutorial prints the monitor on the line after "Epoch 1/200" or, in some versions, on the same line. The command
# `rnnrbm train` adds the seconds and the speed.
PRINTED = re.compile(
    r"(?:^|\r)Epoch (?P<epoch>\d{1,9})/\d{1,9}\s++"
    r"(?P<monitor>[-+]?(?:\d++\.?\d*+(?:e[-+]?\d{1,4})?|inf|nan))(?=\s|$)"
    r"(?:[ \t]++\((?P<seconds>\d{1,15}(?:\.\d{0,15})?) s, (?P<frames_per_second>\d[\d,]{0,20}) frames/s\))?",
    re.MULTILINE | re.IGNORECASE | re.ASCII,
)

MAX_BYTES = 32 * 2**20
"""Largest size of a log. The record of an epoch has about 500 bytes, or 40,000 with the monitor of each update."""
MAX_EPOCHS = 100_000
"""Largest number of epochs in a log."""


def read_records(path: FilePath) -> list[Record]:
    """Read the log of a run, one record per epoch.

    Parameters
    ----------
    path : str or path-like
        A file of one of these kinds, which are recognised by their content:

        - JSON lines written by ``rnnrbm train``. The training may still be running: an incomplete last line is ignored.
        - The printed output of ``rnnrbm train``, of `RnnRbm.train` or of the tutorial's own program. Other lines are
          ignored.
        - A saved model.
        - A recording of Theano; see `recording`.

    Returns
    -------
    list of dict
        Records in the order of the epochs. Each has epoch and monitor, and what else the file contains, such as seconds
        and frames_per_second. If an epoch occurs twice, the later record counts. If the file contains the settings of
        the run, they are the entry `run` of the first record; see `run_settings`.

    Raises
    ------
    ValueError
        If the file is of another kind, or has no epochs.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    if is_recording(path):
        recording = read_recording(path)
        if not recording.log:
            raise ValueError(f"{path}: expected the recording of at least one epoch, found none")
        return _with_settings(recording.log, of_recording(recording))
    if path.is_file():
        with open(path, "rb") as file:
            archive = file.read(2) == b"PK"  # the first bytes of any zip file, including NumPy archives
    else:
        archive = False
    if archive:
        records = _model_records(path, read_bytes(path, "a log or a model file"))
    else:
        content = read_bytes(path, "a log or a model file", MAX_BYTES)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: expected a log or a model file, found neither text nor an archive") from error
        records = _json_records(path, text) if text.lstrip().startswith("{") else _printed_records(text)
        if not records:
            found = "other text" if text.strip() else "an empty file"
            raise ValueError(f"{path}: expected the log of at least one epoch, found {found}")
    if len(records) > MAX_EPOCHS:
        raise ValueError(f"{path}: expected the log of at most {MAX_EPOCHS:,} epochs, found more")
    return by_epoch(records)


def read_log(path: FilePath) -> dict[int, float]:
    """Read the mean monitor of each epoch of a run.

    Parameters
    ----------
    path : str or path-like
        A log in any form that `read_records` accepts.

    Returns
    -------
    dict {int: float}
        {epoch: monitor}, in the order of the epochs.

    Raises
    ------
    ValueError, FileNotFoundError
        See `read_records`.
    """
    return {record["epoch"]: record["monitor"] for record in read_records(path)}


def as_log(source: LogSource) -> dict[int, float]:
    """Convert any form of a log to {epoch: monitor}.

    Parameters
    ----------
    source : path, model, mapping {epoch: monitor}, or list of monitors or of records
        The log of a run. `read_records` reads a path. A model has the attribute `log`. The epochs of a list of numbers
        are 1, 2 and so on.

    Returns
    -------
    dict {int: float}
        {epoch: monitor}, in the order of the epochs.

    Raises
    ------
    ValueError
        If the source has another form, or no epochs.
    """
    if isinstance(source, (str, os.PathLike)):
        return read_log(source)
    found: Any = getattr(source, "log", source)
    if not hasattr(found, "__iter__"):
        raise ValueError(f"log: expected a path, a model, a mapping or a list, found {found!r}")
    records: Iterable[object]
    if isinstance(found, Mapping):
        records = [{"epoch": epoch, "monitor": monitor} for epoch, monitor in found.items()]
    else:
        numbered = enumerate(found, start=1)
        records = [one if isinstance(one, Mapping) else {"epoch": epoch, "monitor": one} for epoch, one in numbered]
    log = {record["epoch"]: record["monitor"] for record in by_epoch(map(checked_record, records))}
    if not log:
        raise ValueError("log: expected at least one epoch, found none")
    return log


def by_epoch(records: Iterable[Record]) -> list[Record]:
    """Sort records by epoch. If an epoch occurs twice, keep the later record."""
    latest = {record["epoch"]: record for record in records}
    return [latest[epoch] for epoch in sorted(latest)]


def checked_record(record: object) -> Record:
    """Check a record, and convert its epoch and monitor to Python's own numbers; ValueError if it is invalid."""
    if not isinstance(record, Mapping) or not {"epoch", "monitor"} <= record.keys():
        raise ValueError(f"log: expected records with epoch and monitor, found {quoted(record)}")
    epoch, monitor = record["epoch"], record["monitor"]
    if not isinstance(epoch, numbers.Integral) or isinstance(epoch, bool) or epoch < 1:
        raise ValueError(f"log: expected epochs counted from 1, found {quoted(epoch)}")
    if not isinstance(monitor, numbers.Real) or isinstance(monitor, bool):
        raise ValueError(f"log: expected a number as the monitor of epoch {quoted(epoch)}, found {quoted(monitor)}")
    try:
        return {**record, "epoch": int(epoch), "monitor": float(monitor)}
    except OverflowError:
        raise ValueError(f"log: expected a monitor that is a float, found {quoted(monitor)}") from None


def _json_records(path: Path, text: str) -> list[Record]:
    try:
        check_containers(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    lines = text.split("\n")
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append(checked_record(parse_json(line)))
        except ValueError as error:
            # A last line without a newline may still be being written.
            if number == len(lines):
                break
            found = quoted(line.strip())
            raise ValueError(f"{path}: expected a JSON record of an epoch in line {number}, found {found}") from error
    return records


def _printed_records(text: str) -> list[Record]:
    records = []
    for match in islice(PRINTED.finditer(text), MAX_CONTAINERS):
        record: Record = {"epoch": int(match["epoch"]), "monitor": float(match["monitor"])}
        if match["seconds"]:
            record["seconds"] = float(match["seconds"])
            record["frames_per_second"] = float(match["frames_per_second"].replace(",", ""))
        records.append(record)
    return records


def _model_records(path: Path, content: bytes) -> list[Record]:
    """Read the log in a model file, without building the model."""
    try:
        with open_archive(io.BytesIO(content), path) as archive:
            metadata = read_text(archive, path)
        records = [checked_record(record) for record in metadata["log"]]
        is_model = metadata["format"] == storage.FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected a log or a model file, found another archive") from error
    if not is_model:
        raise ValueError(f"{path}: expected a log or a model file, found another archive")
    if not records:
        raise ValueError(f"{path}: expected a model trained for at least one epoch, found an untrained model")
    return _with_settings(records, run_settings(metadata))


def _with_settings(records: list[Record], found: Mapping[str, Any] | None) -> list[Record]:
    return records if found is None or not records else [{**records[0], "run": dict(found)}, *records[1:]]
