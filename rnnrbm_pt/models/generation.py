"""Settings of generation: how each frame is drawn, how long a piece is, and at which tempo it is written."""

from dataclasses import fields, replace
from typing import Any

from rnnrbm_pt.settings import Settings, flag, one_of, real, settings, whole

STARTS = "zeros", "previous"
"""Possible starts of the Gibbs chain of a frame."""

N_STEPS = 200
"""Default number of frames of a generated sequence."""

DIALS = "start", "floor", "temperature", "density"
"""Settings, besides k, that change how a frame is drawn."""

OF_A_CHAIN = "k", "start"
"""Settings that only apply to models with a Gibbs chain."""

OF_NOTES = "floor", "temperature", "density"
"""Settings that only apply to models of 0/1 frames."""


@settings
class Generation(Settings):
    """Settings of how a model draws a piece. The defaults are the tutorial's."""

    k: int | None = whole("Gibbs steps per frame; the default is the model's number", default=None, least=1)
    start: str = one_of(
        "start of the Gibbs chain of each frame: an empty frame, or the previous frame", STARTS, default="zeros"
    )
    floor: float = real(
        "probability below which a note is never drawn; a note above one minus this value is always drawn. In a model "
        "of RBMs it is the probability in the last Gibbs step",
        default=0,
        least=0,
        below=0.5,
    )
    temperature: float = real(
        "divisor of the energy of the RBMs, or of each log-odds of an RNN-NADE: values above 1 make the music wilder, "
        "values below 1 tamer",
        default=1,
        above=0,
    )
    density: float = real(
        "amount added to the bias of every note, before the temperature: values above 0 give more notes, values below "
        "0 fewer",
        default=0,
    )
    seconds: float | None = real(
        "length of the piece in seconds, instead of in frames", default=None, above=0, below=10**6
    )
    tempo: float | None = real(
        "tempo of the written file in quarter notes per minute, for a model of beat-aligned frames",
        default=None,
        least=4,
    )
    keep_primer: bool = flag("begin the piece with the primer", default=False)

    def dials(self, k: int | None) -> dict[str, Any]:
        """Return the settings that change how a frame is drawn and differ from the neutral value.

        Parameters
        ----------
        k : int or None
            The model's own number of Gibbs steps.

        Returns
        -------
        dict {str: object}
        """
        neutral = {f.name: f.default for f in fields(self) if f.name in DIALS} | {"k": k}
        found = {name: getattr(self, name) for name in neutral}
        return {name: value for name, value in found.items() if value not in (None, neutral[name])}

    def check_model(self, has_chain: bool, has_notes: bool) -> None:
        """Check that the settings apply to a kind of model.

        Parameters
        ----------
        has_chain : bool
            Whether the model draws frames by a Gibbs chain.
        has_notes : bool
            Whether the frames hold 0 and 1.

        Raises
        ------
        ValueError
            For the first setting that does not apply to such a model.
        """
        asked = self.dials(None)
        for name in OF_A_CHAIN if not has_chain else ():
            if name in asked:
                raise ValueError(f"{name}: expected a model with a Gibbs chain, found a NADE")
        for name in OF_NOTES if not has_notes else ():
            if name in asked:
                raise ValueError(f"{name}: expected a model of notes, found one of real numbers")


def frames_at(frames: Any, tempo: float | None) -> Any:
    """The frames of a model, to be written at a tempo.

    Parameters
    ----------
    frames : NoteFrames or RealFrames
    tempo : float or None
        Quarter notes per minute. With None, the frames stay as they are.

    Returns
    -------
    NoteFrames or RealFrames

    Raises
    ------
    ValueError
        If the frames are not beat-aligned, or the tempo is invalid.
    """
    if tempo is None:
        return frames
    if frames.preprocess.steps_per_quarter is None:
        raise ValueError(
            f"tempo: expected a model of beat-aligned frames, found frames of a fixed {frames.step_seconds:g} s"
        )
    return replace(frames, preprocess=replace(frames.preprocess, tempo=tempo))


def length(n_steps: int | None, how: Generation, frames: Any) -> int:
    """Number of frames of a piece: `n_steps`, or `how.seconds` converted, or `N_STEPS` if neither is given.

    Raises
    ------
    ValueError
        If both are given.
    """
    seconds, step = how.seconds, frames_at(frames, how.tempo).step_seconds
    if seconds is None:
        return N_STEPS if n_steps is None else n_steps
    if n_steps is not None:
        raise ValueError(f"seconds: expected either seconds or a number of frames, found {seconds:g} and {n_steps}")
    return max(1, round(seconds / step))
