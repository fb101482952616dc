"""Files are whole or absent."""

import os

import pytest

from rnnrbm_pt.files import replacing


def test_writes_and_makes_the_folder(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == ".txt" and not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["a.txt"]


def test_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_rights_are_those_of_an_ordinary_file(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    with replacing(tmp_path / "a"):
        pass
    assert (tmp_path / "a").stat().st_mode == ordinary.stat().st_mode


def test_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a file to write, found a folder"), replacing(tmp_path):
        pass
