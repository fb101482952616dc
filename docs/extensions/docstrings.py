"""Docstrings as they are written for `help`: an indented block is code or an equation, without a mark before it.

And a name in backticks is a link wherever one object alone has it.
"""

from typing import get_origin

from sphinx.util.nodes import make_refnode

KINDS = {"module", "class", "exception", "function"}
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


def resolve(app, env, node, content):
    """The reference to the only object whose name ends as the words in backticks do, if there is one."""
    target = node["reftarget"]
    if node.get("refdomain") != "py" or not ("_" in target or "." in target or target != target.lower()):
        return None  # a word such as `dt` is a parameter rather than an object
    kinds = KINDS | {"method"} if "." in target else KINDS
    objects = env.domains.python_domain.objects.items()
    found = [(name, entry) for name, entry in objects if name.endswith(f".{target}") and entry.objtype in kinds]
    if len(found) != 1:
        return None
    ((name, entry),) = found
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, content, name)


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", mark_code, BEFORE_NUMPYDOC)
    app.connect("autodoc-skip-member", skip_aliases)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
