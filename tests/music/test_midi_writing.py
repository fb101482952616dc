"""Tests of writing MIDI files that read back as the same roll."""

import io

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles.midi_bytes import read

from rnnrbm_pt.music.midi import MAX_FRAMES, midiread, midiwrite


def written(roll, **options):
    file = io.BytesIO()
    midiwrite(file, roll, **options)
    return file.getvalue()


def without_silent_end(roll):
    sounding = np.flatnonzero(np.any(roll, axis=1))
    return roll[: sounding[-1] + 1]


def messages(data):
    """(tick, message) for each message of the track with the notes."""
    tempo_track, notes = mido.MidiFile(file=io.BytesIO(data)).tracks
    tick, found = 0, []
    for message in notes:
        tick += message.time
        found.append((tick, message))
    return found


DTS = st.one_of(
    st.floats(0.01, 2.0),
    st.sampled_from([0.01, 0.05, 0.1, 0.123456789, 0.125, 0.2, 0.3, np.nextafter(0.3, 0), 1 / 3, 1.999, 2.0]),
    st.integers(10, 2000).map(lambda ms: ms / 1000),
)
ROLLS = st.sampled_from([(21, 109), (0, 128), (60, 61), (36, 48), (120, 128)]).flatmap(
    lambda r: st.tuples(
        st.just(r),
        hnp.arrays(bool, st.tuples(st.integers(1, 60), st.just(r[1] - r[0])), fill=st.just(False)),
    )
)


@settings(deadline=None, max_examples=200)
@given(ROLLS, DTS)
def test_roll_to_file_to_roll(r_and_roll, dt):
    r, roll = r_and_roll
    data = written(roll, r=r, dt=dt)
    if not roll.any():
        with pytest.raises(ValueError, match="expected notes, found none"):
            read(data, r, dt)
    else:
        assert np.array_equal(read(data, r, dt).piano_roll, without_silent_end(roll))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.floats(0.01, 0.9), DTS)
def test_dense_roll_to_file_to_roll(seed, density, dt):
    roll = np.random.default_rng(seed).random((80, 12)) < density
    roll[-1] = 1
    assert np.array_equal(read(written(roll, r=(60, 72), dt=dt), (60, 72), dt).piano_roll, roll)


@pytest.mark.parametrize("dt", [0.01, 0.123456789, 0.2, 0.3, np.nextafter(0.3, 0), 1 / 3, 1 / 7, 2.0])
def test_long_rolls_do_not_drift(dt):
    roll = np.zeros((100_000, 2), np.uint8)
    on = np.random.default_rng(1).choice(len(roll), 3000, replace=False)
    roll[on, 0] = 1
    roll[-50:, 1] = 1
    found = read(written(roll, r=(60, 62), dt=dt), (60, 62), dt)
    assert np.array_equal(found.piano_roll, roll)
    first = np.array([note.start for note in found.notes]) / dt
    assert np.abs(first - np.rint(first)).max() <= 0.001 / dt, "within one tick of k * dt"


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_rolls_of_any_number_type_give_the_same_file(dtype):
    roll = np.eye(88)
    assert written(roll.astype(dtype)) == written(roll)


def test_the_times_at_the_tutorial_dt_are_the_original_writers():
    roll = np.zeros((3000, 88))
    roll[::2, 10] = 1
    roll[5:2990, 20] = 1
    notes = read(written(roll, dt=0.3), (21, 109), 0.3).notes
    assert len(notes) == 1501
    # The tutorial's writer: int(0.3 * 200) ticks per step, 500,000 us and 100 ticks per quarter note.
    original = [500000 * (60 * step) * 1e-6 / 100 for step in range(3001)]
    steps = [(step, step + 1, 31) for step in range(0, 3000, 2)] + [(5, 2990, 41)]
    for note, (start, end, pitch) in zip(notes, sorted(steps), strict=True):
        assert note.pitch == pitch
        assert note.start == pytest.approx(0.3 * start, abs=1e-12) == original[start]
        assert note.end == pytest.approx(0.3 * end, abs=1e-12) == original[end]


def test_one_track_of_notes_with_their_program_and_velocity():
    roll = [[1, 0], [1, 1], [0, 1]]
    found = messages(written(roll, r=(60, 62), dt=0.3, patch=19))
    assert [(tick, message.bytes()) for tick, message in found] == [
        (0, [0xC0, 19]),  # program 19 on channel 0
        (0, [0x90, 60, 90]),  # note 60 on, held for two steps
        (300, [0x90, 61, 90]),  # one tick is 1 ms
        (600, [0x80, 60, 90]),
        (900, [0x80, 61, 90]),
        (900, [0xFF, 0x2F, 0x00]),
    ]


