"""Tests of the file's own tempo map, the sustain pedal, short notes and SMPTE time, with annotated bytes."""

import numpy as np
import pytest
from oracles.midi_bytes import END, ONE_NOTE, midi, read, track

from rnnrbm_pt.music.midi import Note
from rnnrbm_pt.music.preprocessing import Preprocessing

# With 100 ticks per quarter note, the default tempo gives 200 ticks per second.
CONDUCTOR = track(
    "8620 ff5103 0f4240",  # after 800 ticks (4 s): 1 s per quarter note, so 100 ticks per second
    END,
)
MELODY = track(
    "00 90 3c 5a",  # note 60 on at once
    "8148 80 3c 00",  # off 200 ticks (1 s) later
    "8458 90 3e 5a",  # note 62 on at tick 800, which is 4 s
    "64 80 3e 00",  # off 100 ticks (now 1 s) later
    END,
)


def test_the_tutorials_rule_moves_what_comes_after_a_conductor_track():
    found = read(midi(CONDUCTOR, MELODY))
    assert found.notes == [Note(60, -4, -2), Note(62, 4, 5)]  # the first note is lost
    assert found.n_moved == 1 and found.piano_roll.sum() == 10
    right = read(midi(CONDUCTOR, MELODY), tempo="file")
    assert right.notes == [Note(60, 0, 1), Note(62, 4, 5)] and right.n_moved == 0
    expected = np.zeros((50, 4), np.uint8)
    expected[:10, 0] = expected[40:, 2] = 1
    np.testing.assert_array_equal(right.piano_roll, expected)


def test_a_file_of_which_all_notes_are_lost_says_what_reads_it():
    alone = track("00 90 3c 5a", "8148 80 3c 00", END)
    with pytest.raises(
        ValueError, match="expected notes that end after 0 s, found none; with tempo='file', the file's own tempo map"
    ):
        read(midi(CONDUCTOR, alone))
    assert read(midi(CONDUCTOR, alone), tempo="file").notes == [Note(60, 0, 1)]


def test_one_tempo_at_the_beginning_is_read_alike():
    beginning = track("00 ff5103 0f4240", END)
    for data in (midi(ONE_NOTE), midi(beginning, ONE_NOTE), midi(ONE_NOTE, kind=0)):
        by_tutorial, by_file = read(data), read(data, tempo="file")
        assert by_tutorial.notes == by_file.notes and by_tutorial.n_moved == 0


def test_the_tempo_of_a_later_track_is_that_of_all():
    data = midi(MELODY, CONDUCTOR)
    assert read(data).notes[1] == Note(62, 4, 4.5) and read(data).n_moved == 1  # the notes come before the tempo event
    assert read(data, tempo="file").notes[1] == Note(62, 4, 5)


def test_by_the_file_a_note_off_is_of_its_own_channel():
    data = midi(
        track("00 90 3c 5a", "00 91 3c 5a", "14 81 3c 00", "14 80 3c 00", END)  # two channels: 0.1 s and 0.2 s
    )
    assert read(data, tempo="file").notes == [Note(60, 0, 0.2), Note(60, 0, 0.1)]


PEDALLED = midi(
    track(
        "00 b0 40 7f",  # pedal down
        "00 90 3c 5a",  # note 60
        "14 80 3c 00",  # key up after 0.1 s
        "14 90 3c 5a",  # key down again at 0.2 s
        "14 90 3e 5a",  # note 62 at 0.3 s
        "00 80 3c 00",
        "3c b0 40 3f",  # pedal up at 0.6 s: note 60 ends, the key of 62 is still down
        "14 80 3e 00",  # key of 62 up at 0.7 s
        "00 b0 40 40",  # pedal down again
        "00 90 3f 5a",
        "14 80 3f 00",  # note 63 lasts to the end of the file, at 0.9 s
        "14 ff2f00",
    )
)


def test_the_pedal_holds_notes():
    notes = read(PEDALLED, tempo="file", pedal=True).notes
    expected = [Note(60, 0, 0.2), Note(60, 0.2, 0.6), Note(62, 0.3, 0.7), Note(63, 0.7, 0.9)]
    np.testing.assert_allclose(notes, expected, rtol=1e-12)
    without = read(PEDALLED, tempo="file").notes
    np.testing.assert_allclose(without, [(60, 0, 0.1), (60, 0.2, 0.3), (62, 0.3, 0.7), (63, 0.7, 0.8)], rtol=1e-12)


def test_a_short_note_is_kept_as_one_frame():
    data = midi(
        track(
            "02 90 3c 5a",  # from 0.01 s
            "04 80 3c 00",  # to 0.03 s
            "12 90 3d 5a",  # from 0.12 s
            "04 80 3d 00",  # to 0.14 s
            "0c 90 3e 5a",  # from 0.2 s
            "00 80 3e 00",  # to 0.2 s
            END,
        )
    )
    assert read(data).piano_roll.sum() == 0
    np.testing.assert_array_equal(read(data, keep_short=True).piano_roll, [[1, 0, 0, 0], [0, 1, 1, 0]])
    long = midi(ONE_NOTE)
    np.testing.assert_array_equal(read(long, keep_short=True).piano_roll, read(long).piano_roll)


@pytest.mark.parametrize("tempo", ["tutorial", "file"])
@pytest.mark.parametrize(
    ("division", "seconds"),
    [
        (0xE728, 1 / 1000),
        (0xE250, 1 / 2400),
        (0xE804, 1 / 96),
        (0xE304, 1001 / 120000),
    ],  # 25, 30, 24 and 29.97 frames per second
)
def test_smpte_time_is_counted_in_seconds_whatever_the_tempo(division, seconds, tempo):
    note = track("00 ff5103 0f4240", "00 90 3c 5a", "8148 80 3c 00", END)  # 200 ticks
    found = read(midi(note, division=division), tempo=tempo, dt=0.001)
    np.testing.assert_allclose(found.notes, [(60, 0, 200 * seconds)], rtol=1e-12)
    with pytest.raises(ValueError, match=r"^song.mid: expected ticks per quarter note, found an SMPTE time division$"):
        read(midi(note, division=division), tempo=tempo, unit="quarter")


def test_options_that_make_no_sense():
    with pytest.raises(ValueError, match="^tempo: expected one of tutorial, file, found 'map'$"):
        read(PEDALLED, tempo="map")
    with pytest.raises(ValueError, match="^pedal: expected tempo='file' with it, found tempo='tutorial'$"):
        read(PEDALLED, pedal=True)
    with pytest.raises(ValueError, match="^pedal: expected tempo_from='file' with it"):
        Preprocessing(pedal=True)
    with pytest.raises(ValueError, match="^keep_short: expected True or False, found 1$"):
        Preprocessing(keep_short=1)
