"""A toy composer: pieces in C major by a few rules of harmony, for examples that train in seconds.

A piece is a chain of chords, four frames each. Every frame has a bass note, the three notes of the chord and a melody
note. The rules are known, so a model's music can be checked against them.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.music.pianoroll import Range, check_range, check_roll

CHORDS = {"C": (0, 4, 7), "F": (5, 9, 0), "G": (7, 11, 2), "Am": (9, 0, 4), "Dm": (2, 5, 9)}
"""The notes of each chord, in semitones above C. The first is the root, which the bass plays."""
AFTER = {"C": ("F", "G", "Am"), "F": ("G", "C"), "G": ("C", "Am"), "Am": ("F", "Dm"), "Dm": ("G",)}
"""The chords that may follow each chord."""
R = (48, 84)
"""The three octaves that the composer uses, as MIDI note numbers: bass from 48, chords from 60, melody from 72."""
FRAMES_PER_CHORD = 4
FRAMES_PER_MELODY_NOTE = 2


class Piece(NamedTuple):
    """A piece by the composer."""

    roll: np.ndarray
    """Piano-roll of uint8, shape (4 * n_chords, r[1] - r[0])."""
    chords: list[str]
    """The name of each frame's chord."""


class RulesKept(NamedTuple):
    """How far a piano-roll keeps the composer's rules."""

    chords: float
    """Share of the frames whose bass and middle notes are exactly those of one chord."""
    changes: float
    """Share of the changes of chord that `AFTER` allows; nan if there is no change."""


def compose(rng: np.random.RandomState, n_chords: int = 16, r: Range = (21, 109)) -> Piece:
    """Compose a piece. It starts with C, and each later choice of chord or melody note is uniform.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Draws the melody and the chords.
    n_chords : int
        Number of chords, of four frames each.
    r : pair of int
        The notes of the roll, (low, high), half open. By default the 88 keys of a piano; `R` keeps the 36 notes that
        the composer uses. The piece is the same for every `r`.

    Returns
    -------
    Piece

    Raises
    ------
    ValueError
        If `r` does not include all notes of `R`.
    """
    low, high = _check_includes(r)
    frames, name = [], "C"
    for _ in range(n_chords):
        for _ in range(FRAMES_PER_CHORD // FRAMES_PER_MELODY_NOTE):
            melody = 72 + int(rng.choice(CHORDS[name]))
            frames += [(name, melody)] * FRAMES_PER_MELODY_NOTE
        name = str(rng.choice(AFTER[name]))
    roll = np.zeros((len(frames), high - low), np.uint8)
    for row, (chord, melody) in zip(roll, frames, strict=True):
        row[[note - low for note in (*accompaniment(chord), melody)]] = 1
    return Piece(roll, [chord for chord, _ in frames])


def accompaniment(chord: str) -> tuple[int, ...]:
    """The bass note and the three middle notes of a chord, as MIDI note numbers."""
    notes = CHORDS[chord]
    return 48 + notes[0], *(60 + note for note in notes)


def chord_names(roll: ArrayLike, r: Range = (21, 109)) -> list[str | None]:
    """The chord of each frame, whatever the melody.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
        Piano-roll of 0 and 1.
    r : pair of int
        The notes of the roll, half open.

    Returns
    -------
    list of str or None
        A frame's notes below 72 must be exactly those of `accompaniment`. Otherwise the entry is None.

    Raises
    ------
    ValueError
        If `r` does not include all notes of `R`, or the roll does not match `r`.
    """
    low, _ = _check_includes(r)
    names = {frozenset(accompaniment(chord)): chord for chord in CHORDS}
    below = check_roll(roll, r)[:, : 72 - low]
    return [names.get(frozenset((np.flatnonzero(frame) + low).tolist())) for frame in below]


def rules_kept(roll: ArrayLike, r: Range = (21, 109)) -> RulesKept:
    """Check a piano-roll against the composer's rules.

    Parameters
    ----------
    roll, r
        As `chord_names` takes them.

    Returns
    -------
    RulesKept
        A change counts where two neighbouring frames are different chords.

    Raises
    ------
    ValueError
        As `chord_names` does.
    """
    names = chord_names(roll, r)
    changes = [(a, b) for a, b in zip(names, names[1:], strict=False) if a and b and a != b]
    return RulesKept(_share(name is not None for name in names), _share(b in AFTER[a] for a, b in changes))


def _share(found: Iterable[bool]) -> float:
    """The share of true values; nan if there is none."""
    values = list(found)
    return sum(values) / len(values) if values else float("nan")


def _check_includes(r: Range) -> Range:
    low, high = check_range(r)
    if low > R[0] or high < R[1]:
        raise ValueError(f"r: expected a range that includes notes {R[0]} to {R[1] - 1}, found {r}")
    return low, high
