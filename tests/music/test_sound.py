"""Tests of sound: the spectrum has the notes' frequencies, and there are no clicks and no clipping."""

import io
import wave

import numpy as np
import pytest

from rnnrbm_pt.music.instruments import FAMILIES, INSTRUMENTS
from rnnrbm_pt.music.pianoroll import held_notes
from rnnrbm_pt.music.sound import Recording, frequency, synthesize, tone_of, wav_bytes, write_wav
from rnnrbm_pt.music.timbres import OF_FAMILIES, OF_INSTRUMENTS, TIMBRES, timbre_name

RATE = 44100
PIANO = TIMBRES["piano"]
R = (48, 84)


def roll_of(n_steps, *notes, r=R):
    """A roll with notes (pitch, first step, last step + 1)."""
    roll = np.zeros((n_steps, r[1] - r[0]), np.uint8)
    for pitch, start, end in notes:
        roll[start:end, pitch - r[0]] = 1
    return roll


def strongest(sound, n, rate=RATE):
    """The n strongest frequencies in hertz, in ascending order: local maxima of the spectrum with a Hann window."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    peaks = np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] > spectrum[2:])) + 1
    return np.sort(peaks[np.argsort(spectrum[peaks])[-n:]]) * rate / len(sound)


def test_frequencies_are_those_of_equal_temperament():
    assert frequency(69) == 440
    np.testing.assert_allclose([frequency(60), frequency(21), frequency(108)], [261.6256, 27.5, 4186.009], rtol=1e-6)


@pytest.mark.parametrize("chord", [(60,), (60, 64, 67), (57, 60, 69, 74), (48, 83)])
def test_the_strongest_frequencies_are_those_of_the_notes(chord):
    sound = synthesize(roll_of(4, *((note, 0, 4) for note in chord)), R, 0.5)
    # For two seconds of sound a bin is 0.5 Hz. Neighbouring notes here are at least 8 Hz apart.
    np.testing.assert_allclose(strongest(sound[: 2 * RATE], len(chord)), [frequency(n) for n in chord], atol=0.6)


def test_each_step_sounds_as_its_frame_says():
    sound = synthesize(roll_of(6, (60, 0, 2), (67, 2, 4), (72, 4, 6)), R, 0.3)
    for i, note in enumerate((60, 67, 72)):
        part = sound[round((0.6 * i + PIANO.release) * RATE) : round(0.6 * (i + 1) * RATE)]
        np.testing.assert_allclose(strongest(part, 1), [frequency(note)], atol=2)  # a bin is 1.9 Hz


def test_steps_of_a_note_that_follow_one_another_are_one_note():
    roll = roll_of(8, (60, 0, 3), (60, 4, 5), (64, 2, 8))
    assert list(held_notes(roll)) == [(0, 3, 12), (4, 5, 12), (2, 8, 16)]
    held = synthesize(roll_of(4, (60, 0, 4)), R, 0.25)
    again = synthesize(roll_of(1, (60, 0, 1)), R, 1.0)
    np.testing.assert_array_equal(held, again)  # one held note, whatever the length of the steps


def test_a_tone_has_no_partials_above_half_the_sample_rate():
    tone = tone_of(PIANO, 3000.0, 8000, 8000)
    assert strongest(tone, 1, 8000) == pytest.approx(3000, abs=1)
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    # 6000 Hz would be aliased to 2000 Hz.
    assert spectrum[1990:2010].max() < 1e-3 * spectrum.max()
    assert not tone_of(PIANO, 5000.0, 100, 8000).any()


def test_no_clicks():
    """Differences of successive samples are nowhere larger than in the loudest part of the tone."""
    for note in (21, 48, 60, 77, 100):
        r = (note, note + 1)
        for dt in (0.3, 0.123, 0.1001):
            sound = synthesize(roll_of(3, (note, 1, 2), r=r), r, dt)
            jumps = np.abs(np.diff(sound, prepend=0, append=0))
            begin, end = round(dt * RATE), round(2 * dt * RATE)
            inside = jumps[begin + 400 : end - 400].max()
            assert jumps[: begin + 400].max() <= 1.05 * inside  # the attack is the loudest part of the tone
            assert jumps[end - 10 :].max() <= inside
            assert not sound[:begin].any() and abs(sound[-1]) < 1e-4
            # A tone that is cut off would end with a jump or a corner of the curve.
            corners = np.abs(np.diff(sound, 2, prepend=[0, 0], append=[0, 0]))
            assert corners[end - 10 :].max() <= corners[begin + 400 : end - 400].max()


def test_many_notes_do_not_clip():
    everything = np.ones((5, 88), np.uint8)
    everything[2] = 0
    sound = synthesize(everything, dt=0.1)
    assert np.abs(sound).max() == pytest.approx(0.9, rel=1e-12)
    with wave.open(io.BytesIO(wav_bytes(sound))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(samples.astype(int)).max() == round(0.9 * 32767)


@pytest.mark.parametrize("n_steps", [0, 3])
def test_silence(n_steps):
    sound = synthesize(np.zeros((n_steps, 88)), dt=0.1)
    assert len(sound) == round((0.1 * n_steps + PIANO.release) * RATE) and not sound.any()


def test_a_file_has_the_sound(tmp_path):
    roll = roll_of(3, (60, 0, 2), (64, 1, 3))
    write_wav(tmp_path / "a.wav", roll, R, 0.2, sample_rate=22050)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22050)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    np.testing.assert_allclose(samples / 32767, synthesize(roll, R, 0.2, 22050), atol=0.5 / 32767)
    buffer = io.BytesIO()
    write_wav(buffer, roll, R, 0.2, sample_rate=22050)
    assert buffer.getvalue() == (tmp_path / "a.wav").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"dt": 0}, "dt: expected a number of seconds above 0, found 0"),
        ({"dt": "0.3"}, "dt: expected"),
        ({"sample_rate": 500}, "sample_rate: expected 1000 to 192000"),
        ({"sample_rate": 44100.0}, "sample_rate: expected"),
        ({"roll": np.full((2, 88), 0.5)}, "expected only 0 and 1"),
        ({"dt": 2000.0}, "expected 3600 s at most, found 2 steps of 2000.0 s"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        synthesize(**{"roll": np.zeros((2, 88)), **arguments})


def test_a_notebook_shows_and_plays_it():
    recording = Recording(roll_of(4, (60, 0, 2), (64, 2, 4)), R, 0.2)
    assert repr(recording) == "<Recording: 4 steps of 0.2 s, 2 notes>"
    html = recording._repr_html_()
    assert html.count("<img") == 1 and html.count("<audio controls") == 1
    assert recording.png()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "data:audio/wav;base64,UklGR" in html  # RIFF
    assert Recording(np.zeros((0, 88)))._repr_html_().count("<img") == 1


@pytest.mark.parametrize("name", TIMBRES)
def test_a_timbre_has_its_partials_and_lasts_or_fades(name):
    timbre = TIMBRES[name]
    tone = tone_of(timbre, 440.0, 2 * RATE)
    assert strongest(tone[RATE // 2 :], 1) == pytest.approx(440 * (1 + np.argmax(timbre.partials)), abs=2)
    early, late = (np.square(part).mean() for part in (tone[RATE // 4 : RATE // 2], tone[-RATE // 4 :]))
    assert late == pytest.approx(early, rel=0.05) if timbre.decay == np.inf else late < early / 3
    assert abs(tone[0]) < 1e-3


def test_a_patch_is_heard():
    roll = roll_of(4, (60, 0, 3))
    organ, piano = synthesize(roll, R, 0.3, patch=19), synthesize(roll, R, 0.3)
    end = round(0.9 * RATE)
    assert np.abs(organ[end - 2000 : end]).max() > 1.4 * np.abs(piano[end - 2000 : end]).max()
    np.testing.assert_array_equal(synthesize(roll, R, 0.3, patch=1), piano)
    with pytest.raises(ValueError, match="patch: expected an integer from 0 to 127, found 128"):
        synthesize(roll, R, 0.3, patch=128)


def test_every_instrument_has_a_timbre():
    assert OF_FAMILIES.keys() == FAMILIES.keys() and OF_INSTRUMENTS.keys() <= set(INSTRUMENTS)
    assert {timbre_name(patch) for patch in range(128)} == TIMBRES.keys()
    assert [timbre_name(INSTRUMENTS.index(name)) for name in ("church-organ", "cello", "flute", "harpsichord")] == [
        "organ",
        "strings",
        "flute",
        "guitar",
    ]
