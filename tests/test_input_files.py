"""Music that is named on the command line: broken files, drums, parts of a set, sets by name."""

import shutil
from pathlib import Path

import mido
import pytest

from rnnrbm_pt import RnnRbm, midiwrite
from rnnrbm_pt.cli import main

pytestmark = pytest.mark.usefixtures("as_written")

R = (48, 60)
SMALL = ["--hidden", "4", "--recurrent", "3", "--k", "1", "--streams", "philox", "--epochs", "1"]


@pytest.fixture
def here(toy_rolls, tmp_path, monkeypatch):
    """The current folder, with tunes/a.mid, b.mid and c.mid in it, each of 20 frames."""
    monkeypatch.chdir(tmp_path)
    for name, roll in zip("abc", toy_rolls, strict=False):
        midiwrite(f"tunes/{name}.mid", roll[:20], R, 0.3)
    return tmp_path


def train(capsys, *arguments, status=0):
    assert main(["train", *map(str, arguments), "-o", "model.npz", "--r", "48,60", *SMALL]) == status
    return capsys.readouterr()


def add_drums(name, n):
    """Put n notes of channel 10 into a file."""
    file = mido.MidiFile(name)
    file.tracks.append(mido.MidiTrack())
    for _ in range(n):
        file.tracks[-1].append(mido.Message("note_on", channel=9, note=50, velocity=90, time=100))
        file.tracks[-1].append(mido.Message("note_off", channel=9, note=50, time=100))
    file.save(name)


# Broken files


def test_broken_files_of_a_folder_are_skipped_and_named(here, capsys):
    Path("tunes/empty.mid").write_bytes(b"")
    Path("tunes/text.mid").write_bytes(b"none")
    said = train(capsys, "tunes")
    assert "Training set: 3 sequences, 60 frames" in said.out
    assert said.err.splitlines() == [
        "rnnrbm: warning: skipped 2 of 5 files, which cannot be read (with --strict this is an error):",
        "  tunes/empty.mid: expected a MIDI file, found an empty one",
        "  tunes/text.mid: expected a MIDI file, which begins with b'MThd', found b'none'",
    ]
    said = train(capsys, "tunes/*.mid")  # a pattern
    assert "skipped 2 of 5 files" in said.err
    shutil.make_archive("zipped", "zip", ".", "tunes")
    assert "skipped 2 of 5 files" in train(capsys, "zipped.zip").err


def test_files_that_may_not_be_opened_are_broken_too(here, capsys):
    Path("tunes/link.mid").symlink_to("nowhere.mid")
    said = train(capsys, "tunes")
    assert "skipped 1 of 4 files" in said.err and "tunes/link.mid" in said.err


def test_a_broken_file_is_an_error_if_it_is_named_or_by_strict(here, capsys):
    Path("tunes/empty.mid").write_bytes(b"")
    expected = "rnnrbm: error: tunes/empty.mid: expected a MIDI file, found an empty one\n"
    assert train(capsys, "tunes", "--strict", status=1).err == expected
    assert train(capsys, "tunes/a.mid", "tunes/empty.mid", status=1).err == expected
    assert train(capsys, "tunes", "tunes/empty.mid", status=1).err == expected
    shutil.make_archive("zipped", "zip", ".", "tunes")
    assert "zipped.zip/tunes/empty.mid" in train(capsys, "zipped.zip/tunes/empty.mid", status=1).err
    assert not Path("model.npz").exists()


def test_if_all_are_broken_there_is_nothing_to_train_on(here, capsys):
    for name in "abc":
        Path(f"tunes/{name}.mid").write_bytes(b"")
    error = train(capsys, "tunes", status=1).err
    assert error == (
        "rnnrbm: error: tunes: expected MIDI files, found 3, none of which can be read, "
        "the first since tunes/a.mid: expected a MIDI file, found an empty one\n"
    )


def test_evaluate_skips_broken_files_too(here, capsys):
    train(capsys, "tunes")
    Path("tunes/empty.mid").write_bytes(b"")
    evaluate = ["evaluate", "model.npz", "tunes", "--frames", "2", "--samples", "2"]
    assert main(evaluate) == 0
    said = capsys.readouterr()
    assert "skipped 1 of 4 files" in said.err and "3 sequences" in said.out
    assert main([*evaluate, "--strict"]) == 1
    assert "error: tunes/empty.mid" in capsys.readouterr().err


