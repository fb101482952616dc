"""Statistics of pieces of music, to compare generated pieces with the training data.

The statistics of one or more rolls are

- notes_per_frame: the mean number of notes per frame;
- held: the fraction of notes that also sound in the frame before;
- dissonance: the fraction of pairs of simultaneous notes that are a second, a seventh or a tritone apart, up to
  octaves;
- repetition: the fraction of passages of 8 frames that occur earlier in the same piece;
- pitch_classes, intervals: the frequencies of the twelve pitch classes among the notes, and of the twelve intervals, up
  to octaves, among pairs of simultaneous notes;
- lowest, highest: the lowest and the highest note;
- thinnest, densest: the notes per frame of the thinnest and the densest passage of 50 frames;
- known: the fraction of frames with notes that also occur in the training data.

A runaway is a piece with a passage much denser than any in the training data: a wall of notes. See `outside`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

import numpy as np

from rnnrbm_pt.checks import integer, number
from rnnrbm_pt.music.pianoroll import Range, check_range
from rnnrbm_pt.music.plot import note_name
from rnnrbm_pt.quoting import quoted

DISSONANT = 1, 2, 6, 10, 11
"""Semitones of the dissonant intervals, up to octaves: seconds, the tritone, sevenths."""
INTERVALS = "P8", "m2", "M2", "m3", "M3", "P4", "TT", "P5", "m6", "M6", "m7", "M7"
"""Abbreviations of the intervals of 0 to 11 semitones, up to octaves. P8 is the octave, TT the tritone."""

N_REPEATED = 8  # frames per passage, for repetition
N_DENSITY = 50  # frames per passage, for density
MARGIN = 1.25
"""A passage is outside the range of the data if it is this many times denser or thinner than any passage in them."""
N_AT_ONCE = 10_000  # frames whose pairs are counted at once, to limit memory

Frames = frozenset[bytes]
"""A set of packed frames, all with the same range of notes; see `frames_of`."""


@dataclass(frozen=True)
class Statistics:
    """Statistics of pieces, as defined by this module. A value is None if there is nothing to count.

    Attributes
    ----------
    pieces, frames : int
        Number of pieces and of frames.
    notes_per_frame : float
    held, dissonance, repetition : float or None
        Fractions from 0 to 1.
    known : float or None
        Fraction from 0 to 1; None if there were no training data to compare with.
    thinnest, densest : float
        Notes per frame.
    lowest, highest : int or None
        MIDI note numbers.
    pitch_classes, intervals : tuple of 12 floats
        Frequencies that sum to 1: of pitch classes from C up, and of intervals from 0 semitones up. All are 0 if there
        is nothing to count.
    """

    pieces: int
    frames: int
    notes_per_frame: float
    held: float | None
    dissonance: float | None
    repetition: float | None
    known: float | None
    thinnest: float
    densest: float
    lowest: int | None
    highest: int | None
    pitch_classes: tuple[float, ...]
    intervals: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Convert to a dict that `json.dumps` accepts and `from_json` reads."""
        return asdict(self) | {"pitch_classes": list(self.pitch_classes), "intervals": list(self.intervals)}

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """Make the statistics that `to_json` described.

        Raises
        ------
        ValueError
            If a value is missing or invalid.
        """
        names = [f.name for f in fields(cls)]
        if not isinstance(described, Mapping) or sorted(described) != sorted(names):
            raise ValueError(f"statistics: expected {', '.join(names)}, found {quoted(described)}")
        return cls(**{name: _checked(name, described[name]) for name in names})


def frames_of(rolls: Iterable[np.ndarray]) -> Frames:
    """The set of all frames of rolls, except silence.

    Parameters
    ----------
    rolls : list of arrays of 0 and 1, shape (n_steps, n_notes)

    Returns
    -------
    frozenset of bytes
        Argument `data` of `statistics`, for rolls of the same range of notes.
    """
    return frozenset(frame for roll in rolls for frame in _packed(roll[roll.any(axis=1)]))


def statistics(rolls: Sequence[np.ndarray], r: Range = (21, 109), *, data: Frames | None = None) -> Statistics:
    """Compute statistics of pieces.

    Parameters
    ----------
    rolls : list of arrays of 0 and 1, shape (n_steps, r[1] - r[0])
        Statistics are over all frames together, not means over pieces.
    r : pair of int
        (low, high), half-open range of MIDI note numbers.
    data : frozenset, optional
        The frames of the training data, as returned by `frames_of`.

    Returns
    -------
    Statistics

    Raises
    ------
    ValueError
        If there are no frames, or a roll has the wrong width.
    """
    low, high = check_range(r)
    pieces = frames = 0
    per_note, pairs = np.zeros(high - low, np.int64), np.zeros(12)
    held, repeated, sounding = np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.int64)
    thinnest, densest = np.inf, -np.inf
    for i, roll in enumerate(rolls):  # one by one, since they may not fit into memory
        if np.ndim(roll) != 2 or np.shape(roll)[1] != high - low:
            raise ValueError(f"roll {i}: expected shape (n_steps, {high - low}), found {np.shape(roll)}")
        roll = np.asarray(roll) != 0
        if not len(roll):
            continue
        pieces, frames = pieces + 1, frames + len(roll)
        per_note += roll.sum(axis=0)
        pairs += _pairs(roll)
        held += _held(roll)
        repeated += _repeated(roll)
        if data is not None:
            packed = _packed(roll[roll.any(axis=1)])
            sounding += sum(frame in data for frame in packed), len(packed)
        density = _densities(roll)
        thinnest, densest = min(thinnest, density.min()), max(densest, density.max())
    if not pieces:
        raise ValueError("statistics: expected frames, found none")
    notes, used = int(per_note.sum()), np.flatnonzero(per_note)
    classes = np.bincount(np.arange(low, high) % 12, weights=per_note, minlength=12)
    return Statistics(
        pieces=pieces,
        frames=frames,
        notes_per_frame=notes / frames,
        held=_share(*held),
        dissonance=_share(pairs[list(DISSONANT)].sum(), pairs.sum()),
        repetition=_share(*repeated),
        known=None if data is None else _share(*sounding),
        thinnest=float(thinnest),
        densest=float(densest),
        lowest=low + int(used[0]) if len(used) else None,
        highest=low + int(used[-1]) if len(used) else None,
        pitch_classes=tuple((classes / max(notes, 1)).tolist()),
        intervals=tuple((pairs / max(pairs.sum(), 1)).tolist()),
    )


