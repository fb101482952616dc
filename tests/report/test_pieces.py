"""Pieces of a page: from rolls and from MIDI files."""

import io

import mido
import numpy as np
import pytest

from rnnrbm_pt import midiread, midiwrite
from rnnrbm_pt.music.midi import Note
from rnnrbm_pt.report import Piece

R = (60, 72)


@pytest.fixture
def roll():
    roll = np.zeros((6, 12), np.uint8)
    roll[0:3, 0] = roll[4:5, 0] = roll[2:6, 4] = 1
    return roll


def test_held_frames_are_one_note(roll):
    piece = Piece.from_roll(roll, R, 0.5, title="a")
    assert piece.notes == (Note(60, 0, 1.5), Note(64, 1.0, 3.0), Note(60, 2.0, 2.5))
    assert (piece.seconds, piece.title, piece.patch) == (3.0, "a", 0)


def test_its_midi_file_is_that_of_midiwrite(roll):
    piece = Piece.from_roll(roll, R, 0.5, patch=19)
    np.testing.assert_array_equal(midiread(io.BytesIO(piece.midi), R, 0.5).piano_roll, roll)
    programs = [m.program for m in mido.MidiFile(file=io.BytesIO(piece.midi)) if m.type == "program_change"]
    assert programs == [19]


def test_a_midi_file_keeps_its_times_and_loses_its_drums(tmp_path):
    track = mido.MidiTrack()
    for message in (
        mido.Message("note_on", note=60, velocity=9, time=0),
        mido.Message("note_on", note=36, velocity=9, channel=9, time=0),
        mido.Message("note_off", note=60, time=123),
        mido.Message("note_off", note=36, channel=9, time=500),
    ):
        track.append(message)
    mido.MidiFile(ticks_per_beat=500, tracks=[track]).save(tmp_path / "a.mid")
    piece = Piece.from_midi(tmp_path / "a.mid")
    assert piece.notes == (Note(60, 0.0, pytest.approx(0.123)),)
    assert piece.title == "a.mid" and piece.midi == (tmp_path / "a.mid").read_bytes()


def test_a_midi_file_has_its_own_tempo_map_and_its_pedal(tmp_path):
    tempos = mido.MidiTrack(
        [mido.MetaMessage("set_tempo", tempo=tempo, time=time) for tempo, time in ((500_000, 0), (1_000_000, 1000))]
    )
    notes = mido.MidiTrack(
        [
            mido.Message("note_on", note=60, velocity=9, time=0),
            mido.Message("note_off", note=60, time=500),
            mido.Message("control_change", control=64, value=127, time=0),
            mido.Message("note_on", note=62, velocity=9, time=500),
            mido.Message("note_off", note=62, time=500),
            mido.Message("control_change", control=64, value=0, time=500),
        ]
    )
    mido.MidiFile(ticks_per_beat=500, tracks=[tempos, notes]).save(tmp_path / "two.mid")
    piece = Piece.from_midi(tmp_path / "two.mid")
    assert piece.notes == (Note(60, 0.0, 0.5), Note(62, 1.0, 3.0))
    assert piece.seconds == 3.0


def test_errors(roll, tmp_path):
    with pytest.raises(ValueError, match="patch: expected an integer from 0 to 127, found 128"):
        Piece.from_roll(roll, R, patch=128)
    with pytest.raises(ValueError, match="dt: expected a number of seconds above 0"):
        Piece.from_roll(roll, R, 0)
    midiwrite(tmp_path / "silent.mid", 0 * roll, R)
    with pytest.raises(ValueError, match="silent.mid: expected notes, found none"):
        Piece.from_midi(tmp_path / "silent.mid")
    at_once = [mido.Message("note_on", note=60, velocity=9, time=9), mido.Message("note_off", note=60, time=0)]
    mido.MidiFile(tracks=[mido.MidiTrack(at_once)]).save(tmp_path / "at_once.mid")
    with pytest.raises(ValueError, match="at_once.mid: expected notes, found none"):
        Piece.from_midi(tmp_path / "at_once.mid")
