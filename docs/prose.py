"""Find phrases that CONTRIBUTING.md asks to avoid: `python -m docs.prose [FILE ...]`.

Without files it looks at all pages and docstrings. A test does the same.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/*.md",
    "docs/reference/**/*.md",
    "tutorial/*.md",
    "benchmarks/upstream/README.md",
    "benchmarks/results/**/README.md",
    "rnnrbm_pt/pretrained/README.md",
    "tests/data/theano/README.md",
)
MODULES = "rnnrbm_pt/**/*.py"

BLOCK = re.compile(r"^```.*?^```$|^(?: {4}|\t|:).*?$|\$\$.*?\$\$|<!--.*?-->", re.MULTILINE | re.DOTALL)
"""Blocks of code, formulas, options of directives and comments."""

CODE = re.compile(r"``.+?``|`[^`]+`|\$[^$\n]+\$")
TARGET = re.compile(r"(?<=\])\([^)\s]+\)")
HEADING = re.compile(r"^#.*$", re.MULTILINE)

START = r"(?:\A|\n\s*\n|[.!?]\s|^\s*(?:[-*]|\d+\.)\s|\|)[\s*]*"
"""Where a sentence starts: after a full stop, a blank line, the mark of a list, or the edge of a table's cell."""

FIRST_WORDS = {
    r"Who(?:ever)?\b": "Who at the start of a statement: name the reader or use the imperative",
    r"What(?! to\b)\b": "What at the start of a statement: name the thing",
    r"Of (?!(?:course|these)\b)[^.,;:?!\n]{1,60},": "Of ..., at the start of a sentence: start with the main point",
}
"""Patterns of the first words of a sentence. Questions and headings are not looked at."""

PHRASES = {
    r"\bnats an? \w+": "nats per frame",
    r"\bforet(?:ell|old)\w*": "predict",
    r"\bkin\b": "related models",
    r"\bbe had\b": "obtain, get",
    r"\bbut for\b": "except",
    r"\bin the place of\b": "instead of",
    r"\b(?:comes?|came|coming) to\b(?! (?-i:[A-G])\b)": "reach, become",
    r"\bby the beat\b": "beat-aligned",
    r"\b(?:hold|holds|held|holding)\b[^.]{0,40}\bagainst\b": "compare with",
    r"\bthan all else\b": "than anything else",
    r"\bis a matter of course\b": "say it",
    r"^#+ One word$": "a heading that names the content",
}
"""Patterns anywhere in a text, whatever the case, and what to write instead."""


class Finding(NamedTuple):
    """A phrase to avoid."""

    line: int
    """Counted from 1."""
    text: str
    advice: str


def blanked(text: str, pattern: re.Pattern[str], mark: str = "") -> str:
    """A text with spaces, after a mark, instead of each match: lines and positions stay as they are."""
    return pattern.sub(lambda match: mark + re.sub(r"[^\n]", " ", match[0][len(mark) :]), text)


def prose_of_page(text: str) -> str:
    """A Markdown page without its blocks of code and link targets, and with an x for code within a line."""
    return blanked(blanked(blanked(text, BLOCK), CODE, "x"), TARGET)


def docstrings(source: str) -> list[tuple[int, str]]:
    """Docstrings of a module, its classes, functions and attributes: (line, text), with code blanked."""
    found = []
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            value = getattr(statement, "value", None) if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found.append((value.lineno, blanked(value.value, CODE, "x")))
    return sorted(found)


def is_question(text: str, position: int) -> bool:
    """Whether the sentence from a position on ends with a question mark."""
    end = re.compile(r"[.!?](?=[\s*)\"]|$)|\n\s*\n|\Z").search(text, position)
    return end is not None and end[0] == "?"


def find_phrases(text: str) -> list[Finding]:
    """Phrases to avoid in a text whose code is blanked, in their order."""
    found = []
    without_headings = blanked(text, HEADING)
    for pattern, advice in FIRST_WORDS.items():
        for match in re.finditer(f"{START}({pattern})", without_headings, re.MULTILINE):
            if not is_question(without_headings, match.start(1)):
                found.append((match.start(1), advice))
    for pattern, advice in PHRASES.items():
        for match in re.finditer(pattern.replace(" ", r"\s+"), text, re.IGNORECASE | re.MULTILINE):
            sentence = re.split(r"[.!?]\s", text[: match.start()])[-1]
            if "but" in pattern and re.search(r"\b(?:not|no|never)\b|n't\b", sentence):
                continue  # not for one thing but for another
            found.append((match.start(), advice))
    return [Finding(text.count("\n", 0, at) + 1, line_at(text, at), advice) for at, advice in sorted(found)]


def line_at(text: str, position: int) -> str:
    """The line that a position is in, stripped."""
    start = text.rfind("\n", 0, position) + 1
    return " ".join(text[start:].split("\n", 1)[0].split())


def findings(path: Path) -> Iterator[Finding]:
    """Phrases to avoid in a page, or in the docstrings of a module."""
    text = path.read_text(encoding="utf-8")
    pieces = docstrings(text) if path.suffix == ".py" else [(1, prose_of_page(text))]
    lines = text.splitlines()
    for first, piece in pieces:
        for found in find_phrases(piece):
            line = first + found.line - 1
            yield Finding(line, lines[line - 1].strip(), found.advice)


def all_files(folder: Path = ROOT) -> list[Path]:
    """All pages and modules of the repository, or of a copy of it in a folder."""
    return [path for pattern in (*PAGES, MODULES) for path in sorted(folder.glob(pattern))]


def main(arguments: list[str] | None = None) -> bool:
    """Print what is found. Return whether there is anything, as the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.prose", description="Find phrases to avoid.")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="pages and modules (all)")
    found = False
    for path in parser.parse_args(arguments).files or all_files():
        for finding in findings(path.resolve()):
            print(f"{path.resolve().relative_to(ROOT)}:{finding.line}: {finding.text}  [{finding.advice}]")
            found = True
    return found


if __name__ == "__main__":
    sys.exit(main())
