"""Models as files: arrays and one JSON text, in the format of `io.checkpoint`. Nothing in it is ever executed."""

import json
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rnnrbm_pt.io.checkpoint import read_checkpoint, write_checkpoint
from rnnrbm_pt.training.learning import Learning
from rnnrbm_pt.training.loop import Progress

FORMAT = "rnnrbm_pt model"
VERSION = 2
BROKEN_ARCHIVE = OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError


def get_state(model):
    """Copies of all arrays that learning and drawing change.

    Those are the parameters, the scalars that a schedule may set, what the optimiser remembers, and random states.

    Returns
    -------
    dict of arrays
    """
    arrays = {p.name: p.get_value() for p in model.params}
    arrays["lr"] = model.lr.get_value()
    for total in (model._errors, model._gradient_norms):
        arrays[total.name] = total.get_value()
    for name, scalar in model._scalars.items():
        if name != "lr":
            arrays[f"scalar_{name}"] = scalar.get_value()
    for name, slot in model._slots.items():
        arrays[f"slot_{name}"] = slot.get_value()
    for name, value in model._slot_values.items():
        arrays[f"slot_{name}"] = value
    for name, value in (model._best or {}).items():
        arrays[f"best_{name}"] = value
    for carried in model._carried:
        if carried.get_value().size:
            arrays[carried.name] = carried.get_value()
    for i, stream in enumerate(model.streams.streams):
        value = stream.get_value()
        if isinstance(value, np.random.Generator):
            state = value.bit_generator.state["state"]
            value = np.append(state["key"], np.uint32(state["pos"]))  # (625,)
        arrays[f"stream_{i}"] = value
    _, key, pos, has_gauss, cached = model.random_state.get_state()
    arrays["shuffle_key"] = np.append(key, np.uint32(pos))
    arrays["shuffle_gauss"] = np.array([has_gauss, cached])
    return arrays


def set_state(model, arrays, *, streams=True):
    """Put back what `get_state` gave, of a model of either float type.

    Parameters
    ----------
    model : SequenceModel
    arrays : dict of arrays
    streams : bool
        Whether the random streams are among it; else they stay as they are.

    Raises
    ------
    ValueError
        If an array is absent or has another shape.
    """

    def fetch(name, like):
        if name not in arrays or arrays[name].shape != like.shape:
            found = arrays[name].shape if name in arrays else "none"
            raise ValueError(f"{name}: expected an array of shape {like.shape}, found {found}")
        return arrays[name].astype(like.dtype)

    def converted(array):
        return array.astype(model.floatX) if array.dtype.kind == "f" else array

    for p in (*model.params, model.lr, model._errors, model._gradient_norms):
        p.set_value(fetch(p.name, p.get_value()))
    for name, scalar in model._scalars.items():
        if f"scalar_{name}" in arrays:  # older files have none: then these keep the values that a run begins with
            scalar.set_value(fetch(f"scalar_{name}", scalar.get_value()))
    best = {p.name: fetch(f"best_{p.name}", p.get_value()) for p in model.params if f"best_{p.name}" in arrays}
    model._best = best or None
    for carried in model._carried:
        if carried.name in arrays:
            carried.set_value(converted(arrays[carried.name]))
    for name, value in arrays.items():  # of an optimiser, whose function may not be compiled yet
        if name.startswith("slot_"):
            name = name.removeprefix("slot_")
            if name in model._slots:
                model._slots[name].set_value(converted(value))
            else:
                model._slot_values[name] = converted(value)
    for i, stream in enumerate(model.streams.streams if streams else []):
        value = stream.get_value()
        if isinstance(value, np.random.Generator):
            packed = fetch(f"stream_{i}", np.empty(625, np.uint32))
            value.bit_generator.state = {
                "bit_generator": "MT19937",
                "state": {"key": packed[:-1], "pos": int(packed[-1])},
            }
        else:
            value = fetch(f"stream_{i}", value)
        stream.set_value(value)
    packed = fetch("shuffle_key", np.empty(625, np.uint32))
    has_gauss, cached = fetch("shuffle_gauss", np.empty(2))
    model.random_state.set_state(("MT19937", packed[:-1], int(packed[-1]), int(has_gauss), float(cached)))


