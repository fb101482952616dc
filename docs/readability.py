"""Readability of the prose, then and now: `python -m docs.readability [REVISION]`.

It prints the words per sentence, the share of sentences with more than 25 words, and Flesch's reading ease
(206.835 - 1.015 words per sentence - 84.6 syllables per word) of pages and docstrings, in the working tree and at a
revision of git. Syllables are estimated from spelling, so compare texts with each other, not with a scale. A piece of
code or a formula counts as one word. Headings, tables and blocks of code do not count.
"""

import argparse
import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from docs.prose import ROOT, all_files, docstrings, prose_of_page

TOO_LONG = 25
"""Words of a sentence."""

NOT_PROSE = re.compile(r"^#.*$|^\s*\|.*$|^\s*-{3,}\s*$|^\s*:[\w-]+:.*$|!\[[^\]]*\]", re.MULTILINE)
SECTION = re.compile(r"^\s*\w[\w ]*\n\s*-{3,}\s*$", re.MULTILINE)
PARAMETER = re.compile(r"^\s*[*\w][\w*, ]* : .*$", re.MULTILINE)
END = re.compile(r"[.!?](?=[\s\"')*\]]|$)|:\s*\n\s*\n|\n\s*\n|^\s*(?:[-*]|\d+\.)\s", re.MULTILINE)
WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")


class Readability(NamedTuple):
    """Counts of a text."""

    sentences: int = 0
    too_long: int = 0
    words: int = 0
    syllables: int = 0

    def __add__(self, other: "Readability") -> "Readability":  # type: ignore[override]
        return Readability(*(a + b for a, b in zip(self, other, strict=True)))

    def columns(self) -> str:
        """Words, words per sentence, share of long sentences and reading ease, as a part of a line."""
        if not self.sentences:
            return f"{'-':>7}{'-':>7}{'-':>7}{'-':>7}"
        per_sentence = self.words / self.sentences
        ease = 206.835 - 1.015 * per_sentence - 84.6 * self.syllables / self.words
        return f"{self.words:7}{per_sentence:7.1f}{self.too_long / self.sentences:7.0%}{ease:7.1f}"


def syllables(word: str) -> int:
    """The number of syllables of a word, estimated: groups of vowels, without a silent e at its end."""
    word = word.lower()
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = re.search(r"[^aeiouyl]e$|[^aeioudty]ed$|[^aeiouxszc]es$", word) is not None
    return max(1, groups - silent)


def readability(text: str) -> Readability:
    """The counts of a text without code.

    A sentence ends at a full stop, question or exclamation mark, a blank line or the next item of a list.
    """
    found = Readability()
    for sentence in END.split(NOT_PROSE.sub("\n\n", text)):
        words = WORD.findall(sentence)
        if words:
            found += Readability(1, len(words) > TOO_LONG, len(words), sum(map(syllables, words)))
    return found


def of_file(path: PurePosixPath, text: str) -> Readability:
    """The counts of a page, or of the docstrings of a module."""
    if path.suffix == ".py":
        pieces = [PARAMETER.sub("", SECTION.sub("\n\n", docstring)) for _, docstring in docstrings(text)]
        return sum(map(readability, pieces), Readability())
    return readability(prose_of_page(text))


def group(path: PurePosixPath) -> str:
    """The row that a file belongs to."""
    if path.suffix == ".py":
        return f"{'/'.join(path.parts[:2]) if len(path.parts) > 2 else 'rnnrbm_pt/*.py'} (docstrings)"
    if path.parts[0] == "docs":
        return "docs"
    return "benchmarks" if path.parts[0] == "benchmarks" else str(path)


def files_at(revision: str | None) -> dict[PurePosixPath, str]:
    """The texts of all pages and modules at a revision, or in the working tree."""
    if revision is None:
        return files_in(ROOT)
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
        return files_in(Path(folder))


def files_in(folder: Path) -> dict[PurePosixPath, str]:
    """The texts of all pages and modules in a folder, by their paths within it."""
    return {
        PurePosixPath(path.relative_to(folder).as_posix()): path.read_text(encoding="utf-8")
        for path in all_files(folder)
    }


def rows(texts: dict[PurePosixPath, str]) -> dict[str, Readability]:
    """The counts of each group of files, in the order of the groups."""
    found: dict[str, Readability] = {}
    for path in sorted(texts, key=order):
        found[group(path)] = found.get(group(path), Readability()) + of_file(path, texts[path])
    return found


def order(path: PurePosixPath) -> tuple[bool, int, str]:
    """Pages before modules, and the pages of the root first."""
    return path.suffix == ".py", min(len(path.parts), 2), str(path)


def table(columns: Iterable[dict[str, Readability]], titles: Iterable[str]) -> str:
    """Texts side by side."""
    columns = list(columns)
    names = list(dict.fromkeys(name for column in columns for name in column))
    width = max(map(len, names)) + 2
    lines = [" " * width + "".join(f"{title:>28}" for title in titles)]
    lines.append(" " * width + len(columns) * f"{'words':>7}{'/sent':>7}{'>25':>7}{'ease':>7}")
    for name in names:
        lines.append(f"{name:{width}}" + "".join(column.get(name, Readability()).columns() for column in columns))
    totals = (sum(column.values(), Readability()) for column in columns)
    return "\n".join([*lines, f"{'all':{width}}" + "".join(total.columns() for total in totals)])


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m docs.readability", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("revision", nargs="*", metavar="REVISION", help="of git, such as HEAD~5, beside the present")
    revisions = parser.parse_args(arguments).revision
    columns = [rows(files_at(revision)) for revision in (*revisions, None)]
    print(table(columns, [*(revision[:20] for revision in revisions), "now"]))


if __name__ == "__main__":
    main()
