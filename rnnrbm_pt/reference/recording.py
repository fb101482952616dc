"""Recordings of the original program: its settings, its results, and the file with both.

The file of a recording is a NumPy archive (.npz) or a JSON file (.json). Both contain the same arrays, with the names
in tests/data/theano:

    sequence_0, sequence_1, ...   the training sequences, uint8, shape (n_steps, n_visible)
    init_W ... init_bu            the parameters before training
    monitor                       the monitors of the updates of all epochs, float64
    final_W ... final_bu          the parameters after training
    generated_0, ...              rolls generated after training, uint8, shape (n_steps, n_visible)
    grad_v, grad_v_sample         a window and negative particles, uint8
    grad_cost, grad_W ... grad_bu the cost of grad_v and grad_v_sample and its gradient, at the final parameters

The other entries are:

    format, version               the name and the version of the format
    theano                        the versions of Theano, NumPy and Python, and the linker flags of the BLAS
    settings                      the settings of the program
    params                        the name of the file with the initial parameters, or null
    seconds                       the duration of each epoch

In an .npz file they are a JSON text, the array `about`. In a .json file they are entries next to `arrays`, which is
{name: {"dtype": ..., "shape": [...], "values": [...]}} with the values row by row.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnrbm_pt.checks import LARGEST_SEED
from rnnrbm_pt.io.archives import open_archive
from rnnrbm_pt.io.atomic_write import FilePath, read_bytes, replacing
from rnnrbm_pt.io.checkpoint import read_checkpoint, read_text, write_checkpoint
from rnnrbm_pt.io.json_text import parse_json
from rnnrbm_pt.models.rnnrbm import RnnRbm
from rnnrbm_pt.music.pianoroll import check_range
from rnnrbm_pt.quoting import printable, quoted
from rnnrbm_pt.settings import Settings, one_of, real, setting, settings, whole
from rnnrbm_pt.training.loop import Record

FORMAT = "rnnrbm_pt recording of Theano"
VERSION = 1
NAMES = "W", "bv", "bh", "Wuh", "Wuv", "Wvu", "Wuu", "bu"
MAX_JSON = 64 * 2**20
"""Largest size of a .json file, in bytes."""


def note_range(name: str, value: Any) -> tuple[int, int]:
    """Check a half-open range of notes, a tuple or a list."""
    low, high = check_range(tuple(value) if isinstance(value, (list, tuple)) else value, name)
    if high - low < 2:
        raise ValueError(f"{name}: expected at least two notes, found {quoted((low, high))}")
    return low, high


@settings
class TheanoSettings(Settings):
    """Settings of the original program. The defaults are the tutorial's."""

    n_hidden: int = whole("number of hidden units of the RBMs", default=150, least=1, option="--hidden")
    # The original cannot have a single recurrent or visible unit: Theano treats a vector of one zero differently.
    n_hidden_recurrent: int = whole(
        "number of hidden units of the RNN, at least 2", default=100, least=2, option="--recurrent"
    )
    k: int = whole("number of Gibbs steps in training", default=15, least=1)
    k_generate: int = whole("number of Gibbs steps in generation", default=25, least=1)
    n_steps: int = whole("number of frames in a generated roll", default=200, least=1, option="--steps")
    lr: float = real("learning rate", default=0.001, least=0)
    r: tuple[int, int] = setting("half-open range of notes", note_range, default=(21, 109))
    dt: float = real("seconds per frame", default=0.3, above=0)
    batch_size: int = whole("number of frames per window", default=100, least=1)
    num_epochs: int = whole("number of epochs", default=1, least=0, option="--epochs")
    seed: int = whole("seed of all random numbers", default=0xBEEF, least=0, most=LARGEST_SEED)
    streams: str = one_of("random streams: shared_randomstreams or MRG31k3p", ("srs", "mrg"), default="srs")
    floatX: str = one_of("float type", ("float64", "float32"), default="float64")

    @property
    def n_visible(self) -> int:
        """Number of visible units: the width of `r`."""
        return self.r[1] - self.r[0]


