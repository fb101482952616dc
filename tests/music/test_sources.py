"""Tests of finding MIDI files in folders, by patterns and in zip files."""

import io
import os
import re
import struct
import zipfile
from pathlib import Path

import pytest

from rnnrbm_pt.music.datasets import midi_files, read_rolls


@pytest.fixture
def tunes(tmp_path, monkeypatch):
    """The current folder, with files named like MIDI files and files that must be skipped."""
    names = ["b.mid", "a-b/x.MID", "a/x.midi", "a/b/y.mid", "C.mid"]
    for name in [*names, "a/.hidden.mid", ".git/z.mid", "__MACOSX/b.mid", "a/notes.txt"]:
        file = tmp_path / "tunes" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"MThd")
    monkeypatch.chdir(tmp_path)
    return Path("tunes")


@pytest.fixture
def zipped(tmp_path, monkeypatch):
    names = ["set/train/b.mid", "set/train/a.mid", "set/train2/c.mid", "set/test/d.MIDI", "set/[1] f.mid"]
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.mkdir("set/empty")
        for name in [*names, "set/.e.mid", "__MACOSX/set/train/._b.mid", "set/readme.txt", "e.kar"]:
            archive.writestr(name, name)
    monkeypatch.chdir(tmp_path)
    return Path("set.zip")


def listed(sources):
    return [str(file) for file in midi_files(sources)]


# Folders and patterns


def test_folder_is_searched_with_its_subfolders_in_sorted_order(tunes):
    found = ["tunes/C.mid", "tunes/a-b/x.MID", "tunes/a/b/y.mid", "tunes/a/x.midi", "tunes/b.mid"]
    assert listed(tunes) == listed([str(tunes)]) == found == sorted(found)


def test_each_file_once_however_it_is_named(tunes):
    assert listed([tunes / "a", "tunes/a/../a/x.midi", tunes.absolute() / "a", "tunes/a/*.midi"]) == [
        "tunes/a/b/y.mid",
        "tunes/a/x.midi",
    ]


def test_one_file_is_taken_by_whatever_suffix(tunes):
    assert listed(tunes / "a" / "notes.txt") == ["tunes/a/notes.txt"]


@pytest.mark.parametrize(
    "pattern, found",
    [
        ("tunes/*.mid", ["tunes/C.mid", "tunes/b.mid"]),
        ("tunes/**/y.*", ["tunes/a/b/y.mid"]),
        ("tunes/a/*", ["tunes/a/b/y.mid", "tunes/a/x.midi"]),
    ],
)
def test_pattern(tunes, pattern, found):
    assert listed(pattern) == found


def test_a_file_whose_name_looks_like_a_pattern(tunes):
    (tunes / "[1].mid").write_bytes(b"MThd")
    assert listed("tunes/[1].mid") == ["tunes/[1].mid"]


@pytest.mark.parametrize(
    "source, error, said",
    [
        ("tunes/none.mid", FileNotFoundError, "tunes/none.mid: no such file or folder"),
        ("tunes/b.mid/x", FileNotFoundError, "tunes/b.mid/x: no such file or folder"),
        ("tunes/none*", FileNotFoundError, "tunes/none*: no file matches this pattern"),
        ("tunes/a/*.txt", ValueError, "tunes/a/*.txt: expected MIDI files (.mid, .midi) in it, found none"),
    ],
)
def test_sources_that_give_nothing(tunes, source, error, said):
    with pytest.raises(error, match=f"^{re.escape(said)}$"):
        midi_files([tunes, source])


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected MIDI files"):
        midi_files(tmp_path)


def test_folder_that_may_not_be_read_is_not_passed_over(tunes, monkeypatch):
    scandir = os.scandir

    def refusing(path):
        if os.path.basename(path) == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    # Removing permissions has no effect for root, and tests in containers often run as root.
    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError, match="tunes/a"):
        midi_files(tunes)


def test_links_to_folders_are_followed_each_folder_once(tunes, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "e.mid").write_bytes(b"MThd")
    (tunes / "a" / "link").symlink_to(tmp_path / "elsewhere")
    (tunes / "a" / "to-b").symlink_to(tunes.absolute() / "a" / "b")
    (tunes / "loop").symlink_to(tunes.absolute())
    (tunes / ".hidden").symlink_to(tmp_path / "elsewhere")
    found = ["C.mid", "a-b/x.MID", "a/b/y.mid", "a/link/e.mid", "a/x.midi", "b.mid"]
    assert listed(tunes) == [f"tunes/{name}" for name in found]


def test_a_pipe_is_no_midi_file(tmp_path):
    os.mkfifo(tmp_path / "a.mid")
    with pytest.raises(ValueError, match=r"a\.mid: expected a MIDI file, found a folder, a device or a pipe"):
        read_rolls(midi_files(tmp_path))


# Zip files


def test_whole_zip_file(zipped):
    found = ["set/[1] f.mid", "set/test/d.MIDI", "set/train/a.mid", "set/train/b.mid", "set/train2/c.mid"]
    assert listed(zipped) == [f"set.zip/{name}" for name in found]


@pytest.mark.parametrize(
    "inside, found",
    [
        ("set/train", ["set/train/a.mid", "set/train/b.mid"]),
        ("set/train/", ["set/train/a.mid", "set/train/b.mid"]),
        ("set/train/b.mid", ["set/train/b.mid"]),
        ("set/*/[ad].*", ["set/test/d.MIDI", "set/train/a.mid"]),
        ("set/[1] f.mid", ["set/[1] f.mid"]),
        ("e.kar", ["e.kar"]),
    ],
)
def test_inside_a_zip_file(zipped, inside, found):
    assert listed(f"set.zip/{inside}") == [f"set.zip/{name}" for name in found]


