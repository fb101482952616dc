"""Every page of the repository: its links and pictures lead somewhere, and the files that it names are there."""

import re
from pathlib import Path

import pytest

from tutorial.build import FENCE

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "docs" / "user_guide.md",
    *sorted((ROOT / "tutorial").glob("*.md")),
    *sorted((ROOT / "docs").glob("**/*.md")),
    *sorted((ROOT / "benchmarks" / "results").glob("**/README.md")),
    ROOT / "benchmarks" / "upstream" / "README.md",
    ROOT / "rnnrbm_pt" / "pretrained" / "README.md",
    ROOT / "tests" / "data" / "theano" / "README.md",
]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page):
    """The text of a page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def slug(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page):
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)}


@every_page
def test_links_and_pictures_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@every_page
def test_files_of_the_repository_that_are_named_exist(page):
    found = re.findall(r"`((?:rnnrbm_pt|tests|tutorial|benchmarks)/[\w./]*)`", prose(page))
    assert [name for name in found if not (ROOT / name).exists()] == []


def test_pictures_are_of_a_size_to_be_looked_at():
    for page in PAGES:
        for target in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", prose(page)):
            assert (page.parent / target).stat().st_size < 300_000, target


@every_page
def test_what_a_code_host_would_take_for_something_else(page):
    """Dollars and bars: a formula begins and ends beside no letter or figure, and has no bar within a table."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    for paragraph in re.sub(r"^\$\$.*?\$\$$", "", text, flags=re.MULTILINE | re.DOTALL).split("\n\n"):
        assert paragraph.count("$") % 2 == 0, paragraph
        for before, formula, after in re.findall(r"(\S?)\$([^$]+)\$(\S?)", paragraph):
            assert not before.isalnum() and not after.isalnum(), formula
            assert formula == formula.strip(), formula
    assert not re.search(r"^\|.*\$[^$|]*\|[^$|]*\$.*\|$", text, re.MULTILINE)
