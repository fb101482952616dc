"""Tables of contents for pages that should not show one elsewhere: `toctrees` of conf.py, {page: its pages}."""


def append(app, docname, source):
    """Append the table of contents of a page to its text."""
    if docname in app.config.toctrees:
        pages = "\n".join(app.config.toctrees[docname])
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def setup(app):
    app.add_config_value("toctrees", {}, "env", dict)
    app.connect("source-read", append)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
