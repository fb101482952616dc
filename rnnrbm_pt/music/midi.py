"""MIDI files to piano rolls and back: `midiread` and `midiwrite`, as the tutorial has them.

The reader follows the original reader's rule to the frame; the writer makes files that the reader turns
into the same roll again, for any dt.
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

VELOCITY = 90  # the original writer's

# What a time is counted in, and how many of it a quarter note of the default tempo has.
UNITS = {"second": 0.5, "quarter": 1.0}
LABELS = {"second": "s", "quarter": "quarter notes"}

# Frames a second that a division by SMPTE may have; 29 is drop-frame.
SMPTE_RATES = {24: 24.0, 25: 25.0, 29: 30000 / 1001, 30: 30.0}

# k * dt computed in floating point may lie a hair after the frame it is meant for. In frames.
TOLERANCE = 1e-9

# At the default tempo one tick is one millisecond, so a dt of whole milliseconds is met exactly.
TICKS_PER_QUARTER = 500
# Counting quarter notes, a dt of a half, a third, ... to a 32nd of one is met exactly, but for 1/7 and the like.
TICKS_PER_COUNTED_QUARTER = 480
TICKS_OF_A_STEP = 2  # at least: each frame needs a tick of its own
LONGEST_DELTA = (1 << 28) - 1  # ticks: a MIDI time difference has 28 bits

# Bounds of what one file may cost, far above any piece: the reader's time and memory grow with both.
MAX_BYTES = 1 << 20  # half a million events, of which mido reads 300,000 per second
MAX_FRAMES = 1_000_000
MAX_HIGH_BYTES = 1024  # in a row: a number written in that many bytes is not one of a piece of music


class _Three(NamedTuple):
    piano_roll: np.ndarray
    notes: list[Note]
    n_outside: int


class MidiRoll(_Three):
    """What `midiread` found in a file; it unpacks as (piano_roll, notes, n_outside).

    Attributes
    ----------
    piano_roll : array of uint8, shape (n_steps, r[1] - r[0])
        1 where a note sounds, time first; column i is note r[0] + i.
    notes : list of Note
        Every note of the file that has an end, those outside r too, in the order they begin in the file.
    n_outside : int
        How many of them lie outside r, and so are not in the roll.
    key_signature : str or None
        Beside the three: the earliest key signature of the file, as "F", "Bb" or "C#m"; None where there is none.
    n_drums : int
        Beside the three: how many notes begin on channel 10, whose numbers mean drums by General MIDI. They are read
        as notes like any others, unless `midiread` was told to leave them out.
    n_moved : int
        Beside the three: how many notes the tutorial's rule puts at another time than the file's tempo map does. Some
        may be lost: those that end before 0.
    tempo : float or None
        Beside the three: quarter notes per minute at the earliest tempo event; None where there is none.
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
    """Read a MIDI file into a piano roll, by the rule of the tutorial's own reader.

    - An event's time is time + tempo * (tick - beat) * 1e-6 / division, with (tempo, beat, time) beginning
      at (500000, 0, 0.0), replaced at every tempo event, and not begun anew with the next track.
    - Tracks and channels are read as one. A note-on of velocity 0 is a note-off. A note-off ends the latest
      note of its pitch; where that has ended already it says nothing. A note that is never ended is dropped.
    - The roll has ceil(last end / dt) steps, of all notes, also those outside r; a note sets the steps
      ceil(start / dt) to ceil(end / dt) - 1. A note between two multiples of dt sets none.

    Two things the original leaves open: a quotient within 1e-9 above a whole number counts as that number
    (no file of the Nottingham set changes by it), and a time before 0 (which a tempo carried from one track
    into the next can give) counts as 0.

    Parameters
    ----------
    filename : str, path-like or binary file object
        MIDI of type 0 or 1. Where ticks are parts of SMPTE frames, tempo events say nothing. A file object is read
        from where it stands and not closed.
    r : pair of int
        (low, high), MIDI note numbers, half open. Notes outside are left out of the roll and counted.
    dt : float
        Seconds a step, or quarter notes a step.
    name : str, optional
        What to call the file in an error; by default its path.
    unit : {"second", "quarter"}
        What dt and the ends of notes are counted in. In quarter notes tempo events say nothing: whatever the tempo
        is, and however it changes, dt = 0.5 gives two steps to each quarter note.
    drums : bool
        Whether to read the notes of channel 10 too, as the original reader does. Left out, they neither begin nor end
        a note.
    tempo : {"tutorial", "file"}
        Where the times of notes come from: the rule above, or the MIDI standard. By the standard, the tempo events of
        all tracks are one map for all tracks, a note-off ends the notes of its own track and channel, and notes are in
        the order in which they begin. The two agree on a file whose tempo is said once, at its beginning, unless notes
        of one pitch overlap.
    pedal : bool
        Whether the sustain pedal (controller 64) holds notes; with ``tempo="file"`` only.
    keep_short : bool
        Whether a note between two multiples of dt sets the step that it lies in. Otherwise it sets none.

    Returns
    -------
    MidiRoll
        (piano_roll, notes, n_outside), with the attributes key_signature, n_drums and n_moved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it cannot be read.
    ValueError
        If an option makes no sense, or the file is not one that can be read: empty, not MIDI, broken off, of
        type 2, timed by SMPTE frames where dt counts quarter notes, without any note (or any in r), larger than
        1 MiB, or longer than a million steps. The message names the file, what was expected and what was found.
    """
    low, high = check_range(r)
    dt = check_dt(dt, unit)
    check_reading(tempo, pedal)
    data, name = _read_bytes(filename, name)
    division, tracks = _parse(data, name)
    if division.smpte and unit == "quarter":
        raise ValueError(f"{name}: expected time in ticks a quarter note, found SMPTE time division")
    too_long = f"{name}: expected notes within {MAX_FRAMES} steps of {dt} {LABELS[unit]}, found one that ends later"
    try:
        if tempo == "file":
            notes, n_drums, n_moved = notes_by_the_file(tracks, division, unit, drums, pedal)
        else:
            notes, n_drums, n_moved = notes_by_the_tutorial(tracks, division, unit, drums)
    except OverflowError:
        raise ValueError(too_long) from None
    if not notes and n_drums and not drums:
        raise ValueError(f"{name}: expected notes, found none but those of channel 10 (drums), which are left out")
    if not notes:
        raise ValueError(f"{name}: expected notes, found none that begins and ends")
    inside = [note for note in notes if low <= note.pitch < high]
    if not inside:
        raise ValueError(f"{name}: expected notes {low} to {high - 1}, found {len(notes)}, all outside")
    last_end = max(note.end for note in notes)
    if not last_end / dt <= MAX_FRAMES:
        raise ValueError(too_long)
    n_steps = int(_first_step(last_end, dt))
    if n_steps <= 0:
        hint = "; by the file's own tempo map (tempo='file') they do" if n_moved else ""
        raise ValueError(f"{name}: expected notes that last, found none that ends after 0 s{hint}")
    roll = np.zeros((n_steps, high - low), np.uint8)
    _draw(roll, [note._replace(pitch=note.pitch - low) for note in inside], dt, keep_short)
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
    """Write a piano roll as a MIDI file that `midiread`, with the same r, dt and unit, turns into the same roll.

    The same but for silent steps at the end: a MIDI file has notes, and no length beyond them. A roll that
    is silent throughout makes a valid file without notes, which `midiread` refuses, as it does a file of
    more than 1 MiB, which takes some 100,000 notes.

    A note held over several steps is one note, of velocity 90; the notes that end with a step end before
    the next step's begin. One tick is 1 ms, and each step begins on the tick nearest to k * dt which the
    reader does not count to the step after; so no error adds up, and for a dt of whole milliseconds there
    is none. (The original's step is int(dt * 200) ticks of 5 ms: the same times at the tutorial's
    dt = 0.3, while at dt = 0.123 every step is 3 ms short.)

    Parameters
    ----------
    filename : str, path-like or binary file object
        Where to write. A path holds the whole file or, after an error, what it held before.
    piano_roll : array_like, shape (n_steps, r[1] - r[0])
        0 and 1, time first; column i is note r[0] + i.
    r : pair of int
        (low, high), MIDI note numbers, half open.
    dt : float
        Seconds a step, 0.002 at least; or quarter notes a step, a 240th at least.
    patch : int
        General MIDI program, counted from 0 (piano) to 127.
    unit : {"second", "quarter"}
        What dt is counted in. By quarter notes, the file's quarter notes are those of the music, and bars and note
        values read well in a notation program; one is 480 ticks.
    tempo : float
        Quarter notes a minute, from 4 to 60,000,000. With seconds for the unit it is 120, whatever the music's is.

    Raises
    ------
    ValueError
        If an argument is not as above, or the roll has more than a million steps or lasts longer than
        MIDI can say (74 hours).
    OSError
        If the file cannot be written.
    """
    low, high = check_range(r)
    roll = check_roll(piano_roll, (low, high))
    dt = check_dt(dt, unit)
    division = TICKS_PER_QUARTER if unit == "second" else TICKS_PER_COUNTED_QUARTER
    ticks_per_unit = division / UNITS[unit]
    if dt < TICKS_OF_A_STEP / ticks_per_unit:
        raise ValueError(f"dt: expected {TICKS_OF_A_STEP / ticks_per_unit:.3g} {LABELS[unit]} at least, found {dt!r}")
    if not isinstance(tempo, Real) or not 4 <= tempo <= 60_000_000:
        raise ValueError(f"tempo: expected 4 to 60,000,000 quarter notes a minute, found {tempo!r}")
    if unit == "second" and tempo != 120:
        raise ValueError(f"tempo: expected 120 with seconds for the unit, found {tempo!r}")
    if not isinstance(patch, Integral) or not 0 <= patch <= 127:
        raise ValueError(f"patch: expected an integer from 0 to 127, found {patch!r}")
    if len(roll) > MAX_FRAMES:
        raise ValueError(f"piano roll: expected {MAX_FRAMES} steps at most, found {len(roll)}")
    if len(roll) * dt * ticks_per_unit > LONGEST_DELTA:
        longest = f"{LONGEST_DELTA / ticks_per_unit:.0f} {LABELS[unit]}"
        raise ValueError(f"piano roll: expected {longest} at most, found {len(roll)} steps of {dt} {LABELS[unit]}")
    # One track beside the tempo track. MIDIUtil sorts it by time, ends before beginnings; what it offers
    # against duplicates and interleaved notes is of no use, a roll has none.
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
    """The length of a step as a float above 0; a ValueError says what is wrong with it, or with the unit."""
    if unit not in UNITS:
        raise ValueError(f"unit: expected one of {', '.join(UNITS)}, found {unit!r}")
    if not isinstance(dt, Real) or not 0 < dt < math.inf:
        raise ValueError(f"dt: expected a number of {unit}s above 0, found {dt!r}")
    return float(dt)