def save(model, filename):
    """Write a model; see `SequenceModel.save`."""
    about = {
        "format": FORMAT,
        "version": VERSION,
        "model": type(model).__name__,
        "floatX": model.floatX,
        "settings": model.settings,
        "log": model.log,
        "learning": model.learning.to_json(),
        "progress": None if model.progress is None else asdict(model.progress),
    }
    write_checkpoint(filename, get_state(model), about)


def load(filename, kinds, *, backend, threads=1, floatX=None, mode=None, k_generate=None):
    """Read a model; see `SequenceModel.load`.

    Parameters
    ----------
    filename : path
    kinds : dict {class name: class}
        The models that may be in the file.
    backend : str
        On "jax" the streams of the model are new ones, unless they are of the one kind that it has.
    threads : int
    floatX : str, optional
    mode : pytensor.compile.mode.Mode, optional
    k_generate : int, optional
        As `SequenceModel.load` takes them, which has checked them: an error in the model is the file's then.
    """
    filename = Path(filename)
    try:
        arrays, about = read_checkpoint(filename)
    except ValueError as error:
        _check_version(filename, _version_without_checksum(filename))
        reason = str(error).removeprefix(f"{filename}: ")
        raise ValueError(f"{filename}: expected a model that this project saved ({reason})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else about
        raise ValueError(f"{filename}: expected a model that this project saved, found {found!r:.60}")
    _check_version(filename, about.get("version"))
    if about.get("model") not in kinds:
        found = f"{about.get('model')!r} (define or import a class of your own before, or name it by classes=)"
        raise ValueError(f"{filename}: expected a model of {' or '.join(kinds)}, found {found}")
    settings = about.get("settings")
    if not isinstance(settings, dict) or "streams" not in settings or "floatX" not in about:
        raise ValueError(f"{filename}: the model in it is incomplete (its settings)")
    kind, changes = kinds[about["model"]], {}
    if k_generate is not None:
        if "k_generate" not in settings:
            expected = "k_generate: expected a model with a Gibbs chain in generation"
            raise ValueError(f"{filename}: {expected}, found {about['model']}")
        changes["k_generate"] = k_generate
    if backend == "jax" and settings["streams"] != "philox":
        if settings.get("visible") == "gaussian":
            raise ValueError(f"{filename}: backend: expected numba or c, which draw Gaussian units, found 'jax'")
        changes["streams"] = "philox"
    running = {"backend": backend, "threads": threads, "floatX": floatX or about["floatX"]}
    if mode is not None:  # a user's own class may not take one
        running["mode"] = mode
    try:
        model = kind(**settings | changes, **running)
        restore(model, arrays, about, streams="streams" not in changes)
    except TypeError as error:
        raise ValueError(f"{filename}: expected settings that {kind.__name__} takes, found others ({error})") from error
    except (KeyError, ValueError) as error:
        raise ValueError(f"{filename}: the model in it is incomplete ({error})") from error
    return model


def restore(model, arrays, about, *, streams=True):
    """Make a model that was built by the settings in a file what it was when the file was written.

    Parameters
    ----------
    model : SequenceModel
        Functions that it has compiled are kept where they are those of the run in the file.
    arrays, about
        As `read_checkpoint` gives them.
    streams : bool
        As for `set_state`.
    """
    model._learn_by(Learning(**about["learning"]))
    set_state(model, arrays, streams=streams)
    model.log = list(about["log"])
    model.progress = None if about["progress"] is None else Progress(**about["progress"])


def _check_version(filename, version):
    if version != VERSION:
        earlier = isinstance(version, int) and version < VERSION
        advice = "an earlier rnnrbm_pt wrote it: load it with that, or train anew" if earlier else "update rnnrbm_pt"
        raise ValueError(f"{filename}: expected version {VERSION} of the model format, found {version!r} ({advice})")


def _version_without_checksum(filename):
    """Version of a model file of before version 2, which had no checksum; VERSION for anything else."""
    try:
        with open(filename, "rb") as file, np.load(file, allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
        return 1 if (about["format"], about["version"]) == (FORMAT, 1) else VERSION
    except BROKEN_ARCHIVE:
        return VERSION
