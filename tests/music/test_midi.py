"""Tests of reading MIDI files by the rules of the tutorial's reader."""

import hashlib
import json
import zipfile

import numpy as np
import pytest
from oracles.midi_bytes import END, ONE_NOTE, midi, read, track

from rnnrbm_pt.music.midi import Note, midiread


@pytest.mark.parametrize("kind", [0, 1])
def test_one_note_in_types_0_and_1(kind):
    found = read(midi(ONE_NOTE, kind=kind))
    roll, notes, n_outside = found
    assert roll.tolist() == [[1, 0, 0, 0]] and roll.dtype == np.uint8
    assert notes == found.notes == [Note(60, 0.0, 0.1)]
    assert n_outside == 0


def test_a_note_sets_the_steps_from_ceil_start_to_ceil_end():
    found = read(
        midi(
            track(
                "0a 90 3c 5a",  # 0.05 s: note 60 on, within step 0; sets steps from 1
                "1e 80 3c 00",  # 0.20 s: off; sets up to step 1
                "01 90 3d 5a",  # 0.205 s: note 61 on
                "01 80 3d 00",  # 0.21 s: off; no step begins between the two
                "0e 90 3e 5a",  # 0.28 s: note 62 on
                "14 80 3e 00",  # 0.38 s: off; sets step 3
                END,
            )
        )
    )
    assert found.piano_roll.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert len(found.notes) == 3


@pytest.mark.parametrize(
    "delta, n_steps",
    [
        ("87d830", 7),  # 126,000 ticks, 2.1 s: in floating point slightly more than 7 * 0.3
        ("87d831", 8),  # one tick later, which is 1/60,000 s
    ],
)
def test_a_rounding_error_is_no_step_but_a_tick_is(delta, n_steps):
    song = midi(track("00 90 3c 5a", delta + "80 3c 00", END), division=30000)
    assert len(read(song, dt=0.3).piano_roll) == n_steps


def test_velocity_0_is_a_note_off():
    found = read(
        midi(
            track(
                "00 90 3c 5a",  # note 60 on
                "14 90 3c 00",  # 0.1 s: note 60 on with velocity 0
                "14 90 3d 5a",  # 0.2 s: note 61 on
                "14 80 3d 40",  # 0.3 s: off, with a release velocity
                END,
            )
        )
    )
    assert found.notes == [Note(60, 0.0, 0.1), Note(61, 0.2, 0.3)]


def test_running_status():
    found = read(
        midi(
            track(
                "00 90 3c 5a",  # note 60 on
                "00 3d 5a",  # running status: note 61 on
                "14 3c 00",  # 0.1 s: note 60 on, velocity 0
                "00 ff0600",  # a meta event (an empty marker) does not change the running status
                "14 3d 00",  # 0.2 s: note 61 on, velocity 0
                END,
            )
        )
    )
    assert found.notes == [Note(60, 0.0, 0.1), Note(61, 0.0, 0.2)]


def test_a_note_off_ends_the_latest_note_of_its_pitch():
    found = read(
        midi(
            track(
                "00 90 3c 5a",  # note 60 on
                "14 90 3c 5a",  # 0.1 s: note 60 on again
                "14 80 3c 00",  # 0.2 s: ends the second note
                "14 80 3c 00",  # 0.3 s: ignored, since the latest note has ended
                END,
            )
        )
    )
    assert found.notes == [Note(60, 0.1, 0.2)]
    assert found.piano_roll.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0]]


def test_channels_are_read_as_one():
    found = read(
        midi(
            track(
                "00 90 3c 5a",  # channel 0: note 60 on
                "14 85 3c 00",  # channel 5: note 60 off
                END,
            )
        )
    )
    assert found.notes == [Note(60, 0.0, 0.1)]


def test_notes_never_ended_and_ends_never_begun_are_dropped():
    found = read(
        midi(
            track(
                "00 80 3e 00",  # note 62 off, which never began
                "00 90 3c 5a",  # note 60 on
                "00 90 3d 5a",  # note 61 on, which never ends
                "14 80 3c 00",  # 0.1 s: note 60 off
                "7f b0 07 40",  # volume at 0.735 s, which adds no steps
                END,
            )
        )
    )
    assert found.notes == [Note(60, 0.0, 0.1)]
    assert len(found.piano_roll) == 1


