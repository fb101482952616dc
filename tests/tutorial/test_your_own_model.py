"""The page about a model of one's own: its blocks run, and its model is the one that the tests test."""

from pathlib import Path

from models import gru_rbm

from tutorial.build import TUTORIAL, blocks, execute

PAGE = TUTORIAL / "your_own_model.md"


def test_the_model_is_the_file_that_the_page_names():
    assert blocks(PAGE.read_text(encoding="utf-8"))[0].code == Path(gru_rbm.__file__).read_text(encoding="utf-8")


def test_blocks_run_from_top_to_bottom(as_written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "your_own_model"}
    found = blocks(PAGE.read_text(encoding="utf-8"))
    assert [(block.language, block.options) for block in found] == [("python", "")] * 3
    for block in found:
        execute(block.code, block.line, PAGE, namespace)
