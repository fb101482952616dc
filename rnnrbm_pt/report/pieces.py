"""A piece of music for a page: notes in seconds, a title, and the bytes of its MIDI file."""

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
        Notes in order of their start: (pitch, start, end), with a MIDI note number and times in seconds.
    seconds : float
        Duration.
    title : str
    midi : bytes
        Content of the piece's MIDI file.
    patch : int
        MIDI program of the instrument, 0 to 127.
    remark : str
        Sentence to show below the title.
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
        """Make a piece from a piano-roll.

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
            Content of the MIDI file. By default, `midiwrite` makes it.

        Raises
        ------
        ValueError
            If an argument is invalid.
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
        """Read a piece from a MIDI file, with its own tempo map and sustain pedal, without the drums of channel 10.

        Parameters
        ----------
        filename : str or path-like
        title : str, optional
            Title. The default is the name of the file.
        patch : int
            MIDI program of the instrument, 0 to 127.

        Raises
        ------
        ValueError
            If `midiread` cannot read the file, or its notes have no duration.
        FileNotFoundError
            If the file does not exist.
        """
        path = Path(filename)
        found = midiread(path, ALL_NOTES, dt=0.1, drums=False, tempo="file", pedal=True)
        notes = [note for note in found.notes if note.end > note.start]
        if not notes:
            raise ValueError(f"{path}: expected notes, found none that last")
        notes.sort(key=lambda note: (note.start, note.pitch))
        seconds = max(note.end for note in notes)
        return cls(tuple(notes), seconds, printable(path.name) if title is None else title, path.read_bytes(), patch)


def as_pieces(
    rolls: ArrayLike | list[ArrayLike], r: Range, dt: float, titles: list[str] | str | None, patch: int
) -> list[Piece]:
    """Make pieces from one roll or from a list of rolls; see `player`."""
    several = [rolls] if isinstance(rolls, np.ndarray) and rolls.ndim == 2 else list(rolls)  # type: ignore[arg-type]
    if isinstance(titles, str):
        titles = [titles]
    if titles is None:
        titles = [""] if len(several) == 1 else [f"Piece {i}" for i in range(1, len(several) + 1)]
    if len(titles) != len(several):
        raise ValueError(f"titles: expected {len(several)}, one per roll, found {len(titles)}")
    return [Piece.from_roll(roll, r, dt, title=title, patch=patch) for roll, title in zip(several, titles, strict=True)]
