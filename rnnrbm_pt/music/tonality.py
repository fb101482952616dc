"""Finding the key of a piece, and transposing pieces to a common tonality.

Keys are found with the algorithm of Krumhansl and Schmuckler (Krumhansl, Cognitive Foundations of Musical Pitch, 1990,
chapter 4). A profile has the usual weights of the twelve pitch classes in a major or a minor key. It is rotated to each
of the twelve tonics and correlated with the weights in the piece. The key with the largest correlation is the key of
the piece.
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
    # Krumhansl and Kessler, Psychological Review 89(4), 1982: listeners' ratings of how well a tone fits the key.
    "krumhansl": {
        "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    },
}

# Tonics of the common keys of major and minor pieces.
COMMON = {"parallel": (0, 0), "relative": (0, 9)}


Profiles = str | Mapping[str, ArrayLike]
Common = Literal["parallel", "relative"]


class Key(NamedTuple):
    """A key: the pitch class of its tonic (C is 0), and whether it is minor."""

    tonic: int
    minor: bool

    def __str__(self) -> str:
        return f"{NAMES[self.tonic]} {'minor' if self.minor else 'major'}"


class Transposed(NamedTuple):
    """A piece transposed to the common tonality.

    Attributes
    ----------
    roll : array of uint8, shape (n_steps, r[1] - r[0])
    shift : int
        Semitones by which the piece was moved up. `transpose(roll, -shift, r)` restores the piece if n_folded is 0.
    key : Key or None
        Original key of the piece; None if it could not be determined.
    n_folded : int
        Number of notes that also had to be moved by octaves to stay in r, counted once per step; usually 0.
    """

    roll: np.ndarray
    shift: int
    key: Key | None
    n_folded: int


def parse_key(name: str) -> Key:
    """Convert the name of a key, as in a MIDI file's key signature ("F", "Bb", "C#m"), to a `Key`.

    Raises
    ------
    ValueError
        If the name is invalid.
    """
    text = name.removesuffix("m")
    if text[:1] not in LETTERS or not text or text[1:] not in ALTERATIONS:
        raise ValueError(f"key: expected a name such as C, Bb or F#m, found {name!r}")
    return Key((LETTERS[text[0]] + ALTERATIONS[text[1:]]) % 12, name.endswith("m"))


def pitch_class_weights(roll: ArrayLike, r: Range = (21, 109)) -> np.ndarray:
    """Number of steps in which each pitch class sounds. A note and its octave count as two.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
    r : pair of int
        (low, high), half-open range of MIDI note numbers.

    Returns
    -------
    array, shape (12,)
        Weights from C up.
    """
    low, high = check_range(r)
    counts = check_roll(roll, (low, high)).sum(axis=0)
    return np.bincount(np.arange(low, high) % 12, weights=counts, minlength=12)


def key_scores(weights: ArrayLike, profiles: Profiles = "temperley") -> np.ndarray | None:
    """Correlations of the pitch classes of a piece with the profiles of all keys.

    Parameters
    ----------
    weights : array_like, shape (12,)
        Weight of each pitch class, from C up.
    profiles : str or mapping
        A name in `PROFILES`, or {"major": 12 weights, "minor": 12 weights} with weights from the tonic up.

    Returns
    -------
    array, shape (2, 12), or None
        Correlations of major and minor keys by tonic, from -1 to 1. None if all weights are equal, as in silence.

    Raises
    ------
    ValueError
        If `profiles` is an unknown name, or `weights` is not 12 finite numbers.
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
    # Rotate the piece, not the profile, so that a transposed piece has exactly the same scores, at other tonics.
    rotated = [_standardised(np.roll(weights, -tonic)) for tonic in range(12)]
    modes = [_standardised(np.asarray(profiles[mode], float)) for mode in ("major", "minor")]
    return np.array([[(piece * mode).sum() for piece in rotated] for mode in modes])


def find_key(roll: ArrayLike, r: Range = (21, 109), profiles: Profiles = "temperley") -> Key | None:
    """Find the key of a piano-roll with the algorithm of Krumhansl and Schmuckler.

    The profiles were compared on the 693 Nottingham tunes whose rolls by Boulanger-Lewandowski et al. (2012) are exact
    transpositions. The tonic agrees with the paper's for 683 tunes with the default profiles of Temperley, for 673 with
    those of Albrecht and Shanahan, and for 619 with those of Krumhansl and Kessler. The tunes' key signatures agree
    with the paper for 631.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
    r : pair of int
        (low, high), half-open range of MIDI note numbers.
    profiles : str or mapping
        As for `key_scores`.

    Returns
    -------
    Key or None
        If several keys are equally likely, the first one: major before minor, then from C up. None if all pitch classes
        have the same weight, as in silence.
    """
    scores = key_scores(pitch_class_weights(roll, r), profiles)
    if scores is None:
        return None
    mode, tonic = np.unravel_index(np.argmax(scores), scores.shape)
    return Key(int(tonic), bool(mode))


def shift_to_common(key: Key, to: Common = "parallel") -> int:
    """Smallest transposition from a key to the common tonality, in semitones.

    Parameters
    ----------
    key : Key
    to : {"parallel", "relative"}
        Major pieces go to C major. "parallel": minor pieces go to C minor, as in Boulanger-Lewandowski et al. (2012).
        "relative": minor pieces go to A minor, which has the notes of C major.

    Returns
    -------
    int, -5 to 6

    Raises
    ------
    ValueError
        If `to` is another value.
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
    """Transpose a piano-roll to the common tonality.

    The roll is moved by the smallest transposition. If notes would leave r, it is moved by an octave more or less. If
    that does not help, the notes that would leave r are moved by octaves, and counted.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
    r : pair of int
        (low, high), half-open range of MIDI note numbers.
    to : {"parallel", "relative"}
        As for `shift_to_common`.
    key : Key, optional
        Key of the piece, for example from its key signature. Default: the result of `find_key`.
    profiles : str or mapping
        As for `key_scores`.

    Returns
    -------
    Transposed
        A piece whose key cannot be determined is not moved.
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


def _standardised(values):
    """The values, centred and scaled to norm 1."""
    centred = values - values.mean()
    return centred / np.sqrt((centred * centred).sum())
