"""The page of sharp edges: its Python blocks run."""

from pathlib import Path

from oracles.pages import run_python

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sharp_edges.md"


def test_blocks_run_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_python(PAGE) > 5
