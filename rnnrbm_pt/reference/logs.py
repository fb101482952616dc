"""Logs of runs: the lines of JSON and the printed lines of the command, the tutorial's printed output, saved models."""

import io
import numbers
import os
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from rnnrbm_pt.io.archives import open_archive
from rnnrbm_pt.io.atomic_write import read_bytes
from rnnrbm_pt.io.checkpoint import read_text
from rnnrbm_pt.io.json_text import MAX_CONTAINERS, parse_json
from rnnrbm_pt.models import storage
from rnnrbm_pt.quoting import quoted

# The tutorial prints the number on the line after "Epoch 1/200" or, in some versions, behind it; the command
# `rnnrbm train` adds the seconds and the speed.
PRINTED = re.compile(
    r"(?:^|\r)Epoch (?P<epoch>\d{1,9})/\d{1,9}\s++"
    r"(?P<monitor>[-+]?(?:\d++\.?\d*+(?:e[-+]?\d{1,4})?|inf|nan))(?=\s|$)"
    r"(?:[ \t]++\((?P<seconds>\d{1,15}(?:\.\d{0,15})?) s, (?P<frames_per_second>\d[\d,]{0,20}) frames/s\))?",
    re.MULTILINE | re.IGNORECASE | re.ASCII,
)

MAX_BYTES = 16 * 2**20
"""Of a log: a record of an epoch has some 500."""
MAX_EPOCHS = 100_000


def read_records(path):
    """Read what a run has logged, epoch by epoch.

    Parameters
    ----------
    path : str or path-like
        One of these, told apart by their content:

        - the lines of JSON that ``rnnrbm train`` writes, also while it writes them: a last line that is not complete
          is left out;
        - the printed output of ``rnnrbm train``, of `RnnRbm.train` or of the tutorial's own program, among other lines;
        - a saved model.

    Returns
    -------
    list of dict
        In the order of the epochs. Each has epoch and monitor; seconds, frames_per_second and so on where the file
        says them. Of an epoch that occurs twice, the later record counts.

    Raises
    ------
    ValueError
        If the file is none of these, or has no epochs.
    FileNotFoundError
    """
    path = Path(path)
    if path.is_file():
        with open(path, "rb") as file:
            archive = file.read(2) == b"PK"  # the first bytes of any zip file, a NumPy archive among them
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
            raise ValueError(f"{path}: expected the log of one epoch at least, found {found}")
    if len(records) > MAX_EPOCHS:
        raise ValueError(f"{path}: expected the log of {MAX_EPOCHS:,} epochs at most, found more")
    return by_epoch(records)


def read_log(path):
    """Read the mean monitor of each epoch of a run.

    Parameters
    ----------
    path : str or path-like
        A log, a printed output or a saved model; see `read_records`.

    Returns
    -------
    dict {int: float}
        Epoch to monitor, in the order of the epochs.

    Raises
    ------
    ValueError, FileNotFoundError
        As `read_records`.
    """
    return {record["epoch"]: record["monitor"] for record in read_records(path)}


def as_log(source):
    """The monitors of a run, whatever it is given as.

    Parameters
    ----------
    source : path, model, mapping {epoch: monitor}, or list of monitors or of records
        A path is read by `read_records`; of a model its `log` is taken; a list of numbers has epochs 1, 2, ...

    Returns
    -------
    dict {int: float}
        In the order of the epochs.

    Raises
    ------
    ValueError
        If it is none of these, or has no epochs.
    """
    if isinstance(source, (str, os.PathLike)):
        return read_log(source)
    source = getattr(source, "log", source)
    if not hasattr(source, "__iter__"):
        raise ValueError(f"log: expected a path, a model, a mapping or a list, found {source!r}")
    if isinstance(source, Mapping):
        records = [{"epoch": epoch, "monitor": monitor} for epoch, monitor in source.items()]
    else:
        records = [
            one if isinstance(one, Mapping) else {"epoch": epoch, "monitor": one}
            for epoch, one in enumerate(source, start=1)
        ]
    log = {record["epoch"]: record["monitor"] for record in by_epoch(map(checked_record, records))}
    if not log:
        raise ValueError("log: expected one epoch at least, found none")
    return log


def by_epoch(records):
    """Records in the order of their epochs; of an epoch that occurs twice, the later one."""
    latest = {record["epoch"]: record for record in records}
    return [latest[epoch] for epoch in sorted(latest)]


def checked_record(record):
    """A record with Python's own numbers, or ValueError if it is none."""
    if not isinstance(record, Mapping) or not {"epoch", "monitor"} <= record.keys():
        raise ValueError(f"log: expected records with epoch and monitor, found {quoted(record)}")
    epoch, monitor = record["epoch"], record["monitor"]
    if not isinstance(epoch, numbers.Integral) or isinstance(epoch, bool) or epoch < 1:
        raise ValueError(f"log: expected epochs that count from 1, found {quoted(epoch)}")
    if not isinstance(monitor, numbers.Real) or isinstance(monitor, bool):
        raise ValueError(f"log: expected a number as the monitor of epoch {quoted(epoch)}, found {quoted(monitor)}")
    try:
        return {**record, "epoch": int(epoch), "monitor": float(monitor)}
    except OverflowError:
        raise ValueError(f"log: expected a monitor that is a float, found {quoted(monitor)}") from None


def _json_records(path, text):
    brackets = text.count("[") + text.count("{")
    if brackets > MAX_CONTAINERS:
        raise ValueError(f"{path}: expected {MAX_CONTAINERS:,} lists and dicts at most, found {brackets:,}")
    lines = text.split("\n")
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            records.append(checked_record(parse_json(line)))
        except ValueError as error:
            # What comes after the last end of a line is still being written.
            if number == len(lines):
                break
            found = quoted(line.strip())
            raise ValueError(f"{path}: expected a JSON record of an epoch in line {number}, found {found}") from error
    return records


def _printed_records(text):
    records = []
    for match in islice(PRINTED.finditer(text), MAX_CONTAINERS):
        record = {"epoch": int(match["epoch"]), "monitor": float(match["monitor"])}
        if match["seconds"]:
            record["seconds"] = float(match["seconds"])
            record["frames_per_second"] = float(match["frames_per_second"].replace(",", ""))
        records.append(record)
    return records


def _model_records(path, content):
    """The log in a model file; nothing of the model is built."""
    try:
        with open_archive(io.BytesIO(content), path) as archive:
            about = read_text(archive, path)
        records = [checked_record(record) for record in about["log"]]
        is_model = about["format"] == storage.FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected a log or a model file, found another archive") from error
    if not is_model:
        raise ValueError(f"{path}: expected a log or a model file, found another archive")
    if not records:
        raise ValueError(f"{path}: expected a model that was trained for one epoch at least, found none")
    return records
