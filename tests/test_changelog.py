"""The changelog: it describes this version, and the names and options in it exist."""

import re
from importlib import import_module
from pathlib import Path

from rnnrbm_pt import __version__
from rnnrbm_pt.cli.main import make_parser

CHANGELOG = (Path(__file__).resolve().parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`]+)`", CHANGELOG)


def test_its_first_entry_is_this_version():
    assert re.search(r"^## (.*)$", CHANGELOG, re.MULTILINE)[1] == __version__


def test_names_of_the_library_exist():
    names = {name for code in CODE for name in re.findall(r"\brnnrbm_pt(?:\.\w+)+", code)}
    assert len(names) >= 5
    for name in names:
        found, path = import_module("rnnrbm_pt"), "rnnrbm_pt"
        for part in name.split(".")[1:]:
            path += f".{part}"
            if not hasattr(found, part):
                import_module(path)  # its error says which name is missing
            found = getattr(found, part)


def test_options_exist():
    named = {option for code in CODE for option in re.findall(r"(?<!\S)--[a-z][\w-]+", code)}
    (commands,) = (action for action in make_parser()._actions if hasattr(action, "choices") and action.choices)
    known = {option for parser in commands.choices.values() for option in parser._option_string_actions}
    assert len(named) >= 10
    assert named - known == set()
