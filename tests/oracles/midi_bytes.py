"""MIDI files written byte by byte for the tests of the reader."""

import io
import struct

from rnnrbm_pt.music.midi import midiread


def track(*events):
    """A track chunk with the given events in hexadecimal."""
    body = bytes.fromhex("".join(events))
    return b"MTrk" + struct.pack(">L", len(body)) + body


def midi(*tracks, kind=1, division=100):
    """A MIDI file. With 100 ticks per quarter note, the default tempo gives 200 ticks per second."""
    return b"MThd" + struct.pack(">LHHH", 6, kind, len(tracks), division) + b"".join(tracks)


def read(data, r=(60, 64), dt=0.1, name="song.mid", **options):
    return midiread(io.BytesIO(data), r, dt, name, **options)


END = "00 ff2f00"  # end of track
ONE_NOTE = track(
    "00 90 3c 5a",  # note 60 on at once, velocity 90
    "14 80 3c 00",  # note 60 off, 20 ticks (0.1 s) later
    END,
)
