"""`rnnrbm data`, as a user meets it."""

import argparse
import shlex

import pytest
from oracles.made_sets import MIDI, ROLLS, put

from rnnrbm_pt.cli import data as data_command
from rnnrbm_pt.cli.main import make_parser


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RNNRBM_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("RNNRBM_DATA_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "home"


@pytest.fixture
def data(home, capsys):
    """Runs `rnnrbm data` with some words; what it printed."""

    def run(*words):
        parser = argparse.ArgumentParser()
        data_command.add_parser(parser.add_subparsers())
        args = parser.parse_args(["data", *map(str, words)])
        args.function(args)
        return capsys.readouterr().out

    return run


def test_list_of_what_is_there_and_is_not(data, home):
    put(home / "JSB Chorales.pickle", ROLLS)
    put(home / "nottingham_midi.zip", MIDI)
    put(home / "MuseData.pickle", b"\x80\x02N.")
    lines = data().splitlines()
    assert lines[0].endswith(str(home))
    table = [line.split() for line in lines if line.startswith(("nottingham ", "jsb_chorales ", "musedata ", " "))]
    assert table[0] == ["nottingham", "rolls", "-", "-", "-", "not", "found"]
    assert table[1] == ["midi", "2", "1", "1", "nottingham_midi.zip"]
    assert table[2] == ["jsb_chorales", "rolls", "2", "/", "3", "1", "/", "1", "2", "/", "2", "JSB", "Chorales.pickle"]
    assert table[4] == ["musedata", "rolls", "?", "?", "?", "MuseData.pickle:", "cannot", "be", "read"]
    assert "MuseData.pickle: expected a pickle of numbers in lists, found" in lines[-1]
    assert max(map(len, lines[:-1])) < 100 + len(str(home))


def test_list_of_nothing(data, home):
    out = data()
    assert out.count("not found") == 8 and "rnnrbm data fetch SET" in out
    with pytest.raises(FileNotFoundError, match="none: no such folder"):
        data("--folder", home / "none")
    assert not home.exists()


def test_fetch_says_how_it_is_used(data, home, server, monkeypatch):
    monkeypatch.setenv("RNNRBM_DATA_URL", server.base)
    server.answers |= {"/JSB%20Chorales.pickle": ROLLS, "/JSB%20Chorales.zip": MIDI}
    lines = data("fetch", "jsb_chorales", "--unchecked").splitlines()
    assert lines == [
        f"jsb_chorales rolls: fetched, {home}/JSB Chorales.pickle",
        f"jsb_chorales midi: fetched, {home}/JSB Chorales.zip",
        "To use them:",
        "  rnnrbm train jsb_chorales -o MODEL",
        f"  rnnrbm train '{home}/JSB Chorales.zip/*/train' -o MODEL",
    ]
    assert "midi: already there," in data("fetch", "jsb_chorales", "--kind", "midi")
    other = home.parent / "other"
    out = data("--folder", other, "fetch", "--kind", "rolls", "jsb_chorales", "--unchecked")
    assert (other / "JSB Chorales.pickle").exists() and f"rnnrbm train jsb_chorales --folder {other} -o MODEL" in out
    args = make_parser().parse_args(shlex.split(out.splitlines()[-1])[1:])
    assert args.files == ["jsb_chorales"] and args.folder == str(other)


def test_the_files_of_the_hint_are_those_to_train_on(data, home):
    from rnnrbm_pt.music.datasets import midi_files

    path = put(home / "JSB Chorales.zip", MIDI)
    hint = data("fetch", "jsb_chorales", "--kind", "midi").splitlines()[-1]
    assert hint == f"  rnnrbm train '{path}/*/train' -o MODEL"
    assert [file.name for file in midi_files(hint.split("'")[1])] == ["Any/train/a.mid", "Any/train/b.mid"]


def test_fetch_that_fails_goes_on_and_ends_in_an_error(data, home, server, capsys, monkeypatch):
    monkeypatch.setenv("RNNRBM_DATA_URL", server.base)
    server.answers["/Piano-midi.de.zip"] = MIDI
    with pytest.raises(OSError, match="^7 of 8 could not be fetched$"):
        data("fetch", "all")
    out = capsys.readouterr().out
    assert "piano_midi midi: fetched" in out
    assert "MuseData.zip: the server answered 404 Not Found; you can put a copy of" in out


def test_verify(data, home, capsys):
    put(home / "Nottingham.zip", MIDI)
    with pytest.raises(ValueError, match="^1 of 1 differ from the record$"):
        data("verify")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "nottingham rolls: not found"
    assert lines[1] == f"nottingham midi: differs from the record ({home}/Nottingham.zip)"
    assert lines[2].startswith("  train/ashover_simple_chords_1") and lines[2].endswith("is missing")
    assert lines[12] == "  and 1,031 more"  # 1,037 missing and 4 that are not of the set, less the ten above
    (home / "Nottingham.zip").rename(home / "JSB Chorales.zip")
    assert data("verify", "jsb_chorales").splitlines() == [
        "jsb_chorales rolls: not found",
        f"jsb_chorales midi: all 4 files are complete; their hashes are not recorded ({home}/JSB Chorales.zip)",
    ]
    with pytest.raises(ValueError, match="no data set to verify was found"):
        data("verify", "musedata")
    with pytest.raises(ValueError, match="data set: expected one of nottingham, .*, found 'bach'"):
        data("verify", "bach")


def test_verify_the_real_ones(data, nottingham_npz):
    out = data("verify", "--kind", "rolls", "--folder", nottingham_npz.parent)
    assert "nottingham rolls: all 1,037 sequences match the record" in out
    assert out.count("match the record") == 4
