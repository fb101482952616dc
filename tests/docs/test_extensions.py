"""What the site adds to Sphinx, by itself. `test_site` builds the whole."""

import re
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra docs")

from docs.extensions.command_help import help_of
from docs.extensions.docstrings import mark_code
from docs.extensions.links import page_of
from docs.extensions.players import themed_style
from rnnrbm_pt.cli.main import COMMANDS
from rnnrbm_pt.report.widget import style

DOCS = Path(__file__).resolve().parents[2] / "docs"


def marked(docstring):
    lines = docstring.splitlines()
    mark_code(None, "function", "name", None, None, lines)
    return "\n".join(lines)


def test_an_indented_block_of_a_docstring_is_marked_as_code():
    assert marked("A.\n\n    b = c\n    d\n\nE.\n") == "A.\n\n::\n\n    b = c\n    d\n\nE."


@pytest.mark.parametrize(
    "docstring",
    [
        "A::\n\n    b = c",
        "A.\n\n- B\n\n    more of B",
        "A.\n\nParameters\n----------\nb : int\n\n    Two blank lines would be odd.",
        "A.\n\n::\n\n    b\n\n    c",
    ],
)
def test_what_is_marked_already_or_is_no_code_stays(docstring):
    assert marked(docstring) == docstring


def test_the_player_is_dark_where_the_site_is():
    css = themed_style()
    assert "prefers-color-scheme" in style() and "prefers-color-scheme" not in css
    (dark,) = re.findall(r'html\[data-theme="dark"\] \.rp-piece \{[^}]*\}', css)
    assert "color-scheme: dark" in dark
    assert css.count("{") == css.count("}")


def test_the_page_of_the_command_line_has_every_command():
    page = (DOCS / "reference" / "command_line.md").read_text(encoding="utf-8")
    shown = re.findall(r"^## rnnrbm ?(.*)\n\n```\{command-help\} ?(.*)\n```$", page, re.MULTILINE)
    assert all(heading == words for heading, words in shown)
    names = [module.__name__.rpartition(".")[2] for module in COMMANDS]
    assert [words for _, words in shown if " " not in words] == ["", *names]


def test_the_help_is_that_of_a_terminal_of_one_width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    text = help_of(["data", "fetch"])
    assert text.startswith("usage: rnnrbm data fetch") and "--folder" in text
    assert 60 < max(map(len, text.splitlines())) <= 88


def test_a_source_page_stands_beside_those_of_modules():
    assert page_of("tutorial/rnnrbm.py") == "_modules/tutorial/rnnrbm"
