"""The notes of a parsed MIDI file, by the tutorial's rule or by the file's own tempo map."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

DEFAULT_TEMPO = 500_000  # microseconds a quarter note, until a file says otherwise
DRUMS = 9  # channel 10, counted from 0: the percussion of General MIDI
SUSTAIN = 64  # the controller of the sustain pedal
PEDAL_DOWN = 64  # at least, of 127
MOVED = 1e-6  # seconds: rounding moves no note by more

Unit = Literal["second", "quarter"]
TempoFrom = Literal["tutorial", "file"]
TEMPO_FROM = "tutorial", "file"
Track = Sequence[Any]
"""Messages of mido, each with the ticks since the one before."""


class Note(NamedTuple):
    """A note of a MIDI file: its number, and its two ends in seconds (or quarter notes) from the beginning."""

    pitch: int
    start: float
    end: float


class Division(NamedTuple):
    """What a tick of a file is.

    Attributes
    ----------
    ticks : float
        Ticks per quarter note, or per second where `smpte`.
    smpte : bool
        Whether ticks are parts of a second, so that tempo says nothing.
    """

    ticks: float
    smpte: bool = False


class Found(NamedTuple):
    """The notes of a file that begin and end.

    Attributes
    ----------
    notes : list of Note
    n_drums : int
        Notes that begin on channel 10.
    n_moved : int
        Notes of `notes` that begin or end at another time than the file's tempo map says.
    """

    notes: list[Note]
    n_drums: int
    n_moved: int = 0


def seconds_at(tick: int, tempo: float, beat: int, time: float, division: float) -> float:
    """The time of a tick, given that `beat`, in ticks too, is at `time` and the tempo holds since then.

    In seconds if `tempo` is in microseconds a quarter note; in quarter notes if it is a million.
    """
    return time + tempo * (tick - beat) * 1e-6 / division


def with_ticks(track: Track) -> Iterator[tuple[int, Any]]:
    """The messages of a track, each with its ticks from the beginning."""
    tick = 0
    for message in track:
        tick += message.time
        yield tick, message


def earliest(tracks: Sequence[Track], kind: str) -> Any:
    """The earliest message of a kind, such as "set_tempo"; None if no track has one."""
    found = []
    for track in tracks:
        for tick, message in with_ticks(track):
            if message.type == kind:
                found.append((tick, message))
                break
    return min(found, key=lambda pair: pair[0])[1] if found else None


def has_tempo(division: Division, unit: Unit) -> bool:
    """Whether tempo events say anything, for times in that unit."""
    return unit == "second" and not division.smpte


def file_clock(tracks: Sequence[Track], division: Division, unit: Unit = "second") -> Callable[[int], float]:
    """The time of a tick as the MIDI standard has it: the tempo events of all tracks are one map for all tracks.

    Parameters
    ----------
    tracks : list of tracks
    division : Division
    unit : {"second", "quarter"}

    Returns
    -------
    callable
        clock(tick) -> seconds, or quarter notes.
    """
    if not has_tempo(division, unit):
        return lambda tick: tick / division.ticks
    changes = [(tick, m.tempo) for track in tracks for tick, m in with_ticks(track) if m.type == "set_tempo"]
    changes = [(0, DEFAULT_TEMPO), *sorted(changes, key=lambda change: change[0])]
    times = [0.0]
    for (before, tempo), (tick, _) in zip(changes, changes[1:], strict=False):
        times.append(seconds_at(tick, tempo, before, times[-1], division.ticks))
    ticks = [tick for tick, _ in changes]

    def clock(tick: int) -> float:
        i = bisect_right(ticks, tick) - 1
        return seconds_at(tick, changes[i][1], ticks[i], times[i], division.ticks)

    return clock


def notes_by_the_tutorial(tracks: Sequence[Track], division: Division, unit: Unit, drums: bool) -> Found:
    """The notes by the rule of the tutorial's reader, in the order they begin in the file; see `midiread`.

    Parameters
    ----------
    tracks : list of tracks
    division : Division
    unit : {"second", "quarter"}
    drums : bool
        Whether to read channel 10.

    Returns
    -------
    Found
    """
    found, n_drums = [], 0  # [pitch, start, end or None], and the ticks of both ends
    latest: dict[int, list[Any]] = {}  # the last of them, by pitch
    timed = has_tempo(division, unit)
    tempo, beat, time = DEFAULT_TEMPO if timed else 1e6, 0, 0.0
    for track in tracks:
        for tick, message in with_ticks(track):
            kind = message.type
            if kind not in ("note_on", "note_off", "set_tempo") or (kind == "set_tempo" and not timed):
                continue
            if kind != "set_tempo" and message.channel == DRUMS:
                n_drums += kind == "note_on" and message.velocity > 0
                if not drums:
                    continue
            now = seconds_at(tick, tempo, beat, time, division.ticks)
            if kind == "set_tempo":
                tempo, beat, time = message.tempo, tick, now
            elif kind == "note_on" and message.velocity > 0:
                latest[message.note] = note = [message.note, now, None, tick, None]
                found.append(note)
            elif message.note in latest and latest[message.note][2] is None:
                latest[message.note][2::2] = now, tick
    ended = [note for note in found if note[2] is not None]
    n_moved = 0
    if timed and _may_move(tracks):
        clock = file_clock(tracks, division)
        n_moved = sum(
            abs(clock(begin) - start) > MOVED or abs(clock(stop) - end) > MOVED for _, start, end, begin, stop in ended
        )
    return Found([Note(*note[:3]) for note in ended], n_drums, n_moved)


def _may_move(tracks: Sequence[Track]) -> bool:
    """Whether the tempo of one track can matter to another one: not where all of it is said at the very beginning."""
    if len(tracks) < 2:
        return False
    return any(
        message.type == "set_tempo" and (i > 0 or tick > 0)
        for i, track in enumerate(tracks)
        for tick, message in with_ticks(track)
    )


def notes_by_the_file(tracks: Sequence[Track], division: Division, unit: Unit, drums: bool, pedal: bool) -> Found:
    """The notes by the MIDI standard: one tempo map for all tracks, and each channel of a track by itself.

    Parameters
    ----------
    tracks, division, unit, drums
        As for `notes_by_the_tutorial`.
    pedal : bool
        Whether notes last until the sustain pedal of their channel is up, or their key is struck again. A pedal that is
        never lifted holds them to the end of the file.

    Returns
    -------
    Found
        In the order in which they begin. A note-off ends all notes of its key that sound.
    """
    clock = file_clock(tracks, division, unit)
    events = [(tick, i, message) for i, track in enumerate(tracks) for tick, message in with_ticks(track)]
    events.sort(key=lambda event: event[0])  # those of one tick stay in the order of the tracks
    found: list[list[Any]] = []  # [pitch, start, end or None], in ticks
    n_drums = 0
    down: dict[tuple[int, int, int], list[list[Any]]] = {}  # keys that are down, by track, channel and pitch
    held: dict[int, dict[int, list[list[Any]]]] = {}  # notes that a pedal holds, by channel (if it is down) and pitch
    for tick, i, message in events:
        if message.type == "control_change" and message.control == SUSTAIN and pedal:
            if message.value >= PEDAL_DOWN:
                held.setdefault(message.channel, {})
            else:
                _end(held.pop(message.channel, {}), tick)
            continue
        if message.type not in ("note_on", "note_off"):
            continue
        strikes = message.type == "note_on" and message.velocity > 0
        if message.channel == DRUMS:
            n_drums += strikes
            if not drums:
                continue
        key = i, message.channel, message.note
        if strikes:
            if message.channel in held:
                _end({message.note: held[message.channel].pop(message.note, [])}, tick)
            note = [message.note, tick, None]
            found.append(note)
            down.setdefault(key, []).append(note)
        elif message.channel in held:
            held[message.channel].setdefault(message.note, []).extend(down.pop(key, []))
        else:
            _end({message.note: down.pop(key, [])}, tick)
    for notes in held.values():
        _end(notes, events[-1][0])
    return Found([Note(p, clock(begin), clock(end)) for p, begin, end in found if end is not None], n_drums)


def _end(notes: dict[int, list[list[Any]]], tick: int) -> None:
    """End notes, which are in lists by their pitch."""
    for of_pitch in notes.values():
        for note in of_pitch:
            note[2] = tick
