"""The tutorial's `midiread` and `midiwrite`: from MIDI files to piano-rolls and back.

The reader gives the same frames as the tutorial's reader. The writer makes files that read back as the same roll, for
any dt.
"""

import io
import math
import os
import re
import struct
from numbers import Integral, Real
from typing import BinaryIO, NamedTuple

import mido
import numpy as np
from midiutil import MIDIFile
from numpy.typing import ArrayLike

from rnnrbm_pt.io.atomic_write import FilePath, replacing
from rnnrbm_pt.music.midi_notes import (
    TEMPO_FROM,
    Division,
    Note,
    TempoFrom,
    Unit,
    earliest,
    notes_by_the_file,
    notes_by_the_tutorial,
    seconds_at,
)
from rnnrbm_pt.music.pianoroll import Range, check_range, check_roll, held_notes

VELOCITY = 90  # as in the tutorial's writer

# Units of time, and the length of a quarter note in each of them at the default tempo.
UNITS = {"second": 0.5, "quarter": 1.0}
LABELS = {"second": "s", "quarter": "quarter notes"}

# Frame rates that an SMPTE time division may have, per second; 29 is drop-frame.
SMPTE_RATES = {24: 24.0, 25: 25.0, 29: 30000 / 1001, 30: 30.0}

# In frames: k * dt, computed in floating point, may lie slightly after the frame that it means.
TOLERANCE = 1e-9

# At the default tempo one tick is one millisecond, so any dt in whole milliseconds is exact.
TICKS_PER_QUARTER = 500
# For dt in quarter notes: a half, a third, ... a 32nd of a quarter note is exact, except for 1/7 and the like.
TICKS_PER_COUNTED_QUARTER = 480
MIN_TICKS_PER_STEP = 2  # each frame needs a tick of its own
LONGEST_DELTA = (1 << 28) - 1  # ticks: a MIDI time difference has 28 bits

# Limits far above any piece of music, since the reader's time and memory grow with the file and the roll.
MAX_BYTES = 1 << 20  # half a million events; mido reads 300,000 per second
MAX_FRAMES = 1_000_000
MAX_HIGH_BYTES = 1024  # in a row: no piece of music has a number of so many bytes


class _MidiRollTuple(NamedTuple):
    piano_roll: np.ndarray
    notes: list[Note]
    n_outside: int


class MidiRoll(_MidiRollTuple):
    """Result of `midiread`. It unpacks as (piano_roll, notes, n_outside).

    Attributes
    ----------
    piano_roll : array of uint8, shape (n_steps, r[1] - r[0])
        1 where a note sounds, time first; column i is note r[0] + i.
    notes : list of Note
        All notes of the file that end, including notes outside r, in the order in which they begin in the file.
    n_outside : int
        Number of notes outside r, which are not in the roll.
    key_signature : str or None
        Earliest key signature of the file, such as "F", "Bb" or "C#m"; None if there is none. This attribute and those
        below are not part of the tuple.
    n_drums : int
        Number of notes that begin on channel 10, where General MIDI has drums instead of pitches. They are read like
        other notes unless `midiread` was called with drums=False.
    n_moved : int
        Number of notes whose times under the tutorial's rule differ from the file's tempo map. Notes that end before 0
        are lost.
    tempo : float or None
        Quarter notes per minute at the earliest tempo event; None if there is none.
    """

    key_signature: str | None = None
    n_drums: int = 0
    n_moved: int = 0
    tempo: float | None = None


