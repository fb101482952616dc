"""Models as files: arrays and one JSON text, in the format of `io.checkpoint`. Loading executes nothing in the file."""

from pathlib import Path
from typing import Any

from pytensor.compile.mode import Mode

from rnnrbm_pt.io.archives import open_archive
from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.io.checkpoint import read_checkpoint, read_text, write_checkpoint
from rnnrbm_pt.models.registry import Classes
from rnnrbm_pt.models.sizes import check_sizes
from rnnrbm_pt.models.types import Model
from rnnrbm_pt.quoting import printable, quoted

FORMAT = "rnnrbm_pt model"
VERSION = 2
RENAMED = {"visible_from_u": "dynamic_visible_bias"}
"""Present names of settings that older files store under other names."""

ODD = KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError, MemoryError
"""Errors that a constructor may raise for invalid settings in a file."""


def save(model: Model, filename: FilePath) -> None:
    """Write a model to a file; see `SequenceModel.save`."""
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "model": type(model).__name__,
        "floatX": model.floatX,
        "settings": model.settings,
        **model.state.metadata(),
    }
    write_checkpoint(filename, model.state.arrays(), metadata)


def load(
    filename: FilePath,
    kinds: Classes,
    *,
    backend: str,
    threads: int = 1,
    floatX: str | None = None,
    mode: Mode | None = None,
    devices: int = 1,
    k_generate: int | None = None,
) -> Model:
    """Load a model from a file; see `SequenceModel.load`.

    Parameters
    ----------
    filename : path
    kinds : dict {class name: class}
        Classes of models that the file may name.
    backend : str
        On "jax", a model with other streams than "philox" gets new Philox streams.
    threads, floatX, mode, devices, k_generate
        Arguments of `SequenceModel.load`, already checked: a later error is therefore an error of the file.

    Returns
    -------
    SequenceModel

    Raises
    ------
    ValueError
        If the file does not hold a complete model of one of the classes. The error names the file.
    FileNotFoundError
        If there is no such file.
    """
    filename = Path(filename)
    try:
        arrays, metadata = read_checkpoint(filename)
    except ValueError as error:
        _check_version(filename, _version_without_checksum(filename))
        reason = str(error).removeprefix(f"{filename}: ")
        raise ValueError(f"{filename}: expected a model that this project saved ({reason})") from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        found = metadata.get("format") if isinstance(metadata, dict) else metadata
        raise ValueError(f"{filename}: expected a model that this project saved, found {quoted(found)}")
    _check_version(filename, metadata.get("version"))
    name = metadata.get("model")
    if not isinstance(name, str) or name not in kinds:
        found = f"{quoted(name)} (define or import a class of your own first, or pass it as classes=)"
        raise ValueError(f"{filename}: expected a model of {' or '.join(kinds)}, found {found}")
    settings = metadata.get("settings")
    if not isinstance(settings, dict) or "streams" not in settings or "floatX" not in metadata:
        raise ValueError(f"{filename}: expected a complete model, found one without all its settings")
    settings = {RENAMED.get(name, name): value for name, value in settings.items()}
    kind, changes = kinds[name], {}
    if k_generate is not None and "k_generate" in settings:
        changes["k_generate"] = k_generate
    if backend == "jax" and settings["streams"] != "philox":
        if settings.get("visible") == "gaussian":
            raise ValueError(f"{filename}: backend: expected numba or c for Gaussian units, found 'jax'")
        changes["streams"] = "philox"
    running = {"backend": backend, "threads": threads, "floatX": floatX or metadata["floatX"]}
    if mode is not None:  # a user's own class may not accept one
        running["mode"] = mode
    if devices > 1:
        running["devices"] = devices
    try:
        check_sizes(kind, settings, arrays)
        model = kind(**settings | changes, **running)
        has_chain = model.graphs.free_energy is not None
        if has_chain and k_generate is not None and "k_generate" not in settings:  # a user's own class has a default
            model = kind(**settings | changes | {"k_generate": k_generate}, **running)
        model.state.restore_all(arrays, metadata, streams="streams" not in changes)
    except TypeError as error:
        found = printable(str(error), 200)
        raise ValueError(f"{filename}: expected settings of {kind.__name__}, found other settings ({found})") from error
    except ODD as error:
        found = printable(str(error) or type(error).__name__, 200)
        raise ValueError(f"{filename}: expected a complete model, found an incomplete one ({found})") from error
    if k_generate is not None and not has_chain:
        raise ValueError(f"{filename}: k_generate: expected a model with a Gibbs chain in generation, found {name}")
    return model


def _check_version(filename: FilePath, version: Any) -> None:
    if version != VERSION:
        earlier = isinstance(version, int) and version < VERSION
        advice = "load it with the earlier rnnrbm_pt that wrote it, or train again" if earlier else "update rnnrbm_pt"
        raise ValueError(
            f"{filename}: expected version {VERSION} of the model format, found {quoted(version)} ({advice})"
        )


def _version_without_checksum(filename: FilePath) -> int:
    """Version of a model file without a checksum, as version 1 wrote it; VERSION for any other file."""
    try:
        with open_archive(filename) as archive:
            metadata = read_text(archive, filename)
    except (OSError, ValueError):
        return VERSION
    of_version_1 = isinstance(metadata, dict) and (metadata.get("format"), metadata.get("version")) == (FORMAT, 1)
    return 1 if of_version_1 else VERSION
