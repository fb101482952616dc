"""Descriptions of a model's frames: `NoteFrames` for notes from MIDI files, `RealFrames` for real numbers."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.checks import integer, number
from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.music.datasets import ZipMember, midi_files
from rnnrbm_pt.music.pianoroll import Range, check_range, check_real_roll, check_roll
from rnnrbm_pt.music.preprocessing import Prepared, Preprocessing

Files = FilePath | ZipMember | Iterable[FilePath | ZipMember]


@dataclass(frozen=True)
class NoteFrames:
    """Frames of 0 and 1 with one column per note.

    Attributes
    ----------
    r : (int, int)
        Half-open range of MIDI note numbers. The default is the 88 keys of a piano.
    dt : float
        Seconds per frame, unless frames are beat-aligned.
    preprocess : Preprocessing
        Preprocessing of the MIDI files that are read. Files that are written undo it.
    """

    r: Range = (21, 109)
    dt: float = 0.3
    preprocess: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        object.__setattr__(self, "r", check_range(self.r))
        object.__setattr__(self, "dt", number("dt", self.dt, above=0))

    @property
    def n_visible(self) -> int:
        """The width of a frame."""
        return self.r[1] - self.r[0]

    @property
    def step_seconds(self) -> float:
        """Seconds per frame in the files that are written: dt, or set by the tempo if frames are beat-aligned."""
        return self.preprocess.step_seconds(self.dt)

    def check(self, roll: ArrayLike, name: str = "roll") -> np.ndarray:
        """Return a roll as an array of uint8; raise ValueError if it is invalid."""
        return check_roll(roll, self.r, name)

    def from_model(self, roll: np.ndarray) -> np.ndarray:
        """Convert a roll that a model has drawn to uint8."""
        return roll.astype(np.uint8)

    def prepare(self, files: Files, progress: bool = False, on_outside: Any = None, **callbacks: Any) -> Prepared:
        """Read MIDI files and preprocess them.

        Parameters
        ----------
        files, progress, on_outside, **callbacks
            As for `read`.

        Returns
        -------
        Prepared
            The rolls, and for each roll its transposition in semitones, its original key and its number of folded
            notes.
        """
        if isinstance(files, (str, os.PathLike, ZipMember)):
            files = [files]
        found: list[Any] = []
        for source in files:
            found += [source] if isinstance(source, ZipMember) else midi_files(source)
        return self.preprocess.read(found, self.r, self.dt, progress, on_outside, **callbacks)

    def read(self, files: Files, progress: bool = False, on_outside: Any = None, **callbacks: Any) -> list[np.ndarray]:
        """Read MIDI files as piano-rolls.

        Parameters
        ----------
        files : path or list of paths
            MIDI files, in the order to read them. A folder, a pattern or a zip file stands for the MIDI files in it,
            sorted.
        progress : bool
            Whether to show a progress bar.
        on_outside : callable, optional
            Called as on_outside(file, n) for each file with n notes outside `r`. These notes are left out.
        on_drums : callable, optional
            Called as on_drums(file, n) for each file with n notes on channel 10. They are read as notes if
            ``preprocess.drums`` is set.
        on_broken : callable, optional
            Called as on_broken(file, error) for each unreadable file, which is then skipped. Without the callable, an
            unreadable file is an error.
        on_moved : callable, optional
            Called as on_moved(file, n) for each file with n notes whose times differ from the file's tempo map; see
            `Preprocessing`.

        Returns
        -------
        list of arrays of uint8, shape (n_steps, n_visible)
        """
        return self.prepare(files, progress, on_outside, **callbacks).rolls

    def write(self, filename: FilePath, roll: ArrayLike, *, patch: int = 0) -> None:
        """Write a roll as a MIDI file.

        Parameters
        ----------
        filename : path
        roll : array_like, shape (n_steps, n_visible)
        patch : int
            MIDI program, 0 to 127.
        """
        self.preprocess.write(filename, roll, self.r, self.dt, patch=patch)


@dataclass(frozen=True)
class RealFrames:
    """Frames of finite real numbers, which do not stand for notes.

    Attributes
    ----------
    n_visible : int
        The width of a frame.
    dt : float
        Seconds per frame.
    """

    n_visible: int
    dt: float = 0.3
    r = None
    preprocess = Preprocessing()

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_visible", integer("n_visible", self.n_visible, 1))
        object.__setattr__(self, "dt", number("dt", self.dt, above=0))

    @property
    def step_seconds(self) -> float:
        """Seconds per frame."""
        return self.dt

    def check(self, roll: ArrayLike, name: str = "roll") -> np.ndarray:
        """Return a roll as an array of float64; raise ValueError if it is invalid."""
        return check_real_roll(roll, self.n_visible, name)

    def from_model(self, roll: np.ndarray) -> np.ndarray:
        """Return a roll that a model has drawn, unchanged."""
        return roll

    def prepare(self, files: Files, *how: Any, **callbacks: Any) -> NoReturn:
        """Raise ValueError, since MIDI files hold no real numbers."""
        raise ValueError(f"read: expected a model of notes, found one of {self.n_visible} real numbers per frame")

    read = prepare

    def write(self, filename: FilePath, roll: ArrayLike, *, patch: int = 0) -> NoReturn:
        """Raise ValueError, since MIDI files hold no real numbers."""
        raise ValueError("generate: expected binary visible units, found Gaussian units, which are not notes")
