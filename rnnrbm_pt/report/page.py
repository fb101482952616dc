"""Self-contained HTML pages: a single file that works offline."""

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
"""Content security policy: the browser refuses to load anything that is not in the page."""

MOST_POINTS = 400
"""Maximum number of points per curve. More points could not be distinguished."""
LARGEST = 10**9
"""Largest epoch or value to draw."""


@dataclass(frozen=True)
class Report:
    """Content of a report on a model.

    Attributes
    ----------
    title : str
    lead : str
        Sentence that describes the model.
    pieces : list of Piece
        Generated pieces.
    each : list of Statistics
        Statistics of each piece.
    together : Statistics
        Statistics of all pieces together.
    data : dict {str: Statistics}
        Statistics of the training data and of other data, by the name that the page shows.
    log : list of dict
        One record per epoch.
    scores : dict {str: str}
        Scores by name.
    settings : dict {str: dict {str: str}}
        Settings by name, under headings.
    warnings : list of str
        Sentences to show above the pieces.
    command : str
        Command that makes the page again.
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
    """Make a page that contains only a player.

    Parameters
    ----------
    pieces : list of Piece
        Pieces to play.
    title : str
    lead : str
        Sentence below the title.

    Returns
    -------
    str
        HTML.
    """
    return page(title, [f'<p class="lead">{escape(lead)}</p>' if lead else "", *Player(pieces).elements()])


def report_page(report: Report) -> str:
    """Make the page of a report.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        HTML.
    """
    body = [f'<p class="lead">{escape(report.lead)}</p>', "<main>", "<h2>Generated pieces</h2>"]
    body += [f'<p class="warning" role="note">{escape(warning)}</p>' for warning in report.warnings]
    body += [*Player(report.pieces).elements(), "<h2>Pieces compared with the data</h2>", *statistics_part(report)]
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
    """Make a complete HTML document from a title, which is also the heading, and elements."""
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
    """Return the elements with the table of statistics and the two histograms."""
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
    """Explain the rows of the table of statistics."""
    text = (
        "A passage has 50 frames for the density, and 8 frames for repetition. Held: share of the notes in a frame "
        "that also sound in the previous frame. Dissonant: seconds, sevenths and tritones, up to octaves. Known: share "
        "of the frames that occur in the data."
    )
    if not report.data:
        text += (
            " The model's file does not describe its training data: it has none, or an older version wrote the file."
        )
    return text


def training_part(log: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the elements with the training curve, the validation, and the density of pieces drawn during training."""
    if not log:
        return ['<p class="lead">The model\'s log is empty.</p>']
    curves = {"monitor": curve_of(log, "monitor")}
    if validation := curve_of(log, "validation"):
        curves["validation"] = validation
    cards = [f'<div class="card">{curve_chart(curves, "Nats per frame")}</div>']
    samples = [{**sample, "epoch": r["epoch"]} for r in log if isinstance(sample := r.get("sample"), dict)]
    if density := curve_of(samples, "notes_per_frame"):
        chart = curve_chart({"generated piece": density}, "Notes per frame")
        cards.append(f'<div class="card">{chart}</div>')
    return [f'<div class="columns">{"".join(cards)}</div>']


def curve_of(records: Sequence[Mapping[str, Any]], name: str) -> Sequence[tuple[int, float]]:
    """Return an entry of the records by epoch, thinned to at most `MOST_POINTS` points. The last point is kept.

    The log comes from a file and may contain anything. Entries that are not numbers, or too large, are left out.
    """
    curve = [
        (record["epoch"], float(record[name]))
        for record in records
        if record["epoch"] <= LARGEST and drawable(record.get(name))
    ]
    step = -(-len(curve) // MOST_POINTS)
    return curve[::-step][::-1] if curve else curve


def drawable(value: object) -> bool:
    """Return whether a value can be drawn: a number of usual size, or an infinity or NaN, which leaves a gap."""
    if isinstance(value, float) and not math.isfinite(value):
        return True
    return isinstance(value, (int, float)) and abs(value) <= LARGEST


def settings_table(values: Mapping[str, str]) -> str:
    """Make an HTML table of names and values."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in values.items()
    )
    return f'<table class="settings"><tbody>{rows}</tbody></table>'
