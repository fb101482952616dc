"""The site: `make docs`. The folder of its sources is the repository, so links between pages stay as they are."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rnnrbm_pt import __version__  # noqa: E402
from setup import source_address  # noqa: E402

project = "rnnrbm_pt"
author = "The rnnrbm_pt developers"
copyright = f"{author}, MIT licence"
version = release = __version__

extensions = [
    "docs.extensions.command_help",
    "docs.extensions.docstrings",
    "docs.extensions.links",
    "docs.extensions.mathematics",
    "docs.extensions.notebooks",
    "docs.extensions.players",
    "docs.extensions.toctrees",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.githubpages",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.bibtex",
]

# The address of the repository stands in setup.cfg, as `Source`. Without one, no page links to it, nor to Colab.
repository = source_address(ROOT) or ""
source_pages = ["tutorial/*.py", "benchmarks/**/*.py"]

root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "docs/**.rst",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "tutorial/*.md",
    "benchmarks/**/README.md",
    "rnnrbm_pt/pretrained/README.md",
    "tests/data/theano/README.md",
]
exclude_patterns = ["docs/_build", "docs/templates", ".*", "build", "dist"]
templates_path = [str(ROOT / "docs" / "templates")]  # Sphinx and autosummary look from different folders
toctrees = {
    "tutorial/README": [
        "quickstart",
        "01_rbm",
        "02_rnn",
        "03_training",
        "04_results",
        "05_measuring",
        "06_improving",
        "07_related_models",
        "08_generating",
    ],
}

smartquotes = False  # v' stays v'
add_module_names = False
default_role = "py:obj"  # names in backticks are links where they are known, and code elsewhere

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4

autosummary_generate = True
autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
autodoc_inherit_docstrings = False  # PyTensor's classes have methods that are no business of readers here
autodoc_typehints = "none"  # numpydoc has the types in the descriptions of parameters
numpydoc_show_class_members = False

bibtex_bibfiles = ["references.bib"]

html_theme = "pydata_sphinx_theme"
html_title = "rnnrbm_pt"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["redirect"]
html_copy_source = html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
} | ({"icon_links": [{"name": "Source", "url": repository, "icon": "fa-solid fa-code"}]} if repository else {})
html_context = {"default_mode": "auto"}
copybutton_selector = "div:not(.highlight-text):not(.highlight-none) > div.highlight pre"  # code, not what it printed

linkcheck_timeout = 20


def setup(app):
    app.add_config_value("repository", "", "env", str)
