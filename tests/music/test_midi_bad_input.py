"""Tests of broken, hostile and non-MIDI files: each raises one ValueError, in little time and memory."""

import io
import random
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.midi_bytes import END, ONE_NOTE, midi, read, track

from rnnrbm_pt.music.midi import MAX_BYTES, MAX_FRAMES, midiread, midiwrite

KEY_OF_9_FLATS = "00 ff5902 f700"


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "expected a MIDI file, found an empty one"),
        (b"RIFF\x00\x00\x00\x00RMID", "begins with b'MThd', found b'RIFF'"),
        (b"MThd\x00\x00\x00\x06", "expected a MIDI header of 14 bytes"),
        (b"MThd\x00\x00\x00\x05" + midi(ONE_NOTE)[8:], "expected a MIDI header of 14 bytes"),
        (midi(ONE_NOTE)[:-1], "expected 1 complete track.* found the end of the file"),
        (midi(ONE_NOTE)[:14], "expected 1 complete track.* found the end of the file"),
        (midi(ONE_NOTE, kind=2), "expected MIDI of type 0 or 1, found type 2"),
        (midi(ONE_NOTE, kind=515), "found type 515"),
        (midi(ONE_NOTE, division=0xE728)[:-4], "found the end of the file"),  # 25 frames per second with 40 ticks each
        (midi(ONE_NOTE, division=0xE628), "expected 24, 25, 29, 30 SMPTE frames per second.* found 26 frames of 40"),
        (
            midi(ONE_NOTE, division=0xE700),
            "expected .* SMPTE frames per second with at least 1 tick each, found 25 frames of 0",
        ),
        (midi(ONE_NOTE, division=0), "expected at least 1 tick per quarter note, found 0"),
        (midi(), "expected notes, found none"),
        (midi(track(END)), "expected notes, found none"),
        (midi(track("00 90 3c 5a", END)), "expected notes, found none that begins and ends"),
        (midi(track("00 90 14 5a", "14 80 14 00", END)), "expected notes from 60 to 63, found 1, all out of range"),
        (midi(track("00 90 3c 5a", "00 80 3c 00", END)), "expected notes that end after 0 s, found none"),
        (midi(b"XTrk" + ONE_NOTE[4:]), "expected MIDI events, found OSError: no MTrk header"),
        (midi(track("00 3c 5a")), "found OSError: running status"),  # data without a status byte before it
        (midi(track("00 90 3c 80")), "found OSError: data byte"),
        (midi(track("00 f4", END)), "found OSError: undefined status byte 0xf4"),
        (midi(track(KEY_OF_9_FLATS, END)), "found KeySignatureError: Could not decode key with 9 flats"),
        (midi(track("00 ff5101 07", END)), "found IndexError"),  # a tempo of one byte
        (midi(track("00 ff5405 e000000000", END)), "found KeyError"),  # SMPTE offset with the unknown rate 7
        (midi(track("00 f0 83ffff7f 00")), "found OSError: Message length 8388607"),
    ],
)
def test_broken_files_are_refused_in_one_sentence(data, message):
    with pytest.raises(ValueError, match=f"^song.mid: .*{message}") as error:
        read(data)
    assert "\n" not in str(error.value)


def test_a_path_is_named_in_the_error(tmp_path):
    path = tmp_path / "song.mid"
    with pytest.raises(FileNotFoundError, match="song.mid: expected a MIDI file, found no such file"):
        midiread(path)
    with pytest.raises(ValueError, match=f"{tmp_path}: expected a MIDI file, found a folder"):
        midiread(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=f"^{path}: "):
        midiread(path)
    with pytest.raises(ValueError, match="^elsewhere: "):
        midiread(path, name="elsewhere")
    with open(path) as file, pytest.raises(ValueError, match="opened in binary mode"):
        midiread(file)


@pytest.mark.parametrize("dt", [0, -0.3, float("nan"), float("inf"), "0.3", None])
def test_a_dt_that_makes_no_sense_is_refused(dt):
    with pytest.raises(ValueError, match="^dt: expected a number of seconds above 0, found "):
        read(midi(ONE_NOTE), dt=dt)
    with pytest.raises(ValueError, match="^dt: "):
        midiwrite(io.BytesIO(), np.zeros((1, 88)), dt=dt)


def test_a_range_that_makes_no_sense_is_refused_by_both():
    with pytest.raises(ValueError, match="^r: "):
        read(midi(ONE_NOTE), r=(64, 60))
    with pytest.raises(ValueError, match="^r: "):
        midiwrite(io.BytesIO(), np.zeros((1, 88)), r=(64, 60))


# Time and memory of hostile files


