"""The page for users of pydbm: its Python blocks run."""

from pathlib import Path

from test_tutorial_porting import fenced_blocks

PAGE = Path(__file__).resolve().parents[1] / "tutorial" / "from_pydbm.md"


def test_blocks_run_from_top_to_bottom():
    namespace = {"__name__": "from_pydbm"}
    blocks = fenced_blocks(PAGE.read_text(encoding="utf-8"))
    assert [language for language, _, _ in blocks] == ["text", "python", "python", "python"]
    for language, line, code in blocks:
        if language == "python":  # blank lines before the code, so that a traceback shows the line of the page
            exec(compile("\n" * (line - 1) + code, str(PAGE), "exec"), namespace)
