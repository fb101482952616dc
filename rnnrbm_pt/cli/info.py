"""`rnnrbm info`: what is installed, and which backends can be used."""

from rnnrbm_pt import __version__
from rnnrbm_pt.cli.options import add_command


def add_parser(commands):
    """Add the command to the subcommands of a parser; see `options.add_command`."""
    add_command(commands, "info", run, "show what is installed and which backends can be used")


def run(args):
    """`rnnrbm info`."""
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
    print(f"  {cores} core{'s' * (cores != 1)}; a model takes one of them, or more by --threads (JAX: all)")
    print("Backends:")
    for backend, lines in describe_backends().items():
        for i, line in enumerate(lines):
            print(f"  {backend if i == 0 else '':<12}{line}")
    print(f"Compiled code is cached in {pytensor.config.compiledir}")
    print(f"Data is cached in {cache_folder()}")
