"""Tests of the paper's four data sets: find, load, download, and compare with the manifest."""

import os
import pickle
import shutil
import zipfile
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from oracles.made_sets import MIDI, ROLLS, SONG, put, zip_of
from oracles.manifest_text import manifest_text

from rnnrbm_pt.music import datasets, paper_sets
from rnnrbm_pt.music.datasets import FetchError, fetch, find, load, read_rolls, verify
from rnnrbm_pt.music.paper_sets import SETS, SPLITS, manifest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty default data folder, with all addresses redirected to this machine."""
    monkeypatch.setenv("RNNRBM_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("RNNRBM_DATA_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "home"


def counts(data):
    return [len(data.train), len(data.valid), len(data.test)]


# Finding and loading


def test_rolls(home):
    path = put(home / "JSB Chorales.pickle", ROLLS)
    data = load("jsb_chorales")
    assert counts(data) == [2, 1, 2]
    assert data[3:] == ("jsb_chorales", "rolls", str(path), 1, (21, 109))
    assert data.train[0].dtype == np.uint8 and data.train[0].shape == (2, 88)
    assert np.argwhere(data.train[0]).tolist() == [[0, 39], [1, 41], [1, 43]]
    put(home / "Piano-midi.de.pickle", ROLLS)
    assert load("piano_midi").steps_per_quarter == 2


@pytest.mark.parametrize("name", ["Nottingham.zip", "nottingham.ZIP", "nottingham_midi.zip"])
def test_midi_in_a_zip_file(tmp_path, name):
    path = put(tmp_path / "there" / name, MIDI)
    data = load("nottingham", "midi", path.parent)
    assert counts(data) == [2, 1, 1] and data[3:] == ("nottingham", "midi", str(path), None, None)
    assert [file.name for file in data.train] == ["Any/train/a.mid", "Any/train/b.mid"]
    assert read_rolls(data.train)[0].sum() == 2


def test_midi_in_folders(tmp_path):
    for split in SPLITS:
        put(tmp_path / "Piano-midi.de" / split / "a.mid", SONG)
    data = load("piano_midi", "midi", tmp_path)
    assert counts(data) == [1, 1, 1] and data.source == str(tmp_path / "Piano-midi.de")
    assert load("piano_midi", "midi", tmp_path / "Piano-midi.de") == data
    assert find("nottingham", "midi", tmp_path / "Piano-midi.de") is None


def test_other_names_and_which_of_them_first(tmp_path):
    for name in (
        "Piano-midi.de.pickle",
        "piano_midi.pkl",
        "piano-midi.json",
        "piano_midi.npz",
        "piano_midi.mat",
        "x.npz",
    ):
        put(tmp_path / name, b"")
    for name in ("piano_midi.npz", "Piano-midi.de.pickle", "piano_midi.pkl", "piano-midi.json"):
        assert find("piano_midi", folder=tmp_path).name == name
        (tmp_path / name).unlink()
    assert find("piano_midi", folder=tmp_path) is None


def test_where_data_is_kept(tmp_path, monkeypatch):
    assert datasets.data_folder() == tmp_path / "home"
    monkeypatch.delenv("RNNRBM_DATA")
    monkeypatch.setenv("RNNRBM_CACHE", "~/elsewhere")
    assert datasets.data_folder() == Path.home() / "elsewhere" / "data"


@pytest.mark.parametrize("arguments", [("bach",), ("nottingham", "mp3")])
@pytest.mark.parametrize("function", [load, find, fetch, verify])
def test_no_such_set_or_kind(function, arguments):
    with pytest.raises(ValueError, match=r"^(data set|kind): expected .*, found '(bach|mp3)'$"):
        function(*arguments)


def test_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"^{tmp_path}: expected MuseData\.zip in it, .* found no such file;"):
        load("musedata", "midi", tmp_path)
    with pytest.raises(
        FileNotFoundError, match="home: expected .* found no such folder; `rnnrbm data fetch musedata --kind"
    ):
        load("musedata", download=False)
    with pytest.raises(FileNotFoundError, match="home: expected"):
        verify("musedata")
    with pytest.raises(ValueError, match="a.zip: expected a folder, found a file"):
        load("musedata", "midi", put(tmp_path / "a.zip", MIDI))


@pytest.mark.parametrize(
    "names, said",
    [
        (["a.mid"], r"Nottingham\.zip/a\.mid: expected a MIDI file in one of the folders train, valid, test"),
        (["train/valid/a.mid"], r"/train/valid/a\.mid: expected"),
        (
            ["train/a.mid", "test/a.mid"],
            r"Nottingham\.zip: expected MIDI files in train, valid and test, found none in v",
        ),
        (["x.txt"], r"Nottingham\.zip: expected MIDI files"),
        (["train/../../a.mid"], r"Nottingham\.zip/train/\.\./\.\./a\.mid: expected a path within the zip file"),
    ],
)
def test_zip_files_that_are_not_such_a_set(tmp_path, names, said):
    put(tmp_path / "Nottingham.zip", zip_of(*names))
    with pytest.raises(ValueError, match=said):
        load("nottingham", "midi", tmp_path)


# Downloading


def test_fetch_and_then_it_is_there(server, home, monkeypatch):
    monkeypatch.setenv("RNNRBM_DATA_URL", server.base + "/deep/")
    server.answers |= {"/deep/JSB%20Chorales.pickle": ROLLS, "/deep/JSB%20Chorales.zip": MIDI}
    assert fetch("jsb_chorales", check=False) == home / "JSB Chorales.pickle"
    assert counts(load("jsb_chorales")) == [2, 1, 2]
    assert counts(load("jsb_chorales", "midi")) == [2, 1, 1]  # downloads; the manifest has no hashes of these files
    assert sorted(os.listdir(home)) == ["JSB Chorales.pickle", "JSB Chorales.zip"]
    assert len(server.asked) == 2
    assert fetch("jsb_chorales", "midi") == home / "JSB Chorales.zip" and len(server.asked) == 2
    assert fetch("jsb_chorales", "midi", again=True) and len(server.asked) == 3


def test_a_folder_and_an_address_by_argument(server, tmp_path):
    server.answers["/Piano-midi.de.pickle"] = ROLLS
    path = fetch("piano_midi", folder=tmp_path / "a", base_url=server.base, check=False)
    assert path == tmp_path / "a" / "Piano-midi.de.pickle" and path.exists()


def test_what_differs_from_what_is_recorded_is_refused(server, home, monkeypatch):
    server.answers["/Nottingham.pickle"] = ROLLS
    with pytest.raises(ValueError) as caught:
        fetch("nottingham", base_url=server.base)
    assert str(caught.value) == (
        f"{server.base}/Nottingham.pickle: the data differ from the manifest: train: expected 694 sequences, found 2 "
        "(and 2 more); check=False, or --unchecked, accepts them anyway"
    )
    assert os.listdir(home) == []
    monkeypatch.setenv("RNNRBM_DATA_URL", server.base)
    with pytest.raises(ValueError, match="the data differ from the manifest"):
        load("nottingham")


@pytest.mark.parametrize(
    "kind, content, said",
    [
        (
            "rolls",
            b"<html>Not here</html>",
            r"MuseData\.pickle: expected a pickle of numbers in lists, found a file that",
        ),
        ("rolls", ROLLS[:-9], r"MuseData\.pickle: .* an incomplete file"),
        ("rolls", pickle.dumps({"train": os.getcwd}), r"MuseData\.pickle: .* a word other than train, valid and test"),
        ("midi", b"<html>Not here</html>", r"MuseData\.zip: not a zip file, or a damaged one"),
        ("midi", MIDI[:-30], r"MuseData\.zip: not a zip file, or a damaged one"),
        ("midi", MIDI.replace(b"MTrk", b"MTrj", 1), r"MuseData\.zip/Any/train/b\.mid: cannot be unpacked .*CRC"),
        ("midi", zip_of("../train/a.mid"), r"MuseData\.zip/\.\./train/a\.mid: expected a path within"),
    ],
)
def test_what_cannot_be_read_is_never_kept(server, home, kind, content, said):
    server.answers |= {"/MuseData.pickle": content, "/MuseData.zip": content}
    with pytest.raises(ValueError, match=f"^{server.base}/{said}"):
        fetch("musedata", kind, base_url=server.base, check=False)
    assert os.listdir(home) == []


def test_offline(home, unreachable):
    with pytest.raises(FetchError) as caught:
        fetch("jsb_chorales", base_url=unreachable)
    assert str(caught.value) == (
        f"{unreachable}/JSB%20Chorales.pickle: cannot be reached (Connection refused); "
        f"you can put a copy of JSB Chorales.pickle into {home} by hand"
    )


def test_the_authors_addresses(monkeypatch):
    asked = []
    monkeypatch.delenv("RNNRBM_DATA_URL")
    monkeypatch.setattr(datasets, "fetch_file", lambda urls, *_: asked.extend(urls))
    fetch("nottingham", "midi")
    fetch("jsb_chorales")
    assert asked == [
        "http://www.iro.umontreal.ca/~lisa/deep/data/Nottingham.zip",
        "http://www-etud.iro.umontreal.ca/~boulanni/Nottingham.zip",
        "http://www-etud.iro.umontreal.ca/~boulanni/JSB%20Chorales.pickle",
    ]


# Comparison with the shared data


COUNTS = {  # sequences and frames, according to the README of the shared data
    "nottingham": [(694, 176561), (173, 45513), (170, 44463)],
    "jsb_chorales": [(229, 13807), (76, 4602), (77, 4725)],
    "musedata": [(524, 245202), (135, 82755), (124, 64339)],
    "piano_midi": [(87, 75911), (12, 8540), (25, 19036)],
}


def test_manifest_has_the_counts():
    for name, expected in COUNTS.items():
        known = [manifest().splits[name, "rolls", split] for split in SPLITS]
        assert [(one.n_sequences, one.n_frames) for one in known] == expected
    for split, (n_sequences, _) in zip(SPLITS, COUNTS["nottingham"], strict=True):
        assert len(manifest().rolls["nottingham", split]) == n_sequences
        assert len(manifest().midi["nottingham", split]) == manifest().splits["nottingham", "midi", split].n_sequences
        assert paper_sets.digest_of_all(manifest().rolls["nottingham", split]) == (
            manifest().splits["nottingham", "rolls", split].digest
        )
        lines = [f"{name} {digest}" for name, digest in sorted(manifest().midi["nottingham", split].items())]
        assert paper_sets.digest_of_all(lines) == manifest().splits["nottingham", "midi", split].digest


def test_manifest_is_that_of_the_shared_data(nottingham_zip, nottingham_npz):
    text = files("rnnrbm_pt.music").joinpath("manifest.txt").read_text(encoding="ascii")
    assert text == manifest_text(nottingham_zip.parent)


@pytest.mark.parametrize("name", list(SETS))
def test_real_rolls(nottingham_npz, name):
    data = load(name, folder=nottingham_npz.parent)
    assert [(len(rolls), sum(map(len, rolls))) for rolls in data[:3]] == COUNTS[name]
    verified = verify(name, folder=nottingham_npz.parent)
    assert list(verified.counts.values()) == COUNTS[name]
    assert verified.faults == [] and verified.known


def test_real_midi_files_all_1037(nottingham_zip):
    assert counts(load("nottingham", "midi", nottingham_zip.parent)) == [694, 173, 170]
    verified = verify("nottingham", "midi", nottingham_zip.parent)
    assert verified.faults == [] and verified.known
    assert verified.counts == {"train": (694, None), "valid": (173, None), "test": (170, None)}


def as_pickle(rolls):
    """The result of `load` in the authors' format."""
    described = {}
    for split, found in zip(SPLITS, rolls, strict=True):
        described[split] = []
        for roll in found:
            notes = iter((roll.nonzero()[1] + 21).tolist())
            described[split].append([list(islice(notes, n)) for n in roll.sum(axis=1).tolist()])
    return pickle.dumps(described, 2)


