"""Tests of writing stores: the rolls equal those read directly, with any number of processes and interruptions."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnnrbm_pt.io.atomic_write import claimed, fcntl
from rnnrbm_pt.music.folders import INDEX
from rnnrbm_pt.music.frames import NoteFrames
from rnnrbm_pt.music.midi import midiwrite
from rnnrbm_pt.music.preprocessing import Preprocessing
from rnnrbm_pt.music.sources import midi_files, read_rolls
from rnnrbm_pt.music.store import BITS, RollStore
from rnnrbm_pt.music.store_writer import N_AT_ONCE, write_store

FRAMES = NoteFrames((21, 109), 0.3, Preprocessing(drums=False))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of 83 MIDI files, without a zip file. Two are broken, and some are equal."""
    folder, random = tmp_path_factory.mktemp("music"), np.random.RandomState(1)
    for i in range(80):
        roll = np.repeat(random.rand(3 + i % 7, 88) < 0.05, 2, axis=0)
        roll[0, 40] = 1
        midiwrite(folder / f"{i:02}.mid", roll, (21, 109), 0.3)
    (folder / "copy.mid").write_bytes((folder / "00.mid").read_bytes())
    (folder / "20 empty.mid").write_bytes(b"")
    (folder / "letter.mid").write_bytes(b"a letter")
    return folder


@pytest.fixture(scope="session")
def written(folder, tmp_path_factory):
    """A store of the folder, written by one process without interruption."""
    path = tmp_path_factory.mktemp("stores") / "one"
    counts = write_store(path, midi_files(folder), FRAMES)
    assert counts[:3] == (81, 2, 1)
    return path


def contents(path):
    return (path / INDEX).read_bytes(), (path / BITS).read_bytes()


def test_rolls_are_those_that_are_read_directly(folder, written):
    files = [file for file in midi_files(folder) if file.name not in ("20 empty.mid", "letter.mid")]
    directly = read_rolls(files, (21, 109), 0.3)
    store = RollStore(written)
    assert len(store) == len(directly)
    assert all(
        np.array_equal(one, other) and one.dtype == other.dtype for one, other in zip(store, directly, strict=True)
    )
    assert [store.describe(i)["name"] for i in range(len(store))] == list(map(str, files))
    assert [line["broken"] for line in store.broken()] == [
        f"{folder}/20 empty.mid: expected a MIDI file, found an empty one",
        f"{folder}/letter.mid: expected a MIDI file, which begins with b'MThd', found b'a le'",
    ]
    same = int(np.flatnonzero(store.same_as >= 0)[0])
    assert (store.describe(same)["name"], store.same_as[same]) == (f"{folder}/copy.mid", 0)
    assert store.describe(0)["tempo"] == 120


def test_two_processes_write_what_one_writes(folder, written, tmp_path):
    done = []
    write_store(tmp_path / "two", midi_files(folder), FRAMES, jobs=2, on_files=done.append)
    assert contents(tmp_path / "two") == contents(written)
    assert done == [N_AT_ONCE, N_AT_ONCE, 83 - 2 * N_AT_ONCE]


KILLED = """
import os, signal, sys
from rnnrbm_pt.music.frames import NoteFrames
from rnnrbm_pt.music.preprocessing import Preprocessing
from rnnrbm_pt.music.sources import midi_files
from rnnrbm_pt.music.store_writer import write_store
if __name__ == "__main__":
    frames = NoteFrames((21, 109), 0.3, Preprocessing(drums=False))
    kill = lambda n: os.kill(os.getpid(), signal.SIGKILL)
    write_store(sys.argv[1], midi_files(sys.argv[2]), frames, jobs=int(sys.argv[3]), on_files=kill)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are those of Unix")
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_it_goes_on_where_it_was(folder, written, tmp_path, jobs):
    (tmp_path / "killed.py").write_text(KILLED)
    command = [sys.executable, str(tmp_path / "killed.py"), str(tmp_path / "store"), str(folder), str(jobs)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    with pytest.raises(ValueError, match=f"expected 83 files, found {N_AT_ONCE}"):
        RollStore(tmp_path / "store")
    counts = write_store(tmp_path / "store", midi_files(folder), FRAMES, jobs=jobs)
    assert counts.before == N_AT_ONCE and contents(tmp_path / "store") == contents(written)
    assert write_store(tmp_path / "store", midi_files(folder), FRAMES).before == 83


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_what_was_lost_at_the_end_is_written_again(folder, written, tmp_path_factory, data):
    index, bits = contents(written)
    path = tmp_path_factory.mktemp("torn")
    (path / INDEX).write_bytes(index[: data.draw(st.integers(0, len(index)), label="index")])
    (path / BITS).write_bytes(bits[: data.draw(st.integers(0, len(bits)), label="bits")])
    write_store(path, midi_files(folder), FRAMES)
    assert contents(path) == contents(written)


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 100).flatmap(
        lambda low: st.tuples(
            st.just(low),
            st.lists(
                arrays(np.uint8, st.tuples(st.integers(1, 9), st.just(17)), elements=st.integers(0, 1)), min_size=1
            ),
        )
    )
)
def test_any_rolls_make_the_round_trip(tmp_path_factory, drawn):
    low, rolls = drawn
    path, r = tmp_path_factory.mktemp("any"), (low, low + 17)
    for i, roll in enumerate(rolls):
        roll[-1, 0] = 1  # the last frame has a note, so that the file includes it
        midiwrite(path / "midi" / f"{i:03}.mid", roll, r, 0.3)
    write_store(path / "store", midi_files(path / "midi"), NoteFrames(r, 0.3))
    assert all(np.array_equal(one, other) for one, other in zip(RollStore(path / "store"), rolls, strict=True))


def test_other_files_or_frames_are_refused(folder, written, tmp_path):
    before = contents(written)
    with pytest.raises(ValueError, match="index.jsonl: expected a store with NoteFrames.*--overwrite replaces it"):
        write_store(written, midi_files(folder), NoteFrames((30, 90)))
    with pytest.raises(ValueError, match="expected a store of these 1 files, found one of 83 other files"):
        write_store(written, midi_files(folder / "00.mid"), FRAMES)
    with pytest.raises(ValueError, match="unreadable ones; the first error is .*letter.mid: expected"):
        write_store(tmp_path / "none", midi_files(folder / "letter.mid"), FRAMES)
    assert contents(written) == before
    assert write_store(tmp_path / "none", midi_files(folder / "00.mid"), FRAMES, overwrite=True)[:2] == (1, 0)


@pytest.mark.skipif(fcntl is None, reason="no locks here")
def test_two_writers_do_not_share_a_store(folder, tmp_path):
    with claimed(tmp_path / "store" / INDEX), pytest.raises(ValueError, match=f"{INDEX}"):
        write_store(tmp_path / "store", midi_files(folder), FRAMES)


def test_members_of_a_zip_file_are_read_by_other_processes(nottingham_zip, tmp_path):
    files = midi_files(nottingham_zip / "Nottingham" / "valid")[: N_AT_ONCE + 3]
    write_store(tmp_path, files, FRAMES, jobs=2)
    directly = read_rolls(files, (21, 109), 0.3)
    assert all(np.array_equal(one, other) for one, other in zip(RollStore(tmp_path), directly, strict=True))
    assert RollStore(Path(tmp_path)).describe(0)["key"]