def midiread(
    filename: FilePath | BinaryIO,
    r: Range = (21, 109),
    dt: float = 0.2,
    name: str | None = None,
    *,
    unit: Unit = "second",
    drums: bool = True,
    tempo: TempoFrom = "tutorial",
    pedal: bool = False,
    keep_short: bool = False,
) -> MidiRoll:
    """Read a MIDI file into a piano-roll, by the rules of the tutorial's reader.

    - The time of an event is time + tempo * (tick - beat) * 1e-6 / division. (tempo, beat, time) starts at
      (500000, 0, 0.0) and is replaced at every tempo event. It is not reset at the start of the next track.
    - All tracks and channels are merged. A note-on of velocity 0 is a note-off. A note-off ends the latest note of its
      pitch, or is ignored if that note has ended already. A note without an end is dropped.
    - The roll has ceil(last end / dt) steps, where notes outside r count too. A note sets the steps from
      ceil(start / dt) to ceil(end / dt) - 1. A note between two multiples of dt sets none.

    Two points differ from the tutorial's reader. A quotient at most 1e-9 above a whole number is rounded down to it;
    this changes no file of the Nottingham set. A time before 0, which a tempo carried over from an earlier track can
    cause, counts as 0.

    Parameters
    ----------
    filename : str, path-like or binary file object
        MIDI file of type 0 or 1. Tempo events are ignored if the file's ticks are parts of SMPTE frames. A file object
        is read from its current position and left open.
    r : pair of int
        (low, high), half-open range of MIDI note numbers. Notes outside it are counted but not in the roll.
    dt : float
        Seconds per step, or quarter notes per step.
    name : str, optional
        Name of the file in error messages. Default: its path.
    unit : {"second", "quarter"}
        Unit of dt and of the times of notes. With "quarter" tempo events are ignored: dt = 0.5 gives two steps per
        quarter note at any tempo.
    drums : bool
        Whether to read the notes of channel 10 too, as the tutorial's reader does. If not, its events neither begin nor
        end a note.
    tempo : {"tutorial", "file"}
        How to time notes: by the rules above, or by the MIDI standard. In the standard, the tempo events of all tracks
        form one tempo map for all tracks, a note-off ends only notes of its own track and channel, and `notes` is
        sorted by start. Both agree if the file sets its tempo once, at its beginning, and no two notes of one pitch
        overlap.
    pedal : bool
        Whether the sustain pedal (controller 64) holds notes. Requires ``tempo="file"``.
    keep_short : bool
        Whether a note between two multiples of dt sets the step that contains it. If not, it sets none.

    Returns
    -------
    MidiRoll
        (piano_roll, notes, n_outside), with the attributes key_signature, n_drums, n_moved and tempo.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file cannot be read.
    ValueError
        If an argument is invalid or the file is unsuitable. A file is unsuitable if it is empty, not MIDI, incomplete,
        of type 2 or larger than 1 MiB, if it has no notes in r or more than a million steps, or if it uses SMPTE frames
        and dt is in quarter notes. The message names the file, what was expected and what was found.
    """
    low, high = check_range(r)
    dt = check_dt(dt, unit)
    check_reading(tempo, pedal)
    data, name = _read_bytes(filename, name)
    division, tracks = _parse(data, name)
    if division.smpte and unit == "quarter":
        raise ValueError(f"{name}: expected ticks per quarter note, found an SMPTE time division")
    too_long = f"{name}: expected {MAX_FRAMES} steps of {dt} {LABELS[unit]} at most, found a note that ends later"
    try:
        if tempo == "file":
            notes, n_drums, n_moved = notes_by_the_file(tracks, division, unit, drums, pedal)
        else:
            notes, n_drums, n_moved = notes_by_the_tutorial(tracks, division, unit, drums)
    except OverflowError:
        raise ValueError(too_long) from None
    if not notes and n_drums and not drums:
        raise ValueError(f"{name}: expected notes, found only notes of channel 10 (drums), which are left out")
    if not notes:
        raise ValueError(f"{name}: expected notes, found none that begins and ends")
    inside = [note for note in notes if low <= note.pitch < high]
    if not inside:
        raise ValueError(f"{name}: expected notes from {low} to {high - 1}, found {len(notes)}, all out of range")
    last_end = max(note.end for note in notes)
    if not last_end / dt <= MAX_FRAMES:
        raise ValueError(too_long)
    n_steps = int(_first_step(last_end, dt))
    if n_steps <= 0:
        hint = "; with tempo='file', the file's own tempo map, some do" if n_moved else ""
        raise ValueError(f"{name}: expected notes that end after 0 s, found none{hint}")
    roll = np.zeros((n_steps, high - low), np.uint8)
    _set_steps(roll, [note._replace(pitch=note.pitch - low) for note in inside], dt, keep_short)
    found = MidiRoll(roll, notes, len(notes) - len(inside))
    key, set_tempo = earliest(tracks, "key_signature"), earliest(tracks, "set_tempo")
    found.key_signature, found.n_drums, found.n_moved = key and key.key, n_drums, n_moved
    found.tempo = 6e7 / set_tempo.tempo if set_tempo and set_tempo.tempo else None
    return found


