"""The directive `command-help`: the help of a command, or of `rnnrbm` itself, as it is printed."""

import contextlib
import io
import os

from docutils import nodes
from docutils.parsers.rst import Directive

from rnnrbm_pt.cli.main import make_parser

COLUMNS = "88"


def help_of(words):
    """What ``rnnrbm WORDS --help`` prints on a terminal of COLUMNS columns."""
    old = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = COLUMNS
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
            make_parser().parse_args([*words, "--help"])
    finally:
        del os.environ["COLUMNS"]
        if old is not None:
            os.environ["COLUMNS"] = old
    return printed.getvalue()


class CommandHelp(Directive):
    """Words of a command become a block of text."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self):
        text = help_of(self.arguments[0].split() if self.arguments else [])
        return [nodes.literal_block(text, text, language="none")]


def setup(app):
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
