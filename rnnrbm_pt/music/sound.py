"""The sound of piano-rolls: a small additive synthesiser, WAV files, and a player for notebooks.

The tone of a note is a sum of partials at multiples of its frequency f,

    s(t) = attack(t) sum_n a_n exp(-n t / tau) sin(2 pi n f t).

The timbre sets the strengths a_n. The piano is roughly a plucked string: a_n = n^-1.5, and tau = 1.6 s at A4, shorter
by a factor of sqrt(2) per octave.
"""

import base64
import io
import math
import wave
from numbers import Integral, Real
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.checks import integer
from rnnrbm_pt.io.atomic_write import FilePath, replacing
from rnnrbm_pt.music.pianoroll import Range, check_range, check_roll, held_notes
from rnnrbm_pt.music.timbres import TIMBRES, Timbre, timbre_name

SAMPLE_RATE = 44100
"""Samples per second, as on a CD."""

A4 = 69
PEAK = 0.9  # as a fraction of full scale
MAX_SECONDS = 3600  # an hour takes 1.3 GB


def frequency(note: float) -> float:
    """Frequency of a MIDI note number in hertz, in equal temperament: 69 is 440 Hz, and an octave is a factor of 2."""
    return 440.0 * 2.0 ** ((note - A4) / 12)


def synthesize(
    roll: ArrayLike, r: Range = (21, 109), dt: float = 0.3, sample_rate: int = SAMPLE_RATE, patch: int = 0
) -> np.ndarray:
    """Synthesise the sound of a piano-roll.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
        0 and 1, time first; column i is note r[0] + i. Successive 1s in a column are one held note, as in `midiwrite`.
    r : pair of int
        (low, high), half-open range of MIDI note numbers.
    dt : float
        Seconds per step.
    sample_rate : int
        Samples per second. Partials above half the sample rate are left out.
    patch : int
        MIDI program, 0 to 127. Each family of instruments has one timbre; see `music.timbres`.

    Returns
    -------
    array of float64, shape (n_samples,)
        One channel, as long as the roll plus the release of its last notes. The loudest sample is 0.9 or -0.9, so that
        nothing clips. Without notes all samples are 0.

    Raises
    ------
    ValueError
        If an argument is invalid, or the roll lasts longer than an hour.
    """
    low, high = check_range(r)
    roll = check_roll(roll, (low, high))
    _check_times(len(roll), dt, sample_rate)
    steps = np.rint(np.arange(len(roll) + 1) * dt * sample_rate).astype(int)  # first sample of each step
    timbre = TIMBRES[timbre_name(integer("patch", patch, 0, 127))]
    n_release = round(timbre.release * sample_rate)
    release = _fade_out(n_release)
    sound = np.zeros(steps[-1] + n_release)
    for column, notes in _by_column(held_notes(roll)):
        # All notes of one pitch are the same tone, cut off at different times, so it is computed once.
        longest = max(steps[end] - steps[start] for start, end in notes)
        tone = tone_of(timbre, frequency(low + column), longest + n_release, sample_rate)
        for start, end in notes:
            begin, n = steps[start], steps[end] - steps[start]
            sound[begin : begin + n] += tone[:n]
            sound[begin + n : begin + n + n_release] += tone[n : n + n_release] * release
    loudest = np.abs(sound).max(initial=0.0)
    return sound * (PEAK / loudest) if loudest > 0 else sound