def midiwrite(
    filename: FilePath | BinaryIO,
    piano_roll: ArrayLike,
    r: Range = (21, 109),
    dt: float = 0.2,
    patch: int = 0,
    *,
    unit: Unit = "second",
    tempo: float = 120,
) -> None:
    """Write a piano-roll as a MIDI file, which `midiread` with the same r, dt and unit turns back into the same roll.

    Silent steps at the end are lost, since a MIDI file ends with its last note. A roll without notes makes a valid MIDI
    file, but `midiread` refuses it. `midiread` also refuses files larger than 1 MiB, or about 100,000 notes.

    Successive 1s in a column are one held note, of velocity 90. Notes that end at a step are written before the notes
    that begin there. One tick is 1 ms. Each step begins on the tick nearest to k * dt that the reader still counts as
    step k, so errors do not add up, and any dt in whole milliseconds is exact. The tutorial's writer has steps of
    int(dt * 200) ticks of 5 ms. That gives the same times at the tutorial's dt = 0.3, but steps that are 3 ms too short
    at dt = 0.123.

    Parameters
    ----------
    filename : str, path-like or binary file object
        Where to write. If an error occurs, an existing file at a path is left as it was.
    piano_roll : array_like, shape (n_steps, r[1] - r[0])
        0 and 1, time first; column i is note r[0] + i.
    r : pair of int
        (low, high), half-open range of MIDI note numbers.
    dt : float
        Seconds per step, at least 0.002; or quarter notes per step, at least 1/240.
    patch : int
        General MIDI program, counted from 0 (piano) to 127.
    unit : {"second", "quarter"}
        Unit of dt. With "quarter", a quarter note of the file is a quarter note of the music, of 480 ticks, so that
        notation programs show sensible bars and note values.
    tempo : float
        Quarter notes per minute, from 4 to 60,000,000. With unit "second" it must be 120, whatever the tempo of the
        music.

    Raises
    ------
    ValueError
        If an argument is invalid, if the roll has more than a million steps, or if it is longer than a MIDI file can be
        (74 hours).
    OSError
        If the file cannot be written.
    """
    low, high = check_range(r)
    roll = check_roll(piano_roll, (low, high))
    dt = check_dt(dt, unit)
    division = TICKS_PER_QUARTER if unit == "second" else TICKS_PER_COUNTED_QUARTER
    ticks_per_unit = division / UNITS[unit]
    shortest = MIN_TICKS_PER_STEP / ticks_per_unit
    if dt < shortest:
        raise ValueError(f"dt: expected {shortest:.3g} {LABELS[unit]} at least, found {dt!r}")
    if not isinstance(tempo, Real) or not 4 <= tempo <= 60_000_000:
        raise ValueError(f"tempo: expected 4 to 60,000,000 quarter notes per minute, found {tempo!r}")
    if unit == "second" and tempo != 120:
        raise ValueError(f"tempo: expected 120 with unit 'second', found {tempo!r}")
    if not isinstance(patch, Integral) or not 0 <= patch <= 127:
        raise ValueError(f"patch: expected an integer from 0 to 127, found {patch!r}")
    if len(roll) > MAX_FRAMES:
        raise ValueError(f"piano-roll: expected {MAX_FRAMES} steps at most, found {len(roll)}")
    if len(roll) * dt * ticks_per_unit > LONGEST_DELTA:
        longest = f"{LONGEST_DELTA / ticks_per_unit:.0f} {LABELS[unit]}"
        raise ValueError(f"piano-roll: expected {longest} at most, found {len(roll)} steps of {dt} {LABELS[unit]}")
    # One track besides the tempo track. MIDIUtil sorts events by time, note-offs before note-ons. Its options for
    # duplicate and interleaved notes are off, since a roll has none.
    midi = MIDIFile(
        1,
        removeDuplicates=False,
        deinterleave=False,
        adjust_origin=False,
        ticks_per_quarternote=division,
        eventtime_is_ticks=True,
    )
    midi.addTempo(0, 0, tempo)
    midi.addProgramChange(0, 0, 0, int(patch))
    tick = _step_ticks(len(roll), dt, division, unit)
    for start, end, column in held_notes(roll):
        midi.addNote(0, 0, low + column, tick[start], tick[end] - tick[start], VELOCITY)
    if hasattr(filename, "write"):
        midi.writeFile(filename)
        return
    with replacing(filename) as path, open(path, "wb") as file:
        midi.writeFile(file)


def check_dt(dt: float, unit: Unit = "second") -> float:
    """Return the length of a step as a float; raise ValueError if it or the unit is invalid."""
    if unit not in UNITS:
        raise ValueError(f"unit: expected one of {', '.join(UNITS)}, found {unit!r}")
    if not isinstance(dt, Real) or not 0 < dt < math.inf:
        raise ValueError(f"dt: expected a number of {unit}s above 0, found {dt!r}")
    return float(dt)


def check_reading(tempo: str, pedal: bool, name: str = "tempo") -> None:
    """Check the arguments `tempo` and `pedal` of `midiread`; `name` is what the caller calls `tempo`."""
    if tempo not in TEMPO_FROM:
        raise ValueError(f"{name}: expected one of {', '.join(TEMPO_FROM)}, found {tempo!r}")
    if pedal and tempo != "file":
        raise ValueError(f"pedal: expected {name}='file' with it, found {name}={tempo!r}")