def test_real_data_from_a_server(server, home, nottingham_zip, nottingham_npz, monkeypatch):
    rolls = load("nottingham", folder=nottingham_npz.parent)
    server.answers |= {"/Nottingham.pickle": as_pickle(rolls[:3]), "/Nottingham.zip": nottingham_zip.read_bytes()}
    monkeypatch.setenv("RNNRBM_DATA_URL", server.base)
    fetched = load("nottingham")
    assert fetched.source == str(home / "Nottingham.pickle")
    assert all(np.array_equal(one, other) for one, other in zip(sum(fetched[:3], []), sum(rolls[:3], []), strict=True))
    assert fetch("nottingham", "midi") == home / "Nottingham.zip"


def test_differences_are_named(tmp_path, nottingham_npz):
    train, valid, test = load("nottingham", folder=nottingham_npz.parent)[:3]
    for split, i in ((train, 3), (train, 17)):
        split[i] = split[i].copy()
        split[i][0, 40] ^= 1
    valid[:2] = valid[1], valid[0]
    put(tmp_path / "nottingham.pickle", as_pickle((train, valid, test[:-1])))
    assert verify("nottingham", folder=tmp_path).faults == [
        "train: sequence 3 differs",
        "train: sequence 17 differs",
        "valid: the sequences are in another order",
        "test: expected 170 sequences, found 169",
    ]
    shutil.copy(nottingham_npz.with_name("piano_midi.npz"), tmp_path / "jsb_chorales.npz")
    assert verify("jsb_chorales", folder=tmp_path).faults[0] == "train: expected 229 sequences, found 87"
    train, valid, test = load("jsb_chorales", folder=nottingham_npz.parent)[:3]
    put(tmp_path / "jsb_chorales.pickle", as_pickle((train, valid[::-1], test)))
    (tmp_path / "jsb_chorales.npz").unlink()
    assert verify("jsb_chorales", folder=tmp_path).faults == ["valid: the sequences differ"]


def test_differing_midi_files_are_named(tmp_path, nottingham_zip):
    with zipfile.ZipFile(nottingham_zip) as archive, zipfile.ZipFile(tmp_path / "nottingham.zip", "w") as other:
        for name in archive.namelist():
            if name != "Nottingham/test/xmas_simple_chords_5.mid":
                content = archive.read(name)
                other.writestr(name, content + b"x" * name.endswith("valid/xmas_simple_chords_4.mid"))
        other.writestr("Nottingham/test/new.mid", SONG)
    assert verify("nottingham", "midi", tmp_path).faults == [
        "valid/xmas_simple_chords_4.mid differs",
        "test/xmas_simple_chords_5.mid is missing",
        "test/new.mid does not belong to the set",
    ]