def tone_of(timbre: Timbre, hertz: float, n_samples: int, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """The tone of one undamped note; see the formula of this module.

    Parameters
    ----------
    timbre : Timbre
    hertz : float
        Frequency of the first partial.
    n_samples, sample_rate : int

    Returns
    -------
    array of float64, shape (n_samples,)
        All 0 if even the first partial is above half the sample rate.
    """
    time = np.arange(n_samples) / sample_rate
    tau = timbre.decay * math.sqrt(frequency(A4) / hertz)
    # Partial n is the imaginary part of the n-th power of the first partial. A product is faster than another sine.
    first = np.exp((2j * math.pi * hertz - 1 / tau) * time)
    n_partials = min(len(timbre.partials), math.ceil(sample_rate / 2 / hertz) - 1)
    tone = np.zeros(n_samples)
    power = np.ones(n_samples, complex)
    for strength in timbre.partials[:n_partials]:
        power *= first
        tone += strength * power.imag
    n_attack = round(timbre.attack * sample_rate)
    tone[:n_attack] *= 1 - _fade_out(n_attack)[:n_samples]
    return tone


def write_wav(
    filename: FilePath | BinaryIO,
    roll: ArrayLike,
    r: Range = (21, 109),
    dt: float = 0.3,
    sample_rate: int = SAMPLE_RATE,
    patch: int = 0,
) -> None:
    """Write a piano-roll as a WAV file of 16 bits and one channel.

    Parameters
    ----------
    filename : str, path-like or binary file object
        Where to write. If an error occurs, an existing file at a path is left as it was.
    roll, r, dt, sample_rate, patch
        As for `synthesize`.

    Raises
    ------
    ValueError
        As for `synthesize`.
    OSError
        If the file cannot be written.
    """
    data = wav_bytes(synthesize(roll, r, dt, sample_rate, patch), sample_rate)
    if hasattr(filename, "write"):
        filename.write(data)
        return
    with replacing(filename) as path:
        path.write_bytes(data)


def wav_bytes(sound: ArrayLike, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Convert sound to the bytes of a WAV file of 16 bits and one channel.

    Parameters
    ----------
    sound : array, shape (n_samples,)
        Values from -1 to 1.
    sample_rate : int

    Returns
    -------
    bytes
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes(np.rint(np.asarray(sound) * 32767).astype("<i2").tobytes())
    return file.getvalue()


class Recording:
    """A piano-roll that a notebook shows as a picture with a player below it.

    Parameters
    ----------
    roll, r, dt
        As for `synthesize`.
    sample_rate : int
        Samples per second. The default is half of a CD's, since the sound is stored in the notebook: about 60 kB per
        second.
    title : str
        Title of the picture.

    Examples
    --------
    >>> Recording(model.sample(), model.r, model.dt)
    """

    def __init__(
        self,
        roll: ArrayLike,
        r: Range = (21, 109),
        dt: float = 0.3,
        *,
        sample_rate: int = SAMPLE_RATE // 2,
        title: str = "",
    ) -> None:
        self.roll = check_roll(roll, r)
        self.r = check_range(r)
        _check_times(len(self.roll), dt, sample_rate)
        self.dt = dt
        self.sample_rate = sample_rate
        self.title = title

    def __repr__(self) -> str:
        n_notes = sum(1 for _ in held_notes(self.roll))
        return f"<Recording: {len(self.roll)} steps of {self.dt} s, {n_notes} notes>"

    def _repr_html_(self) -> str:
        picture = base64.b64encode(self.png()).decode()
        sound = base64.b64encode(wav_bytes(synthesize(self.roll, self.r, self.dt, self.sample_rate), self.sample_rate))
        return (
            f'<img alt="piano-roll" style="max-width: 100%" src="data:image/png;base64,{picture}"><br>'
            f'<audio controls src="data:audio/wav;base64,{sound.decode()}"></audio>'
        )

    def png(self) -> bytes:
        """The picture as PNG. It shows only the notes that occur, with their names."""
        from matplotlib.figure import Figure

        from rnnrbm_pt.music.plot import plot_piano_roll

        figure = Figure(figsize=(9, 3), layout="constrained")
        if len(self.roll):
            plot_piano_roll(
                self.roll, self.r, self.dt, figure.add_subplot(), crop=True, note_names=True, title=self.title
            )
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=100)
        return file.getvalue()


def _check_times(n_steps, dt, sample_rate):
    if not isinstance(dt, Real) or not 0 < dt < math.inf:
        raise ValueError(f"dt: expected a number of seconds above 0, found {dt!r}")
    if not isinstance(sample_rate, Integral) or not 1000 <= sample_rate <= 192_000:
        raise ValueError(f"sample_rate: expected 1000 to 192000 samples per second, found {sample_rate!r}")
    if n_steps * dt > MAX_SECONDS:
        raise ValueError(f"piano-roll: expected {MAX_SECONDS} s at most, found {n_steps} steps of {dt} s")


def _by_column(notes):
    """(column, list of (start, end) of its notes) for each column with notes."""
    found = {}
    for start, end, column in notes:
        found.setdefault(column, []).append((start, end))
    return found.items()


def _fade_out(n):
    """n samples from 1 down to 0, along half a cosine, so that both ends are smooth."""
    return (1 + np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1))) / 2
