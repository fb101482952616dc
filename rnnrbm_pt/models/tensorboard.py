"""Logging to TensorBoard: the numbers of each epoch as curves, and the pieces drawn for the log as pictures.

Any other program that shows curves needs a callback of two lines::

    def show(record):
        wandb.log(numbers_of(record), step=record["epoch"])

    model.fit(rolls, on_epoch=show)
"""

import os
import socket
import time
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from rnnrbm_pt.interrupts import deferred_interrupts
from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.models.logged_pieces import N_STEPS
from rnnrbm_pt.models.types import Model
from rnnrbm_pt.training.loop import Record


def numbers_of(record: Mapping[str, Any]) -> dict[str, float]:
    """Extract the numbers from the record of an epoch, for a program that shows curves.

    Parameters
    ----------
    record : dict
        Record that `fit` passes to `on_epoch`.

    Returns
    -------
    dict {str: float}
        monitor, validation, gradient_norm and so on. A number in a nested dict gets both names: "norms/W". The epoch,
        seeds and lists are left out. True becomes 1 and False becomes 0.
    """
    found: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found |= {f"{name}/{inner}": x for inner, x in numbers_of(value).items()}
        elif isinstance(value, Real) and name not in ("epoch", "seed"):
            found[name] = float(value)
    return found


class TensorBoard:
    """A callback of `fit` that writes a run for TensorBoard: ``model.fit(rolls, on_epoch=TensorBoard(folder, model))``.

    The step of the curves is the epoch. If a run continues, or another run begins in the same folder, TensorBoard hides
    the older values from that epoch on.

    Parameters
    ----------
    folder : path
        Folder of the event files. It is created if it is missing.
    model : SequenceModel, optional
        The model that is trained. With it, the callback also writes the learning rate, pictures of pieces (with the
        setting `sample_every`) and, in a new folder, the earlier epochs of the run.

    Raises
    ------
    ImportError
        If TensorBoard is not installed.
    OSError
        If the folder cannot be created.
    """

    def __init__(self, folder: FilePath, model: Model | None = None) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError:
            raise ImportError(
                "tensorboard: TensorBoard is not installed. Install it with: pip install 'rnnrbm-pt[tensorboard]'"
            ) from None
        self._events, self._summaries, self._writer = event_pb2, summary_pb2, RecordWriter
        self.folder, self.model = Path(folder), model
        self.path: Path | None = None
        self.epoch = 0
        self.folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, record: Record) -> None:
        """Write the record of an epoch."""
        epoch = record["epoch"]
        if self.path is None or epoch <= self.epoch:
            self._begin(epoch)
        numbers = numbers_of(record)
        if self.model is not None and self.model.learning.optimizer != "hf":
            numbers["lr"] = float(self.model.state.scalars["lr"].get_value())
        values = self._curves(numbers)
        if self.model is not None and "sample" in record:
            values.append(self._picture(record["sample"]["seed"]))
        self._write(self._event(epoch, values))
        self.epoch = epoch

    def _begin(self, epoch: int) -> None:
        """Begin a new file. TensorBoard drops the values of older files from this epoch on."""
        is_new = not any(self.folder.glob("*tfevents*"))
        seconds, rest = divmod(time.time_ns(), 10**9)  # TensorBoard reads files in the order of their names
        name = f"events.out.tfevents.{seconds:010d}.{rest:09d}.{socket.gethostname()}.{os.getpid()}"
        self.path = self.folder / name
        began = self._events.SessionLog(status=self._events.SessionLog.START)
        earlier = self.model.log[-epoch:-1] if is_new and self.model is not None else []
        self._write(
            self._events.Event(wall_time=time.time(), file_version="brain.Event:2"),
            self._events.Event(wall_time=time.time(), step=epoch, session_log=began),
            *(self._event(record["epoch"], self._curves(numbers_of(record))) for record in earlier),
        )

    def _write(self, *events: Any) -> None:
        assert self.path is not None
        with deferred_interrupts(), open(self.path, "ab") as file:
            writer = self._writer(file)
            for event in events:
                writer.write(event.SerializeToString())

    def _event(self, epoch: int, values: list[Any]) -> Any:
        return self._events.Event(wall_time=time.time(), step=epoch, summary=self._summaries.Summary(value=values))

    def _curves(self, numbers: Mapping[str, float]) -> list[Any]:
        return [self._summaries.Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]

    def _picture(self, seed: int) -> Any:
        """The piano-roll of the piece drawn for the log, which is drawn again from its seed."""
        from rnnrbm_pt.music.plot import piano_roll_png

        assert self.model is not None
        roll = self.model.sample(N_STEPS, seed=seed)
        png, width, height = piano_roll_png(roll, self.model.r, self.model.frames.step_seconds, crop=True)
        image = self._summaries.Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=png)
        return self._summaries.Summary.Value(tag="sample/piano_roll", image=image)
