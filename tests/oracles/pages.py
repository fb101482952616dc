"""Pages whose Python blocks run from top to bottom, in one namespace."""

import pytensor

from tutorial.build import blocks, execute


def run_python(page):
    """Run the Python blocks of a page in float64. Return how many there are."""
    namespace = {"__name__": page.stem}
    python = [block for block in blocks(page.read_text(encoding="utf-8")) if block.language == "python"]
    with pytensor.config.change_flags(floatX="float64"):
        for block in python:
            execute(block.code, block.line, page, namespace)
    return len(python)