def _read_bytes(filename, name):
    """The content of a path or a file object, and its name for error messages."""
    if hasattr(filename, "read"):
        name = name or getattr(filename, "name", None) or "MIDI file"
        data = filename.read(MAX_BYTES + 1)
        if not isinstance(data, bytes):
            raise ValueError(f"{name}: expected a file opened in binary mode, found one opened in text mode")
    else:
        name = name or os.fspath(filename)
        try:
            with open(filename, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise FileNotFoundError(f"{name}: expected a MIDI file, found no such file") from None
        except IsADirectoryError:
            raise ValueError(f"{name}: expected a MIDI file, found a folder") from None
    if len(data) > MAX_BYTES:
        raise ValueError(f"{name}: expected {MAX_BYTES} bytes at most, found more")
    return data, name


def _parse(data, name):
    """The `Division` and the tracks of a MIDI file; mido reads the tracks."""
    if not data:
        raise ValueError(f"{name}: expected a MIDI file, found an empty one")
    if data[:4] != b"MThd":
        raise ValueError(f"{name}: expected a MIDI file, which begins with b'MThd', found {data[:4]!r}")
    if len(data) < 14 or int.from_bytes(data[4:8], "big") < 6:
        raise ValueError(f"{name}: expected a MIDI header of 14 bytes, found a shorter header")
    kind, n_tracks, division = struct.unpack(">HHH", data[8:14])
    if kind not in (0, 1):
        raise ValueError(f"{name}: expected MIDI of type 0 or 1, found type {kind}")
    if division & 0x8000:
        fps, ticks = 256 - (division >> 8), division & 0xFF
        if fps not in SMPTE_RATES or ticks == 0:
            raise ValueError(
                f"{name}: expected {', '.join(map(str, SMPTE_RATES))} SMPTE frames per second with at least 1 tick "
                f"each, found {fps} frames of {ticks}"
            )
        parsed = Division(SMPTE_RATES[fps] * ticks, smpte=True)
    elif division == 0:
        raise ValueError(f"{name}: expected at least 1 tick per quarter note, found 0")
    else:
        parsed = Division(division)
    # mido reads numbers of any length, in quadratic time.
    if re.search(rb"[\x80-\xff]{%d}" % MAX_HIGH_BYTES, data):
        raise ValueError(f"{name}: expected MIDI events, found {MAX_HIGH_BYTES} bytes above 127 in a row")
    try:
        return parsed, mido.MidiFile(file=io.BytesIO(data)).tracks
    except EOFError:
        raise ValueError(f"{name}: expected {n_tracks} complete track(s), found the end of the file") from None
    except Exception as error:  # mido raises many kinds of errors for invalid files
        raise ValueError(f"{name}: expected MIDI events, found {type(error).__name__}: {error}") from error


def _first_step(seconds, dt):
    """The first step that begins at or after a time, within the tolerance. Takes a number or an array."""
    return np.ceil(seconds / dt - TOLERANCE)


def _set_steps(roll, notes, dt, keep_short=False):
    """Set the steps in which notes sound. The pitch of a note is its column."""
    notes = [note for note in notes if note.end > max(note.start, 0.0) or (keep_short and note.end == note.start >= 0)]
    columns = np.array([note.pitch for note in notes], int)
    starts = np.array([max(note.start, 0.0) for note in notes])
    first = _first_step(starts, dt).astype(int)
    after = _first_step(np.array([note.end for note in notes]), dt).astype(int)
    if keep_short:
        short = after <= first
        first[short] = np.minimum(starts[short] / dt + TOLERANCE, len(roll) - 1)
        after[short] = first[short] + 1
    # Count note-ons and note-offs instead of filling note by note, so that many long overlapping notes cost no more.
    for column in np.unique(columns):
        chosen = columns == column
        change = np.zeros(len(roll) + 1, np.int32)
        np.add.at(change, first[chosen], 1)
        np.add.at(change, after[chosen], -1)
        roll[:, column] = np.cumsum(change[:-1]) > 0


def _step_ticks(n_steps, dt, division, unit):
    """The ticks at which the steps begin, and the tick at which the last step ends: a list of n_steps + 1 integers."""
    steps = np.arange(n_steps + 1)
    ticks = np.rint(steps * dt * (division / UNITS[unit]))
    # The nearest tick may lie after k * dt. The reader would then count it as step k + 1.
    ticks -= _first_step(seconds_at(ticks, UNITS[unit] * 1e6, 0, 0.0, division), dt) > steps
    return ticks.astype(int).tolist()