def outside(piece: Statistics, data: Statistics) -> Literal["above", "below"] | None:
    """Whether the density of a piece leaves the range of the data.

    Parameters
    ----------
    piece, data : Statistics

    Returns
    -------
    {"above", "below"} or None
        "above" for a runaway: its densest passage is more than 1.25 times as dense as the densest one in the data.
        "below" if the thinnest passage in the data is more than 1.25 times as dense as the thinnest one of the piece.
    """
    if piece.densest > MARGIN * data.densest:
        return "above"
    if piece.thinnest * MARGIN < data.thinnest:
        return "below"
    return None


def of_a_sample(roll: np.ndarray, r: Range, data: Statistics, known: Frames | None = None) -> dict[str, Any]:
    """Statistics of a generated piece for a log, and whether its density leaves the range of the data.

    Parameters
    ----------
    roll : array of 0 and 1, shape (n_steps, r[1] - r[0])
    r : pair of int
    data : Statistics
    known : frozenset, optional
        The frames of the training data, as returned by `frames_of`.

    Returns
    -------
    dict
        Suitable for `json.dumps`.
    """
    found = statistics([roll], r, data=known)
    names = "notes_per_frame", "held", "dissonance", "repetition", "known", "thinnest", "densest"
    return {name: getattr(found, name) for name in names} | {"outside": outside(found, data)}


# ---------------------------------------------------------------------------------------------------
# Showing


def _number(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda numbers: f"{numbers[name]:.2f}"


def _percent(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda numbers: "-" if numbers[name] is None else f"{100 * numbers[name]:.0f} %"


def _range(numbers: Mapping[str, Any]) -> str:
    low, high = numbers["lowest"], numbers["highest"]
    return "-" if low is None else f"{note_name(low)} to {note_name(high)}"


ROWS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "notes per frame": _number("notes_per_frame"),
    "thinnest passage": _number("thinnest"),
    "densest passage": _number("densest"),
    "held notes": _percent("held"),
    "dissonant pairs": _percent("dissonance"),
    "repeated passages": _percent("repetition"),
    "known frames": _percent("known"),
    "range of notes": _range,
}
"""Rows of a table: {title: function of the dict from `to_json`}. The two histograms have no row."""


# ---------------------------------------------------------------------------------------------------
# Counting


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _packed(roll: np.ndarray) -> list[bytes]:
    return [frame.tobytes() for frame in np.packbits(roll != 0, axis=1)]


def _held(roll: np.ndarray) -> tuple[int, int]:
    """Number of notes that also sound in the frame before, and number of all notes after the first frame."""
    return int((roll[1:] & roll[:-1]).sum()), int(roll[1:].sum())


def _pairs(roll: np.ndarray) -> np.ndarray:
    """Number of pairs of simultaneous notes by interval, up to octaves, shape (12,)."""
    n_notes = roll.shape[1]
    together = np.zeros((n_notes, n_notes))
    for start in range(0, len(roll), N_AT_ONCE):
        frames = roll[start : start + N_AT_ONCE].astype(np.float32)
        together += frames.T @ frames
    lower, upper = np.triu_indices(n_notes, k=1)
    return np.bincount((upper - lower) % 12, weights=together[lower, upper], minlength=12)


def _repeated(roll: np.ndarray) -> tuple[int, int]:
    """Number of passages that occur earlier without overlap, and number of passages with room for an earlier one."""
    frames = np.packbits(roll, axis=1)
    passages = [frames[i : i + N_REPEATED].tobytes() for i in range(len(frames) - N_REPEATED + 1)]
    before: set[bytes] = set()
    n = 0
    for earlier, passage in zip(passages, passages[N_REPEATED:], strict=False):
        before.add(earlier)
        n += passage in before
    return n, max(0, len(passages) - N_REPEATED)


def _densities(roll: np.ndarray) -> np.ndarray:
    """Notes per frame of each passage of 50 frames, or of the whole roll if it is shorter."""
    n = min(N_DENSITY, len(roll))
    total = np.concatenate([[0], np.cumsum(roll.sum(axis=1))])
    return (total[n:] - total[:-n]) / n


# ---------------------------------------------------------------------------------------------------
# Reading


def _checked(name: str, value: Any) -> Any:
    label = f"statistics: {name}"
    if name in ("pitch_classes", "intervals"):
        if not isinstance(value, (list, tuple)) or len(value) != 12:
            raise ValueError(f"{label}: expected 12 numbers, found {quoted(value)}")
        return tuple(number(label, x, least=0) for x in value)
    if name in ("pieces", "frames"):
        return integer(label, value, 1)
    if name in ("lowest", "highest"):
        return None if value is None else integer(label, value, 0, 127)
    optional = name in ("held", "dissonance", "repetition", "known")
    return None if value is None and optional else number(label, value, least=0)
