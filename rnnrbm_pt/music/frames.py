"""What the frames of a model are: notes that MIDI files hold, or real numbers. A frozen value of either kind."""

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
    """Frames of 0 and 1, one column per note.

    Attributes
    ----------
    r : (int, int)
        Range of MIDI notes, half open. The default is the 88 keys of a piano.
    dt : float
        Seconds per frame, where frames are not beat-aligned.
    preprocess : Preprocessing
        What is done to MIDI files, and undone in what is written.
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
        """Seconds per frame in what is written: dt, or by the tempo where frames are beat-aligned."""
        return self.preprocess.step_seconds(self.dt)

    def check(self, roll: ArrayLike, name: str = "roll") -> np.ndarray:
        """A roll as an array of uint8; a ValueError says what is wrong with it."""
        return check_roll(roll, self.r, name)

    def from_model(self, roll: np.ndarray) -> np.ndarray:
        """What a model has drawn, as uint8."""
        return roll.astype(np.uint8)

    def prepare(self, files: Files, progress: bool = False, on_outside: Any = None, **callbacks: Any) -> Prepared:
        """Read MIDI files as `preprocess` says.

        Parameters
        ----------
        files, progress, on_outside, **callbacks
            As for `read`.

        Returns
        -------
        Prepared
            The rolls; by how many semitones each was moved, its former key and the number of folded notes.
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
            MIDI files in the order in which they are wanted. Folders, patterns and zip files stand for the sorted MIDI
            files in them.
        progress : bool
            Whether to show a bar.
        on_outside : callable, optional
            Called as on_outside(file, n) for each file with n notes outside `r`, which are left out.
        on_drums : callable, optional
            Called as on_drums(file, n) for each file with n notes on channel 10. `preprocess` says whether they are
            read as notes.
        on_broken : callable, optional
            Called as on_broken(file, error) for each file that cannot be read, which is then skipped. Without it, such
            a file is an error.
        on_moved : callable, optional
            Called as on_moved(file, n) for each file of which n notes are at another time than its tempo map says;
            see `Preprocessing`.

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
    """Frames of finite real numbers, which are no notes.

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
        """A roll as an array of float64; a ValueError says what is wrong with it."""
        return check_real_roll(roll, self.n_visible, name)

    def from_model(self, roll: np.ndarray) -> np.ndarray:
        """What a model has drawn, as it is."""
        return roll

    def prepare(self, files: Files, *how: Any, **callbacks: Any) -> NoReturn:
        """Real numbers are not read from MIDI files: a ValueError."""
        raise ValueError(f"read: expected a model of notes, found one of {self.n_visible} real numbers per frame")

    read = prepare

    def write(self, filename: FilePath, roll: ArrayLike, *, patch: int = 0) -> NoReturn:
        """Real numbers are not written as MIDI files: a ValueError."""
        raise ValueError("generate: expected binary visible units, found Gaussian ones, which are no notes")
