"""`rnnrbm prepare`, and the commands that take its stores."""

import json
import re
from pathlib import Path

import numpy as np
from oracles.runs import same

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.music.store import RollStore

SMALL = ["--hidden", "8", "--recurrent", "6", "--lr", "0.05", "--epochs", "2"]


def run(capsys, *arguments, status=0):
    """What a command says: its output, or its error."""
    assert main(list(arguments)) == status
    said = capsys.readouterr()
    return said.err if status else said.out


def test_training_and_evaluating_from_a_store(here, capsys):
    said = run(capsys, "prepare", "midi", "-o", "store", "--r", "21,33")
    n_frames = sum(map(len, RollStore("store")))
    assert said == f"store: 5 sequences, {n_frames} frames.\n"
    said = run(capsys, "train", "store", "-o", "a.npz", *SMALL, "--augment", "1", "--validation", "store")
    assert f"Training set: 5 sequences, {n_frames} frames of 0.3 s." in said
    run(capsys, "train", "midi", "-o", "b.npz", *SMALL, "--r", "21,33", "--augment", "1", "--validation", "midi")
    one, other = RnnRbm.load("a.npz"), RnnRbm.load("b.npz")
    assert same(one, other) and one.frames == other.frames
    numbers = []
    for data, training in (("store", "store"), ("midi", "midi")):
        found = json.loads(run(capsys, "evaluate", "a.npz", data, "--training", training, "--json"))
        assert found.pop("data")["frames"] == n_frames
        numbers.append(found)
    assert numbers[0] == numbers[1]


def test_a_file_of_several_sources_is_read_once_where_it_comes_first(here, capsys):
    sources = ["midi/3.mid", "midi", "./midi/0.mid"]
    said = run(capsys, "prepare", *sources, "-o", "store", "--r", "21,33")
    assert said.startswith("store: 5 sequences, ")
    store = RollStore("store")
    assert [Path(store.describe(i)["name"]).name for i in range(5)] == ["3.mid", "0.mid", "1.mid", "2.mid", "4.mid"]
    n_frames = sum(map(len, store))
    said = run(capsys, "train", *sources, "-o", "a.npz", "--r", "21,33", *SMALL)
    assert f"Training set: 5 sequences, {n_frames} frames of 0.3 s." in said
    run(capsys, "train", "store", "-o", "b.npz", *SMALL)
    assert same(RnnRbm.load("a.npz"), RnnRbm.load("b.npz"))


def test_options_of_the_store_are_not_contradicted(here, capsys):
    run(capsys, "prepare", "midi", "-o", "store", "--r", "21,33", "--transpose", "parallel")
    error = run(capsys, "train", "store", "-o", "m.npz", "--r", "20,33", status=1)
    assert "store: --r asks for (20, 33), but the store was prepared with (21, 33); leave the option out" in error
    error = run(capsys, "train", "store", "-o", "m.npz", "--transpose", "relative", status=1)
    assert "store: --transpose asks for relative, but the store was prepared with parallel" in error
    error = run(capsys, "train", "store", "midi", "-o", "m.npz", status=1)
    assert "store: expected a store without other names, found 2 names" in error
    error = run(capsys, "train", "midi", "-o", "m.npz", "--validation", "store", *SMALL, status=1)
    assert "store: expected the model's frames, NoteFrames(r=(21, 109)" in error
    run(capsys, "train", "store", "-o", "m.npz", *SMALL, "--r", "21,33", "--transpose", "parallel")
    assert RnnRbm.load("m.npz").preprocess.tonality == "parallel"


def test_broken_files_are_listed_and_duplicates_counted(here, capsys):
    for i in range(12):
        Path("midi", f"broken {i:02}.mid").write_bytes(b"a letter")
    Path("midi", "copy.mid").write_bytes(Path("midi", "0.mid").read_bytes())
    assert main(["prepare", "midi", "-o", "store", "--r", "21,33"]) == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"store: 6 sequences \(1 duplicate\), \d+ frames\.\n", said.out)
    lines = said.err.splitlines()
    assert lines[0] == "rnnrbm: warning: skipped 12 of 18 files because of errors:" and len(lines) == 12
    assert lines[1].startswith("  midi/broken 00.mid: expected a MIDI file")
    assert lines[-1] == "  and 2 more: see the lines with `broken` in store/index.jsonl"
    assert "18 of 18 files had already been read." in run(capsys, "prepare", "midi", "-o", "store", "--r", "21,33")
    error = run(capsys, "prepare", "midi", "-o", "store", status=1)
    assert "store/index.jsonl: expected a store with NoteFrames(r=(21, 109)" in error and "--overwrite" in error
    run(capsys, "prepare", "midi", "-o", "store", "--overwrite")
    assert RollStore("store").frames.r == (21, 109)
    Path("store", "frames.bits").write_bytes(b"")
    assert "store/frames.bits: expected " in run(capsys, "train", "store", "-o", "m.npz", status=1)
    assert not np.any([path.suffix == ".npz" for path in Path().iterdir()])