def test_the_library_raises_unless_it_is_told(here):
    Path("tunes/empty.mid").write_bytes(b"")
    model = RnnRbm(4, 3, k=1, r=R, streams="philox")
    for read in (model.read, model.prepare, model.train):
        with pytest.raises(ValueError, match="tunes/empty.mid: expected a MIDI file, found an empty one"):
            read("tunes")
    broken = []
    rolls = model.read("tunes", on_broken=lambda file, error: broken.append((str(file), str(error))))
    assert len(rolls) == 3
    assert broken == [("tunes/empty.mid", "tunes/empty.mid: expected a MIDI file, found an empty one")]
    model.train("tunes", num_epochs=1, on_broken=lambda file, error: broken.append(file))
    assert len(model.log) == 1 and len(broken) == 2


# Drums


def test_drums_are_left_out_and_counted(here, capsys):
    without = train(capsys, "tunes")
    assert without.err == ""
    before = RnnRbm.load("model.npz")
    add_drums("tunes/a.mid", 8)
    add_drums("tunes/c.mid", 1)
    said = train(capsys, "tunes")
    assert said.err == (
        "rnnrbm: warning: 9 notes of channel 10 (drums) in 2 of 3 files were left out "
        "(`train --drums` reads them as notes)\n"
    )
    after = RnnRbm.load("model.npz")
    assert after.log[0]["monitor"] == before.log[0]["monitor"] and not after.preprocess.drums
    said = train(capsys, "tunes", "--drums")
    assert said.err == (
        "rnnrbm: warning: 9 notes of channel 10 (drums) in 2 of 3 files were read as notes "
        "(`train --no-drums` leaves them out)\n"
    )
    model = RnnRbm.load("model.npz")
    assert model.log[0]["monitor"] != before.log[0]["monitor"] and model.preprocess.drums


def test_what_a_model_was_trained_on_says_how_others_are_read(here, capsys):
    add_drums("tunes/a.mid", 8)
    for option, verb in (("--drums", "were read as notes"), ("--no-drums", "were left out")):
        train(capsys, "tunes", option)
        assert main(["evaluate", "model.npz", "tunes/a.mid", "--frames", "2", "--samples", "2"]) == 0
        assert f"8 notes of channel 10 (drums) in 1 of 1 file {verb}" in capsys.readouterr().err
        assert main(["generate", "model.npz", "-o", "x.mid", "--steps", "2", "--primer", "tunes/a.mid"]) == 0
        assert f"8 notes of channel 10 (drums) in 1 of 1 file {verb}" in capsys.readouterr().err


def test_a_file_of_drums_only(here, capsys):
    shutil.copy("tunes/a.mid", "drums.mid")
    file = mido.MidiFile("drums.mid")
    for message in file.tracks[-1]:
        if not message.is_meta:
            message.channel = 9
    file.save("drums.mid")
    error = train(capsys, "drums.mid", status=1).err
    assert "drums.mid: expected notes, found none but those of channel 10 (drums)" in error
    assert "1 sequence" in train(capsys, "drums.mid", "--drums").out


# The parts of a set


def test_the_whole_of_a_set_is_said_to_have_parts(here, toy_rolls, capsys):
    for i, part in enumerate(("train", "train", "valid", "test")):
        midiwrite(f"Any/set/{part}/{i}.mid", toy_rolls[i][:20], R, 0.3)
    shutil.make_archive("Any", "zip", "Any")
    parts = "holds parts, of which all are read: train (2 files), valid (1 file) and test (1 file)"
    for whole, part in (("Any", "Any/set/train"), ("Any.zip", "Any.zip/set/train"), ("Any/*", "Any/set/train")):
        said = train(capsys, whole)
        assert said.err == f"rnnrbm: warning: {whole} {parts}; to read one alone, write {part}\n"
        assert "Training set: 4 sequences" in said.out
        said = train(capsys, part)
        assert said.err == "" and "Training set: 2 sequences" in said.out
    for named in (["Any/set/train", "Any/set/test"], ["Any.zip/*/train"], ["Any/set/t*/0.mid"], ["tunes"]):
        assert train(capsys, *named).err == ""


def test_parts_by_other_names(here, toy_rolls, capsys):
    for i, part in enumerate(("Validation", "my Training")):
        midiwrite(f"Any/{part}/{i}.mid", toy_rolls[i][:20], R, 0.3)
    assert train(capsys, "Any").err == ""  # one part, as far as can be told
    Path("Any/my Training").rename("Any/Training")
    assert (
        "Training (1 file) and Validation (1 file); to read one alone, write Any/Training" in train(capsys, "Any").err
    )
