"""Timbres of the synthesiser, one for each family of instruments.

A tone is a sum of partials at multiples of the note's frequency. The partials of plucked and struck strings decay, the
higher ones faster. The partials of blown and bowed instruments last as long as the note.
"""

import math
from typing import NamedTuple

from rnnrbm_pt.music.instruments import FAMILIES


class Timbre(NamedTuple):
    """A timbre: strengths of partials, and times of decay, attack and release.

    Attributes
    ----------
    partials : tuple of float
        Strengths of the partials, from the first one up.
    decay : float
        Seconds in which the first partial of A4 falls to 1/e; infinite if it does not decay. Partial n decays n times
        as fast, and so does a note with n^2 times the frequency of A4.
    attack, release : float
        Seconds in which the tone fades in, and in which it fades out after the end of the note.
    """

    partials: tuple[float, ...]
    decay: float = math.inf
    attack: float = 0.006
    release: float = 0.06


def falling(slope: float, n: int = 8) -> tuple[float, ...]:
    """Strengths of n partials: partial i has the strength i^-slope."""
    return tuple(i**-slope for i in range(1, n + 1))


def odd(slope: float, n: int = 9) -> tuple[float, ...]:
    """Like `falling`, but without the even partials, as in a pipe that is closed at one end."""
    return tuple(i**-slope if i % 2 else 0.0 for i in range(1, n + 1))


TIMBRES = {
    "piano": Timbre(falling(1.5), decay=1.6),
    "bells": Timbre((1.0, 0.0, 0.1, 0.35, 0.0, 0.15), decay=1.2, attack=0.003, release=0.3),
    "organ": Timbre((1.0, 0.7, 0.35, 0.5, 0.0, 0.2, 0.0, 0.25), attack=0.02, release=0.08),
    "guitar": Timbre((1.0, 0.75, 0.5, 0.3, 0.25, 0.12, 0.1, 0.06), decay=0.7, attack=0.003, release=0.1),
    "bass": Timbre(falling(2.0, 5), decay=1.0, attack=0.01),
    "strings": Timbre(falling(1.1, 12), attack=0.09, release=0.18),
    "brass": Timbre((0.8, 1.0, 0.85, 0.65, 0.45, 0.3, 0.2, 0.12), attack=0.045, release=0.08),
    "reed": Timbre(odd(1.0), attack=0.03, release=0.07),
    "flute": Timbre((1.0, 0.25, 0.06, 0.02), attack=0.05, release=0.09),
    "synth": Timbre(odd(1.6), attack=0.01, release=0.12),
}
"""All timbres by name."""

OF_FAMILIES = {
    "pianos": "piano",
    "chromatic percussion": "bells",
    "organs": "organ",
    "guitars": "guitar",
    "basses": "bass",
    "strings": "strings",
    "ensembles": "strings",
    "brass": "brass",
    "reeds": "reed",
    "pipes": "flute",
    "synth leads": "synth",
    "synth pads": "strings",
    "synth effects": "synth",
    "ethnic": "guitar",
    "percussive": "bells",
    "sound effects": "synth",
}
"""The timbre of each family of General MIDI."""

OF_INSTRUMENTS = {
    "harpsichord": "guitar",
    "clavinet": "guitar",
    "pizzicato-strings": "guitar",
    "orchestral-harp": "guitar",
    "timpani": "bass",
    "bagpipe": "reed",
    "fiddle": "strings",
    "shanai": "reed",
}
"""Timbres of single instruments that sound unlike the rest of their family."""


def timbre_name(patch: int) -> str:
    """Name of the timbre of a MIDI program, 0 to 127."""
    family, names = list(FAMILIES.items())[patch // 8]
    return OF_INSTRUMENTS.get(names.split()[patch % 8], OF_FAMILIES[family])