def test_tempo_changes():
    found = read(
        midi(
            track(
                "00 90 3c 5a",  # note 60 on
                "14 ff5103 0f4240",  # 0.1 s: 1,000,000 us per quarter note, or 100 ticks per second
                "14 80 3c 00",  # 20 ticks later, at 0.1 + 0.2 s: note 60 off
                END,
            )
        )
    )
    assert found.notes == [Note(60, 0.0, pytest.approx(0.3, abs=1e-15))]


def test_the_tempo_is_not_begun_anew_with_the_next_track():
    tempo_track = track(
        "00 ff5103 0f4240",  # 100 ticks per second
        "14 ff5103 07a120",  # tick 20, 0.2 s: 200 ticks per second
        END,
    )
    notes = track(
        "00 90 3c 5a",  # tick 0, with the tempo state after tick 20: 0.2 + (0 - 20)/200 = 0.1 s
        "28 80 3c 00",  # tick 40: 0.2 + (40 - 20)/200 = 0.3 s
        END,
    )
    found = read(midi(tempo_track, notes))
    assert found.notes == [Note(60, pytest.approx(0.1, abs=1e-15), pytest.approx(0.3, abs=1e-15))]
    assert found.piano_roll[:, 0].tolist() == [0, 1, 1]


def test_a_time_before_0_counts_as_0():
    found = read(
        midi(
            track("14 ff5103 0f4240", END),  # tick 20, 0.1 s: 100 ticks per second from here on
            track("00 90 3c 5a", "28 80 3c 00", END),  # 0.1 - 0.2 s to 0.1 + 0.2 s
        )
    )
    assert found.notes == [Note(60, pytest.approx(-0.1), pytest.approx(0.3))]
    assert found.piano_roll[:, 0].tolist() == [1, 1, 1]


def test_tempo_0_stops_the_clock():
    found = read(midi(track("00 90 3c 5a", "14 ff5103 000000", "7f 80 3c 00", END)))
    assert found.notes == [Note(60, 0.0, 0.1)]


def test_overlapping_notes_of_one_pitch_join():
    found = read(
        midi(
            track("00 90 3c 5a", "28 80 3c 00", END),  # note 60 from 0 to 0.2 s
            track("14 90 3c 5a", "28 80 3c 00", END),  # and from 0.1 to 0.3 s
        )
    )
    assert found.piano_roll.tolist() == [[1, 0, 0, 0]] * 3


def test_notes_outside_the_range_are_counted_and_keep_their_time():
    found = read(
        midi(
            track(
                "00 90 3b 5a",  # note 59: below (60, 64)
                "00 90 3c 5a",  # note 60
                "00 90 40 5a",  # note 64: the first one above
                "14 80 3c 00",  # 0.1 s: 60 off
                "14 80 3b 00",  # 0.2 s: 59 off
                "00 80 40 00",  # 64 off
                END,
            )
        )
    )
    assert found.n_outside == 2 and len(found.notes) == 3
    assert found.piano_roll.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]


def test_events_that_are_no_notes_are_passed_over():
    found = read(
        midi(
            track(
                "00 ff03 05 e9c3a9ff00",  # a track name in no particular encoding
                "00 f0 05 7e7f0901f7",  # a system exclusive message
                "00 ff7f 03 41ff80",  # data of some sequencer
                "00 ff60 01 00",  # an unknown meta event
                "00 ff5902 fd01",  # key signature: C minor
                "00 c0 07",  # program change
                "00 e0 00 40",  # pitch wheel
                "00 90 3c 5a",
                "14 80 3c 00",
                END,
            )
        )
        + b"anything after the last track",
    )
    assert found.notes == [Note(60, 0.0, 0.1)]


def test_paths_and_file_objects(tmp_path):
    path = tmp_path / "song.mid"
    path.write_bytes(midi(ONE_NOTE))
    with open(path, "rb") as file:
        found = [midiread(path), midiread(str(path)), midiread(file)]
    assert all(each.notes == [Note(60, 0.0, 0.1)] for each in found)
    assert found[0].piano_roll.shape == (1, 88), "the tutorial's r and dt by default"


