"""Zip files that are refused before anything in them is unpacked."""

import stat
import struct
import zipfile

import pytest

from rnnrbm_pt.io import archives
from rnnrbm_pt.io.archives import check_unpacked, open_archive


def zip_of(path, *names, **settings):
    """A zip file with an entry "x" by each name or ZipInfo."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x", **settings)
    return path


def entry(name, **attributes):
    info = zipfile.ZipInfo(name)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


def test_an_ordinary_one_is_opened(tmp_path):
    names = ["set/train/a b..mid", "set/..b/c.mid", "e/f:g.mid"]
    with open_archive(zip_of(tmp_path / "a.zip", *names)) as archive:
        assert archive.namelist() == names


@pytest.mark.parametrize(
    "name, found",
    [
        ("../a.mid", "'..' in it"),
        ("set/../../a.mid", "'..' in it"),
        ("/etc/a.mid", "an absolute path"),
        ("c:/a.mid", "an absolute path"),
        ("C:a.mid", "an absolute path"),
        ("set\\..\\a.mid", "a backslash in it"),
    ],
)
def test_names_that_lead_out_of_it(tmp_path, name, found):
    with pytest.raises(ValueError, match=r"bad\.zip/") as caught:
        open_archive(zip_of(tmp_path / "bad.zip", "good.mid", name))
    assert name in str(caught.value) and str(caught.value).endswith(found)


def test_a_name_with_a_nul_which_zipfile_would_cut(tmp_path):
    path = zip_of(tmp_path / "bad.zip", "a.mid_b.mid")
    path.write_bytes(path.read_bytes().replace(b"a.mid_b", b"a.mid\0b"))
    with pytest.raises(ValueError, match=r"bad\.zip/a\.mid\?b\.mid: .* found a NUL in it"):
        open_archive(path)


def test_a_name_that_would_move_the_cursor(tmp_path):
    with pytest.raises(ValueError, match=r"bad\.zip/a\?\[2J\.mid: .* found a character that cannot be printed in it"):
        open_archive(zip_of(tmp_path / "bad.zip", "a\x1b[2J.mid"))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_name_twice(tmp_path):
    with pytest.raises(ValueError, match=r"bad\.zip/a\.mid: expected each name once"):
        open_archive(zip_of(tmp_path / "bad.zip", "a.mid", "a.mid"))


@pytest.mark.parametrize("kind, found", [(stat.S_IFLNK, "a symbolic link"), (stat.S_IFCHR, "a special file")])
def test_links_and_devices(tmp_path, kind, found):
    with pytest.raises(ValueError, match=rf"bad\.zip/a\.mid: expected a file or a folder, found {found}"):
        open_archive(zip_of(tmp_path / "bad.zip", entry("a.mid", external_attr=(kind | 0o777) << 16)))


def test_encrypted(tmp_path):
    path = zip_of(tmp_path / "bad.zip", "a.mid")
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\1\2") + 8] |= 1  # the general purpose flags of the directory entry
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.zip/a\.mid: .* found an encrypted file"):
        open_archive(path)


def announce(path, size):
    """Write another unpacked size into the one directory entry."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.rindex(b"PK\1\2") + 24, size)
    path.write_bytes(content)
    return path


def test_bombs(tmp_path):
    path = zip_of(tmp_path / "bad.zip", "a.mid")
    with open_archive(announce(path, archives.SMALL)) as archive:
        check_unpacked(archive, path.stat().st_size, path)
    with open_archive(announce(path, archives.SMALL + 1)) as archive:
        with pytest.raises(ValueError, match=r"bad\.zip: expected to unpack to 30 times its \d+ bytes at most"):
            check_unpacked(archive, path.stat().st_size, path)


def test_too_many_entries_or_too_large(tmp_path, monkeypatch):
    path = zip_of(tmp_path / "bad.zip", "a.mid", "b.mid")
    monkeypatch.setattr(archives, "MAX_ENTRIES", 1)
    with pytest.raises(ValueError, match=r"bad\.zip: expected 1 files at most in a zip file, found 2"):
        open_archive(path)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 2)
    monkeypatch.setattr(archives, "PIECE", 3)
    open_archive(path).close()
    monkeypatch.setattr(archives, "MAX_FILE", 100)
    with pytest.raises(ValueError, match=r"bad\.zip: expected a zip file of 100 bytes at most, found \d+"):
        open_archive(path)


def test_damaged(tmp_path):
    path = zip_of(tmp_path / "bad.zip", "a.mid")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"bad\.zip: not a zip file, or a damaged one"):
        open_archive(path)


def test_nottingham_passes(nottingham_zip):
    with open_archive(nottingham_zip) as archive:
        assert len(archive.namelist()) == 1037
