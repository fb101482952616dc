"""Files are whole or absent."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rnnrbm_pt.io.atomic_write import claimed, fcntl, read_bytes, remove_leftovers, replacing


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


def test_a_link_stays_and_its_file_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "a.txt", tmp_path / "link.txt"
    link.symlink_to(target)
    for content in ("new", "newer"):  # where it leads, there is nothing at first
        with replacing(link) as temporary:
            assert temporary.parent == target.parent
            temporary.write_text(content)
        assert link.is_symlink() and target.read_text() == link.read_text() == content
    left = target.with_name(".a-0123456789abcdef.part.txt")
    left.touch()
    remove_leftovers(link)
    assert os.listdir(target.parent) == ["a.txt"]


def test_a_link_that_leads_to_itself_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ValueError, match=f"^{tmp_path}/a: expected a file to write, found a circular link$"):
        with replacing(tmp_path / "a"):
            pass


def test_files_without_end_and_pipes_are_not_read(tmp_path):
    with pytest.raises(ValueError, match="^/dev/zero: expected a log, found a device or a pipe$"):
        read_bytes(Path("/dev/zero"), "a log")
    with pytest.raises(ValueError, match="^/dev/zero: expected a log of 1,000 bytes at most, found more$"):
        read_bytes(Path("/dev/zero"), "a log", 1000)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe: expected a log, found a device or a pipe$"):
        read_bytes(tmp_path / "pipe", "a log")
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", "a log", 5) == read_bytes(tmp_path / "a", "a log") == b"12345"
    with pytest.raises(ValueError, match="a: expected a log of 4 bytes at most, found more$"):
        read_bytes(tmp_path / "a", "a log", 4)


def in_another_process(path, program):
    """What a process prints that runs a program with `claimed` at hand and a path in sys.argv[1]."""
    program = f"import sys, os, signal\nfrom rnnrbm_pt.io.atomic_write import claimed\n{program}"
    command = [sys.executable, "-c", program, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.skipif(fcntl is None, reason="needs the locks of Unix")
def test_a_claimed_file_is_refused_to_another_process(tmp_path):
    claim = "with claimed(sys.argv[1]): print('claimed')"
    with claimed(tmp_path / "a.mid", tmp_path / "new" / "b.mid"):
        for name in ("a.mid", "new/b.mid"):
            refused = in_another_process(tmp_path / name, claim)
            assert refused.returncode == 1 and f"{name}: another process is writing it" in refused.stderr
        assert in_another_process(tmp_path / "c.mid", claim).stdout == "claimed\n"
        with replacing(tmp_path / "a.mid") as temporary:
            temporary.write_bytes(b"new")
        remove_leftovers(tmp_path / "a.mid")
        assert in_another_process(tmp_path / "a.mid", claim).returncode == 1
    assert in_another_process(tmp_path / "a.mid", claim).stdout == "claimed\n"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.mid", "new"]


@pytest.mark.skipif(fcntl is None, reason="needs the locks of Unix")
def test_a_link_and_its_file_are_one_claim(tmp_path):
    (tmp_path / "link.mid").symlink_to(tmp_path / "a.mid")
    with claimed(tmp_path / "link.mid", tmp_path / "a.mid"):
        assert in_another_process(tmp_path / "a.mid", "with claimed(sys.argv[1]): pass").returncode == 1


@pytest.mark.skipif(fcntl is None, reason="needs the locks of Unix")
def test_a_killed_process_claims_nothing_any_more(tmp_path):
    killed = in_another_process(tmp_path / "a.mid", "with claimed(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)")
    assert killed.returncode == -signal.SIGKILL
    with claimed(tmp_path / "a.mid"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_without_locks_nobody_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("rnnrbm_pt.io.atomic_write.fcntl", None)
    with claimed(tmp_path / "a.mid"), claimed(tmp_path / "a.mid"):
        assert list(tmp_path.iterdir()) == []
