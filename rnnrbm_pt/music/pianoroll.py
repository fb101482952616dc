"""Piano-rolls: checks, transposition, and other ranges of notes and step lengths."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.checks import integer
from rnnrbm_pt.quoting import quoted

RESAMPLE_TOLERANCE = 1e-9  # in steps

Range = tuple[int, int]
"""(low, high), half-open range of MIDI note numbers."""


def check_range(r: Range, name: str = "r") -> Range:
    """Check a range of MIDI note numbers and return it as two plain integers.

    Parameters
    ----------
    r : pair of int
        (low, high), half-open range of MIDI note numbers: it includes low and excludes high.
    name : str
        Name of the range in error messages.

    Returns
    -------
    (int, int)

    Raises
    ------
    ValueError
        Unless 0 <= low < high <= 128.
    """
    expected = f"{name}: expected two integers (low, high) with 0 <= low < high <= 128, found {quoted(r)}"
    try:
        low, high = r
    except (TypeError, ValueError):
        raise ValueError(expected) from None
    try:
        low, high = integer(name, low, 0, 127), integer(name, high, 1, 128)
    except ValueError:
        raise ValueError(expected) from None
    if low >= high:
        raise ValueError(expected)
    return low, high


def check_roll(roll: ArrayLike, r: Range = (21, 109), name: str = "piano-roll") -> np.ndarray:
    """Check a piano-roll and return it as an array of uint8.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
        0 and 1 of any boolean, integer or floating-point type, time first. It may have no steps.
    r : pair of int
        (low, high), half-open range of MIDI note numbers: column i is note low + i.
    name : str
        Name of the roll in error messages.

    Returns
    -------
    array of uint8, shape (n_steps, r[1] - r[0])
        A copy of `roll`.

    Raises
    ------
    ValueError
        If the roll has the wrong number of dimensions or columns, or values other than 0 and 1.
    """
    low, high = check_range(r)
    try:
        found = np.asarray(roll)
    except ValueError as error:
        raise ValueError(f"{name}: expected an array (n_steps, {high - low}), found {error}") from None
    if found.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected an array of 0 and 1, found an array of {found.dtype}")
    if found.ndim != 2 or found.shape[1] != high - low:
        raise ValueError(
            f"{name}: expected shape (n_steps, {high - low}), notes {low} to {high - 1}, found {found.shape}"
        )
    other = (found != 0) & (found != 1)
    if other.any():
        step, column = np.argwhere(other)[0]
        raise ValueError(
            f"{name}: expected only 0 and 1, found {found[step, column]} at step {step}, note {low + column}"
        )
    return found.astype(np.uint8)


def check_real_roll(roll: ArrayLike, n_visible: int, name: str = "roll") -> np.ndarray:
    """Check a roll of real numbers and return it as an array of float64.

    Parameters
    ----------
    roll : array_like, shape (n_steps, n_visible)
        Finite numbers, time first. It may have no steps.
    n_visible : int
        Number of visible units, the width of a frame.
    name : str
        Name of the roll in error messages.

    Returns
    -------
    array of float64, shape (n_steps, n_visible)
        A copy of `roll`.

    Raises
    ------
    ValueError
        If the roll has the wrong number of dimensions or columns, or values that are not finite numbers.
    """
    try:
        found = np.array(roll, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected an array (n_steps, {n_visible}) of numbers, found {error}") from None
    if found.ndim != 2 or found.shape[1] != n_visible:
        raise ValueError(f"{name}: expected shape (n_steps, {n_visible}), found {found.shape}")
    if not np.isfinite(found).all():
        step, column = np.argwhere(~np.isfinite(found))[0]
        raise ValueError(f"{name}: expected finite numbers, found {found[step, column]} at step {step}, unit {column}")
    return found


def held_notes(roll: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """The notes of a roll. Successive 1s in a column are one held note.

    Parameters
    ----------
    roll : array of 0 and 1, shape (n_steps, n_notes)

    Returns
    -------
    iterator of (first step, last step + 1, column)
        Sorted by column.
    """
    silence = np.zeros((1, roll.shape[1]), np.int8)
    change = np.diff(np.concatenate([silence, roll.astype(np.int8), silence]), axis=0).T
    columns, starts = np.nonzero(change == 1)
    _, ends = np.nonzero(change == -1)
    return zip(starts.tolist(), ends.tolist(), columns.tolist(), strict=True)


def transpose(roll: ArrayLike, shift: int, r: Range = (21, 109), *, fold: bool = False) -> np.ndarray:
    """Transpose a piano-roll.

    Parameters
    ----------
    roll : array_like, shape (n_steps, r[1] - r[0])
    shift : int
        Semitones to move up; negative to move down.
    r : pair of int
        (low, high), half-open range of MIDI note numbers, before and after.
    fold : bool
        Whether to move notes that would leave r by octaves, back into r. Such a note may meet another note, so folding
        cannot be undone. r must span at least an octave.

    Returns
    -------
    array of uint8, shape (n_steps, r[1] - r[0])

    Raises
    ------
    ValueError
        If a note would leave r and `fold` is False, or r is too narrow to fold notes into.
    """
    low, high = check_range(r)
    roll = check_roll(roll, (low, high))
    if not isinstance(shift, Integral):
        raise ValueError(f"shift: expected an integer, found {shift!r}")
    used = np.flatnonzero(roll.any(axis=0))
    to = used + shift
    outside = (to < 0) | (to >= high - low)
    if outside.any():
        if not fold:
            note = low + used[outside][0]
            raise ValueError(f"shift: expected to stay within notes {low} to {high - 1}, found {note} moved by {shift}")
        if high - low < 12:
            raise ValueError(f"r: expected at least an octave to fold notes into, found {low} to {high - 1}")
    to = np.where(to < 0, to % 12, to)
    over = np.maximum(0, -(-(to - (high - low - 1)) // 12))  # octaves
    moved = np.zeros_like(roll)
    for source, target in zip(used, to - 12 * over, strict=True):
        moved[:, target] |= roll[:, source]
    return moved


def with_transpositions(rolls: Iterable[ArrayLike], semitones: int, r: Range = (21, 109)) -> list[np.ndarray]:
    """Add transposed copies of piano-rolls, so that a model with few pieces overfits later.

    Parameters
    ----------
    rolls : list of array_like, shape (n_steps, r[1] - r[0])
    semitones : int
        Largest transposition up and down, at least 0. Copies with notes outside r are left out.
    r : pair of int
        (low, high), half-open range of MIDI note numbers.

    Returns
    -------
    list of arrays of uint8, shape (n_steps, r[1] - r[0])
        For each roll, all its copies including itself, from the lowest to the highest.

    Raises
    ------
    ValueError
        If a roll or `semitones` is invalid.
    """
    return list(Transpositions([check_roll(roll, r) for roll in rolls], semitones, r))


class Transpositions(Sequence[np.ndarray]):
    """The sequence that `with_transpositions` returns, but each copy is computed on access and not kept in memory.

    Parameters
    ----------
    rolls : sequence of arrays, shape (n_steps, r[1] - r[0])
        Each roll is read once at the start, and once for each access to one of its copies.
    semitones, r
        As for `with_transpositions`.
    """

    def __init__(self, rolls: Sequence[np.ndarray], semitones: int, r: Range = (21, 109)) -> None:
        if not isinstance(semitones, Integral) or semitones < 0:
            raise ValueError(f"semitones: expected an integer of at least 0, found {semitones!r}")
        low, high = check_range(r)
        self.rolls: Sequence[np.ndarray] = rolls
        self.r: Range = (low, high)
        self.which: array[int] = array("q")  # index of each copy's roll
        self.shifts: array[int] = array("b")  # semitones of each copy
        for i, roll in enumerate(rolls):
            used = np.flatnonzero(roll.any(axis=0))
            first, last = (int(used[0]), int(used[-1])) if len(used) else (0, high - low - 1)
            shifts = range(max(-int(semitones), -first), min(int(semitones), high - low - 1 - last) + 1)
            self.which.extend([i] * len(shifts))
            self.shifts.extend(shifts)

    def __len__(self) -> int:
        return len(self.which)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return transpose(self.rolls[self.which[index]], self.shifts[index], self.r)


def change_range(roll: np.ndarray, r: Range, new_r: Range) -> tuple[np.ndarray, int]:
    """Change the range of a piano-roll by removing columns or adding silent ones.

    Parameters
    ----------
    roll : array of 0 and 1, shape (n_steps, r[1] - r[0])
    r, new_r : pairs of int
        (low, high), half-open ranges of MIDI note numbers, before and after.

    Returns
    -------
    array, shape (n_steps, new_r[1] - new_r[0])
        The new roll, with the dtype of `roll`.
    int
        Number of 1s that were removed.
    """
    (low, high), (new_low, new_high) = check_range(r), check_range(new_r, "new_r")
    changed = np.zeros((len(roll), new_high - new_low), roll.dtype)
    first, last = max(low, new_low), min(high, new_high)
    if first < last:
        changed[:, first - new_low : last - new_low] = roll[:, first - low : last - low]
    return changed, int(roll.sum()) - int(changed.sum())


def resample(roll: ArrayLike, dt: float, new_dt: float) -> np.ndarray:
    """Change the length of a piano-roll's steps.

    A new step that is shorter than the old ones copies the old step in which it begins. A new step that is longer
    copies the first old step that begins with it or after it. So a roll that is resampled to shorter steps and back is
    unchanged.

    Parameters
    ----------
    roll : array_like, shape (n_steps, n_notes)
        Any values; steps are copied, not interpreted.
    dt, new_dt : float
        Old and new length of a step, both in the same unit, such as seconds or quarter notes.

    Returns
    -------
    array, shape (about n_steps * dt / new_dt, n_notes)

    Raises
    ------
    ValueError
        If a length is not a number above 0.
    """
    for name, value in (("dt", dt), ("new_dt", new_dt)):
        if not isinstance(value, Real) or not 0 < value < np.inf:
            raise ValueError(f"{name}: expected a number above 0, found {value!r}")
    roll = np.asarray(roll)
    ratio = new_dt / dt
    # Numbers very close to a whole number are rounded to it, as in `midiread`.
    if ratio <= 1:
        n_steps = int(np.ceil(len(roll) / ratio - RESAMPLE_TOLERANCE))
        steps = np.floor(np.arange(n_steps) * ratio + RESAMPLE_TOLERANCE)
    else:
        n_steps = int(np.floor((len(roll) - 1) / ratio + RESAMPLE_TOLERANCE)) + 1 if len(roll) else 0
        steps = np.ceil(np.arange(n_steps) * ratio - RESAMPLE_TOLERANCE)
    return roll[np.clip(steps.astype(int), 0, max(len(roll) - 1, 0))]
