"""Pictures of piano-rolls and training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rnnrbm_pt.io.atomic_write import FilePath, replacing
from rnnrbm_pt.music.pianoroll import Range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOTE_COLOUR = "#1f4e79"
C_LINE_COLOUR = "#b8c4d0"
BLACK_KEY_COLOUR = "#f3f5f8"
CURVE_COLOUR = "#1f4e79"
REFERENCE_COLOUR = "#c05a2b"
GAP_COLOUR = "#b03030"

NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
BLACK_KEYS = (1, 3, 6, 8, 10)
MARGIN = 3  # semitones of free space above and below a cropped roll
MAX_LABELLED_SEMITONES = 30  # in taller plots only the Cs are labelled
MAX_DOTS = 40  # epochs; dots would hide a longer curve
LOST_HEIGHT = 0.03  # height of the marks for values that are not finite, as a fraction of the axes
SUFFIXES = (".png", ".svg", ".pdf")

Log = Sequence[float] | Mapping[int, float]


def note_name(note: int) -> str:
    """Name of a MIDI note number, with sharps: 60 is C4, 61 is C♯4."""
    return f"{NAMES[note % 12]}{note // 12 - 1}"


def plot_piano_roll(
    piano_roll: ArrayLike,
    r: Range = (21, 109),
    dt: float = 0.3,
    ax: Axes | None = None,
    *,
    crop: bool = False,
    note_names: bool = False,
    title: str | None = None,
) -> Axes:
    """Plot a piano-roll with time on the x axis and notes on the y axis.

    Each 1 at step t is a cell from t * dt to (t + 1) * dt seconds, from half a semitone below the note to half a
    semitone above it. Lines mark the Cs, and the rows of the black keys are shaded.

    Parameters
    ----------
    piano_roll : array_like, shape (n_steps, r[1] - r[0])
        0 and 1, or probabilities, which are drawn paler.
    r : (int, int)
        Half-open range of MIDI note numbers.
    dt : float
        Seconds per step.
    ax : matplotlib Axes, optional
        Where to draw. Default: a new pyplot figure.
    crop : bool
        Whether to show only the notes that occur, with a margin of 3 semitones, instead of all of `r`.
    note_names : bool
        Whether to label notes by name (C4) instead of number (60).
    title : str, optional
        Default: "generated piano-roll", as in the tutorial.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the shape of the roll does not match `r`, the roll has no steps or has values outside 0 to 1, or dt is not
        positive.
    """
    roll, low, high = _checked(piano_roll, r, dt)
    if ax is None:
        ax = _new_axes(figsize=(9, 4.2))
    bottom, top = _shown(roll, low, high) if crop else (low, high)
    duration = len(roll) * dt

    for note in range(bottom, top):
        if note % 12 in BLACK_KEYS:
            ax.axhspan(note - 0.5, note + 0.5, color=BLACK_KEY_COLOUR, linewidth=0, zorder=0)
        elif note % 12 == 0:
            ax.axhline(note - 0.5, color=C_LINE_COLOUR, linewidth=0.8, zorder=1)

    ax.imshow(
        _coloured(roll),
        origin="lower",
        aspect="auto",
        interpolation="none",  # cells keep sharp edges
        extent=(0, duration, low - 0.5, high - 0.5),
        zorder=2,
    )
    ax.set_xlim(0, duration)
    ax.set_ylim(bottom - 0.5, top - 0.5)
    ax.set_yticks(_ticks(bottom, top, note_names))
    if note_names:
        ax.set_yticks(ax.get_yticks(), [note_name(int(note)) for note in ax.get_yticks()])
    ax.set_xlabel("time (s)")
    ax.set_ylabel("note" if note_names else "MIDI note number")
    ax.set_title("generated piano-roll" if title is None else title)
    _plain(ax)
    return ax


def plot_training_curve(
    log: Log,
    ax: Axes | None = None,
    *,
    reference: Log | None = None,
    label: str = "training",
    reference_label: str = "reference",
) -> Axes:
    """Plot the mean monitor of each epoch.

    Parameters
    ----------
    log : sequence of float, or mapping of int to float
        Mean log pseudo-likelihood per frame, in nats: the values of epochs 1, 2, ..., or a dict {epoch: value}. A value
        that is not finite leaves a gap in the curve, with a mark near the lower edge.
    ax : matplotlib Axes, optional
        Where to draw. Default: a new pyplot figure.
    reference : like `log`, optional
        Another run to compare with, drawn as a dashed line.
    label, reference_label : str
        Names of the curves, shown if there is a reference.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If `log` or `reference` has no epochs.
    """
    style: dict[str, Any] = {"color": CURVE_COLOUR, "label": label, "zorder": 3}
    curves = [(*_epochs(log, "log"), style)]
    if reference is not None:
        style = {"color": REFERENCE_COLOUR, "linestyle": "--", "label": reference_label, "zorder": 2}
        curves.append((*_epochs(reference, "reference"), style))
    if ax is None:
        ax = _new_axes(figsize=(7, 4.2))

    for at, height, style in curves:
        drawn = np.where(np.isfinite(height), height, np.nan)
        ax.plot(at, drawn, linewidth=1.6, marker="o", markersize=4, markevery=_dotted(drawn), **style)
    non_finite = np.unique(np.concatenate([at[~np.isfinite(height)] for at, height, _ in curves]))
    if len(non_finite):
        # The height is a fraction of the axes, so the marks stay near the lower edge whatever the values.
        ax.plot(
            non_finite,
            np.full(len(non_finite), LOST_HEIGHT),
            "x",
            color=GAP_COLOUR,
            transform=ax.get_xaxis_transform(),
            zorder=4,
            label="not finite",
        )
    if not any(np.isfinite(height).any() for _, height, _ in curves):
        ax.set_yticks([])  # without values the y axis has no scale
    _whole_numbers(ax, np.concatenate([at for at, _, _ in curves]))
    ax.set_xlabel("epoch")
    ax.set_ylabel("log pseudo-likelihood per frame (nats)")
    ax.grid(axis="y", color=C_LINE_COLOUR, linewidth=0.6)
    ax.set_axisbelow(True)
    if reference is not None or len(non_finite):
        ax.legend(frameon=False, loc="best")
    _plain(ax)
    return ax


def save_piano_roll(
    path: FilePath, piano_roll: ArrayLike, r: Range = (21, 109), dt: float = 0.3, **options: Any
) -> None:
    """Save a picture of a piano-roll as PNG, SVG or PDF, depending on the suffix of `path`.

    Parameters
    ----------
    path : str or path-like
    piano_roll, r, dt, **options
        As for `plot_piano_roll`.

    Raises
    ------
    ValueError
        If the suffix is another one, and in the cases of `plot_piano_roll`.
    OSError
        If the file cannot be written.
    """
    with _saved(path, _size(piano_roll, dt)) as ax:
        plot_piano_roll(piano_roll, r, dt, ax, **options)


def piano_roll_png(
    piano_roll: ArrayLike, r: Range = (21, 109), dt: float = 0.3, **options: Any
) -> tuple[bytes, int, int]:
    """Draw a piano-roll as a PNG image.

    Parameters
    ----------
    piano_roll, r, dt, **options
        As for `plot_piano_roll`.

    Returns
    -------
    png : bytes
    width, height : int
        In pixels.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_size(piano_roll, dt), layout="constrained")
    plot_piano_roll(piano_roll, r, dt, figure.add_subplot(), **options)
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue(), *figure.canvas.get_width_height()


