"""Keys: what key a piece is in, and how far it is from the common one.

A key is found as Krumhansl and Schmuckler do it (Krumhansl, Cognitive Foundations of Musical Pitch, 1990, chapter 4):
the weight of each of the twelve pitch classes in the piece is correlated with a profile, the weights that are usual in
a major or a minor key, turned to each of the twelve tonics; the key with the largest correlation is the piece's.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.music.pianoroll import Range, check_range, check_roll, transpose

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ALTERATIONS = {"": 0, "#": 1, "b": -1}

# Weights of the pitch classes, from the tonic up.
PROFILES = {
    # Temperley, Music and Probability, 2007, chapter 6: share of the segments of the Kostka-Payne corpus of
    # common-practice harmony in which the pitch class is present.
    "temperley": {
        "major": (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
        "minor": (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
    },
    # Albrecht and Shanahan, The use of large corpora to train a new type of key-finding algorithm, Music Perception
    # 31(1), 2013: share of the notes of 490 pieces.
    "albrecht": {
        "major": (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        "minor": (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    },
    # Krumhansl and Kessler, Psychological Review 89(4), 1982: how well listeners find that a tone fits the key.
    "krumhansl": {
        "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    },
}

# Tonic of the common key of (major, minor) pieces.
COMMON = {"parallel": (0, 0), "relative": (0, 9)}


Profiles = str | Mapping[str, ArrayLike]
Common = Literal["parallel", "relative"]


class Key(NamedTuple):
    """A key: the pitch class of its tonic, C for 0, and whether it is minor."""

    tonic: int
    minor: bool

    def __str__(self) -> str:
        return f"{NAMES[self.tonic]} {'minor' if self.minor else 'major'}"


class Transposed(NamedTuple):
    """A piece brought to the common tonality.

    Attributes
    ----------
    roll : array of uint8, shape (n_steps, r[1] - r[0])
    shift : int
        Semitones by which it was moved up; `transpose(roll, -shift, r)` is the piece again, unless n_folded.
    key : Key or None
        The key it was in; None where none could be told.
    n_folded : int
        Notes of its steps that had to move by an octave beside, to stay in r; 0 as a rule.
    """

    roll: np.ndarray
    shift: int
    key: Key | None
    n_folded: int


def parse_key(name: str) -> Key:
    """The key that a name stands for, as a MIDI file's key signature has it: "F", "Bb", "C#m".

    Raises
    ------
    ValueError
        If it is none.
    """
    text = name.removesuffix("m")
    if text[:1] not in LETTERS or not text or text[1:] not in ALTERATIONS:
        raise ValueError(f"key: expected a name as C, Bb or F#m, found {name!r}")
    return Key((LETTERS[text[0]] + ALTERATIONS[text[1:]]) % 12, name.endswith("m"))


def pitch_class_weights(roll: ArrayLike, r: Range = (21, 109)) -> np.ndarray:
    """In how many steps each pitch class sounds, counting a note and its octave as two.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
    r : pair of int
        (low, high), MIDI note numbers, half open.

    Returns
    -------
    array, shape (12,)
        From C up.
    """
    low, high = check_range(r)
    counts = check_roll(roll, (low, high)).sum(axis=0)
    return np.bincount(np.arange(low, high) % 12, weights=counts, minlength=12)


def key_scores(weights: ArrayLike, profiles: Profiles = "temperley") -> np.ndarray | None:
    """Correlation of a piece's pitch classes with the profile of each key.

    Parameters
    ----------
    weights : array_like, shape (12,)
        Weight of each pitch class, from C up.
    profiles : str or mapping
        One of `PROFILES`, or {"major": 12 weights, "minor": 12 weights} from the tonic up.

    Returns
    -------
    array, shape (2, 12), or None
        Major and minor keys by their tonics, between -1 and 1. None if all weights are equal, as in silence.

    Raises
    ------
    ValueError
        If there are no such profiles or not twelve weights.
    """
    weights = np.asarray(weights, float)
    if weights.shape != (12,) or not np.isfinite(weights).all():
        raise ValueError(f"weights: expected 12 finite numbers, found {weights.tolist()}")
    if not isinstance(profiles, Mapping):
        if profiles not in PROFILES:
            raise ValueError(f"profiles: expected one of {', '.join(PROFILES)}, found {profiles!r}")
        profiles = PROFILES[profiles]
    if np.ptp(weights) == 0:
        return None
    # The piece is turned, not the profile: so a transposed piece has the same scores, to the bit, at other tonics.
    turned = [_standard(np.roll(weights, -tonic)) for tonic in range(12)]
    modes = [_standard(np.asarray(profiles[mode], float)) for mode in ("major", "minor")]
    return np.array([[(piece * mode).sum() for piece in turned] for mode in modes])


def find_key(roll: ArrayLike, r: Range = (21, 109), profiles: Profiles = "temperley") -> Key | None:
    """The key of a piano roll, by Krumhansl's and Schmuckler's algorithm.

    On 693 Nottingham tunes (those that are, note by note, what Boulanger-Lewandowski et al. (2012) made of them but for
    the transposition) the tonic is that paper's in 683 with Temperley's profiles, the default, in 673 with Albrecht's
    and Shanahan's, in 619 with Krumhansl's and Kessler's. The tunes' key signatures have it in 631.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
    r : pair of int
        (low, high), MIDI note numbers, half open.
    profiles : str or mapping
        As for `key_scores`.

    Returns
    -------
    Key or None
        Of equal ones the first, major keys before minor ones, from C up. None for silence, and where all pitch classes
        have one weight.
    """
    scores = key_scores(pitch_class_weights(roll, r), profiles)
    if scores is None:
        return None
    mode, tonic = np.unravel_index(np.argmax(scores), scores.shape)
    return Key(int(tonic), bool(mode))


def shift_to_common(key: Key, to: Common = "parallel") -> int:
    """Semitones from a key to the common one, the nearer way.

    Parameters
    ----------
    key : Key
    to : {"parallel", "relative"}
        Minor pieces go to C minor, as in Boulanger-Lewandowski et al. (2012), or to A minor, which has C major's notes.

    Returns
    -------
    int, -5 to 6

    Raises
    ------
    ValueError
        If `to` is neither.
    """
    if to not in COMMON:
        raise ValueError(f"to: expected one of {', '.join(COMMON)}, found {to!r}")
    return (COMMON[to][key.minor] - key.tonic + 5) % 12 - 5


def to_common_tonality(
    roll: ArrayLike,
    r: Range = (21, 109),
    to: Common = "parallel",
    *,
    key: Key | None = None,
    profiles: Profiles = "temperley",
) -> Transposed:
    """A piano roll moved to the common tonality.

    It is moved the nearer way, unless notes would leave r: then by an octave more or less. Where that does not help,
    the notes that would leave r are moved by an octave, and counted.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
    r : pair of int
        (low, high), MIDI note numbers, half open.
    to : {"parallel", "relative"}
        As for `shift_to_common`.
    key : Key, optional
        The piece's key, by its signature for instance. Without it, what `find_key` finds.
    profiles : str or mapping
        As for `key_scores`.

    Returns
    -------
    Transposed
        A piece of which no key can be told stays where it is.
    """
    low, high = check_range(r)
    roll = check_roll(roll, (low, high))
    if key is None:
        key = find_key(roll, r, profiles)
    shift = 0 if key is None else shift_to_common(key, to)
    used = np.flatnonzero(roll.any(axis=0))
    for candidate in sorted((shift, shift - 12, shift + 12), key=abs):
        to_columns = used + candidate
        if not len(used) or (to_columns[0] >= 0 and to_columns[-1] < high - low):
            return Transposed(transpose(roll, candidate, r), candidate, key, 0)
    leaving = used[(used + shift < 0) | (used + shift >= high - low)]
    return Transposed(transpose(roll, shift, r, fold=True), shift, key, int(roll[:, leaving].sum()))


def _standard(values):
    """Centred, and of norm 1."""
    centred = values - values.mean()
    return centred / np.sqrt((centred * centred).sum())
