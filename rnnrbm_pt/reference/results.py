"""The folder with the recorded results of long runs: in an installed package, or in a checkout of the repository."""

from pathlib import Path

INSTALLED = Path(__file__).with_name("data")
CHECKOUT = Path(__file__).resolve().parents[2] / "benchmarks" / "results"


def results_folder() -> Path:
    """Folder of the recorded results that the tutorial's chapters read.

    Returns
    -------
    pathlib.Path
        The copy that an installed package has, or ``benchmarks/results`` of the checkout.

    Raises
    ------
    FileNotFoundError
        If neither folder exists.
    """
    for folder in (INSTALLED, CHECKOUT):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"expected the recorded results in {INSTALLED} or {CHECKOUT}, found neither folder")
