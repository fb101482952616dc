"""Preprocessing of pieces before training, and its inverse for generated pieces.

preprocessing = Preprocessing(tonality="parallel", steps_per_quarter=2)
prepared = preprocessing.read(midi_files("tunes"), r=(21, 109))
model.fit(prepared.rolls)
preprocessing.write("sample.mid", model.sample(200), r=(21, 109), shift=prepared.shifts[0])  # in that tune's key
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any, BinaryIO, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.io.atomic_write import FilePath
from rnnrbm_pt.music.datasets import ZipMember, read_midi_files
from rnnrbm_pt.music.midi import MidiRoll, check_reading, midiwrite
from rnnrbm_pt.music.midi_notes import TempoFrom, Unit
from rnnrbm_pt.music.pianoroll import Range, check_roll, resample, transpose
from rnnrbm_pt.music.sources import OnBroken, OnNotes
from rnnrbm_pt.music.tonality import (
    COMMON,
    PROFILES,
    Key,
    Transposed,
    parse_key,
    to_common_tonality,
)

KEYS_FROM = ("auto", "signature", "notes")


class Prepared(NamedTuple):
    """Preprocessed pieces. Each list is in the order of the files.

    Attributes
    ----------
    rolls : list of arrays of uint8, shape (n_steps, r[1] - r[0])
    shifts : list of int
        Semitones by which each piece was moved up; 0 without transposition.
    keys : list of Key or None
        Original key of each piece; None if it was not needed or could not be determined.
    n_folded : list of int
        Number of notes of each piece that had to be moved by octaves to stay in r, counted once per step.
    """

    rolls: list[np.ndarray]
    shifts: list[int]
    keys: list[Key | None]
    n_folded: list[int]


@dataclass(frozen=True)
class Preprocessing:
    """How to read MIDI files: transposition to a common tonality, beat-aligned steps, and options of the reader.

    Parameters
    ----------
    tonality : None, "parallel" or "relative"
        Common tonality to transpose pieces to. "parallel": C major and C minor. "relative": C major and A minor. None:
        no transposition.
    key_from : {"auto", "signature", "notes"}
        Source of a piece's key. "notes": the notes, by `find_key`; this comes closest to Boulanger-Lewandowski et al.
        (2012). "signature": the file's key signature, or the notes if there is none. "auto": the same, but a signature
        of C major is ignored, since many programs write it without knowing the key. A roll has no key signature.
    profiles : {"temperley", "albrecht", "krumhansl"}
        Key profiles of `find_key`.
    steps_per_quarter : int, optional
        Steps per quarter note, at any tempo. The paper has 2 (1 for the JSB chorales). Without it, a step is dt
        seconds.
    tempo : float
        Quarter notes per minute in the files that are written. Used only with steps_per_quarter.
    drums : bool
        Whether to read the notes of channel 10, where General MIDI has drums, as the tutorial's reader does.
    tempo_from : {"tutorial", "file"}
        How to time notes: by the rules of the tutorial's reader, which carries the tempo of a track over to the next
        track, or by the file's tempo map. This is the argument `tempo` of `midiread`.
    pedal : bool
        Whether the sustain pedal holds notes. Requires ``tempo_from="file"``.
    keep_short : bool
        Whether to keep notes shorter than a step, as one step.
    """

    tonality: Literal["parallel", "relative"] | None = None
    key_from: Literal["auto", "signature", "notes"] = "auto"
    profiles: str = "temperley"
    steps_per_quarter: int | None = None
    tempo: float = 120.0
    drums: bool = True
    tempo_from: TempoFrom = "tutorial"
    pedal: bool = False
    keep_short: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("tonality", (None, *COMMON)), ("key_from", KEYS_FROM), ("profiles", tuple(PROFILES))):
            if getattr(self, name) not in allowed:
                names = ", ".join(map(str, allowed))
                raise ValueError(f"{name}: expected one of {names}, found {getattr(self, name)!r}")
        n = self.steps_per_quarter
        if n is not None and not (isinstance(n, Integral) and 1 <= n <= 240):
            raise ValueError(f"steps_per_quarter: expected an integer from 1 to 240, found {n!r}")
        if n is not None:
            object.__setattr__(self, "steps_per_quarter", int(n))  # json does not write NumPy's integers
        for name in ("drums", "pedal", "keep_short"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}: expected True or False, found {getattr(self, name)!r}")
        check_reading(self.tempo_from, self.pedal, "tempo_from")
        if not isinstance(self.tempo, Real) or not 4 <= self.tempo <= 1000:
            raise ValueError(f"tempo: expected 4 to 1000 quarter notes per minute, found {self.tempo!r}")
        object.__setattr__(self, "tempo", float(self.tempo))

    def to_json(self) -> dict[str, Any]:
        """Convert to a dict that `json.dumps` accepts and `from_json` reads.

        Returns
        -------
        dict
        """
        return asdict(self)

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """Make the preprocessing that `to_json` described.

        Raises
        ------
        ValueError
            If the description is invalid.
        """
        unknown = set(described) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"preprocessing: expected {', '.join(f.name for f in fields(cls))}, found {min(unknown)}")
        return cls(**described)

    def step_seconds(self, dt: float = 0.3) -> float:
        """Seconds per step in the files that are written, for playback and plots.

        Parameters
        ----------
        dt : float
            Seconds per step, unless steps are beat-aligned.
        """
        return dt if self.steps_per_quarter is None else 60 / self.tempo / self.steps_per_quarter

    def read(
        self,
        files: Iterable[FilePath | ZipMember],
        r: Range = (21, 109),
        dt: float = 0.3,
        progress: bool = False,
        on_outside: OnNotes | None = None,
        *,
        on_drums: OnNotes | None = None,
        on_broken: OnBroken | None = None,
        on_moved: OnNotes | None = None,
    ) -> Prepared:
        """Read and preprocess MIDI files.

        Parameters
        ----------
        files, r, progress, on_outside, on_drums, on_broken, on_moved
            As for `read_midi_files`.
        dt : float
            Seconds per step, unless steps are beat-aligned.

        Returns
        -------
        Prepared

        Raises
        ------
        ValueError
            If a file cannot be read as MIDI and there is no `on_broken`. The message begins with its path.
        """
        callbacks = {"on_drums": on_drums, "on_broken": on_broken, "on_moved": on_moved}
        pieces = [piece for _, piece in self.read_each(files, r, dt, progress, on_outside, **callbacks)]
        return Prepared(*map(list, zip(*pieces, strict=True))) if pieces else Prepared([], [], [], [])

    def read_each(
        self,
        files: Iterable[FilePath | ZipMember],
        r: Range = (21, 109),
        dt: float = 0.3,
        progress: bool = False,
        on_outside: OnNotes | None = None,
        **callbacks: Any,
    ) -> Iterator[tuple[MidiRoll, Transposed]]:
        """Read and preprocess MIDI files one by one.

        Parameters
        ----------
        files, r, dt, progress, on_outside, **callbacks
            As for `read`.

        Yields
        ------
        MidiRoll
            The content of the file.
        Transposed
            The preprocessed piece.
        """
        grid, unit = self._grid(dt)
        found = read_midi_files(
            files,
            r,
            grid,
            progress,
            on_outside,
            unit=unit,
            drums=self.drums,
            tempo=self.tempo_from,
            pedal=self.pedal,
            keep_short=self.keep_short,
            **callbacks,
        )
        for read in found:
            yield read, self.apply(read.piano_roll, r, key=self.signed_key(read))

    def signed_key(self, read: MidiRoll) -> Key | None:
        """The key in the key signature of a file.

        Parameters
        ----------
        read : MidiRoll

        Returns
        -------
        Key or None
            None if there is no key signature or `key_from` says to ignore it.
        """
        if self.tonality is None or self.key_from == "notes" or read.key_signature is None:
            return None
        key = parse_key(read.key_signature)
        return None if self.key_from == "auto" and key == Key(0, False) else key

    def apply(
        self,
        roll: ArrayLike,
        r: Range = (21, 109),
        *,
        dt: float | None = None,
        tempo: float | None = None,
        key: Key | None = None,
    ) -> Transposed:
        """Preprocess a piano-roll.

        Parameters
        ----------
        roll : array_like, shape (n_steps, r[1] - r[0])
        r : pair of int
            (low, high), half-open range of MIDI note numbers.
        dt, tempo : float, optional
            Seconds per step of the roll, and quarter notes per minute of its music. If both are given and steps are
            beat-aligned, the roll is resampled to such steps. Otherwise its steps are left as they are.
        key : Key, optional
            Key of the piece, if known. Default: the key found from the notes.

        Returns
        -------
        Transposed
            The roll, the shift, the key and the number of folded notes.
        """
        roll = check_roll(roll, r)
        if dt is not None and tempo is not None and self.steps_per_quarter is not None:
            roll = resample(roll, dt * tempo / 60, 1 / self.steps_per_quarter)
        if self.tonality is None:
            return Transposed(roll, 0, key, 0)
        return to_common_tonality(roll, r, self.tonality, key=key, profiles=self.profiles)

    def undo(
        self,
        roll: ArrayLike,
        r: Range = (21, 109),
        *,
        shift: int = 0,
        dt: float | None = None,
        tempo: float | None = None,
    ) -> np.ndarray:
        """Undo `apply`, so that a generated roll is in the key and the steps of an original piece.

        Parameters
        ----------
        roll : array_like, shape (n_steps, r[1] - r[0])
        r : pair of int
            (low, high), half-open range of MIDI note numbers.
        shift : int
            The `shift` of the piece whose key the roll should have. Notes that would leave r are moved by octaves.
        dt, tempo : float, optional
            As for `apply`. If both are given, beat-aligned steps become steps of dt seconds.

        Returns
        -------
        array of uint8, shape (n_steps, r[1] - r[0])
        """
        roll = transpose(roll, -shift, r, fold=True) if shift else check_roll(roll, r)
        if dt is not None and tempo is not None and self.steps_per_quarter is not None:
            roll = resample(roll, 1 / self.steps_per_quarter, dt * tempo / 60)
        return roll

    def write(
        self,
        filename: FilePath | BinaryIO,
        roll: ArrayLike,
        r: Range = (21, 109),
        dt: float = 0.3,
        *,
        shift: int = 0,
        patch: int = 0,
    ) -> None:
        """Write a roll as a MIDI file. If steps are beat-aligned, the file's quarter notes are those of the music.

        Parameters
        ----------
        filename, roll, r, patch
            As for `midiwrite`.
        dt : float
            Seconds per step, unless steps are beat-aligned.
        shift : int
            As for `undo`.
        """
        grid, unit = self._grid(dt)
        tempo = 120 if unit == "second" else self.tempo
        midiwrite(filename, self.undo(roll, r, shift=shift), r, grid, patch, unit=unit, tempo=tempo)

    def _grid(self, dt: float) -> tuple[float, Unit]:
        return (dt, "second") if self.steps_per_quarter is None else (1 / self.steps_per_quarter, "quarter")
