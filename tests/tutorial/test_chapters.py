"""The chapters, and pages built like them: blocks run, sections claim something, output and figures are up to date."""

import contextlib

import numpy as np
import pytensor
import pytest

from tutorial import build as tutorial

CHAPTERS, PAGES = tutorial.chapters(), tutorial.pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_chapter_runs_and_shows_what_it_prints_and_draws(path):
    if "jax" in path.read_text(encoding="utf-8"):
        with contextlib.suppress(ImportError):
            import jax  # noqa: F401  (it draws from NumPy's global state when it is imported, which is not our doing)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    with pytensor.config.change_flags(floatX="float64"):
        built = tutorial.build(path)
    assert tutorial.out_of_date(path, built) == []
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert all(len(data) < 150_000 for data in built.figures.values())


def test_there_are_chapters_and_each_picture_is_of_one_page():
    assert [path.name[:2] for path in CHAPTERS] == [f"{i:02d}" for i in range(1, len(CHAPTERS) + 1)]
    shown = [name for path in PAGES for name in tutorial.IMAGE.findall(path.read_text(encoding="utf-8"))]
    assert sorted(shown) == sorted(path.stem for path in (tutorial.TUTORIAL / "figures").glob("*.png"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_fences_are_of_three_kinds(path):
    found = {(block.language, block.options) for block in tutorial.blocks(path.read_text(encoding="utf-8"))}
    assert found <= {("python", ""), ("python", ".noeval"), ("text", "")}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_lines_are_short(path):
    """Of prose too, but for tables and formulas, which cannot be broken."""
    long = [line for line in path.read_text(encoding="utf-8").splitlines() if len(line) > 120 and line[0] not in "|$"]
    assert long == []


def chapter(folder, text):
    path = folder / "01_small.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_output_is_put_in_its_place(tmp_path):
    page = "# One\n\n```python\nx = 2\nprint(x)\n```\n\nProse.\n\n```python\nx\n```\n\n```text\nold\n```\n\nEnd.\n"
    path = chapter(tmp_path, page)
    built = tutorial.build(path)
    assert "print(x)\n```\n\n```text\n2\n```\n\nProse." in built.text
    assert "old" not in built.text
    assert tutorial.out_of_date(path, built) == ["01_small.md:8: expected '```text', found 'Prose.'"]
    tutorial.write(path, built)
    assert tutorial.out_of_date(path, tutorial.build(path)) == []


def test_a_quotation_is_the_library_s():
    source = tutorial.source_of("rnnrbm_pt.graphs.rbm.mean_hidden")
    assert source == "def mean_hidden(v, W, bh):\n    return pt.sigmoid(pt.dot(v, W) + bh)\n"
    assert tutorial.is_quoted("        return pt.sigmoid(pt.dot(v, W) + bh)\n", source)
    assert not tutorial.is_quoted("return pt.sigmoid(pt.dot(v, W))\n", source)


def test_a_quotation_is_put_in_or_refused(tmp_path):
    whole = "<!-- quote: rnnrbm_pt.graphs.rbm.mean_hidden -->\n```python\nold\n```\n"
    built = tutorial.build(chapter(tmp_path, "```python\nimport pytensor.tensor as pt\n```\n\n" + whole))
    assert whole.replace("old\n", tutorial.source_of("rnnrbm_pt.graphs.rbm.mean_hidden")) in built.text
    part = "<!-- quote part: rnnrbm_pt.graphs.rbm.mean_hidden -->\n```python .noeval\nold\n```\n"
    with pytest.raises(ValueError, match=r"01_small.md:3: expected statements of rnnrbm_pt.graphs.rbm.mean_hidden"):
        tutorial.build(chapter(tmp_path, part))


def test_pictures(tmp_path, monkeypatch):
    draw = "from matplotlib.figure import Figure\nfigure = Figure(figsize=(3, 2))\nfigure.subplots().plot([1, {}])\n"
    page = "```python\n" + draw + "```\n\n![A line](figures/line.png)\n"
    monkeypatch.setattr(tutorial, "TUTORIAL", tmp_path)
    path = chapter(tmp_path, page.format(2))
    built = tutorial.build(path)
    assert tutorial.out_of_date(path, built) == ["01_small.md: figures/line.png is missing"]
    tutorial.write(path, built)
    assert tutorial.out_of_date(path, tutorial.build(path)) == []
    other = tutorial.build(chapter(tmp_path, page.format(0)))
    assert tutorial.out_of_date(path, other) == ["01_small.md: figures/line.png shows something else"]
    with pytest.raises(ValueError, match="expected a figure for line.png, found none"):
        tutorial.build(chapter(tmp_path, "```python\nx = 1\n```\n\n![A line](figures/line.png)\n"))
    with pytest.raises(ValueError, match="for nothing.png, found neither"):
        tutorial.build(chapter(tmp_path, "![No line](figures/nothing.png)\n"))


def test_the_piece_of_a_picture_lies_beside_it(tmp_path, monkeypatch):
    draw = "import numpy as np\nfrom matplotlib.figure import Figure\nfrom rnnrbm_pt import midiwrite\n"
    draw += "figure = Figure(figsize=(3, 2))\n"
    draw += "midiwrite('line.mid', np.eye(88)[:4])\nmidiwrite('other.mid', np.eye(88))\n"
    monkeypatch.setattr(tutorial, "TUTORIAL", tmp_path)
    path = chapter(tmp_path, "```python\n" + draw + "```\n\n![A line](figures/line.png)\n")
    built = tutorial.build(path)
    assert list(built.pieces) == ["line"]
    tutorial.write(path, built)
    assert tutorial.out_of_date(path, tutorial.build(path)) == []
    (tmp_path / "figures" / "line.mid").write_bytes(b"")
    assert tutorial.out_of_date(path, built) == ["01_small.md: figures/line.mid is missing, or another piece"]


def test_the_command_says_what_is_out_of_date(tmp_path, capsys):
    path = chapter(tmp_path, "```python\nprint(1)\n```\n")
    assert tutorial.main(["--check", str(path)]) == 1
    assert "01_small.md:4" in capsys.readouterr().err
    assert tutorial.main([str(path)]) == 0
    assert tutorial.main(["--check", str(path)]) == 0
