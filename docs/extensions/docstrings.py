"""Docstrings as they are written for `help`: an indented block is code or an equation, without a mark before it."""

from typing import get_origin

BEFORE_NUMPYDOC = 100
"""Sphinx calls what is connected in the order of such numbers, 500 if none is given."""


def mark_code(app, what, name, obj, options, lines):
    """Put two colons before the indented blocks of a docstring, up to its first section."""
    underlined = (i - 1 for i, line in enumerate(lines) if i and line and not line.strip("-"))
    end, before = next(underlined, len(lines)), ""
    marked = []
    for i, line in enumerate(lines[:end]):
        if line.startswith("    ") and not lines[i - 1] and before and before[0] not in " -" and before[-2:] != "::":
            marked += ["::", ""]
        if line:
            before = line
        marked.append(line)
    lines[:end] = marked


def skip_aliases(app, what, name, obj, skip, options):
    """Leave aliases of types out: their docstrings are those of dict, tuple and so on."""
    return True if get_origin(obj) is not None else None


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", mark_code, BEFORE_NUMPYDOC)
    app.connect("autodoc-skip-member", skip_aliases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
