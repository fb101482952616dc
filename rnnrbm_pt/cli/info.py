"""`rnnrbm info`: show the installation and the available backends, or describe a model file."""

import textwrap
from pathlib import Path

from rnnrbm_pt import __version__
from rnnrbm_pt.cli.input_files import load_model, model_file, plural
from rnnrbm_pt.cli.options import add_command
from rnnrbm_pt.models.pretrained import PRETRAINED

WIDTH, INDENT = 100, 14
"""Width of the lines about a model, and width of the names before them, in characters."""


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    parser = add_command(commands, "info", run, "show the installation and the available backends, or describe a model")
    parser.set_defaults(backend="numba", threads=1)
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="model file, or name of a pretrained model, to describe"
    )


def run(args):
    """Run `rnnrbm info`."""
    if args.model is None:
        show_installation()
    else:
        show_model(args.model, load_model(args.model, args), model_file(args.model))


def show_model(name, model, path):
    """Print a description of a model file.

    Parameters
    ----------
    name : str
        The path as the user wrote it, or the name of a pretrained model.
    model : SequenceModel
    path : str or path-like
        The model file.
    """
    print(f"{name}: {type(model).__name__}, {model.floatX}, {Path(path).stat().st_size:,} bytes")
    for name, text in [("frames", frames_of(model)), ("settings", settings_of(model)), *parts_of_run(model)]:
        for line in textwrap.wrap(text, WIDTH - INDENT, break_on_hyphens=False) or [""]:
            print(f"  {name:<{INDENT - 2}}{line}")
            name = ""


def frames_of(model):
    """Describe the model's frames in one line."""
    frames, how = model.frames, model.preprocess
    if frames.r is None:
        return f"{frames.n_visible} real numbers, {frames.step_seconds:g} s each"
    step = f"{frames.step_seconds:g} s"
    if how.steps_per_quarter is not None:
        step = (
            f"beat-aligned, {how.steps_per_quarter} per quarter note, written at {how.tempo:g} quarter notes per minute"
        )
    parts = [f"notes {frames.r[0]} to {frames.r[1] - 1}", step]
    if how.tonality is not None:
        parts.append(f"transposed to a common tonality ({how.tonality}; keys from {how.key_from})")
    parts.append("drums read as notes" if how.drums else "drums left out")
    parts.append("times from the files' tempo maps" if how.tempo_from == "file" else "times from the tutorial's reader")
    parts += ["sustain pedal"] * how.pedal + ["short notes kept"] * how.keep_short
    return ", ".join(parts)


def settings_of(model):
    """Describe in one line the settings of the constructor that do not concern the frames."""
    about_frames = "r", "dt", "preprocess", "n_visible"
    settings = {name: value for name, value in model.settings.items() if name not in about_frames}
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def parts_of_run(model):
    """Yield (name, text) for the parameters, the training settings and the progress of training."""
    params, progress = model.get_params(), model.progress
    shapes = ", ".join(f"{name} {' x '.join(map(str, array.shape))}" for name, array in params.items())
    yield "parameters", f"{shapes}: {sum(array.size for array in params.values()):,} numbers"
    if progress is None and not model.log:
        yield "run", "none: the model is not trained"
        return
    described = model.learning.to_json()
    schedules = [f"{name} by {in_words(schedule)}" for name, schedule in described.pop("schedule").items()]
    yield "learning", ", ".join([f"{name} {value}" for name, value in described.items()] + schedules)
    yield "run", run_of(progress, model.log)
    if model.log:
        records = {record["epoch"]: record["monitor"] for record in (model.log[0], model.log[-1])}
        yield "monitor", ", ".join(f"{monitor:.4f} in epoch {epoch}" for epoch, monitor in records.items())
    if progress is not None and progress.best is not None:
        best = f"best {progress.validation.validate_by} {progress.best:.4f} in epoch {progress.best_epoch}"
        yield "validation", best + "; the parameters are from that epoch" * progress.complete


def run_of(progress, log):
    """Describe the progress of a run in one line."""
    if progress is None:
        return f"{plural(len(log), 'epoch')}; the file has no state from which to continue the run"
    run, state = progress.run, "stopped early" if progress.stopped else "complete" if progress.complete else "to resume"
    return (
        f"{progress.epoch} of {plural(run.num_epochs, 'epoch')} ({state}), {plural(progress.updates, 'update')} of "
        f"{plural(run.n_sequences, 'window')} of {run.batch_size} frames, {plural(len(progress.order), 'sequence')}"
    )


def in_words(schedule):
    """Describe a schedule in words: "Cosine (start 0.05, end 0, over 2, by epoch)"."""
    values = ", ".join(
        f"{name} {value}" for name, value in schedule.items() if name != "schedule" and value is not None
    )
    return f"{schedule['schedule']} ({values})"


def show_installation():
    """Print the installed packages and the available backends."""
    import os
    import platform
    from importlib.metadata import PackageNotFoundError, version

    print(f"rnnrbm_pt {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    for package in ("pytensor", "numba", "numpy", "scipy", "mido", "midiutil", "matplotlib", "music21", "jax"):
        try:
            print(f"  {package:<12}{version(package)}")
        except PackageNotFoundError:
            extra = {"music21": "corpus", "jax": "jax"}.get(package)
            extra = f' (pip install "rnnrbm-pt[{extra}]")' if extra else ""
            print(f"  {package:<12}not installed{extra}")

    import pytensor

    from rnnrbm_pt.compile.modes import describe_backends
    from rnnrbm_pt.music.datasets import cache_folder

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"  {cores} core{'s' * (cores != 1)}; a model uses one core, or more with --threads (JAX uses all)")
    print("Backends:")
    for backend, lines in describe_backends().items():
        for i, line in enumerate(lines):
            print(f"  {backend if i == 0 else '':<12}{line}")
    print("Pretrained models (`rnnrbm generate NAME -o tune.mid`):")
    width = max(len(model.name) for model in PRETRAINED)
    for model in PRETRAINED:
        print(f"  {model.name:<{width}}  {model.about}")
    print(f"Compiled code is cached in {pytensor.config.compiledir}")
    print(f"Data is cached in {cache_folder()}")
