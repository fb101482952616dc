"""The settings of generation: how each frame is drawn, how long a piece is, and how it is written."""

from dataclasses import fields, replace
from typing import Any

from rnnrbm_pt.settings import Settings, flag, one_of, real, settings, whole

STARTS = "zeros", "previous"
"""Where the Gibbs chain of a frame may start."""

N_STEPS = 200
"""Frames of a generated sequence unless another number is asked for."""

DIALS = "start", "floor", "temperature", "density"
"""Settings that change how a frame is drawn, besides k."""

OF_A_CHAIN = "k", "start"
"""Settings of models that have a Gibbs chain."""

OF_NOTES = "floor", "temperature", "density"
"""Settings of models whose frames are 0 and 1."""


@settings
class Generation(Settings):
    """How a model draws a piece. The defaults are the tutorial's."""

    k: int | None = whole("Gibbs steps for each frame, if not the model's number", default=None, least=1)
    start: str = one_of(
        "where the Gibbs chain of a frame starts: at an empty frame, or at the frame before", STARTS, default="zeros"
    )
    floor: float = real(
        "no note whose probability is below X is drawn, and every note above 1 - X is; for a model of RBMs this is the "
        "probability in the last Gibbs step",
        default=0,
        least=0,
        below=0.5,
    )
    temperature: float = real(
        "divide the energy of the RBMs by X, or the log-odds of each note of an RNN-NADE given the notes below it: "
        "above 1 is wilder, below 1 is tamer",
        default=1,
        above=0,
    )
    density: float = real(
        "added to the bias of every note, before the temperature: above 0 gives more notes, below 0 fewer", default=0
    )
    seconds: float | None = real(
        "length of the piece in seconds, instead of frames", default=None, above=0, below=10**6
    )
    tempo: float | None = real(
        "quarter notes per minute of what is written, for a model of beat-aligned frames", default=None, least=4
    )
    keep_primer: bool = flag("begin the piece with the primer", default=False)

    def dials(self, k: int | None) -> dict[str, Any]:
        """The settings that change how a frame is drawn and are not neutral.

        Parameters
        ----------
        k : int or None
            The model's own number of Gibbs steps.
        """
        neutral = {f.name: f.default for f in fields(self) if f.name in DIALS} | {"k": k}
        found = {name: getattr(self, name) for name in neutral}
        return {name: value for name, value in found.items() if value not in (None, neutral[name])}

    def check_model(self, has_chain: bool, has_notes: bool) -> None:
        """Check that a model can be drawn from like this.

        Parameters
        ----------
        has_chain : bool
            Whether its frames are drawn by a Gibbs chain.
        has_notes : bool
            Whether its frames are 0 and 1.

        Raises
        ------
        ValueError
            For the first setting that says nothing to such a model.
        """
        asked = self.dials(None)
        for name in OF_A_CHAIN if not has_chain else ():
            if name in asked:
                raise ValueError(f"{name}: expected a model with a Gibbs chain, found a NADE, which has none")
        for name in OF_NOTES if not has_notes else ():
            if name in asked:
                raise ValueError(f"{name}: expected a model of notes, found one of real numbers")


def frames_at(frames: Any, tempo: float | None) -> Any:
    """The frames of a model, written at a tempo.

    Parameters
    ----------
    frames : NoteFrames or RealFrames
    tempo : float or None
        Quarter notes per minute; None leaves the frames as they are.

    Returns
    -------
    NoteFrames or RealFrames

    Raises
    ------
    ValueError
        If the frames are not beat-aligned, or there is no such tempo.
    """
    if tempo is None:
        return frames
    if frames.preprocess.steps_per_quarter is None:
        raise ValueError(
            f"tempo: expected a model of beat-aligned frames, found frames of {frames.step_seconds:g} s, "
            "whatever the tempo"
        )
    return replace(frames, preprocess=replace(frames.preprocess, tempo=tempo))


def length(n_steps: int | None, how: Generation, frames: Any) -> int:
    """The number of frames of a piece, by `n_steps` or by `how.seconds`; `N_STEPS` without either.

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
