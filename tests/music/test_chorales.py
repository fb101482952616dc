"""Tests of the chorales from music21."""

import importlib.util
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import rnnrbm_pt.music.chorales as home
from rnnrbm_pt.music.datasets import cache_folder, chorales

WITHOUT_MUSIC21 = importlib.util.find_spec("music21") is None
needs_music21 = pytest.mark.skipif(WITHOUT_MUSIC21, reason="needs the package music21")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache folder, filled by the first test that needs it."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bach(cache, monkeypatch):
    monkeypatch.setenv("RNNRBM_CACHE", str(cache))
    return chorales()


def forbidden(*_):
    raise AssertionError("the scores were read again")


def one_chorale(*_):
    roll = np.zeros((2, 128), dtype=np.uint8)
    roll[:, 60] = 1
    return {"bwv2.6": roll}


@needs_music21
def test_chorales_counted(bach):
    train, valid, test, names = bach
    rolls = train + valid + test
    n_frames, n_notes = sum(map(len, rolls)), sum(int(roll.sum()) for roll in rolls)
    # Counts of music21 10.5.1. The corpus of another version may have a few more or fewer chorales.
    assert 350 <= len(rolls) <= 380
    assert 19_000 <= n_frames <= 21_000
    assert 3.8 <= n_notes / n_frames <= 4
    pitches = 21 + np.flatnonzero(sum(roll.sum(axis=0, dtype=int) for roll in rolls))
    assert (pitches[0], pitches[-1]) == (36, 81)
    assert all(roll.dtype == np.uint8 and roll.shape[1] == 88 for roll in rolls)
    assert max(int(roll.max()) for roll in rolls) == 1
    assert all(roll[-1].any() for roll in rolls)
    assert 0.55 < len(train) / len(rolls) < 0.65
    assert [len(names[part]) for part in ("train", "valid", "test")] == [len(train), len(valid), len(test)]


@needs_music21
def test_split_is_by_name(bach):
    # Written out to detect a change of the rule, which would make new results incomparable with old ones.
    assert bach.names["train"][:3] == ["bwv3.6", "bwv5.7", "bwv6.6"]
    assert bach.names["valid"][:3] == ["bwv2.6", "bwv14.5", "bwv33.6"]
    assert bach.names["test"][:3] == ["bwv4.8", "bwv9.7", "bwv10.7"]
    known = [set(part) for part in bach.names.values()]
    assert len(set.union(*known)) == sum(map(len, known))


@needs_music21
def test_no_chorale_twice_not_even_in_another_key(bach):
    rolls = bach.train + bach.valid + bach.test
    shapes = {np.roll(roll, -int(roll.any(axis=0).argmax()), axis=1).tobytes() for roll in rolls}
    assert len(shapes) == len(rolls)
    assert not {"bwv398", "bwv274", "bwv18.5-w"} & set().union(*bach.names.values())


@needs_music21
def test_second_time_comes_from_the_cache_and_is_the_same(bach, monkeypatch):
    monkeypatch.setattr(home, "_read_chorales", forbidden)
    again = chorales()
    assert again.names == bach.names
    for one, other in zip(bach[:3], again[:3], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@needs_music21
def test_range_cuts_columns(bach):
    narrow = chorales(r=(60, 72))
    assert np.array_equal(narrow.test[0], bach.test[0][:, 60 - 21 : 72 - 21])
    with pytest.raises(ValueError, match=r"r=\(60, 60\): expected \(low, high\)"):
        chorales(r=(60, 60))


@needs_music21
@pytest.mark.parametrize("spoil", ["random", "empty", "truncated", "npy", "other", "lengths", "folder"])
def test_cache_that_is_damaged_or_foreign_is_built_anew(bach, cache, tmp_path, monkeypatch, spoil):
    (kept,) = cache.glob("*.npz")
    good = kept.read_bytes()
    path = tmp_path / kept.name
    if spoil == "folder":
        path.mkdir()
    elif spoil == "npy":
        with open(path, "wb") as file:
            np.save(file, np.zeros(3))
    elif spoil == "other":
        np.savez(path, names=np.zeros(3))
    elif spoil == "lengths":
        with np.load(kept) as arrays:
            np.savez(path, **{**arrays, "lengths": arrays["lengths"] + 1})
    else:
        path.write_bytes({"random": bytes(range(256)), "empty": b"", "truncated": good[:9999]}[spoil])
    monkeypatch.setenv("RNNRBM_CACHE", str(tmp_path))
    monkeypatch.setattr(home, "_read_chorales", one_chorale)
    assert sum(chorales().names.values(), []) == ["bwv2.6"]
    if spoil != "folder":  # a file cannot replace a folder, so the chorales are read again each time
        monkeypatch.setattr(home, "_read_chorales", forbidden)
    assert chorales().valid[0].tolist() == [[0] * 39 + [1] + [0] * 48] * 2


def test_cache_that_swells_is_not_unpacked(tmp_path):
    """64 kB that unpack to 128 MiB, and to eight times as much as frames."""
    np.savez_compressed(tmp_path / "a.npz", names=["a"], lengths=[2**23], frames=np.zeros((2**23, 16), np.uint8))
    tracemalloc.start()
    assert home._load_rolls(tmp_path / "a.npz") is None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


@needs_music21
def test_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RNNRBM_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(home, "_read_chorales", one_chorale)
    assert len(chorales().valid) == 1


def test_cache_folder(monkeypatch):
    monkeypatch.setenv("RNNRBM_CACHE", "~/elsewhere")
    assert cache_folder() == Path.home() / "elsewhere"
    monkeypatch.delenv("RNNRBM_CACHE")
    assert cache_folder().name == "rnnrbm_pt" or "rnnrbm_pt" in cache_folder().parts


def test_without_music21_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(ImportError, match=r'pip install "rnnrbm-pt\[corpus\]"'):
        chorales()


def test_music21_without_its_corpus(tmp_path, monkeypatch):
    (tmp_path / "music21").mkdir()
    (tmp_path / "music21" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "music21", raising=False)
    with pytest.raises(FileNotFoundError, match="without its corpus"):
        chorales()


@needs_music21
def test_music21_is_not_imported(bach):
    program = "import sys, rnnrbm_pt.music.datasets as d; d.chorales(); print('music21' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
