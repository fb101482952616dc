"""The page of sharp edges: its Python blocks run."""

from pathlib import Path

import pytensor

from tutorial.build import blocks, execute

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sharp_edges.md"


def test_blocks_run_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "sharp_edges"}
    python = [block for block in blocks(PAGE.read_text(encoding="utf-8")) if block.language == "python"]
    assert len(python) > 5
    with pytensor.config.change_flags(floatX="float64"):
        for block in python:
            execute(block.code, block.line, PAGE, namespace)
