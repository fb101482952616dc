"""The notes of a parsed MIDI file, timed by the tutorial's rules or by the file's own tempo map."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

DEFAULT_TEMPO = 500_000  # microseconds per quarter note, until a tempo event
DRUMS = 9  # channel 10, counted from 0: the percussion of General MIDI
SUSTAIN = 64  # the controller of the sustain pedal
PEDAL_DOWN = 64  # smallest controller value at which the pedal is down, of 127
MOVED = 1e-6  # seconds; rounding moves no note by more

Unit = Literal["second", "quarter"]
TempoFrom = Literal["tutorial", "file"]
TEMPO_FROM = "tutorial", "file"
Track = Sequence[Any]
"""Messages as mido reads them. The time of a message is in ticks since the message before."""


class Note(NamedTuple):
    """A note of a MIDI file: its MIDI note number, and its start and end in seconds (or quarter notes)."""

    pitch: int
    start: float
    end: float


class Division(NamedTuple):
    """The length of a file's ticks.

    Attributes
    ----------
    ticks : float
        Ticks per quarter note, or per second if `smpte`.
    smpte : bool
        Whether ticks are fractions of a second, so that tempo events have no effect.
    """

    ticks: float
    smpte: bool = False


class Found(NamedTuple):
    """The notes found in a file.

    Attributes
    ----------
    notes : list of Note
        All notes that have an end.
    n_drums : int
        Number of notes that begin on channel 10.
    n_moved : int
        Number of notes in `notes` whose start or end differs from the file's tempo map.
    """

    notes: list[Note]
    n_drums: int
    n_moved: int = 0


def seconds_at(tick: int, tempo: float, beat: int, time: float, division: float) -> float:
    """The time of a tick at constant tempo, if tick number `beat` is at `time`.

    The time is in seconds if `tempo` is in microseconds per quarter note; in quarter notes if `tempo` is a million.
    """
    return time + tempo * (tick - beat) * 1e-6 / division


def with_ticks(track: Track) -> Iterator[tuple[int, Any]]:
    """The messages of a track, each with its tick, counted from the start of the track."""
    tick = 0
    for message in track:
        tick += message.time
        yield tick, message


def earliest(tracks: Sequence[Track], kind: str) -> Any:
    """The earliest message of one kind, such as "set_tempo"; None if no track has one."""
    found = []
    for track in tracks:
        for tick, message in with_ticks(track):
            if message.type == kind:
                found.append((tick, message))
                break
    return min(found, key=lambda pair: pair[0])[1] if found else None


def has_tempo(division: Division, unit: Unit) -> bool:
    """Whether tempo events affect times in this unit."""
    return unit == "second" and not division.smpte


def file_clock(tracks: Sequence[Track], division: Division, unit: Unit = "second") -> Callable[[int], float]:
    """The time of a tick by the MIDI standard: the tempo events of all tracks form one tempo map for all tracks.

    Parameters
    ----------
    tracks : list of tracks
    division : Division
    unit : {"second", "quarter"}

    Returns
    -------
    callable
        clock(tick) -> time in seconds or quarter notes.
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
    """Find notes by the rules of the tutorial's reader, in the order in which they begin in the file; see `midiread`.

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
    found, n_drums = [], 0  # [pitch, start, end or None, tick of the start, tick of the end or None]
    latest: dict[int, list[Any]] = {}  # latest note of each pitch
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
    """Whether tempo events could time the notes of several tracks differently: not if all are at the beginning."""
    if len(tracks) < 2:
        return False
    return any(
        message.type == "set_tempo" and (i > 0 or tick > 0)
        for i, track in enumerate(tracks)
        for tick, message in with_ticks(track)
    )


def notes_by_the_file(tracks: Sequence[Track], division: Division, unit: Unit, drums: bool, pedal: bool) -> Found:
    """Find notes by the MIDI standard: one tempo map for all tracks, and each channel of each track on its own.

    Parameters
    ----------
    tracks, division, unit, drums
        As for `notes_by_the_tutorial`.
    pedal : bool
        Whether the sustain pedal of a channel holds its notes, until it is lifted or their key is struck again. A pedal
        that is never lifted holds them to the end of the file.

    Returns
    -------
    Found
        Its notes are sorted by start. A note-off ends all sounding notes of its key.
    """
    clock = file_clock(tracks, division, unit)
    events = [(tick, i, message) for i, track in enumerate(tracks) for tick, message in with_ticks(track)]
    events.sort(key=lambda event: event[0])  # a stable sort: events of one tick keep the order of the tracks
    found: list[list[Any]] = []  # [pitch, start, end or None], in ticks
    n_drums = 0
    down: dict[tuple[int, int, int], list[list[Any]]] = {}  # notes whose keys are down, by track, channel and pitch
    held: dict[int, dict[int, list[list[Any]]]] = {}  # notes held by a pedal: {channel with pedal down: {pitch: notes}}
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
    """End all notes in a dict of lists of notes by pitch."""
    for of_pitch in notes.values():
        for note in of_pitch:
            note[2] = tick
