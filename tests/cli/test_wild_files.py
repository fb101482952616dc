"""One's own MIDI files, as they are found: a folder of thirty, of which some are not even MIDI."""

import random
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from oracles import standard_midi
from oracles.midi_bytes import END, midi

from rnnrbm_pt.cli.main import main
from rnnrbm_pt.music.preprocessing import Preprocessing
from rnnrbm_pt.music.sources import midi_files

pytestmark = pytest.mark.usefixtures("as_written")

R = (48, 84)
DT = 0.3
SMALL = ["--hidden", "4", "--recurrent", "3", "--k", "1", "--streams", "philox", "--epochs", "1", "--r", "48,84"]


def number(n):
    """A number of variable length, in hexadecimal."""
    found = f"{n & 0x7F:02x}"
    while n := n >> 7:
        found = f"{n & 0x7F | 0x80:02x}" + found
    return found


def track_of(events, running=False):
    """A track chunk of (tick, event in hexadecimal), in any order; by running status, without repeated status bytes."""
    from oracles.midi_bytes import track

    parts, last, status = [], 0, ""
    for tick, event in sorted(events, key=lambda event: event[0]):
        same = running and event[:2] == status
        parts.append(number(tick - last) + (event[2:] if same else event))
        last, status = tick, event[:2]
    return track(*parts, END)


def melody(draws, n=12, channel=0, pedal=False, short=False, ticks=100):
    """Events of a melody that begins at tick 0, in which no two events of a kind share a tick."""
    events, tick = [], 0
    for _ in range(n):
        pitch, length = draws.randrange(50, 82), draws.randrange(2, 9) if short else draws.randrange(31, ticks)
        events.append((tick, f"9{channel:x}{pitch:02x}5a"))
        events.append((tick + length, f"8{channel:x}{pitch:02x}00"))
        if pedal and draws.random() < 0.5:
            events.append((tick + 1, f"b{channel:x}4060"))
            events.append((tick + draws.randrange(length + 1, 3 * ticks), f"b{channel:x}4000"))
        tick += draws.randrange(length + 1, ticks + 20)
    return events


def tempos(*changes):
    """Tempo events: (tick, microseconds per quarter note)."""
    return [(tick, f"ff5103{tempo:06x}") for tick, tempo in changes]


def wild_files():
    """{name: bytes} of those that can be read, and {name: (bytes, words of the error)} of the others."""
    draws = random.Random(1)
    good = {
        "type0-a.mid": midi(track_of(melody(draws)), kind=0),
        "type0-b.mid": midi(track_of(melody(draws) + tempos((0, 400_000), (300, 900_000))), kind=0),
        "type0-c.MID": midi(track_of(melody(draws), running=True), kind=0),
        "type1-a.midi": midi(track_of(tempos((0, 600_000))), track_of(melody(draws))),
        "type1-b.mid": midi(track_of(melody(draws)), track_of(melody(draws, channel=1))),
        "sub/type1-c.mid": midi(track_of(melody(draws, 20), running=True), track_of(melody(draws, channel=1))),
        "map-a.mid": midi(track_of(tempos((0, 500_000), (800, 1_000_000))), track_of(melody(draws, 16))),
        "map-b.mid": midi(track_of(tempos((200, 300_000), (900, 700_000))), track_of(melody(draws, 16))),
        "map-c.mid": midi(track_of(melody(draws, 16)), track_of(tempos((150, 800_000)))),
        "sub/map-d.mid": midi(
            track_of(tempos((400, 250_000))), track_of(melody(draws)), track_of(melody(draws, channel=2))
        ),
        "drums-a.mid": midi(track_of(melody(draws)), track_of(melody(draws, 5, channel=9))),
        "drums-b.mid": midi(track_of(melody(draws) + melody(draws, 3, channel=9)), kind=0),
        "pedal-a.mid": midi(track_of(melody(draws, pedal=True)), kind=0),
        "pedal-b.mid": midi(track_of(tempos((100, 700_000))), track_of(melody(draws, pedal=True))),
        "pedal-c.mid": midi(track_of(melody(draws, pedal=True)), track_of(melody(draws, channel=1))),
        "short-a.mid": midi(track_of(melody(draws, 20, short=True)), kind=0),
        "short-b.mid": midi(track_of(melody(draws, 20, short=True, ticks=60))),
        "smpte-a.mid": midi(track_of(melody(draws)), kind=0, division=0xE702),  # 25 frames a second, 2 ticks each
        "smpte-b.mid": midi(track_of(tempos((0, 900_000))), track_of(melody(draws)), division=0xE302),
        "unison.mid": midi(track_of(melody(draws) + melody(draws, channel=1)), kind=0),
    }
    whole = good["type1-b.mid"]
    bad = {
        "empty.mid": (b"", "found an empty one"),
        "text.mid": (b"Lyrics of a song\n", "which begins with b'MThd', found b'Lyri'"),
        "page.mid": (b"<!DOCTYPE html>", "which begins with b'MThd', found b'<!DO'"),
        "wrapped.mid": (b"RIFF\0\0\0\0RMIDdata" + whole, "which begins with b'MThd', found b'RIFF'"),
        "cut.mid": (whole[:-9], "expected 2 complete track(s), found the end of the file"),
        "sub/header.mid": (whole[:14], "found the end of the file"),
        "type2.mid": (midi(track_of(melody(draws)), track_of(melody(draws)), kind=2), "found type 2"),
        "silent.mid": (midi(track_of(tempos((0, 500_000)))), "expected notes, found none that begins and ends"),
        "drums-only.mid": (midi(track_of(melody(draws, channel=9))), "found only notes of channel 10 (drums)"),
    }
    return good, bad


