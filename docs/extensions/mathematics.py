"""Equations by a MathJax that lies in the site, so that its pages ask nothing of the network."""

import shutil
from importlib.util import find_spec
from pathlib import Path

PARTS = "tex-chtml.js", "input/tex/extensions", "output/chtml/fonts"


def copy(app, exception):
    """Copy what pages load, a tenth of what the package brings."""
    if exception is None and app.builder.format == "html":
        # The package has no other use: its own setup copies all files.
        folder = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
        for part in PARTS:
            target = Path(app.outdir, "_static", "mathjax", part)
            target.parent.mkdir(parents=True, exist_ok=True)
            if (folder / part).is_dir():
                shutil.copytree(folder / part, target, dirs_exist_ok=True)
            else:
                shutil.copyfile(folder / part, target)


def setup(app):
    app.setup_extension("sphinx.ext.mathjax")
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
