"""The notebooks of the chapters: what is in them, and that one of them runs."""

import itertools
import re

import pytest

pytest.importorskip("sphinx", reason="needs the extra docs")
nbformat = pytest.importorskip("nbformat", reason="needs the extra docs")

from docs.extensions.notebooks import colab, notebook  # noqa: E402
from tutorial.build import TUTORIAL, blocks, pages, same_line  # noqa: E402

ADDRESS = "https://github.com/someone/something"


def code_cells(found):
    return [cell for cell in found.cells if cell.cell_type == "code"]


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_the_code_cells_are_the_blocks_that_run(page):
    found = notebook(page)
    nbformat.validate(found)
    install, *cells = code_cells(found)
    text = page.read_text(encoding="utf-8")
    ran = [block for block in blocks(text) if block.language == "python" and not block.options]
    assert "%pip install" in install.source and install.metadata.tags == ["install"]
    assert [f"{cell.source}\n" for cell in cells] == [block.code for block in ran]
    outputs = list(filter(None, map(printed, cells)))
    assert outputs == [block.code for block in blocks(text) if block.language == "text" and block.code in outputs]
    figures = re.findall(r"!\[[^\]]*\]\(figures/", text)
    shown = [output for cell in cells for output in cell.outputs if output.output_type == "display_data"]
    attached = [name for cell in found.cells for name in cell.get("attachments", ())]
    assert len(shown) + len(attached) == len(figures)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_a_notebook_needs_no_other_file(page):
    prose = "\n".join(cell.source for cell in notebook(page).cells if cell.cell_type == "markdown")
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", prose, flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)]+)\)", prose)
    assert [target for target in targets if not target.startswith(("attachment:", "https:", "http:", "#"))] == []


def test_links_lead_to_the_repository_if_it_has_an_address():
    sources = [cell.source for cell in notebook(TUTORIAL / "02_rnn.md", ADDRESS).cells]
    assert any(f"[chapter 1]({ADDRESS}/blob/main/tutorial/01_rbm.md)" in source.lower() for source in sources)
    assert colab("a.ipynb", ADDRESS) == (
        "https://colab.research.google.com/github/someone/something/blob/gh-pages/notebooks/a.ipynb"
    )


def test_it_is_the_same_each_time():
    page = TUTORIAL / "01_rbm.md"
    assert nbformat.writes(notebook(page)) == nbformat.writes(notebook(page))


@pytest.mark.slow
def test_a_notebook_runs_in_a_fresh_kernel_and_prints_what_its_page_has(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    found = notebook(TUTORIAL / "01_rbm.md")
    del found.cells[0]  # the package is there, and the network may not be
    wanted = [printed(cell).splitlines() for cell in code_cells(found)]
    nbclient.NotebookClient(found, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    given = [[line.rstrip() for line in printed(cell).splitlines()] for cell in code_cells(found)]
    assert list(map(len, given)) == list(map(len, wanted))
    pairs = zip(itertools.chain(*given), itertools.chain(*wanted), strict=True)
    assert all(same_line(one, other) for one, other in pairs)