def test_every_nottingham_file_reads_as_the_original_read_it(nottingham_zip, theano_reference):
    expected = json.loads((theano_reference / "nottingham_rolls_dt0.3.json").read_text())
    assert len(expected) == 1037
    different = []
    with zipfile.ZipFile(nottingham_zip) as files:
        for name, numbers in expected.items():
            with files.open(f"Nottingham/{name}") as file:
                found = midiread(file, (21, 109), 0.3)
            roll = found.piano_roll
            sha1 = hashlib.sha1(np.packbits(roll, axis=1).tobytes()).hexdigest()
            if {"frames": len(roll), "notes": int(roll.sum()), "sha1": sha1} != numbers or found.n_drums:
                different.append(name)
    assert different == []


TEMPO = "00 ff5103 03d090"  # 250,000 us per quarter note: twice as fast


def test_counted_in_quarter_notes_tempo_says_nothing():
    song = [
        track(TEMPO, "64 ff5103 1e8480", END),  # eight times slower from the second quarter note on
        track("32 90 3c 5a", "64 80 3c 00", "64 90 3d 5a", "8148 80 3d 00", END),  # 0.5 to 1.5, 2.5 to 4.5 quarters
    ]
    found = read(midi(*song), dt=0.5, unit="quarter")
    assert found.notes == [Note(60, 0.5, 1.5), Note(61, 2.5, 4.5)]
    assert found.piano_roll[:, :2].tolist() == [[0, 0], [1, 0], [1, 0], [0, 0], [0, 0], *[[0, 1]] * 4]
    assert read(midi(*song[1:]), dt=0.25).notes == [Note(60, 0.25, 0.75), Note(61, 1.25, 2.25)]


def test_the_earliest_key_signature():
    assert read(midi(ONE_NOTE)).key_signature is None
    late = track("14 ff5902 0200", END)  # 20 ticks: two sharps, major
    early = track("0a ff5902 fd01", "0a ff5902 0000", ONE_NOTE[8:].hex())  # 10 ticks: three flats, minor
    assert read(midi(late, ONE_NOTE)).key_signature == "D"
    assert read(midi(late, early)).key_signature == "Cm"


def test_a_unit_is_second_or_quarter():
    with pytest.raises(ValueError, match="unit: expected one of second, quarter, found 'beat'"):
        read(midi(ONE_NOTE), unit="beat")
    with pytest.raises(ValueError, match="dt: expected a number of quarters above 0, found -1"):
        read(midi(ONE_NOTE), dt=-1, unit="quarter")


def test_nottingham_by_quarter_notes_is_nottingham_at_its_tempo(nottingham_zip):
    # All but one of the 1,037 tunes have a constant tempo of 120 quarter notes per minute; this tests five of them.
    with zipfile.ZipFile(nottingham_zip) as archive:
        for name in [name for name in sorted(archive.namelist()) if name.endswith(".mid")][::200]:
            with archive.open(name) as file:
                seconds = midiread(file, dt=0.25).piano_roll
            with archive.open(name) as file:
                assert np.array_equal(midiread(file, dt=0.5, unit="quarter").piano_roll, seconds)
        with archive.open("Nottingham/train/morris_simple_chords_2.mid") as file:
            assert len(midiread(file, dt=0.5, unit="quarter").piano_roll) == 560  # the paper's length plus 1


# Drums


def test_notes_of_channel_10_are_notes_unless_they_are_left_out():
    drums = track("00 99 3d 5a", "0a 89 3d 00", "00 99 3e 5a", "14 99 3e 00", END)
    data = midi(ONE_NOTE, drums)
    found = read(data)
    assert found.n_drums == 2 and found.piano_roll.sum(axis=0).tolist() == [1, 1, 1, 0]
    left = read(data, drums=False)
    assert left.n_drums == 2 and np.array_equal(left.piano_roll, read(midi(ONE_NOTE)).piano_roll)
    assert read(midi(ONE_NOTE)).n_drums == 0
    with pytest.raises(ValueError, match=r"expected notes, found only notes of channel 10 \(drums\)"):
        read(midi(drums), drums=False)


def test_a_drum_neither_ends_a_note_nor_begins_one_when_drums_are_left_out():
    # Note 60 of channel 1 lasts 0.3 s. A drum with the same number begins and ends within it.
    data = midi(track("00 90 3c 5a", "0a 99 3c 5a", "0a 99 3c 00", "28 90 3c 00", END))
    assert read(data, drums=False).piano_roll[:, 0].tolist() == [1, 1, 1]
    assert read(data).piano_roll[:, 0].tolist() == [0]  # by the tutorial's rules, only the latest note is ended, once