def save_training_curve(path: FilePath, log: Log, **options: Any) -> None:
    """Save a picture of a training curve as PNG, SVG or PDF, depending on the suffix of `path`.

    Parameters
    ----------
    path : str or path-like
    log, **options
        As for `plot_training_curve`.

    Raises
    ------
    ValueError
        If the suffix is another one, and in the cases of `plot_training_curve`.
    OSError
        If the file cannot be written.
    """
    with _saved(path, figsize=(7, 4.2)) as ax:
        plot_training_curve(log, ax, **options)


def _size(piano_roll, dt):
    """Width and height of a picture of a roll, in inches."""
    seconds = len(np.asarray(piano_roll)) * dt
    return min(max(9, seconds / 8), 18), 4.2


def _new_axes(figsize):
    # Imported here, since pyplot chooses a window system, which is not needed to save a picture.
    from matplotlib import pyplot

    return pyplot.subplots(figsize=figsize, layout="constrained")[1]


@contextmanager
def _saved(path, figsize):
    from matplotlib.figure import Figure

    # Checked first, because matplotlib adds a suffix to a name without one and so writes another file.
    if Path(path).suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: expected a file name that ends in {', '.join(SUFFIXES)}")
    figure = Figure(figsize=figsize, layout="constrained")
    yield figure.add_subplot()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)


def _checked(piano_roll, r, dt):
    roll = np.asarray(piano_roll, dtype=float)
    low, high = r
    if not low < high:
        raise ValueError(f"r={r}: expected (low, high) with low < high")
    if roll.ndim != 2 or roll.shape[1] != high - low or not len(roll):
        raise ValueError(f"piano-roll: expected shape (n_steps, {high - low}) for r={r}, found {roll.shape}")
    if not (roll.min() >= 0 and roll.max() <= 1):
        raise ValueError(f"piano-roll: expected values from 0 to 1, found {roll.min()} to {roll.max()}")
    if not 0 < dt < np.inf:
        raise ValueError(f"dt: expected a number of seconds above 0, found {dt}")
    return roll, low, high


def _shown(roll, low, high):
    used = np.flatnonzero(roll.any(axis=0))
    if not len(used):
        return low, high
    return max(low, low + int(used[0]) - MARGIN), min(high, low + int(used[-1]) + 1 + MARGIN)


def _coloured(roll):
    """The transposed roll as an RGBA image. The opacity is the probability of the note."""
    from matplotlib.colors import to_rgba

    image = np.empty((*roll.T.shape, 4))
    image[:] = to_rgba(NOTE_COLOUR)
    image[..., 3] = roll.T
    return image


def _ticks(bottom, top, note_names):
    notes = range(bottom, top)
    if top - bottom <= MAX_LABELLED_SEMITONES and note_names:
        return [note for note in notes if note % 12 not in BLACK_KEYS]
    cs = [note for note in notes if note % 12 == 0]
    return cs if len(cs) > 1 else list(notes[:: max(1, (top - bottom) // 6)])


def _dotted(values):
    """Indices of the values with dots: all values of a short curve, else values between two gaps, without a line."""
    if len(values) <= MAX_DOTS:
        return list(range(len(values)))
    around = np.isnan(np.pad(values, 1, constant_values=np.nan))
    return np.flatnonzero(~around[1:-1] & around[:-2] & around[2:]).tolist()


def _whole_numbers(ax, epochs):
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    margin = max(0.5, 0.03 * np.ptp(epochs))
    ax.set_xlim(epochs.min() - margin, epochs.max() + margin)


def _epochs(log, what):
    pairs = sorted(log.items()) if isinstance(log, Mapping) else list(enumerate(log, start=1))
    if not pairs:
        raise ValueError(f"{what}: expected the values of at least one epoch, found none")
    epochs, values = zip(*pairs, strict=True)
    return np.array(epochs, dtype=float), np.array(values, dtype=float)


def _plain(ax):
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(length=3)
