"""Tables as text and as HTML."""

import html
from collections.abc import Iterable, Sequence

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""The header of a table, and its rows."""


def fixed(number: float | None, decimals: int, sign: str = "") -> str:
    """A number with the given number of decimals; an empty string for None."""
    return "" if number is None else f"{number:{sign}.{decimals}f}"


def small(number: float | None, sign: str = "") -> str:
    """A difference with two digits; an empty string for None."""
    return "" if number is None else "0" if number == 0 else f"{number:{sign}.1e}"


def as_text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as text, with right-aligned columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    return "\n".join(line.rstrip() for line in lines)


def as_html(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as HTML, for a notebook or a page, with right-aligned columns."""

    def cells(row: Iterable[str], kind: str) -> str:
        return "".join(f'<{kind} style="text-align: right">{html.escape(cell)}</{kind}>' for cell in row)

    head = f"<thead><tr>{cells(header, 'th')}</tr></thead>" if any(header) else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table>{head}<tbody>{body}</tbody></table>"
