"""Plots of runs with the original's numbers, and of two runs."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnrbm_pt.io.atomic_write import FilePath, replacing
from rnnrbm_pt.music.plot import (
    C_LINE_COLOUR,
    CURVE_COLOUR,
    LOST_HEIGHT,
    REFERENCE_COLOUR,
    _dotted,
    _new_axes,
    _plain,
    _saved,
)
from rnnrbm_pt.reference.against import PARTED, Pair
from rnnrbm_pt.reference.logs import Log, LogSource, as_log
from rnnrbm_pt.reference.recorded import LATE, PUBLISHED, THEANO

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PUBLISHED_COLOUR = REFERENCE_COLOUR
RUN_COLOURS = (CURVE_COLOUR, "#3b8f5a", "#8a4fa3", "#b59410", "#4aa3c7")
BEHIND_COLOUR = "#9aa7b4"
FIGSIZE = (8, 5)


def plot_comparison(log: LogSource | Mapping[str, LogSource], ax: Axes | None = None, *, theano: Log = THEANO) -> Axes:
    """Plot the monitors of a run and of the original, with an inset for the last epochs.

    The axis of the epochs is logarithmic, since models learn most in the first epochs.

    Parameters
    ----------
    log : path, model, mapping or list, or mapping {name: log}
        The log of one run, in any form that `compare` accepts, or the logs of several runs.
    ax : matplotlib Axes, optional
        Where to draw. By default, a new pyplot figure.
    theano : mapping {epoch: monitor}
        See `compare`.

    Returns
    -------
    matplotlib Axes
        Its only child axes are the inset, which shows epochs 190 to 200. A cross at the lower edge, in the colour of
        the curve, marks an epoch that is not finite.
    """
    runs = {name: as_log(one) for name, one in _named(log).items()}
    from matplotlib.patches import Rectangle

    if ax is None:
        ax = _new_axes(figsize=FIGSIZE)
    colours = [RUN_COLOURS[i % len(RUN_COLOURS)] for i in range(len(runs))]
    # Each curve is thinner than the previous one, so equal runs remain visible.
    widths = np.linspace(3.4, 1.4, len(runs)) if len(runs) > 1 else [1.8]
    inset = ax.inset_axes((0.56, 0.12, 0.43, 0.42))
    # Hide the grid behind the labels of the inset.
    ax.add_patch(Rectangle((0.47, 0.06), 0.53, 0.54, color=ax.get_facecolor(), transform=ax.transAxes, zorder=1))
    ax.set_xscale("log")
    for axes in (ax, inset):
        for (name, run), colour, width in zip(runs.items(), colours, widths, strict=True):
            label = f"{name} ({len(run)} epoch{'s' * (len(run) != 1)})"
            _curve(axes, run, colour, label, linewidth=width, zorder=3, marker=".")
        rings = {"marker": "o", "markersize": 8, "markerfacecolor": "none", "linewidth": 0.8, "zorder": 4}
        _curve(axes, theano, "black", f"Theano 1.0.5, recorded ({_span(theano)})", **rings)
        diamonds = {"marker": "D", "markersize": 3.5, "linestyle": ":", "linewidth": 1, "zorder": 5}
        _curve(axes, PUBLISHED, PUBLISHED_COLOUR, "published log (epochs 1 to 10 and 190 to 200)", **diamonds)
        axes.grid(axis="y", color=C_LINE_COLOUR, linewidth=0.6)
        axes.set_axisbelow(True)
        _plain(axes)
    # The crosses have the colours of their curves, so the legend needs an extra entry.
    ax.plot([], [], "x", color="grey", label="not finite, at the lower edge")

    last = max(LATE[-1], *(max(run) for run in runs.values()))
    ticks = [epoch for epoch in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if epoch <= last]
    ax.set_xticks(ticks, [str(epoch) for epoch in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(0.9, last * 1.1)
    ax.set_xlabel("epoch (logarithmic)")
    ax.set_ylabel("log pseudo-likelihood per frame (nats)")
    ax.legend(frameon=False, loc="upper left", fontsize="small")
    _show_late(inset, [*runs.values(), theano, PUBLISHED])
    return ax


def save_comparison(path: FilePath, log: LogSource | Mapping[str, LogSource], **options: Any) -> None:
    """Save the plot of `plot_comparison` to a file.

    Parameters
    ----------
    path : str or path-like
        The suffix determines the format: .png, .svg or .pdf.
    log, **options
        See `plot_comparison`.

    Raises
    ------
    ValueError
        If the suffix is unknown, or a log is invalid.
    OSError
        If the file cannot be written.
    """
    with _saved(path, figsize=FIGSIZE) as ax:
        plot_comparison(log, ax, **options)


def draw_pair(figure: Figure, pair: Pair) -> None:
    """Plot two runs and their difference: per update if the pair compares updates, else per epoch.

    Parameters
    ----------
    figure : matplotlib Figure
    pair : Pair
    """
    above, below = figure.subplots(2, sharex=True)
    if pair.with_updates:
        epochs = np.concatenate(
            [epoch - 1 + np.arange(1, len(d) + 1) / len(d) for epoch, d in pair.differences.items()]
        )
        difference = np.concatenate(list(pair.differences.values()))
        mine, theirs = (
            np.concatenate([one.updates[epoch][: len(d)] for epoch, d in pair.differences.items()])
            for one in (pair.run, pair.against)
        )
        style: dict[str, Any]
        style, what = {"linewidth": 1}, "per update"
    else:
        epochs = np.array([row.epoch for row in pair.rows], float)
        difference = np.array([np.inf if row.difference is None else row.difference for row in pair.rows])
        mine, theirs = (np.array([one.log[row.epoch] for row in pair.rows]) for one in (pair.run, pair.against))
        style, what = {"linewidth": 1.6, "marker": "."}, "mean of an epoch"
    wide = {**style, "linewidth": 4 * style["linewidth"], "color": BEHIND_COLOUR}  # visible behind an equal run
    above.plot(epochs, np.where(np.isfinite(theirs), theirs, np.nan), label=pair.against.name, **wide)
    above.plot(epochs, np.where(np.isfinite(mine), mine, np.nan), color=CURVE_COLOUR, label=pair.run.name, **style)
    above.set_ylabel(f"monitor, {what} (nats)")
    above.legend(frameon=False, loc="lower right", fontsize="small")
    size = np.abs(difference)
    limit = PARTED[pair.floatX] * np.maximum(1, np.abs(theirs))
    apart = np.isfinite(size) & (size > 0)
    below.semilogy(epochs[apart], size[apart], ".", markersize=3, color=CURVE_COLOUR)
    below.plot(epochs, limit, color=PUBLISHED_COLOUR, linewidth=1, linestyle="--")
    below.set_ylim(np.min(size[apart], initial=1e-17), 3 * np.max(size[apart], initial=1.0))
    n_equal = int((size == 0).sum())
    below.set_title(
        f"{n_equal:,} of {len(size):,} are equal in every bit; dashed: more than rounding", fontsize="small"
    )
    below.set_ylabel("|difference| (nats)")
    below.set_xlabel("epoch")
    for ax in (above, below):
        ax.grid(axis="y", color=C_LINE_COLOUR, linewidth=0.6)
        ax.set_axisbelow(True)
        _plain(ax)


def save_pair(path: FilePath, pair: Pair) -> None:
    """Save the plot of `draw_pair` to a file.

    Parameters
    ----------
    path : str or path-like
        The suffix determines the format: .png, .svg or .pdf.
    pair : Pair

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with replacing(path) as temporary:
        _figure(lambda figure: draw_pair(figure, pair)).savefig(temporary, dpi=150)


