"""Links to files and folders: a Python file has a page with its source, and folders are on the code host, if any.

A module of the API reference has its source page from Sphinx's viewcode. `source_pages` of conf.py, patterns of files,
says which other files get one.
"""

from importlib import import_module
from operator import attrgetter
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

FOLDER = "_modules"
"""Where viewcode has its pages."""

logger = logging.getLogger(__name__)


class SourceLinks(SphinxTransform):
    """Mark links to Python files and to folders, before their files are taken for downloads."""

    default_priority = 500

    def apply(self):
        for link in list(self.document.findall(lambda node: isinstance(node, download_reference | pending_xref))):
            if link.get("reftype") != "myst" or link.get("refdomain"):
                continue
            path, full = self.env.relfn2path(link["reftarget"], self.env.docname)
            if path.endswith(".py") or (Path(full).is_dir() and not link["reftarget"].startswith("#")):
                marked = pending_xref("", *link.children, refdomain=None, reftype="source", reftarget=path)
                marked["refdoc"] = self.env.docname
                link.replace_self(marked)


def resolve(app, env, node, content):
    """The reference of a marked link, or its text alone where there is nothing to refer to."""
    if node["reftype"] != "source":
        return None
    path = node["reftarget"]
    if path.endswith(".py"):
        module = path.removesuffix(".py").replace("/", ".")
        if module not in env.domains.python_domain.modules and path not in source_files(app):
            logger.warning("no page has the source of %s", path, location=node)
        uri = app.builder.get_relative_uri(node["refdoc"], page_of(path))
    elif app.config.repository:
        uri = f"{app.config.repository}/tree/main/{path}"
    else:
        return content
    return nodes.reference("", "", content, refuri=uri, internal=path.endswith(".py"))


def page_of(path):
    """The name of the page with the source of a file."""
    return f"{FOLDER}/{path.removesuffix('.py')}"


def source_files(app):
    """The files that get a page here."""
    root = Path(app.srcdir)
    return sorted({str(file.relative_to(root)) for pattern in app.config.source_pages for file in root.glob(pattern)})


def source_pages(app):
    """The pages with the source of files that are no modules of the API reference."""
    if app.builder.format != "html":
        return
    for path in source_files(app):
        code = Path(app.srcdir, path).read_text(encoding="utf-8")
        body = app.builder.highlighter.highlight_block(code, "python")
        yield page_of(path), {"parents": [], "title": path, "body": f"<h1>{path}</h1>\n{body}"}, "page.html"


def home_of_source(app, module, name):
    """The module of a constant of the standard library's type: the module that has it, not that of its type."""
    if not (module and name):
        return None
    try:
        found = attrgetter(name)(import_module(module))
    except AttributeError:  # of instances
        return None
    return None if (getattr(found, "__module__", None) or module).startswith("rnnrbm_pt") else module


def setup(app):
    app.add_config_value("source_pages", [], "env", list)
    app.add_transform(SourceLinks)
    app.connect("missing-reference", resolve)
    app.setup_extension("sphinx.ext.viewcode")
    app.connect("viewcode-follow-imported", home_of_source)
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
