"""A second reader of MIDI files, slow and exact, written from the standard, to compare the library's reader with.

Times are fractions. The tempo events of all tracks form one tempo map; an SMPTE division ignores them. A note-off ends
the notes of its track, channel and number. A sustain pedal that is down (controller 64 at 64 or more) holds notes until
it is lifted or the same number begins again on the channel.
"""

import math
from fractions import Fraction

import numpy as np

DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
DRUMS = 9


def number(data, i):
    """The variable-length number at index i, and the index after it."""
    value = 0
    while True:
        value, i = value << 7 | data[i] & 0x7F, i + 1
        if data[i - 1] < 0x80:
            return value, i


def events_of(data):
    """(tick, status, data) for each event of a track chunk; (tick, 0xFF, (type, body)) for a meta event."""
    i, tick, status = 0, 0, None
    while i < len(data):
        delta, i = number(data, i)
        tick += delta
        if data[i] >= 0x80:
            status, i = data[i], i + 1
        if status == 0xFF:
            length, body = number(data, i + 1)
            yield tick, 0xFF, (data[i], data[body : body + length])
            i = body + length
        elif status in (0xF0, 0xF7):
            length, body = number(data, i)
            i = body + length
        else:
            size = DATA_BYTES[status & 0xF0]
            yield tick, status, tuple(data[i : i + size])
            i += size


def tracks_of(data):
    """The division and the tracks of a file."""
    division, rest, tracks = int.from_bytes(data[12:14], "big"), data[14:], []
    while rest:
        length = int.from_bytes(rest[4:8], "big")
        if rest[:4] == b"MTrk":
            tracks.append(list(events_of(rest[8 : 8 + length])))
        rest = rest[8 + length :]
    return division, tracks


def notes_of(data, pedal=True):
    """(number, start, end) in seconds for each note that is not on channel 10."""
    division, tracks = tracks_of(data)
    merged = sorted(
        ((tick, n, status, body) for n, track in enumerate(tracks) for tick, status, body in track), key=lambda e: e[0]
    )
    if division & 0x8000:
        rate = {24: Fraction(24), 25: Fraction(25), 29: Fraction(30000, 1001), 30: Fraction(30)}[256 - (division >> 8)]
        per_tick = 1 / (rate * (division & 0xFF))
    else:
        per_tick = Fraction(500_000, 10**6 * division)
    now, last_tick, is_down, sounding, notes = Fraction(0), 0, set(), [], []

    def end(which):
        for note in [note for note in sounding if which(note)]:
            sounding.remove(note)
            notes.append((note["number"], note["start"], now))

    for tick, track, status, body in merged:
        now, last_tick = now + (tick - last_tick) * per_tick, tick
        kind, channel = status & 0xF0, status & 0x0F
        if status == 0xFF:
            if body[0] == 0x51 and not division & 0x8000:
                per_tick = Fraction(int.from_bytes(body[1], "big"), 10**6 * division)
        elif kind == 0xB0 and body[0] == 64 and pedal:
            if body[1] >= 64:
                is_down.add(channel)
            else:
                is_down.discard(channel)
                end(lambda n, c=channel: n["channel"] == c and n["released"])
        elif channel == DRUMS:
            continue
        elif kind == 0x90 and body[1] > 0:
            end(lambda n, c=channel, b=body: n["channel"] == c and n["number"] == b[0] and n["released"])
            new = {"number": body[0], "start": now, "channel": channel, "track": track, "released": False}
            sounding.append(new)
        elif kind in (0x80, 0x90):
            for note in sounding:
                if (note["track"], note["channel"], note["number"]) == (track, channel, body[0]):
                    note["released"] = True
            if channel not in is_down:
                end(lambda n, c=channel: n["channel"] == c and n["released"])
    end(lambda n: n["released"])
    return notes


def roll_of(data, r, dt, pedal=True, keep_short=True):
    """The piano-roll of a file: a note sounds in frame k if start <= k dt < end.

    Parameters
    ----------
    data : bytes
    r : (int, int)
    dt : Fraction
    pedal, keep_short : bool
        Whether the pedal holds notes, and whether a note without a frame sets the frame in which it begins.
    """
    notes = notes_of(data, pedal)
    roll = np.zeros((math.ceil(max(end for _, _, end in notes) / dt), r[1] - r[0]), np.uint8)
    for pitch, start, end in notes:
        if r[0] <= pitch < r[1]:
            frames = range(math.ceil(start / dt), math.ceil(end / dt))
            if keep_short and not frames:
                frames = [min(int(start / dt), len(roll) - 1)]
            roll[list(frames), pitch - r[0]] = 1
    return roll
