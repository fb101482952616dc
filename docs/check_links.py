"""Check the links within a built site: `python -m docs.check_links FOLDER`. Each file and each anchor must be there."""

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of a page, and what it refers to."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.references = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.references.append(value)


@cache
def read(path):
    """The page of a file."""
    return Page(path.read_text(encoding="utf-8"))


def broken_links(folder):
    """What the pages of a folder refer to in it that is not there: a list of sentences."""
    found = []
    for path in sorted(folder.rglob("*.html")):
        if path.is_relative_to(folder / "_static"):  # the theme has a template there
            continue
        for reference in dict.fromkeys(read(path).references):
            parts = urlsplit(reference)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{path.relative_to(folder)}: no file {reference}")
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in read(target).anchors:
                found.append(f"{path.relative_to(folder)}: no anchor {reference}")
    return found


if __name__ == "__main__":
    site = Path(sys.argv[1]).resolve()
    problems = (
        broken_links(site) if (site / "index.html").exists() else [f"{site}: expected a site, found no index.html"]
    )
    print(*problems, f"{len(problems)} broken links", sep="\n")
    sys.exit(bool(problems))
