"""Pieces that can be played: a picture beside whose file lies a MIDI file of the same name becomes the player.

A code host, and any reader of the Markdown, sees the picture.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform

from rnnrbm_pt.report import Piece, Player
from rnnrbm_pt.report.widget import script, style


class Players(SphinxTransform):
    """Replace each paragraph that shows a picture of a piece by the player."""

    default_priority = 500

    def apply(self):
        for image in list(self.document.findall(nodes.image)):
            _, path = self.env.relfn2path(image["uri"], self.env.docname)
            midi = Path(path).with_suffix(".mid")
            if midi.is_file() and len(image.parent) == 1:
                self.env.note_dependency(str(midi))
                piece = Piece.from_midi(midi, title=image.get("alt", ""))
                image.parent.replace_self(nodes.raw("", Player([piece]).elements()[0], format="html"))


def themed_style():
    """The style sheet of the player, light or dark as the site is rather than as the reader's system is."""
    return re.sub(
        r"@media \(prefers-color-scheme: dark\) \{\s*(\.rp-piece \{[^}]*\})\s*\}",
        r'html[data-theme="dark"] \1',
        style(),
    )


def write_assets(app):
    """Write the style sheet and the script where pages look for them."""
    if app.builder.format == "html":
        folder = Path(app.outdir, "_static")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "player.css").write_text(themed_style(), encoding="utf-8")
        (folder / "player.js").write_text(script(), encoding="utf-8")


def load_assets(app, pagename, templatename, context, doctree):
    """Load them on pages that have a player."""
    if '<section class="rp-piece"' in context.get("body", ""):
        app.add_css_file("player.css")
        app.add_js_file("player.js", loading_method="defer")


def setup(app):
    app.add_transform(Players)
    app.connect("builder-inited", write_assets)
    app.connect("html-page-context", load_assets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
