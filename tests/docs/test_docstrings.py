"""Docstrings have the form that numpydoc asks for: the checks in pyproject.toml."""

from pathlib import Path

import pytest

hook = pytest.importorskip("numpydoc.hooks.validate_docstrings", reason="needs the extra docs")

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("rnnrbm_pt/**/*.py"))


@pytest.mark.filterwarnings("ignore:Unknown section")  # one module has a section of its own
def test_numpydoc_finds_nothing():
    config = hook.parse_config(ROOT)
    assert len(config["checks"]) > 5
    found = [" ".join(map(str, finding)) for path in FILES for finding in hook.process_file(path, config)]
    assert not found, "\n".join(found)


def test_a_finding_is_reported(tmp_path):
    module = tmp_path / "module.py"
    module.write_text('"""A module."""\n\n\ndef f():\n    """Return one"""\n')
    assert [finding[2] for finding in hook.process_file(module, hook.parse_config(ROOT))] == ["SS03"]
