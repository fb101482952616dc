"""The page for users of pydbm: its Python blocks run."""

from tutorial.build import TUTORIAL, blocks, execute

PAGE = TUTORIAL / "from_pydbm.md"


def test_blocks_run_from_top_to_bottom():
    namespace = {"__name__": "from_pydbm"}
    found = blocks(PAGE.read_text(encoding="utf-8"))
    assert [block.language for block in found] == ["text", "python", "python", "python"]
    for block in found:
        if block.language == "python":
            execute(block.code, block.line, PAGE, namespace)