def test_zip_files_and_folders_together_each_file_once(zipped, tunes):
    sources = ["set.zip/set/train/a.mid", "tunes/b.mid", "./set.zip/set/train", "set.zip/set/train/*.mid"]
    assert listed(sources) == ["set.zip/set/train/a.mid", "set.zip/set/train/b.mid", "tunes/b.mid"]


def test_zip_files_matched_by_a_pattern_are_searched(zipped):
    assert len(midi_files("*.zip")) == 5


@pytest.mark.parametrize(
    "inside, error, said",
    [
        ("none", FileNotFoundError, "set.zip/none: no such file or folder in set.zip"),
        ("set/trai", FileNotFoundError, "set.zip/set/trai: no such file or folder in set.zip"),
        ("set/empty", ValueError, "set.zip/set/empty: expected MIDI files (.mid, .midi) in it, found none"),
    ],
)
def test_inside_a_zip_file_that_has_it_not(zipped, inside, error, said):
    with pytest.raises(error, match=f"^{re.escape(said)}$"):
        midi_files(f"set.zip/{inside}")


def test_zip_file_without_members_or_damaged(tmp_path):
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    with pytest.raises(ValueError, match="empty.zip: expected MIDI files"):
        midi_files(tmp_path / "empty.zip")
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(ValueError, match="broken.zip: not a zip file, or a damaged one"):
        midi_files(tmp_path / "broken.zip")


def test_member_opens_as_a_file_in_memory(zipped):
    (member,) = midi_files("set.zip/set/train/b.mid")
    with member.open("rb") as stream:
        assert stream.read() == b"set/train/b.mid"
        assert stream.seek(0) == 0
        assert stream.name == str(member) == "set.zip/set/train/b.mid"
    assert repr(member) == "ZipMember('set.zip/set/train/b.mid')"
    with pytest.raises(ValueError, match="expected mode 'rb' .*, found 'r'"):
        member.open("r")


def patched_zip(path, content, offset, value):
    """A zip file of one member, with a field of its directory entry overwritten."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.mid", content)
    raw = bytearray(packed.getvalue())
    entry = raw.rindex(b"PK\1\2")
    raw[entry + offset : entry + offset + len(value)] = value
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    "offset, value, said",
    [
        (24, struct.pack("<I", 2**21), "expected 1,048,576 bytes at most, found 2,097,152"),  # unpacked size
        (16, b"\0\0\0\0", "cannot be unpacked .*CRC"),
        (24, struct.pack("<I", 5), "cannot be unpacked|expected 5 bytes"),
    ],
)
def test_member_that_is_not_to_be_opened(tmp_path, offset, value, said):
    (member,) = midi_files(patched_zip(tmp_path / "a.zip", b"MThd", offset, value))
    with pytest.raises(ValueError, match=rf"a\.zip/a\.mid: {said}"):
        member.open("rb")


@pytest.mark.parametrize(
    "offset, value, said",
    [
        (8, struct.pack("<H", 1), "found an encrypted file"),  # general purpose flags
        (10, struct.pack("<H", 77), "found compression method 77"),
        (10, struct.pack("<H", zipfile.ZIP_LZMA), "found compression method 14"),
        (46, b"\x1b.mid", "found a character that cannot be printed in it"),
    ],
)
def test_zip_file_that_is_not_to_be_opened(tmp_path, offset, value, said):
    with pytest.raises(ValueError, match=rf"a\.zip/.\.mid: expected .*{said}"):
        midi_files(patched_zip(tmp_path / "a.zip", b"MThd", offset, value))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_zip_file_with_a_name_twice_or_that_swells(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mid", "one")
        archive.writestr("a.mid", "two")
    with pytest.raises(ValueError, match=r"a\.zip/a\.mid: expected each name once"):
        midi_files(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.mid", bytes(2**25))
    with pytest.raises(ValueError, match=r"b\.zip: expected to unpack to 30 times its [\d,]+ bytes at most"):
        midi_files(tmp_path / "b.zip")


def test_nottingham_has_its_three_sets(nottingham_zip):
    for part, count in {"train": 694, "valid": 173, "test": 170}.items():
        found = midi_files(f"{nottingham_zip}/Nottingham/{part}")
        assert len(found) == count
        assert [file.name for file in found] == sorted(file.name for file in found)
    assert len(midi_files(nottingham_zip)) == 694 + 173 + 170
    assert found[0].open("rb").read(4) == b"MThd"


# Reading

# One track: note 60 from 0 s to 0.5 s (96 ticks per quarter note at 120 quarter notes per minute).
SONG = b"MThd\0\0\0\6\0\0\0\1\0\x60" + b"MTrk\0\0\0\x0c\0\x90\x3c\x40\x60\x80\x3c\0\0\xff\x2f\0"


def test_rolls_of_files_and_zip_members(tmp_path, capsys):
    (tmp_path / "b.mid").write_bytes(SONG)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.mid", SONG)
    files = midi_files([tmp_path / "b.mid", tmp_path / "a.zip"])
    rolls = read_rolls(files, r=(60, 62), dt=0.1, progress=True)
    assert [roll.shape[1] for roll in rolls] == [2, 2]
    assert all(roll[0].tolist() == [1, 0] for roll in rolls)
    assert capsys.readouterr().err == ""  # stderr is not a terminal here


def test_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "bad.mid").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"bad\.mid: ") as caught:
        read_rolls([tmp_path / "bad.mid"])
    assert str(caught.value).count("bad.mid") == 1
    with pytest.raises(FileNotFoundError, match="none.mid"):
        read_rolls([tmp_path / "none.mid"])
