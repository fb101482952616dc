"""The changelog: it describes this version, and its table of moved modules names what can be imported."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

from rnnrbm_pt import __version__

CHANGELOG = (Path(__file__).resolve().parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
MOVED = re.findall(r"^\| (.+) \| `(rnnrbm_pt[\w.]*)` \| `(rnnrbm_pt[\w.]*)` \|$", CHANGELOG, re.MULTILINE)


def test_its_first_entry_is_this_version():
    assert re.search(r"^## (.*)$", CHANGELOG, re.MULTILINE)[1] == __version__


def test_it_has_a_table_of_moved_modules():
    assert len(MOVED) >= 15


@pytest.mark.parametrize("names, old, new", MOVED, ids=[f"{old}-{names}" for names, old, _ in MOVED])
def test_a_moved_module_is_found_at_its_new_place_only(names, old, new):
    module = importlib.import_module(new)
    moved = re.findall(r"`(\w+)`", names)
    assert [name for name in moved if not hasattr(module, name)] == []
    try:
        stays = importlib.import_module(old) if importlib.util.find_spec(old) else None
    except ModuleNotFoundError:  # its folder has gone as well
        stays = None
    # A folder may have taken the name of a module, as rnnrbm_pt.cli did.
    assert stays is None or hasattr(stays, "__path__")
    assert [name for name in moved if hasattr(stays, name) and old != new.rpartition(".")[0]] == []
