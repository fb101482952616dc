"""Piano-rolls as models take them: a list, or any sequence that reads each roll when it is needed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Check = Callable[[Any, str], np.ndarray]
"""check(roll, name) returns the roll as an array, or raises a ValueError."""


class CheckedRolls(Sequence[np.ndarray]):
    """A sequence of rolls that checks each roll whenever it is read. It stores none of them.

    Parameters
    ----------
    rolls : object with ``len`` and ``[i]``
    check : callable
        ``check(roll, name)`` returns the roll as an array.
    """

    def __init__(self, rolls: Any, check: Check) -> None:
        self.rolls, self.check = rolls, check

    def __len__(self) -> int:
        return len(self.rolls)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]  # raises an IndexError past the end, which ends loops
        return self.check(self.rolls[i], f"roll {i}")


def checked_rolls(rolls: Iterable[Any], check: Check) -> Sequence[np.ndarray]:
    """Check that a model can read these rolls.

    Parameters
    ----------
    rolls : iterable of arrays, or an object with ``len`` and ``[i]``
        A list, tuple, array or iterator is checked now and copied into a list. Any other object with ``len`` and
        ``[i]`` is kept. Each of its rolls is checked whenever it is read, so they need not fit into memory.
    check : callable
        ``check(roll, name)`` returns the roll as an array.

    Returns
    -------
    list of arrays, or CheckedRolls

    Raises
    ------
    ValueError
        If a roll is invalid. The error names it.
    """
    if isinstance(rolls, CheckedRolls):
        return CheckedRolls(rolls.rolls, check)
    in_memory = isinstance(rolls, (list, tuple, np.ndarray, Mapping))
    if not in_memory and hasattr(rolls, "__len__") and hasattr(rolls, "__getitem__"):
        return CheckedRolls(rolls, check)
    return [check(roll, f"roll {i}") for i, roll in enumerate(rolls)]


class FramesOf:
    """The frames of all rolls, indexed like one array, for rolls that need not fit into memory.

    Parameters
    ----------
    rolls : sequence of arrays, shape (n_steps, n_visible)
        Rolls that together have at least one frame.
    """

    def __init__(self, rolls: Sequence[np.ndarray]) -> None:
        self.rolls = rolls
        self.ends = np.cumsum([len(roll) for roll in rolls])
        self.shape = int(self.ends[-1]), rolls[0].shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The frames of the given rows, shape (len(rows), n_visible)."""
        which = np.searchsorted(self.ends, rows, side="right")
        places = [(int(i), int(row - self.ends[i])) for i, row in zip(which, rows, strict=True)]  # negative index
        return np.stack([self.rolls[i][place] for i, place in places])


def all_frames(rolls: Sequence[np.ndarray]) -> np.ndarray | FramesOf:
    """The frames of all rolls: an array if the rolls are in memory, otherwise a `FramesOf`."""
    return FramesOf(rolls) if isinstance(rolls, CheckedRolls) else np.concatenate(rolls)
