"""The porting notes: their Python blocks run. Every page: what it names of the library exists."""

import os
import re
from importlib import import_module

import numpy as np
import pytest
from oracles.pages import run_python

from tutorial.build import TUTORIAL, blocks

PAGE = TUTORIAL / "porting.md"
PROGRAM = TUTORIAL / "rnnrbm.py"


@pytest.fixture
def numpy_state():
    """Put NumPy's global random state back: one block seeds it, to show what the original does."""
    state = np.random.get_state()  # noqa: NPY002
    yield
    np.random.set_state(state)  # noqa: NPY002


def test_blocks_run_from_top_to_bottom(numpy_state, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TUTORIAL.parent), prepend=os.pathsep)  # one block starts a Python of its own
    assert run_python(PAGE) > 20


def rows(title):
    """The cells of the tables within a section of the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    found = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in cells] for cells in found]


def test_what_stands_side_by_side_is_in_the_program():
    program = PROGRAM.read_text(encoding="utf-8")
    side_by_side = [cells for cells in rows("Side by side") if cells[0] != "original"]
    assert len(side_by_side) > 30
    assert {len(cells) for cells in side_by_side} == {3}
    quoted = [code for cells in side_by_side for code in re.findall(r"`([^`]+)`", cells[1])]
    assert [code for code in quoted if code not in program] == []


def test_the_parts_that_the_map_names_are_in_the_program():
    parts = [code for cells in rows("Where each part is")[1:] for code in re.findall(r"`([^`]+)`", cells[1])]
    program = PROGRAM.read_text(encoding="utf-8")
    assert len(parts) > 10
    assert [part for part in parts if part.split(".")[-1] not in program] == []


def test_every_block_says_what_it_is():
    text = PAGE.read_text(encoding="utf-8")
    assert {(block.language, block.options) for block in blocks(text)} == {("python", ""), ("text", "")}
    assert text.count("\n```") == 2 * len(blocks(text))


def test_every_python_block_claims_something():
    # The chain, which the next block compares: only it may pass without an assertion.
    silent = [
        block.line
        for block in blocks(PAGE.read_text(encoding="utf-8"))
        if block.language == "python" and not re.search(r"\bassert|check=True|AssertionError", block.code)
    ]
    assert len(silent) <= 1, silent


@pytest.mark.parametrize("page", sorted(TUTORIAL.glob("*.md")), ids=lambda page: page.name)
def test_names_of_the_library_exist(page):
    names = set(re.findall(r"\brnnrbm_pt(?:\.[A-Za-z_]\w*)+", page.read_text(encoding="utf-8")))
    for name in sorted(names):
        found = import_module("rnnrbm_pt")
        path = "rnnrbm_pt"
        for part in name.split(".")[1:]:
            path += f".{part}"
            if not hasattr(found, part):
                import_module(path)  # says which name is missing
            found = getattr(found, part)
