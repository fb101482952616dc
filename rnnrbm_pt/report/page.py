"""Pages that stand for themselves: one file of HTML, which asks no network for anything."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Any

from rnnrbm_pt.music.plot import NAMES
from rnnrbm_pt.music.statistics import INTERVALS, ROWS, Statistics
from rnnrbm_pt.report.charts import bar_chart, curve_chart
from rnnrbm_pt.report.pieces import Piece
from rnnrbm_pt.report.widget import Player, script, style

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""The browser itself refuses whatever else a page would ask for."""

MOST_POINTS = 400
"""Of a curve: more cannot be told apart."""
LARGEST = 10**9
"""Of an epoch or a value that is drawn."""


@dataclass(frozen=True)
class Report:
    """What a report says of a model.

    Attributes
    ----------
    title : str
    lead : str
        A sentence on what the model is.
    pieces : list of Piece
        Music that it has written.
    each : list of Statistics
        Of each piece.
    together : Statistics
        Of all pieces together.
    data : dict {str: Statistics}
        Of the training data and of other data, by what the page shall call them.
    log : list of dict
        One record per epoch.
    scores, settings : dict
        Names and values; of the settings by their headings.
    warnings : list of str
        Sentences to stand over the pieces.
    command : str
        The command that makes the page again.
    """

    title: str
    lead: str
    pieces: Sequence[Piece]
    each: Sequence[Statistics]
    together: Statistics
    data: Mapping[str, Statistics]
    log: Sequence[Mapping[str, Any]]
    scores: Mapping[str, str]
    settings: Mapping[str, Mapping[str, str]]
    warnings: Sequence[str] = field(default_factory=tuple)
    command: str = ""


def player_page(pieces: Sequence[Piece], title: str, lead: str = "") -> str:
    """A page with nothing but a player.

    Parameters
    ----------
    pieces : list of Piece
    title, lead : str

    Returns
    -------
    str
        HTML.
    """
    return page(title, [f'<p class="lead">{escape(lead)}</p>' if lead else "", *Player(pieces).elements()])


def report_page(report: Report) -> str:
    """The page of a report.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        HTML.
    """
    body = [f'<p class="lead">{escape(report.lead)}</p>', "<main>", "<h2>Pieces that the model wrote</h2>"]
    body += [f'<p class="warning" role="note">{escape(warning)}</p>' for warning in report.warnings]
    body += [*Player(report.pieces).elements(), "<h2>The pieces beside the data</h2>", *statistics_part(report)]
    body += ["<h2>Training</h2>", *training_part(report.log)]
    if report.scores:
        body += ["<h2>Scores</h2>", f'<div class="card">{settings_table(report.scores)}</div>']
    body += ["<h2>Settings</h2>", '<div class="thirds">']
    for heading, values in report.settings.items():
        if values:
            body.append(f'<div class="card"><h3>{escape(heading)}</h3>{settings_table(values)}</div>')
    body += ["</div>", "</main>"]
    if report.command:
        body.append(f"<footer>Made by <code>{escape(report.command)}</code></footer>")
    return page(report.title, body)


def page(title: str, body: Sequence[str]) -> str:
    """A whole document: a title, which is its heading too, and elements."""
    sheet = (files(__package__) / "page.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{style()}\n{sheet}</style>",
            "</head>",
            "<body>",
            f"<header><h1>{escape(title)}</h1></header>",
            *filter(None, body),
            f"<script>{script()}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


# ---------------------------------------------------------------------------------------------------
# Parts


def statistics_part(report: Report) -> list[str]:
    """The table of statistics, and the two histograms."""
    columns = [(f"piece {i}", found, "") for i, found in enumerate(report.each, 1)]
    if len(columns) > 1:
        columns.append(("all pieces", report.together, ""))
    columns += [(name, found, ' class="data"') for name, found in report.data.items()]
    head = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, _, kind in columns)
    numbers = [(found.to_json(), kind) for _, found, kind in columns]
    rows = "".join(
        f'<tr><th scope="row">{title}</th>{"".join(f"<td{kind}>{show(of)}</td>" for of, kind in numbers)}</tr>'
        for title, show in ROWS.items()
    )
    other = next(iter(report.data.items()), None)
    name, data = (escape(other[0]), other[1]) if other else ("", None)

    def pair(histogram: str) -> dict[str, Any]:
        return {"pieces": getattr(report.together, histogram), name: data and getattr(data, histogram)}

    notes = bar_chart(NAMES, pair("pitch_classes"), "Notes by pitch class")
    pairs = bar_chart(INTERVALS, pair("intervals"), "Pairs of notes by interval")
    return [
        '<div class="card"><div class="wide" tabindex="0" role="region" aria-label="Statistics"><table class="numbers">'
        f'<thead><tr><th scope="col"></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>',
        f'<p class="note">{escape(explanation(report))}</p></div>',
        f'<div class="columns" style="margin-top:18px"><div class="card">{notes}</div>'
        f'<div class="card">{pairs}</div></div>',
    ]


def explanation(report: Report) -> str:
    """What the rows of the table mean."""
    text = (
        "A passage has 50 frames where its density counts, and 8 where it counts whether the same passage came before. "
        "Held: the share of the notes of a frame that sound in the frame before. Dissonant: seconds, sevenths and "
        "tritones, up to octaves. Known: the share of the frames that occur in the data."
    )
    if not report.data:
        text += " The model's file does not describe its training data: an older version wrote it, or it has none."
    return text


def training_part(log: Sequence[Mapping[str, Any]]) -> list[str]:
    """The curve of training, with its validation, and of the density of pieces that were drawn meanwhile."""
    if not log:
        return ['<p class="lead">The model has no epochs in its log.</p>']
    curves = {"monitor": curve_of(log, "monitor")}
    if validation := curve_of(log, "validation"):
        curves["validation"] = validation
    cards = [f'<div class="card">{curve_chart(curves, "Nats per frame")}</div>']
    samples = [{**sample, "epoch": r["epoch"]} for r in log if isinstance(sample := r.get("sample"), dict)]
    if density := curve_of(samples, "notes_per_frame"):
        chart = curve_chart({"a piece by the model": density}, "Notes per frame")
        cards.append(f'<div class="card">{chart}</div>')
    return [f'<div class="columns">{"".join(cards)}</div>']


def curve_of(records: Sequence[Mapping[str, Any]], name: str) -> Sequence[tuple[int, float]]:
    """The values of a name by epoch: some hundred of them, the last one among them.

    A log out of a file may have anything under a name: what is no number, or a number that no run reaches, is left out.
    """
    curve = [
        (record["epoch"], float(record[name]))
        for record in records
        if record["epoch"] <= LARGEST and drawable(record.get(name))
    ]
    step = -(-len(curve) // MOST_POINTS)
    return curve[::-step][::-1] if curve else curve


def drawable(value: object) -> bool:
    """Whether a value is a number of a usual size, or one that is not finite and leaves a gap."""
    if isinstance(value, float) and not math.isfinite(value):
        return True
    return isinstance(value, (int, float)) and abs(value) <= LARGEST


def settings_table(values: Mapping[str, str]) -> str:
    """Names and values."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in values.items()
    )
    return f'<table class="settings"><tbody>{rows}</tbody></table>'