LONG_NOTE = track("00 90 3c 5a", "879d7f 80 3c 00", END)  # 118,527 ticks, or ten minutes
HOSTILE = {
    "a note of days": midi(track("00 90 3c 5a", "ffffff7f 80 3c 00", END)),
    "a time of 7,000 bits": midi(track("00 90 3c 5a", "ff" * 1000 + "7f 80 3c 00", END)),
    "a time of millions of bits": midi(track("00 90 3c 5a", "ff" * 500_000 + "7f 80 3c 00", END)),
    "a message of 256 MiB": midi(track("00 f0 ffffff7f 00")),
    "a text of 256 MiB": midi(track("00 ff01 ffffff7f 00")),
    "a header of 4 GiB": b"MThd" + b"\xff" * 4 + midi(ONE_NOTE)[8:],
    "32,767 tracks": b"MThd" + struct.pack(">LHHH", 6, 1, 32767, 100) + ONE_NOTE,
    "65,535 tracks": b"MThd" + struct.pack(">LHHH", 6, 1, 65535, 100) + ONE_NOTE,
    "a track of 4 GiB": midi(ONE_NOTE[:4] + b"\xff" * 4 + ONE_NOTE[8:]),
    "too large a file": midi(ONE_NOTE) + b"\x00" * MAX_BYTES,
}


@pytest.mark.parametrize("how", [{}, {"tempo": "file", "pedal": True, "keep_short": True}], ids=["tutorial", "file"])
@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files_are_refused_in_little_time_and_memory(what, how):
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="^song.mid: expected "):
            read(HOSTILE[what], r=(0, 128), dt=0.01, **how)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20
    assert time.process_time() - began < 5


def test_the_longest_roll():
    ticks = MAX_FRAMES * 2  # at 200 ticks per second and dt = 0.01 s
    delta = bytes([0x80 | ticks >> 14 & 0x7F, 0x80 | ticks >> 7 & 0x7F, ticks & 0x7F]).hex()
    note = track("00 90 3c 5a", delta + "80 3c 00", END)
    found = read(midi(note), dt=0.01)
    assert found.piano_roll.shape == (MAX_FRAMES, 4) and found.piano_roll[:, 0].all()
    with pytest.raises(ValueError, match=f"expected {MAX_FRAMES} steps of 0.00999 s at most"):
        read(midi(note), dt=0.00999)
    # Many long overlapping notes cost no more steps than one.
    began = time.process_time()
    found = read(midi(*[note] * 5000), dt=0.01)
    assert len(found.notes) == 5000 and found.piano_roll[:, 0].all()
    assert np.array_equal(read(midi(*[note] * 5000), dt=0.01, tempo="file").piano_roll, found.piano_roll)
    strikes = "".join(["00 90 3c 5a 00 80 3c 00"] * 50_000)
    found = read(midi(track("00 b0 40 7f", strikes, "7f b0 40 00", END)), tempo="file", pedal=True, keep_short=True)
    assert len(found.notes) == 50_000 and found.piano_roll[:, 0].all()
    assert time.process_time() - began < 10


def test_the_smallest_dt_is_refused_as_too_many_steps():
    with pytest.raises(ValueError, match="expected 1000000 steps"):
        read(midi(ONE_NOTE), dt=5e-324)


def refuse_or_read(data):
    """Read a file, which must give a result or a ValueError; other errors are bugs of the reader."""
    try:
        found = midiread(io.BytesIO(data), dt=0.3)
    except ValueError as error:
        assert "expected" in str(error) and "found" in str(error)
    else:
        assert found.piano_roll.ndim == 2 and found.piano_roll.max(initial=0) <= 1


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([b"", midi(b""), midi(track()), midi(b"MTrk\0\0\1\0")]))
def test_random_bytes_give_a_roll_or_a_value_error(data, before):
    refuse_or_read(before + data)


def mutated(data, seed):
    """The bytes with some of them replaced, deleted, doubled or cut off."""
    draw = random.Random(seed)
    data = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 5, 20])):
        at = draw.randrange(len(data))
        match draw.randrange(5):
            case 0:
                data[at] = draw.randrange(256)
            case 1:
                data[at] = draw.choice([0x00, 0x7F, 0x80, 0xF0, 0xF7, 0xFF])
            case 2:
                del data[at : at + draw.randrange(1, 4)]
            case 3:
                data[at:at] = data[at : at + draw.randrange(1, 9)]
            case 4 if draw.random() < 0.2:
                del data[at:]
        if not data:
            break
    return bytes(data)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32), st.integers(0, 2))
def test_mutated_files_give_a_roll_or_a_value_error(seed, which):
    written = io.BytesIO()
    midiwrite(written, np.random.default_rng(0).random((12, 88)) < 0.05, dt=0.3)
    everything = midi(
        track("00 ff5103 07a120", "00 ff5902 fd01", "00 ff5804 04021808", "00 ff5405 6000000000", END),
        track("00 ff0305 736f6e6731", "00 f0 05 7e7f0901f7", "00 c0 07"),
        track("00 90 3c 5a", "14 3d 5a", "14 3c 00", END),
        ONE_NOTE,
    )
    refuse_or_read(mutated([written.getvalue(), everything, midi(LONG_NOTE)][which], seed))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_a_mutated_nottingham_file_gives_a_roll_or_a_value_error(nottingham_zip, seed):
    with zipfile.ZipFile(nottingham_zip) as files:
        songs = [info for info in files.infolist() if info.filename.endswith(".mid")]
        data = files.read(min(songs, key=lambda info: info.file_size))
    refuse_or_read(mutated(data, seed))