def check_reading(tempo: str, pedal: bool, name: str = "tempo") -> None:
    """Check `tempo`, under any name, and `pedal` as `midiread` takes them; a ValueError says what is wrong."""
    if tempo not in TEMPO_FROM:
        raise ValueError(f"{name}: expected one of {', '.join(TEMPO_FROM)}, found {tempo!r}")
    if pedal and tempo != "file":
        raise ValueError(f"pedal: expected {name}='file' beside it, found {name}={tempo!r}")


def _read_bytes(filename, name):
    """The bytes of a path or a file object, and what to call it in an error."""
    if hasattr(filename, "read"):
        name = name or getattr(filename, "name", None) or "MIDI file"
        data = filename.read(MAX_BYTES + 1)
        if not isinstance(data, bytes):
            raise ValueError(f"{name}: expected a file opened for reading bytes, found one of text")
    else:
        name = name or os.fspath(filename)
        try:
            with open(filename, "rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise FileNotFoundError(f"{name}: expected a MIDI file, found none there") from None
        except IsADirectoryError:
            raise ValueError(f"{name}: expected a MIDI file, found a folder") from None
    if len(data) > MAX_BYTES:
        raise ValueError(f"{name}: expected {MAX_BYTES} bytes at most, found more")
    return data, name


def _parse(data, name):
    """The `Division`, and the tracks as mido reads them."""
    if not data:
        raise ValueError(f"{name}: expected a MIDI file, found an empty one")
    if data[:4] != b"MThd":
        raise ValueError(f"{name}: expected a MIDI file, which begins with b'MThd', found {data[:4]!r}")
    if len(data) < 14 or int.from_bytes(data[4:8], "big") < 6:
        raise ValueError(f"{name}: expected a MIDI header of 14 bytes, found a shorter one")
    kind, n_tracks, division = struct.unpack(">HHH", data[8:14])
    if kind not in (0, 1):
        raise ValueError(f"{name}: expected MIDI of type 0 or 1, found type {kind}")
    if division & 0x8000:
        fps, ticks = 256 - (division >> 8), division & 0xFF
        if fps not in SMPTE_RATES or ticks == 0:
            raise ValueError(
                f"{name}: expected SMPTE frames of {', '.join(map(str, SMPTE_RATES))} a second, in at "
                f"least 1 tick each, found {fps} in {ticks}"
            )
        ticked = Division(SMPTE_RATES[fps] * ticks, smpte=True)
    elif division == 0:
        raise ValueError(f"{name}: expected at least 1 tick a quarter note, found 0")
    else:
        ticked = Division(division)
    # mido takes numbers of any length, in quadratic time.
    if re.search(rb"[\x80-\xff]{%d}" % MAX_HIGH_BYTES, data):
        raise ValueError(f"{name}: expected MIDI events, found {MAX_HIGH_BYTES} bytes in a row above 127")
    try:
        return ticked, mido.MidiFile(file=io.BytesIO(data)).tracks
    except EOFError:
        raise ValueError(
            f"{name}: expected {n_tracks} whole track(s), by its header, found the file broken off"
        ) from None
    except Exception as error:  # mido has no error of its own for this: it raises many kinds
        raise ValueError(f"{name}: expected MIDI events, found {type(error).__name__}: {error}") from error


def _first_step(seconds, dt):
    """The first step that begins at or after a time (to the tolerance); arrays or numbers."""
    return np.ceil(seconds / dt - TOLERANCE)


def _draw(roll, notes, dt, keep_short=False):
    """Set the steps of notes whose pitch is the column."""
    notes = [note for note in notes if note.end > max(note.start, 0.0) or (keep_short and note.end == note.start >= 0)]
    columns = np.array([note.pitch for note in notes], int)
    starts = np.array([max(note.start, 0.0) for note in notes])
    first = _first_step(starts, dt).astype(int)
    after = _first_step(np.array([note.end for note in notes]), dt).astype(int)
    if keep_short:
        short = after <= first
        first[short] = np.minimum(starts[short] / dt + TOLERANCE, len(roll) - 1)
        after[short] = first[short] + 1
    # Counting begins and ends, not filling note by note: many long notes on top of each other cost no more.
    for column in np.unique(columns):
        chosen = columns == column
        change = np.zeros(len(roll) + 1, np.int32)
        np.add.at(change, first[chosen], 1)
        np.add.at(change, after[chosen], -1)
        roll[:, column] = np.cumsum(change[:-1]) > 0


def _step_ticks(n_steps, dt, division, unit):
    """The tick at which each step begins, and the last one ends, as a list of n_steps + 1."""
    steps = np.arange(n_steps + 1)
    ticks = np.rint(steps * dt * (division / UNITS[unit]))
    # The nearest tick may lie after k * dt, and the reader would then count it to step k + 1.
    ticks -= _first_step(seconds_at(ticks, UNITS[unit] * 1e6, 0, 0.0, division), dt) > steps
    return ticks.astype(int).tolist()
