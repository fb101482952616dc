"""A strict HTML parser, which requires that every element is closed and lists what a page would load."""

from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
REFERRING = {"src", "href", "srcset", "action", "data", "poster", "xlink:href", "background", "formaction"}


class Page(HTMLParser):
    """The elements of a page.

    Attributes
    ----------
    elements : list of (tag, attributes)
    references : list of str
        Addresses that the elements refer to.
    words : str
        The text of the page, without styles and scripts.
    """

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.references, self.words, self._open = [], [], "", []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def of(self, name):
        """The attributes of each element with a class."""
        return [found for _, found in self.elements if name in (found.get("class") or "").split()]

    def tags(self, tag):
        """The attributes of each element with a tag."""
        return [found for kind, found in self.elements if kind == tag]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag}: an attribute twice: {names}"
        assert not any(name.startswith("on") for name in names), f"{tag}: a script in an attribute: {names}"
        self.elements.append((tag, dict(attrs)))
        self.references += [value for name, value in attrs if name in REFERRING]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag):
        assert self._open and self._open[-1] == tag, f"</{tag}> within {self._open}"
        self._open.pop()

    def handle_data(self, data):
        if not {"style", "script"} & set(self._open):
            self.words += data


def check_alone(text):
    """Check that a page loads nothing else, and return it."""
    page = Page(text)
    assert [found for found in page.references if not found.startswith("data:")] == []
    assert not page.tags("link") and not page.tags("iframe") and not page.tags("img")
    for forbidden in ("http://", "https://", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML", "eval("):
        assert forbidden not in text, forbidden
    return page