def test_notes_end_before_the_next_step_begins():
    roll = np.random.default_rng(2).random((50, 88)) < 0.5
    by_tick = {}
    for tick, message in messages(written(roll, dt=0.3)):
        if message.type in ("note_on", "note_off"):
            by_tick.setdefault(tick, []).append(message.type)
    assert all(kinds == sorted(kinds) for kinds in by_tick.values()), "note_off sorts before note_on"


@pytest.mark.parametrize("n_steps", [0, 7])
def test_a_silent_roll_makes_a_valid_file_without_notes(n_steps):
    data = written(np.zeros((n_steps, 88)))
    assert [message.type for _, message in messages(data)] == ["program_change", "end_of_track"]
    with pytest.raises(ValueError, match="expected notes, found none"):
        read(data)


@pytest.mark.parametrize(
    "roll, options, message",
    [
        (np.zeros((3, 87)), {}, r"^piano-roll: expected shape \(n_steps, 88\), .*, found \(3, 87\)"),
        (np.full((3, 88), 0.5), {}, "piano-roll: expected only 0 and 1, found 0.5 at step 0, note 21"),
        (np.zeros((3, 88)), {"patch": 128}, "patch: expected an integer from 0 to 127, found 128"),
        (np.zeros((3, 88)), {"patch": 1.0}, "patch: expected an integer from 0 to 127, found 1.0"),
        (np.zeros((3, 88)), {"dt": 0.0019}, "dt: expected 0.002 s at least, found 0.0019"),
        (np.zeros((3, 88)), {"dt": 1e5}, "expected 268435 s at most, found 3 steps of 100000.0 s"),
        (np.zeros((MAX_FRAMES + 1, 1)), {"r": (60, 61)}, f"{MAX_FRAMES} steps at most, found 1000001"),
    ],
)
def test_what_cannot_be_written_is_refused_and_the_file_stays(tmp_path, roll, options, message):
    path = tmp_path / "song.mid"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match=message):
        midiwrite(path, roll, **options)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_paths_are_written_whole(tmp_path):
    path = tmp_path / "new" / "song.mid"
    midiwrite(path, np.eye(88), dt=0.3)
    assert path.read_bytes() == written(np.eye(88), dt=0.3)
    assert list(path.parent.iterdir()) == [path]
    midiwrite(str(path), np.eye(88)[::-1], dt=0.3)
    assert np.array_equal(midiread(path, dt=0.3).piano_roll, np.eye(88)[::-1])


@settings(deadline=None, max_examples=100)
@given(
    ROLLS, st.sampled_from([1 / 2, 1 / 3, 1 / 4, 1 / 6, 1, 2, 1 / 7, 0.3, 1 / 240]), st.sampled_from([20, 97.5, 120])
)
def test_roll_to_file_to_roll_in_quarter_notes(r_and_roll, dt, tempo):
    r, roll = r_and_roll
    if roll.any():
        data = written(roll, r=r, dt=dt, unit="quarter", tempo=tempo)
        assert np.array_equal(read(data, r, dt, unit="quarter").piano_roll, without_silent_end(roll))


def test_quarter_notes_of_the_file_are_those_of_the_music():
    data = written(np.eye(88)[:3], dt=0.5, unit="quarter", tempo=90)
    file = mido.MidiFile(file=io.BytesIO(data))
    assert file.ticks_per_beat == 480
    assert [message.tempo for message in file.tracks[0] if message.type == "set_tempo"] == [666_666]
    assert [tick for tick, message in messages(data) if message.type == "note_on"] == [0, 240, 480]
    # At 120 quarter notes per minute it sounds the same as with dt in seconds.
    data = written(np.eye(88)[:3], dt=0.5, unit="quarter")
    assert np.array_equal(read(data, (21, 109), 0.25).piano_roll, np.eye(88)[:3])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"unit": "beat"}, "unit: expected one of second, quarter, found 'beat'"),
        ({"unit": "quarter", "tempo": 3}, "tempo: expected 4 to 60,000,000 quarter notes per minute, found 3"),
        ({"unit": "quarter", "tempo": "fast"}, "tempo: expected 4 to 60,000,000"),
        ({"tempo": 90}, "tempo: expected 120 with unit 'second', found 90"),
        ({"unit": "quarter", "dt": 0.004}, "dt: expected 0.00417 quarter notes at least, found 0.004"),
        ({"unit": "quarter", "dt": 1e6}, "expected 559241 quarter notes at most, found 3 steps of 1000000.0 quarter"),
    ],
)
def test_units_and_tempos_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        written(np.zeros((3, 88)), **options)
