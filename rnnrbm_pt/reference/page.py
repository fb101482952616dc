"""A comparison as a self-contained HTML page."""

import base64
import html
from collections.abc import Sequence
from typing import NamedTuple

STYLE = """
body { font-family: system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; overflow-wrap: anywhere; }
div.table { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th { border-bottom: 1px solid #888; font-weight: 600; }
th, td { padding: 0.2rem 0.8rem; } tr:nth-child(even) td { background: #f4f4f2; }
img { max-width: 100%; }
"""


class Section(NamedTuple):
    """A section of a page.

    Attributes
    ----------
    heading : str
        Heading, as plain text.
    notes : sequence of str
        Paragraphs, as plain text.
    tables : str
        Tables, as HTML.
    picture : bytes or None
        Content of a PNG file.
    caption : str
        Alternative text of the picture.
    """

    heading: str
    notes: Sequence[str]
    tables: str
    picture: bytes | None = None
    caption: str = ""


def page(title: str, sections: Sequence[Section]) -> str:
    """Make an HTML page that needs no other file.

    Parameters
    ----------
    title : str
        Title, as plain text.
    sections : sequence of Section

    Returns
    -------
    str
        The HTML.
    """
    parts = []
    for section in sections:
        parts.append(f"<h2>{html.escape(section.heading)}</h2>")
        parts += [f"<p>{html.escape(note)}</p>" for note in section.notes]
        if section.picture is not None:
            data = base64.b64encode(section.picture).decode()
            parts.append(f'<img alt="{html.escape(section.caption)}" src="data:image/png;base64,{data}">')
        if section.tables:
            parts.append(f'<div class="table">{section.tables}</div>')
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><h1>{html.escape(title)}</h1>\n'
        f"{body}\n</body></html>\n"
    )