@pytest.fixture
def wild(tmp_path, monkeypatch):
    """The current folder, with the folder `wild` of thirty files: twenty good, nine broken, a link to nowhere."""
    monkeypatch.chdir(tmp_path)
    good, bad = wild_files()
    for name, data in [*good.items(), *((name, data) for name, (data, _) in bad.items())]:
        path = Path("wild", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    Path("wild/gone.mid").symlink_to("nowhere.mid")
    Path("wild/sub/loop").symlink_to("..", target_is_directory=True)
    Path("wild/folder.mid").mkdir()  # empty, whatever its name
    Path("wild/._type0-a.mid").write_bytes(b"\0\5\x16\7")  # as other systems leave beside a file
    Path("wild/notes.txt").write_text("Not music.")
    return good, bad


def train(capsys, *arguments, status=0):
    assert main(["train", "wild", "-o", "model.npz", "--overwrite", *SMALL, *arguments]) == status
    return capsys.readouterr()


def test_one_run_on_a_folder_of_thirty_wild_files(wild, capsys):
    good, bad = wild
    assert len(good) + len(bad) + 1 == 30
    said = train(capsys)
    skipped, *lines = said.err.splitlines()
    assert (
        skipped
        == "rnnrbm: warning: skipped 10 of 30 files because of errors (use --strict to stop at the first error):"
    )
    assert [line.split(":")[0].strip() for line in lines[:10]] == sorted(f"wild/{name}" for name in [*bad, "gone.mid"])
    for name, (_, words) in bad.items():
        assert any(line.startswith(f"  wild/{name}: ") and words in line for line in lines)
    drums, moved = lines[10:]
    assert drums == (
        "rnnrbm: warning: 8 notes of channel 10 (drums) in 2 of 20 files were left out (to read them as notes, use "
        "`train --drums`)"
    )
    assert moved.startswith("rnnrbm: warning: ") and moved.endswith(
        "notes in 5 of 20 files are moved in time or lost, for example in wild/map-a.mid: the tutorial's reader "
        "carries the tempo of one track into the next (to use each file's own tempo map, use `train --tempo-from file`)"
    )
    assert "Training set: 20 sequences" in said.out
    assert main(["prepare", "wild", "-o", "store", "--r", "56,84"]) == 0  # fewer notes than some files have
    prepared = capsys.readouterr()
    assert prepared.err.splitlines()[-2:] == [line.replace("`train", "`prepare") for line in (drums, moved)]
    assert re.search(r"notes? outside 56 to 83 (was|were) left out \(\d+ of \d+ files\)\.\nstore: ", prepared.out)


@pytest.mark.parametrize(("pedal", "keep_short"), [(False, False), (True, False), (False, True), (True, True)])
def test_by_the_files_own_tempos_the_rolls_are_those_of_the_standard(wild, capsys, pedal, keep_short):
    good, bad = wild
    options = ["--tempo-from", "file", *["--pedal"] * pedal, *["--keep-short"] * keep_short]
    said = train(capsys, *options)
    assert "moved" not in said.err and "skipped 10 of 30" in said.err
    how = Preprocessing(drums=False, tempo_from="file", pedal=pedal, keep_short=keep_short)
    files = [file for file in midi_files("wild") if str(file.relative_to("wild")) in good]
    assert len(files) == 20
    n_frames = 0
    for file, roll in zip(files, how.read(files, R, DT).rolls, strict=True):
        expected = standard_midi.roll_of(file.read_bytes(), R, Fraction(3, 10), pedal, keep_short)
        np.testing.assert_array_equal(roll, expected, err_msg=str(file))
        n_frames += len(roll)
    assert f"Training set: 20 sequences, {n_frames:,} frames" in said.out


def test_each_option_matters_to_some_of_the_files(wild):
    files = [file for file in midi_files("wild") if str(file.relative_to("wild")) in wild[0]]
    settings = [
        {},
        {"tempo_from": "file"},
        {"tempo_from": "file", "pedal": True},
        {"keep_short": True},
        {"drums": True},
    ]
    rolls = [Preprocessing(**{"drums": False, **how}).read(files, R, DT).rolls for how in settings]
    changed = [
        {
            file.name.split("-")[0]
            for file, one, other in zip(files, rolls[i], rolls[j], strict=True)
            if one.sum() != other.sum()
        }
        for i, j in ((0, 1), (1, 2), (0, 3), (0, 4))
    ]
    assert "map" in changed[0] and changed[1] == {"pedal"} and "short" in changed[2] and changed[3] == {"drums"}


def test_a_model_keeps_how_its_files_are_read(wild, capsys):
    from rnnrbm_pt import RnnRbm

    train(capsys, "--tempo-from", "file", "--pedal", "--keep-short")
    preprocess = RnnRbm.load("model.npz").preprocess
    assert (preprocess.tempo_from, preprocess.pedal, preprocess.keep_short) == ("file", True, True)
    generate = ["generate", "model.npz", "-o", "a.mid", "--steps", "3", "--primer"]
    assert main([*generate, "wild/map-a.mid"]) == 0 and "moved" not in capsys.readouterr().err
    train(capsys)
    assert main([*generate, "wild/map-a.mid"]) == 0
    assert "in 1 of 1 file are moved in time or lost" in capsys.readouterr().err


def test_what_is_refused(wild, capsys):
    assert train(capsys, "--strict", status=1).err.startswith("rnnrbm: error: wild/cut.mid: expected 2 complete track")
    error = "rnnrbm: error: --pedal: expected --tempo-from file, found tutorial\n"
    assert train(capsys, "--pedal", status=1).err == error
    Path("nothing").mkdir()
    assert main(["train", "nothing", "-o", "model.npz", *SMALL]) == 1
    assert capsys.readouterr().err == "rnnrbm: error: nothing: expected MIDI files (.mid, .midi) in it, found none\n"
