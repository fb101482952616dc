"""Files are whole or absent."""

import errno
import os

import pytest

from rnnrbm_pt.io.atomic_write import replacing


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


def test_rights_of_the_file_that_is_replaced_stay(tmp_path):
    path = tmp_path / "a"
    path.write_text("private")
    path.chmod(0o600)
    with replacing(path) as temporary:
        assert temporary.stat().st_mode & 0o077 == 0
        temporary.write_text("new")
    assert path.stat().st_mode & 0o777 == 0o600 and path.read_text() == "new"


def test_device_is_refused():
    with pytest.raises(ValueError, match="/dev/null: expected a file to write, found a device"), replacing("/dev/null"):
        pass


def test_errors_of_the_system_name_the_file(tmp_path):
    path = tmp_path / "a.txt"
    for filename in ((), ("temporary",)):
        with pytest.raises(OSError, match=f"No space left: '{path}'") as caught, replacing(path) as temporary:
            raise OSError(errno.ENOSPC, "No space left", *(str(temporary) for _ in filename))
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    with pytest.raises(FileNotFoundError, match="other"), replacing(path):
        open(tmp_path / "other")
    with pytest.raises(OSError, match="^no number$"), replacing(path):
        raise OSError("no number")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), replacing(tmp_path / "file" / "a"):
        pass
    assert os.listdir(tmp_path) == ["file"]
