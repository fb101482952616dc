"""A piece of music as a page has it: notes in seconds, a title, and the bytes of its MIDI file."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.checks import integer
from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.music.midi import Note, check_dt, midiread, midiwrite
from rnnrbm_pt.music.pianoroll import Range, check_range, check_roll, held_notes
from rnnrbm_pt.quoting import printable

ALL_NOTES = 0, 128


@dataclass(frozen=True)
class Piece:
    """A piece of music.

    Attributes
    ----------
    notes : tuple of Note
        (pitch, start, end), a MIDI note number and seconds, in the order in which they begin.
    seconds : float
        How long it is.
    title : str
    midi : bytes
        Its MIDI file.
    patch : int
        MIDI program, 0 to 127, of the instrument that plays it.
    remark : str
        A sentence to show under the title.
    """

    notes: tuple[Note, ...]
    seconds: float
    title: str
    midi: bytes
    patch: int = 0
    remark: str = ""

    def __post_init__(self) -> None:
        integer("patch", self.patch, 0, 127)

    @classmethod
    def from_roll(
        cls,
        roll: ArrayLike,
        r: Range = (21, 109),
        dt: float = 0.3,
        *,
        title: str = "",
        patch: int = 0,
        remark: str = "",
        midi: bytes | None = None,
    ) -> Self:
        """The piece that a roll holds.

        Parameters
        ----------
        roll : array_like of 0 and 1, shape (n_steps, r[1] - r[0])
        r : pair of int
            (low, high), MIDI note numbers, half open.
        dt : float
            Seconds per frame.
        title, patch, remark
            See the attributes.
        midi : bytes, optional
            Its MIDI file. Without it, that of `midiwrite`.

        Raises
        ------
        ValueError
            If an argument is not as above.
        """
        low, _ = r = check_range(r)
        roll, dt = check_roll(roll, r), check_dt(dt)
        if midi is None:
            file = io.BytesIO()
            midiwrite(file, roll, r, dt, patch)
            midi = file.getvalue()
        notes = sorted((start, low + column, end) for start, end, column in held_notes(roll))
        found = tuple(Note(pitch, start * dt, end * dt) for start, pitch, end in notes)
        return cls(found, len(roll) * dt, title, midi, patch, remark)

    @classmethod
    def from_midi(cls, filename: FilePath, *, title: str | None = None, patch: int = 0) -> Self:
        """The piece in a MIDI file, without the drums of channel 10.

        Parameters
        ----------
        filename : path
        title : str, optional
            Without it, the name of the file.
        patch : int

        Raises
        ------
        ValueError
            As `midiread`.
        FileNotFoundError
        """
        path = Path(filename)
        found = midiread(path, ALL_NOTES, dt=0.1, drums=False)
        # A tempo that is carried from one track into the next can give times before 0, and notes that last no time.
        notes = [note._replace(start=max(note.start, 0.0)) for note in found.notes if note.end > max(note.start, 0.0)]
        notes.sort(key=lambda note: (note.start, note.pitch))
        seconds = max(note.end for note in notes)
        return cls(tuple(notes), seconds, printable(path.name) if title is None else title, path.read_bytes(), patch)


def as_pieces(
    rolls: ArrayLike | list[ArrayLike], r: Range, dt: float, titles: list[str] | str | None, patch: int
) -> list[Piece]:
    """Pieces of one roll or of several; see `player`."""
    several = [rolls] if isinstance(rolls, np.ndarray) and rolls.ndim == 2 else list(rolls)  # type: ignore[arg-type]
    if isinstance(titles, str):
        titles = [titles]
    if titles is None:
        titles = [""] if len(several) == 1 else [f"Piece {i}" for i in range(1, len(several) + 1)]
    if len(titles) != len(several):
        raise ValueError(f"titles: expected {len(several)}, one per roll, found {len(titles)}")
    return [Piece.from_roll(roll, r, dt, title=title, patch=patch) for roll, title in zip(several, titles, strict=True)]
