"""A Jupyter notebook of each page that `tutorial.build` runs: made from the Markdown, with what its blocks gave.

Nothing is executed here. What a block printed and drew stands in the Markdown, and is the output of its cell.
"""

import base64
import re
from pathlib import Path

import nbformat
from docutils import nodes
from nbformat import v4
from sphinx.util.osutil import relative_uri

from tutorial.build import CELL, FENCE, pages

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "notebooks"
"""Where the site has them."""
INSTALL = "# Once, where the package is not installed yet.\n%pip install rnnrbm_pt"
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def notebook(page, repository=""):
    """The notebook of a page.

    Parameters
    ----------
    page : pathlib.Path
        A page of the tutorial.
    repository : str
        The address of the repository, to which links of the page then lead. Without it they are plain text.

    Returns
    -------
    nbformat.NotebookNode
        The first cell installs the package, and has the tag ``install``. The other code cells are the blocks that
        `tutorial.build` runs.
    """
    text = page.read_text(encoding="utf-8")
    cells, done = [v4.new_code_cell(INSTALL, metadata={"tags": ["install"]})], 0
    for found in CELL.finditer(text):
        if found["options"]:  # a block that does not run
            continue
        cells += prose(text[done : found.start()], page, repository)
        cells.append(v4.new_code_cell(found["code"].rstrip("\n"), outputs=list(outputs(found, page))))
        done = found.end()
    cells += prose(text[done:], page, repository)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same for the same page
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def prose(text, page, repository):
    """The cell of some text, with its pictures in it; none, if there is no text."""
    text, pictures = text.strip(), {}

    def placed(link):
        file = (page.parent / link["target"]).resolve()
        if not file.exists():
            return link[0]
        if link["picture"]:
            pictures[file.name] = {"image/png": base64.b64encode(file.read_bytes()).decode()}
            return f"![{link['text']}](attachment:{file.name})"
        address = f"{repository}/blob/main/{file.relative_to(ROOT)}{link['anchor'] or ''}"
        return f"[{link['text']}]({address})" if repository else link["text"]

    # Code has no links, so only the text between the blocks changes. The options of a block concern the build alone.
    parts, end = [], 0
    for block in FENCE.finditer(text):
        parts += [LINK.sub(placed, text[end : block.start()]), block[0].replace("```python .noeval", "```python", 1)]
        end = block.end()
    source = "".join([*parts, LINK.sub(placed, text[end:])])
    return [v4.new_markdown_cell(source, **({"attachments": pictures} if pictures else {}))] if source else []


def outputs(found, page):
    """What a block printed and drew, as outputs of its cell."""
    if found["printed"]:
        yield v4.new_output("stream", name="stdout", text=found["printed"])
    if found["figure"]:
        data = base64.b64encode((page.parent / "figures" / f"{found['figure']}.png").read_bytes()).decode()
        yield v4.new_output("display_data", data={"image/png": data})


def colab(name, repository):
    """The address at which Colab opens a notebook: it reads the published site, the branch gh-pages."""
    return (
        f"https://colab.research.google.com/github/{repository.split('github.com/')[1]}/blob/gh-pages/{FOLDER}/{name}"
    )


def add_links(app, doctree, docname):
    """Put links to the notebook under the title of its page."""
    names = {f"tutorial/{page.stem}": f"{page.stem}.ipynb" for page in pages()}
    if app.builder.format != "html" or docname not in names:
        return
    name = names[docname]
    address = relative_uri(app.builder.get_target_uri(docname), f"{FOLDER}/{name}")
    links = [nodes.reference("", "Download as a notebook", refuri=address, internal=True, classes=["notebook"])]
    if "github.com/" in app.config.repository:
        links.append(nodes.reference("", "Open in Colab", refuri=colab(name, app.config.repository)))
    line = nodes.paragraph(classes=["notebook-links"])
    for link in links:
        line += [link, nodes.Text(" ")]
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, line)


def write(app, exception):
    """Write the notebooks."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, FOLDER)
    folder.mkdir(exist_ok=True)
    for page in pages():
        nbformat.write(notebook(page, app.config.repository), folder / f"{page.stem}.ipynb")


def setup(app):
    app.connect("doctree-resolved", add_links)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
