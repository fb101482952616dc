"""The folder of the recorded results of long runs, in an installed package or in a checkout of the repository."""

from pathlib import Path

INSTALLED = Path(__file__).with_name("data")
"""The folder in an installed package."""
CHECKOUT = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
"""The folder in a checkout of the repository."""


def results_folder() -> Path:
    """Find the folder of the recorded results that the tutorial's chapters read.

    Returns
    -------
    pathlib.Path
        The copy in the installed package, or ``benchmarks/results`` in the checkout.

    Raises
    ------
    FileNotFoundError
        If neither folder exists.
    """
    for folder in (INSTALLED, CHECKOUT):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"expected the recorded results in {INSTALLED} or {CHECKOUT}, found neither folder")