@dataclass(frozen=True)
class Recording:
    """The results of the original program.

    Attributes
    ----------
    settings : TheanoSettings
    arrays : dict {str: array}
        The arrays, with their names in the file.
    theano : dict
        Versions of Theano, NumPy and Python, and the linker flags of the BLAS.
    seconds : list of float
        Duration of each epoch.
    params : str or None
        Name of the file with the initial parameters, if they were read from a file.
    """

    settings: TheanoSettings
    arrays: Mapping[str, np.ndarray]
    theano: Mapping[str, Any]
    seconds: Sequence[float]
    params: str | None = None

    def numbered(self, name: str) -> list[np.ndarray]:
        """The arrays {name}_0, {name}_1 and so on, where name is "sequence" or "generated"."""
        n = sum(key.startswith(f"{name}_") for key in self.arrays)
        return [self.arrays[f"{name}_{i}"] for i in range(n)]

    def named(self, when: str) -> dict[str, np.ndarray]:
        """The parameters before training ("init") or after training ("final"), or the gradient ("grad")."""
        return {name: self.arrays[f"{when}_{name}"] for name in NAMES}

    @property
    def log(self) -> list[Record]:
        """One record per epoch, as in a model's log: epoch, monitor, monitors, updates, frames and seconds."""
        monitors = np.split(self.arrays["monitor"], len(self.seconds)) if self.seconds else []
        frames = sum(len(sequence) for sequence in self.numbered("sequence"))
        return [
            {
                "epoch": epoch,
                "monitor": float(np.mean(row)),
                "updates": len(row),
                "frames": frames,
                "seconds": seconds,
                "monitors": row.tolist(),
            }
            for epoch, (row, seconds) in enumerate(zip(monitors, self.seconds, strict=True), start=1)
        ]

    def model(self, **running: Any) -> RnnRbm:
        """Make a model of this library in the state of the original program before training.

        Parameters
        ----------
        **running
            backend, threads and mode: see `RnnRbm`.

        Returns
        -------
        RnnRbm
            ``model.fit(recording.numbered("sequence"), settings.batch_size, settings.num_epochs)`` repeats the run.
        """
        used = self.settings
        model = RnnRbm(
            used.n_hidden,
            used.n_hidden_recurrent,
            used.lr,
            used.r,
            used.dt,
            k=used.k,
            k_generate=used.k_generate,
            seed=used.seed,
            streams=used.streams,
            floatX=used.floatX,
            **running,
        )
        model.set_params(self.named("init"))
        return model


def write_recording(path: FilePath, recording: Recording) -> None:
    """Write a recording atomically: as JSON if the suffix is .json, else as a NumPy archive.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    about = {
        "format": FORMAT,
        "version": VERSION,
        "theano": dict(recording.theano),
        "settings": recording.settings.to_json(),
        "params": recording.params,
        "seconds": list(recording.seconds),
    }
    if Path(path).suffix.lower() != ".json":
        write_checkpoint(path, recording.arrays, about)
        return
    about["arrays"] = {
        name: {"dtype": array.dtype.name, "shape": array.shape, "values": array.ravel().tolist()}
        for name, array in recording.arrays.items()
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(about) + "\n", encoding="utf-8")


def is_recording(path: FilePath) -> bool:
    """Whether the contents of a file declare it a recording."""
    path = Path(path)
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        start = file.read(200)
    if not start.startswith(b"PK"):
        return FORMAT.encode() in start
    try:
        with open_archive(path) as archive:
            about = read_text(archive, path)
    except ValueError:
        return False
    return isinstance(about, dict) and about.get("format") == FORMAT


def read_recording(path: FilePath) -> Recording:
    """Read a recording that `write_recording` wrote.

    Raises
    ------
    ValueError
        If the file is not a recording, or is damaged or incomplete.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    if path.suffix.lower() == ".json":
        content = read_bytes(path, "a recording of Theano", MAX_JSON)
        try:
            about = parse_json(content)
        except ValueError as error:
            raise ValueError(f"{path}: expected a recording of Theano, found invalid JSON") from error
        arrays = None
    else:
        arrays, about = read_checkpoint(path)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else about
        raise ValueError(f"{path}: expected a recording of Theano, found {quoted(found)}")
    if about.get("version") != VERSION:
        raise ValueError(f"{path}: expected version {VERSION} of a recording, found {quoted(about.get('version'))}")
    try:
        if arrays is None:
            arrays = {name: _array(described) for name, described in about["arrays"].items()}
        used = TheanoSettings.from_json(about["settings"])
        recording = Recording(used, arrays, about["theano"], [float(x) for x in about["seconds"]], about["params"])
        _check(recording)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        found = printable(str(error), 200)
        raise ValueError(f"{path}: expected a complete recording of Theano, found a faulty one ({found})") from error
    return recording


def _array(described: dict[str, Any]) -> np.ndarray:
    if described["dtype"] not in ("float64", "float32", "uint8"):
        raise ValueError(f"dtype: expected float64, float32 or uint8, found {quoted(described['dtype'])}")
    return np.array(described["values"], described["dtype"]).reshape(described["shape"])


def _check(recording: Recording) -> None:
    """Check that the required arrays are there, and that the monitors belong to whole epochs."""
    if not isinstance(recording.theano, dict) or not isinstance(recording.params, (str, type(None))):
        raise ValueError("theano, params: expected a mapping, and a file name or null, found other values")
    sequences = recording.numbered("sequence")
    for i, sequence in enumerate(sequences):
        if sequence.ndim != 2 or sequence.shape[1] != recording.settings.n_visible or sequence.dtype != np.uint8:
            raise ValueError(f"sequence_{i}: expected a roll, found {sequence.dtype} of shape {sequence.shape}")
    recording.named("init"), recording.named("final")
    size = recording.settings.batch_size
    expected = len(recording.seconds) * sum(-(-len(sequence) // size) for sequence in sequences)
    found = recording.arrays["monitor"]
    if found.shape != (expected,) or found.dtype != np.float64:
        raise ValueError(f"monitor: expected {expected} numbers, found {found.dtype} of shape {found.shape}")
