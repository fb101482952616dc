"""`rnnrbm generate`: seeds, primers, keys and instruments."""

import re

import mido
import numpy as np
import pytest

from rnnrbm_pt import RnnRbm, midiread, midiwrite
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.io.atomic_write import claimed, fcntl
from rnnrbm_pt.music.instruments import FAMILIES, INSTRUMENTS, program

pytestmark = pytest.mark.usefixtures("as_written")

R = (48, 72)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with a model of pieces in C in it, and a primer in F: model.npz, primer.mid."""
    monkeypatch.chdir(tmp_path)
    settings = {"streams": "philox", "k": 2, "k_generate": 2, "preprocess": {"tonality": "parallel"}}
    RnnRbm(6, 4, r=R, **settings).save("model.npz")
    roll = np.zeros((12, R[1] - R[0]), np.uint8)
    for step, note in enumerate((53, 55, 57, 58, 60, 62, 64, 65, 60, 57, 53, 53)):
        roll[step, note - R[0]] = 1
    midiwrite("primer.mid", roll, R, 0.3)
    return tmp_path


def generate(*arguments, output="a.mid", status=0):
    assert main(["generate", "model.npz", "-o", output, "--steps", "10", *map(str, arguments)]) == status


def notes(name):
    return midiread(name, (0, 128), 0.3).notes


def test_each_piece_is_a_new_one_and_can_be_made_again(here, capsys):
    generate(output="a.mid")
    (seed,) = re.findall(r"--seed (\d+)", capsys.readouterr().out)
    generate(output="b.mid")
    assert notes("a.mid") != notes("b.mid")
    generate("--seed", seed, output="c.mid")
    assert notes("a.mid") == notes("c.mid")
    assert f"--seed {seed}" in capsys.readouterr().out


def test_each_of_several_pieces_says_its_seed(here, capsys):
    generate("-n", 3, output="a.mid")
    seeds = [int(seed) for seed in re.findall(r"--seed (\d+)", capsys.readouterr().out)]
    assert seeds == [seeds[0], seeds[0] + 1, seeds[0] + 2]
    generate("--seed", seeds[2], output="c.mid")
    assert notes("a-3.mid") == notes("c.mid") != notes("a-1.mid")


def test_a_primer_is_one_piece(here, capsys):
    (here / "two").mkdir()
    for name in ("x.mid", "y.mid"):
        (here / "two" / name).write_bytes((here / "primer.mid").read_bytes())
    generate("--primer", "two", status=1)
    error = capsys.readouterr().err
    assert error == "rnnrbm: error: --primer two: expected one MIDI file, found 2, such as two/x.mid\n"
    (here / "two" / "y.mid").unlink()
    generate("--primer", "two", "--seed", 1)
    generate("--primer", "primer.mid", "--seed", 1, output="b.mid")
    assert notes("a.mid") == notes("b.mid")


def test_a_shift_that_is_given_is_the_one(here):
    wanted = {}
    for shift in (0, 3, -5, 7):
        generate("--primer", "primer.mid", "--seed", 1, f"--shift={shift}", output="a.mid")
        wanted[shift] = midiread("a.mid", R, 0.3).piano_roll
    generate("--primer", "primer.mid", "--seed", 1, output="a.mid")
    of_primer = midiread("a.mid", R, 0.3).piano_roll
    same = [shift for shift, roll in wanted.items() if np.array_equal(roll, of_primer)]
    assert same in ([-5], [7])  # from F to C, down or up


def test_an_instrument_by_name_or_number(here, capsys):
    for given, number in (("19", 19), ("church-organ", 19), ("Church Organ", 19), ("fx_7_(Echoes)", 102)):
        generate("--patch", given, "--seed", 1)
        assert [m.program for m in mido.MidiFile("a.mid") if m.type == "program_change"] == [number]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("given", "listed"),
    [
        ("organ", ["drawbar-organ", "percussive-organ", "rock-organ", "church-organ", "reed-organ"]),
        ("trumpets", ["trumpet", "muted-trumpet"]),
        ("xyzzy", INSTRUMENTS),
        ("128", []),
        ("-1", []),
    ],
)
def test_an_unknown_instrument_is_answered_with_names(here, capsys, given, listed):
    generate(f"--patch={given}", status=1)
    error = capsys.readouterr().err
    assert error.startswith(f"rnnrbm: error: --patch {given}: expected 0 to 127 or a name") and error.count("\n") == 1
    assert [name for name in INSTRUMENTS if re.search(rf"[ ]{re.escape(name)}[,\n]", error)] == list(listed)
    assert not (here / "a.mid").exists()


def test_the_help_lists_the_instruments(capsys):
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    words = capsys.readouterr().out.split()
    assert all(f"{name}" in (word.rstrip(",") for word in words) for name in INSTRUMENTS)


def test_instruments_are_those_of_general_midi():
    assert len(INSTRUMENTS) == len(set(INSTRUMENTS)) == 128 and len(FAMILIES) == 16
    known = {0: "acoustic-grand-piano", 6: "harpsichord", 24: "acoustic-guitar-nylon", 40: "violin", 56: "trumpet"}
    known |= {73: "flute", 80: "lead-1-square", 104: "sitar", 127: "gunshot"}
    assert {number: INSTRUMENTS[number] for number in known} == known
    assert [program(name) for name in INSTRUMENTS] == list(range(128))


def test_a_piece_that_is_too_long_for_a_sound_is_still_music(here, capsys):
    generate("--wav", "c.wav", "--steps", 12_001, status=1)
    assert "piano-roll: expected 3600 s at most, found 12001 steps of 0.3 s" in capsys.readouterr().err
    assert len(midiread("a.mid", (0, 128), 0.3).piano_roll) > 10_000 and not (here / "c.wav").exists()


@pytest.mark.skipif(fcntl is None, reason="needs the locks of Unix")
def test_a_file_that_another_writer_is_at_is_refused(here, capsys):
    for option, name in (("-o", "a.mid"), ("--plot", "b.png"), ("--wav", "c.wav")):
        with claimed(name):
            generate(*([] if option == "-o" else [option, name]), status=1)
        assert f"{name}: another process is writing it" in capsys.readouterr().err
    assert sorted(path.name for path in here.iterdir()) == ["model.npz", "primer.mid"]
    generate("--plot", "b.png", "--wav", "c.wav")
    assert sorted(path.name for path in here.iterdir()) == ["a.mid", "b.png", "c.wav", "model.npz", "primer.mid"]


def test_each_setting_of_generation_has_an_option_and_the_piece_is_that_of_python(here):
    settings = {"k": 3, "start": "previous", "floor": 0.05, "temperature": 1.2, "density": 0.5}
    options = [f"--{name}={value}" for name, value in settings.items()]
    generate("--seed", 4, *options)
    expected = RnnRbm.load("model.npz").sample(10, seed=4, **settings)
    found = midiread("a.mid", R, 0.3).piano_roll
    np.testing.assert_array_equal(found, expected[: len(found)])
    generate("--seed", 4, output="b.mid")
    assert notes("a.mid") != notes("b.mid")


def test_the_primer_is_kept_in_its_own_key(here, capsys):
    generate("--primer", "primer.mid", "--keep-primer", "--seed", 1)
    assert "22 frames" in capsys.readouterr().out
    primer = midiread("primer.mid", R, 0.3).piano_roll
    np.testing.assert_array_equal(midiread("a.mid", R, 0.3).piano_roll[: len(primer)], primer)
    generate("--keep-primer", status=1)
    assert capsys.readouterr().err == "rnnrbm: error: --keep-primer: expected --primer as well, found none\n"


def test_seconds_and_tempo(here, capsys):
    RnnRbm(6, 4, r=R, streams="philox", k=2, k_generate=2, preprocess={"steps_per_quarter": 2}).save("beats.npz")
    assert main(["generate", "beats.npz", "-o", "a.mid", "--seconds", "6", "--tempo", "100"]) == 0
    assert "20 frames" in capsys.readouterr().out
    assert [round(mido.tempo2bpm(m.tempo)) for m in mido.MidiFile("a.mid") if m.type == "set_tempo"] == [100]
    generate("--seconds", 3, status=1)
    assert "seconds: expected either seconds or a number of frames, found 3 and 10" in capsys.readouterr().err
    generate("--tempo", 100, status=1)
    assert "tempo: expected a model of beat-aligned frames" in capsys.readouterr().err


def test_a_bad_value_names_its_option(here, capsys):
    with pytest.raises(SystemExit):
        generate("--floor", 0.7)
    assert (
        "argument --floor: expected a finite number of at least 0 and below 0.5, found 0.7" in capsys.readouterr().err
    )
