"""What is done to pieces before a model sees them, and the way back for what it generates.

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
    """Pieces as a model is to have them, each list in the order of the files.

    Attributes
    ----------
    rolls : list of arrays of uint8, shape (n_steps, r[1] - r[0])
    shifts : list of int
        Semitones by which each was moved up; 0 without transposition.
    keys : list of Key or None
        The keys they were in; None where none was asked for or could be told.
    n_folded : list of int
        Notes of each one's steps that had to move by an octave beside, to stay in r.
    """

    rolls: list[np.ndarray]
    shifts: list[int]
    keys: list[Key | None]
    n_folded: list[int]


@dataclass(frozen=True)
class Preprocessing:
    """Transposition to a common tonality and steps by the beat; each can be had without the other.

    Parameters
    ----------
    tonality : None, "parallel" or "relative"
        Whether to transpose pieces: to C major and C minor, or to C major and A minor.
    key_from : {"auto", "signature", "notes"}
        Where the key of a file is taken from. "auto": its key signature, unless it has none, or C major's, which many
        programs write without being told a key; then the notes. "signature": the key signature; without one, the notes.
        "notes": the notes, as `find_key` has it, which is how Boulanger-Lewandowski et al. (2012) come nearest: see
        there. A roll has no signature.
    profiles : {"temperley", "albrecht", "krumhansl"}
        What `find_key` compares notes with.
    steps_per_quarter : int, optional
        Steps of a quarter note, whatever the tempo; without it, steps are of dt seconds. The paper has 2 (1 for the
        JSB chorales).
    tempo : float
        Quarter notes a minute in what is written; used with steps_per_quarter only.
    drums : bool
        Whether to read the notes of channel 10, whose numbers mean drums by General MIDI. The tutorial's reader does.
    tempo_from : {"tutorial", "file"}
        Where the times of notes come from: the rule of the tutorial's reader, which carries the tempo of a track into
        the next one, or the file's tempo map. It is `tempo` of `midiread`.
    pedal : bool
        Whether the sustain pedal holds notes; with ``tempo_from="file"`` only.
    keep_short : bool
        Whether notes shorter than a step are kept as one step.
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
            object.__setattr__(self, "steps_per_quarter", int(n))  # NumPy's integers are none of json's
        for name in ("drums", "pedal", "keep_short"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name}: expected True or False, found {getattr(self, name)!r}")
        check_reading(self.tempo_from, self.pedal, "tempo_from")
        if not isinstance(self.tempo, Real) or not 4 <= self.tempo <= 1000:
            raise ValueError(f"tempo: expected 4 to 1000 quarter notes a minute, found {self.tempo!r}")
        object.__setattr__(self, "tempo", float(self.tempo))

    def to_json(self) -> dict[str, Any]:
        """What `json.dumps` takes; `from_json` makes the preprocessing again.

        Returns
        -------
        dict
        """
        return asdict(self)

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """The preprocessing that `to_json` described.

        Raises
        ------
        ValueError
            If it describes none.
        """
        unknown = set(described) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"preprocessing: expected {', '.join(f.name for f in fields(cls))}, found {min(unknown)}")
        return cls(**described)

    def step_seconds(self, dt: float = 0.3) -> float:
        """Seconds of a step in what is written, to play it or to plot it.

        Parameters
        ----------
        dt : float
            Seconds a step where steps are not by the beat.
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
        """Read MIDI files and prepare them.

        Parameters
        ----------
        files, r, progress, on_outside, on_drums, on_broken, on_moved
            As for `read_midi_files`.
        dt : float
            Seconds a step where steps are not by the beat.

        Returns
        -------
        Prepared

        Raises
        ------
        ValueError
            Without `on_broken`, if a file is no readable MIDI file; the sentence begins with its path.
        """
        callbacks = {"on_drums": on_drums, "on_broken": on_broken, "on_moved": on_moved}
        done = [piece for _, piece in self.read_each(files, r, dt, progress, on_outside, **callbacks)]
        return Prepared(*(list(column) for column in zip(*done, strict=True))) if done else Prepared([], [], [], [])

    def read_each(
        self,
        files: Iterable[FilePath | ZipMember],
        r: Range = (21, 109),
        dt: float = 0.3,
        progress: bool = False,
        on_outside: OnNotes | None = None,
        **callbacks: Any,
    ) -> Iterator[tuple[MidiRoll, Transposed]]:
        """Read MIDI files and prepare them, one by one.

        Parameters
        ----------
        files, r, dt, progress, on_outside, **callbacks
            As for `read`.

        Yields
        ------
        MidiRoll
            What the file holds.
        Transposed
            The prepared piece.
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
        """The key that a file says its piece is in, if that is wanted and to be believed; see `key_from`.

        Parameters
        ----------
        read : MidiRoll

        Returns
        -------
        Key or None
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
        """Prepare a piano roll.

        Parameters
        ----------
        roll : array_like, shape (n_steps, r[1] - r[0])
        r : pair of int
            (low, high), MIDI note numbers, half open.
        dt, tempo : float, optional
            Seconds a step of the roll, and quarter notes a minute of its music: given both, the roll gets steps by the
            beat. Without them it is taken to have the right ones.
        key : Key, optional
            Its key, where that is known; without it, that of its notes.

        Returns
        -------
        Transposed
            (roll, shift, key, n_folded)
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
        """The way back from `apply`, for a roll that is to sound as the pieces did.

        Parameters
        ----------
        roll : array_like, shape (n_steps, r[1] - r[0])
        r : pair of int
            (low, high), MIDI note numbers, half open.
        shift : int
            That of the piece in whose key it shall be; notes that would leave r are moved by octaves.
        dt, tempo : float, optional
            As for `apply`: given both, steps by the beat become steps of dt seconds.

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
        """Write a roll as a MIDI file: with quarter notes of the right tempo where steps are by the beat.

        Parameters
        ----------
        filename, roll, r, patch
            As for `midiwrite`.
        dt : float
            Seconds a step where steps are not by the beat.
        shift : int
            As for `undo`.
        """
        grid, unit = self._grid(dt)
        tempo = 120 if unit == "second" else self.tempo
        midiwrite(filename, self.undo(roll, r, shift=shift), r, grid, patch, unit=unit, tempo=tempo)

    def _grid(self, dt: float) -> tuple[float, Unit]:
        return (dt, "second") if self.steps_per_quarter is None else (1 / self.steps_per_quarter, "quarter")
