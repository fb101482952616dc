"""Music that is named on the command line: broken files, drums, parts of a set, sets by name."""

import shutil
from pathlib import Path

import mido
import pytest

from rnnrbm_pt import RnnRbm, midiwrite
from rnnrbm_pt.cli.input_files import warn
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.music.datasets import load
from rnnrbm_pt.music.preprocessing import Preprocessing

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
    command = ["train", *map(str, arguments), "-o", "model.npz", "--overwrite", "--r", "48,60", *SMALL]
    assert main(command) == status
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
        "rnnrbm: warning: skipped 2 of 5 files because of errors (use --strict to stop at the first error):",
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
        "rnnrbm: error: tunes: expected MIDI files, found 3 that cannot be read; "
        "the first error: tunes/a.mid: expected a MIDI file, found an empty one\n"
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
        "(to read them as notes, use `train --drums`)\n"
    )
    after = RnnRbm.load("model.npz")
    assert after.log[0]["monitor"] == before.log[0]["monitor"] and not after.preprocess.drums
    said = train(capsys, "tunes", "--drums")
    assert said.err == (
        "rnnrbm: warning: 9 notes of channel 10 (drums) in 2 of 3 files were read as notes "
        "(to leave them out, use `train --no-drums`)\n"
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
    assert "drums.mid: expected notes, found only notes of channel 10 (drums)" in error
    assert "1 sequence" in train(capsys, "drums.mid", "--drums").out


# The parts of a set


def test_the_whole_of_a_set_is_said_to_have_parts(here, toy_rolls, capsys):
    for i, part in enumerate(("train", "train", "valid", "test")):
        midiwrite(f"Any/set/{part}/{i}.mid", toy_rolls[i][:20], R, 0.3)
    shutil.make_archive("Any", "zip", "Any")
    parts = "contains several splits, and all are read: train (2 files), valid (1 file) and test (1 file)"
    for whole, part in (("Any", "Any/set/train"), ("Any.zip", "Any.zip/set/train"), ("Any/*", "Any/set/train")):
        said = train(capsys, whole)
        assert said.err == f"rnnrbm: warning: {whole} {parts}; to read only one, write {part}\n"
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
    assert "Training (1 file) and Validation (1 file); to read only one, write Any/Training" in train(capsys, "Any").err


# Sets by name


def of_set(capsys, sets, *arguments, status=0):
    command = ["train", *map(str, arguments), "--folder", str(sets), "-o", "model.npz", "--overwrite", *SMALL]
    assert main(command) == status
    return capsys.readouterr()


def test_a_set_by_name(here, toy_chorales, capsys):
    said = of_set(capsys, toy_chorales, "jsb_chorales", "--validation", "jsb_chorales")
    assert "Training set: 3 sequences, 18 frames of a quarter note, transposed to C.\n" in said.out
    assert "Validation set: 1 sequence, 6 frames of a quarter note, transposed to C.\n" in said.out and said.err == ""
    model = RnnRbm.load("model.npz")
    assert model.r == (21, 109) and model.step_seconds == 0.5
    assert model.preprocess == Preprocessing("parallel", steps_per_quarter=1, drums=False)
    found = load("jsb_chorales", folder=toy_chorales)
    other = RnnRbm(4, 3, k=1, streams="philox")
    other.fit(found.train, num_epochs=1, validation=found.valid)
    assert [(r["monitor"], r["validation"]) for r in model.log] == [(r["monitor"], r["validation"]) for r in other.log]
    assert main(["evaluate", "model.npz", "jsb_chorales", "--folder", str(toy_chorales), "--samples", "2"]) == 0
    assert main(["generate", "model.npz", "-o", "x.mid", "--steps", "3"]) == 0
    (tempo,) = (m.tempo for m in mido.MidiFile("x.mid") if m.type == "set_tempo")
    assert tempo == 500_000 and mido.MidiFile("x.mid").length <= 3 * 0.5
    of_set(capsys, toy_chorales, "jsb_chorales", "--resume", status=1)  # it is complete, but the set is known


def test_a_set_in_fewer_notes(here, toy_chorales, capsys):
    of_set(capsys, toy_chorales, "jsb_chorales", "--r", "40,52")
    assert RnnRbm.load("model.npz").r == (40, 52)
    error = of_set(capsys, toy_chorales, "jsb_chorales", "--r", "46,60", status=1).err
    assert "jsb_chorales, train: expected notes 46 to 59, the model's range, found 40 to 50" in error


def test_own_pieces_beside_a_set(here, toy_chorales, capsys):
    said = of_set(capsys, toy_chorales, "jsb_chorales", "--validation", "tunes")
    assert "Validation set: 3 sequences, 36 frames of 0.5 s" in said.out  # by the beat: 20 frames of 0.3 s each
    grid = ["--steps-per-quarter", "1", "--transpose", "parallel"]
    said = of_set(capsys, toy_chorales, "tunes", "--validation", "jsb_chorales", *grid)
    assert "Validation set: 1 sequence, 6 frames of a quarter note" in said.out
    error = of_set(capsys, toy_chorales, "tunes", "--validation", "jsb_chorales", status=1).err
    assert error == (
        "rnnrbm: error: jsb_chorales: expected frames of 0.3 s, as in the model, found frames of a quarter note "
        "(to train on such frames of MIDI files, use --steps-per-quarter 1)\n"
    )


def test_the_midi_files_of_a_set(here, capsys):
    for split, name in (("train", "a"), ("train", "b"), ("valid", "c"), ("test", "a")):
        Path(f"sets/Nottingham/{split}").mkdir(parents=True, exist_ok=True)
        shutil.copy(f"tunes/{name}.mid", f"sets/Nottingham/{split}")
    said = of_set(capsys, "sets", "nottingham", "--kind", "midi", "--validation", "nottingham")
    assert "Training set: 2 sequences, 40 frames of 0.3 s" in said.out and "Validation set: 1 sequence" in said.out
    assert said.err == ""


def test_a_folder_that_is_called_as_a_set(here, toy_chorales, capsys):
    shutil.copytree("tunes", "jsb_chorales")
    said = of_set(capsys, toy_chorales, "jsb_chorales")
    assert "Training set: 3 sequences, 18 frames of a quarter note" in said.out
    assert said.err == (
        "rnnrbm: warning: jsb_chorales means the data set; for the file or folder of that name, write ./jsb_chorales\n"
    )
    assert "60 frames of 0.3 s" in train(capsys, "./jsb_chorales").out


def test_what_is_refused_of_sets(here, toy_chorales, capsys):
    set_options = "--kind and --folder: expected a data set, one of nottingham, jsb_chorales"
    for arguments, message in [
        (["tunes"], set_options),
        (["jsb_chorales", "tunes"], "jsb_chorales: expected a data set without other names, found 2 names"),
        (["jsb_chorales", "--dt", "0.3"], "--dt 0.3: a frame of jsb_chorales is a quarter note"),
        (["jsb_chorales", "--steps-per-quarter", "2"], "--steps-per-quarter 2: a frame of jsb_chorales is a"),
        (["jsb_chorales", "--transpose", "relative"], "--transpose relative: a frame of jsb_chorales is a"),
    ]:
        error = of_set(capsys, toy_chorales, *arguments, status=1).err
        assert message in error and error.startswith("rnnrbm: error: ") and error.count("\n") == 1, error
    error = train(capsys, "jsb_chorals", status=1).err
    assert "jsb_chorals: no such file or folder; data sets are nottingham, jsb_chorales" in error
    assert not Path("model.npz").exists()


def test_a_set_that_is_not_there_is_missed_in_one_way(here, toy_chorales, capsys):
    RnnRbm(4, 3, streams="philox").save("model.npz")
    missing = of_set(capsys, toy_chorales, "musedata", status=1).err
    assert main(["evaluate", "model.npz", "musedata", "--folder", str(toy_chorales)]) == 1
    assert missing == capsys.readouterr().err and "expected MuseData.pickle in it" in missing


def test_a_warning_moves_no_cursor(capsys):
    warn("broken:\n  a\x1b[2J\rb.mid")
    assert capsys.readouterr().err == "rnnrbm: warning: broken:\n  a?[2J?b.mid\n"
