"""Results of a search: a table of the trials, the importance of each parameter, and a page with curves."""

import base64
import html
import io
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from rnnrbm_pt.io.atomic_write import replacing
from rnnrbm_pt.search.trials import import_optuna

N_SHOWN = 10
"""Number of trials in the printed table. The page shows all trials."""


class Row(NamedTuple):
    """A trial in a table.

    Attributes
    ----------
    number : int
    state : str
        "complete", "pruned", "failed" or "running".
    value : float or None
        Final value of the quantity that is maximised, or None if the trial is not complete.
    values : dict
        Values of the parameters by name.
    curve : dict {int: float}
        Validation by epoch.
    """

    number: int
    state: str
    value: float | None
    values: dict[str, Any]
    curve: dict[int, float]


def rows_of(study: Any) -> list[Row]:
    """Return all trials: the best first, and trials without a value last."""
    rows = [
        Row(
            trial.number,
            {"FAIL": "failed"}.get(trial.state.name, trial.state.name.lower()),
            trial.value if trial.state.name == "COMPLETE" else None,
            trial.params,
            trial.intermediate_values,
        )
        for trial in study.get_trials(deepcopy=False)
    ]
    return sorted(rows, key=lambda row: (row.value is None, -(row.value or 0), row.number))


def table(rows: list[Row], names: list[str], by: str) -> list[list[str]]:
    """Format trials as rows of strings. The first row is the heading."""
    body = [
        [str(row.number), row.state, "" if row.value is None else f"{row.value:.4f}"]
        + [_shown(row.values.get(name, "")) for name in names]
        for row in rows
    ]
    return [["trial", "state", by, *names], *body]


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def lines_of(cells: list[list[str]]) -> list[str]:
    """Format a table as lines, with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]


def importances(study: Any) -> dict[str, float]:
    """Return the share of each parameter in the variance of the values. Empty if there are too few trials."""
    optuna = import_optuna()
    values = {row.value for row in rows_of(study) if row.value is not None}
    if len(values) < 2:
        return {}
    try:
        with warnings.catch_warnings():  # Optuna warns that the shares from few trials are rough
            warnings.simplefilter("ignore")
            return optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError, ImportError):  # no parameter occurs in all trials, or scikit-learn is missing
        return {}


def write_results(study: Any, folder: Path, by: str, names: list[str], command: str | None) -> None:
    """Write results.png and results.html to the folder of a study.

    Parameters
    ----------
    study : optuna.Study
    folder : pathlib.Path
    by : str
        Quantity that is maximised; see `trials.BY`.
    names : list of str
        Parameters, in the order of the columns.
    command : str or None
        Command that trains the best model.
    """
    rows = rows_of(study)
    picture = _picture(rows, importances(study), by)
    with replacing(folder / "results.png") as temporary:
        temporary.write_bytes(picture)
    heading, *body = table(rows, names, by)
    cells = "".join(f"<tr>{''.join(f'<td>{html.escape(text)}' for text in row)}" for row in body)
    title = html.escape(f"Search: {folder.name}")
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font:16px sans-serif;margin:2em;max-width:70em}td,th{padding:.2em 1em .2em 0;text-align:left}"
        "img{max-width:100%}</style>"
        f"<h1>{title}</h1><p>{len(rows)} trials, the best first, by {by} (higher is better).</p>"
        + (f"<p>This command trains the best model:</p><pre>{html.escape(command)}</pre>" if command else "")
        + '<img alt="Importance of each parameter, and validation of each trial by epoch" '
        f'src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        f"<table><tr>{''.join(f'<th>{html.escape(text)}' for text in heading)}{cells}</table></html>"
    )
    with replacing(folder / "results.html") as temporary:
        temporary.write_text(page, encoding="utf-8")


def _picture(rows: list[Row], shares: dict[str, float], by: str) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.barh(list(shares)[::-1], list(shares.values())[::-1], color="tab:blue")
    left.set_xlabel("importance (share of the variance)")
    if not shares:
        left.text(0.5, 0.5, "too few trials", ha="center", transform=left.transAxes)
    best = next((row.number for row in rows if row.value is not None), None)
    for row in rows:
        style = {"color": "tab:blue", "linewidth": 2} if row.number == best else {"color": "0.7", "linewidth": 1}
        right.plot(list(row.curve), list(row.curve.values()), marker=".", **style)
    right.set_xlabel("epoch")
    right.set_ylabel(by if by == "accuracy" else f"{by} (nats per frame)")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