def png(draw: Callable[[Figure], object]) -> bytes:
    """Render a plot as a PNG file.

    Parameters
    ----------
    draw : callable
        Function that draws on the matplotlib Figure that it is given.

    Returns
    -------
    bytes
        Content of the file.
    """
    content = io.BytesIO()
    _figure(draw).savefig(content, format="png", dpi=110)
    return content.getvalue()


def _figure(draw: Callable[[Figure], object]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=FIGSIZE, layout="constrained")
    draw(figure)
    return figure


def _curve(ax: Axes, log: Log, colour: str, label: str, **style: Any) -> None:
    """Plot the finite epochs as a curve with gaps at missing epochs, and each other epoch as a cross."""
    epochs = np.array(sorted(log), dtype=float)
    values = np.array([log[int(epoch)] for epoch in epochs])
    lost = epochs[~np.isfinite(values)]
    breaks = np.flatnonzero(np.diff(epochs) > 1) + 1
    values = np.insert(np.where(np.isfinite(values), values, np.nan), breaks, np.nan)
    ax.plot(np.insert(epochs, breaks, np.nan), values, color=colour, label=label, markevery=_dotted(values), **style)
    if len(lost):
        # The height is a fraction of the axes, so the crosses stay at the bottom for any range of the curves.
        heights = np.full(len(lost), LOST_HEIGHT)
        ax.plot(lost, heights, "x", color=colour, transform=ax.get_xaxis_transform(), zorder=6)


def _show_late(inset: Axes, logs: Sequence[Log]) -> None:
    """Set the limits of the inset to the last epochs of the published log."""
    shown = [log[epoch] for log in logs for epoch in LATE if math.isfinite(log.get(epoch, math.nan))]
    margin = 0.2 * (max(shown) - min(shown))
    inset.set_ylim(min(shown) - margin, max(shown) + margin)
    inset.set_xlim(LATE[0] - 0.5, LATE[-1] + 0.5)
    inset.set_xticks([190, 195, 200])
    inset.tick_params(labelsize="small")
    inset.set_title(f"epochs {LATE[0]} to {LATE[-1]}", fontsize="small")


def _named(log: Any) -> Mapping[str, LogSource]:
    """{name: log} of several runs. The name of a single run is "yours"."""
    several = isinstance(log, Mapping) and bool(log) and all(isinstance(name, str) for name in log)
    return log if several else {"yours": log}


def _span(log: Log) -> str:
    return f"epochs {min(log)} to {max(log)}" if len(log) > 1 else f"epoch {min(log)}"
