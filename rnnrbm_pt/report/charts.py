"""Line charts and bar charts for a page. Lines and areas are stretched SVG; the text is HTML and is not stretched."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

from rnnrbm_pt.report.widget import along

MOST_EPOCHS = 8  # maximum number of labels under a curve
STEPS = 1, 2, 2.5, 5, 10
HEIGHT = 1000
"""Height and width of a chart, in SVG units."""


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return evenly spaced round numbers between low and high."""
    span = max(high - low, 1e-9)
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * step for step in (*STEPS, 20, 50) if span / (power * step) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def curve_chart(curves: Mapping[str, Sequence[tuple[int, float]]], unit: str) -> str:
    """Plot curves over the epochs.

    Parameters
    ----------
    curves : dict {str: list of (epoch, value)}
        At most two curves by name. Values that are not finite leave gaps.
    unit : str
        Unit of the values, for the caption.

    Returns
    -------
    str
        HTML. If there is nothing to plot, a sentence.
    """
    points = [point for curve in curves.values() for point in curve]
    values = [value for _, value in points if math.isfinite(value)]
    if not values:
        return '<p class="rp-remark">No epoch has a finite value.</p>'
    first, last = min(epoch for epoch, _ in points), max(epoch for epoch, _ in points)
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.5
    low, high = low - margin, high + margin

    def x(epoch: int) -> float:
        return (epoch - first) / (last - first) if last > first else 0.5

    def y(value: float) -> float:
        return (high - value) / (high - low)

    heights, drawn, legend = round_ticks(low, high), [], []
    grid = "".join(f"M0 {HEIGHT * y(tick):.0f}h{HEIGHT}" for tick in heights)
    for i, (name, curve) in enumerate(curves.items()):
        legend.append(f'<span class="key key-{i}">{name}</span>')
        for finite, run in groupby(curve, key=lambda point: math.isfinite(point[1])):
            if finite:
                line = "L".join(f"{HEIGHT * x(epoch):.1f} {HEIGHT * y(value):.1f}" for epoch, value in run)
                drawn.append(f'<path class="line line-{i}" d="M{line}{"" if "L" in line else "h0"}"/>')
    at = [tick for tick in round_ticks(first, last, MOST_EPOCHS) if tick == int(tick)] if last > first else [first]
    names = "".join(along(f"{tick:.0f}", x(int(tick))) for tick in at)
    return (
        f'<figure class="chart"><figcaption>{unit} {"".join(legend)}</figcaption>'
        f"{_frame([(f'{tick:g}', y(tick)) for tick in heights], grid, ''.join(drawn))}"
        f'<div class="under"><div class="rp-times">{names}</div></div><div class="middle">epoch</div></figure>'
    )


def bar_chart(names: Sequence[str], pairs: Mapping[str, Sequence[float] | None], title: str) -> str:
    """Plot one or two histograms as grouped bars.

    Parameters
    ----------
    names : list of str
        Labels of the groups, one or two letters each.
    pairs : dict {str: list of float}
        At most two histograms by name: the share of each group. None is left out.
    title : str

    Returns
    -------
    str
        HTML.
    """
    given = {name: shares for name, shares in pairs.items() if shares is not None}
    high = 1.08 * max([share for shares in given.values() for share in shares] + [0.01])
    ticks = round_ticks(0, high, 4)
    grid = "".join(f"M0 {HEIGHT * (1 - tick / high):.0f}h{HEIGHT}" for tick in ticks)
    group = HEIGHT / len(names)
    width = 0.76 * group / len(given)
    drawn = []
    for i, shares in enumerate(given.values()):
        bars = "".join(
            f"M{group * j + 0.12 * group + width * i:.1f} {HEIGHT}v-{HEIGHT * share / high:.1f}h{width:.1f}V{HEIGHT}z"
            for j, share in enumerate(shares)
        )
        drawn.append(f'<path class="bar bar-{i}" d="{bars}"/>')
    legend = "".join(f'<span class="key key-{i}">{name}</span>' for i, name in enumerate(given))
    cells = "".join(f"<span>{name}</span>" for name in names)
    return (
        f'<figure class="chart"><figcaption>{title} {legend}</figcaption>'
        f"{_frame([(f'{100 * tick:g} %', 1 - tick / high) for tick in ticks], grid, ''.join(drawn))}"
        f'<div class="under"><div class="groups">{cells}</div></div></figure>'
    )


def _frame(heights: Sequence[tuple[str, float]], grid: str, drawn: str) -> str:
    """Return the area of a chart with labels on the left: pairs of text and height, from 0 at the top to 1."""
    labels = "".join(f'<span style="top:{100 * at:.2f}%">{text}</span>' for text, at in heights)
    return (
        f'<div class="area"><div class="rp-keys">{labels}</div><svg viewBox="0 0 {HEIGHT} {HEIGHT}" '
        f'preserveAspectRatio="none" aria-hidden="true"><path class="grid" d="{grid}"/>{drawn}</svg></div>'
    )
