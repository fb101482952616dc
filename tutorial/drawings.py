"""Figures of the chapters that no block of theirs draws: each function makes one, of its own name."""

from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

STATE, VISIBLE, HIDDEN, LINE = "#c05a2b", "#1f4e79", "#5b8c5a", "#8895a3"


def rnnrbm_unrolled():
    """The RNN-RBM, three steps of it side by side."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    ax = figure.add_subplot(aspect="equal")
    columns = (3.0, 6.2, 9.4)
    names = "t-1", "t", "t+1"
    u_row, v_row, h_row = 0.0, 2.3, 4.3
    before = 0.2
    _unit(ax, before, u_row, STATE, "$u_{t-2}$")
    _arrow(ax, (before - 1.3, u_row), (before, u_row), STATE)
    for x, name, past in zip(columns, names, (before, *columns), strict=False):
        box = FancyBboxPatch(
            (x - 0.85, v_row - 0.75), 1.7, h_row - v_row + 1.5, boxstyle="round,pad=0.05,rounding_size=0.3",
            facecolor="#f3f5f8", edgecolor="#b8c4d0", zorder=0,
        )  # fmt: skip
        ax.add_patch(box)
        ax.plot([x, x], [v_row, h_row], color=LINE, linewidth=3, zorder=1)
        _unit(ax, x, h_row, HIDDEN, f"$h_{{{name}}}$")
        _unit(ax, x, v_row, VISIBLE, f"$v_{{{name}}}$")
        _unit(ax, x, u_row, STATE, f"$u_{{{name}}}$")
        _arrow(ax, (past, u_row), (x, u_row), STATE)
        _arrow(ax, (past, u_row), (x, v_row), STATE)
        _arrow(ax, (past, u_row), (x, h_row), STATE, curve=-0.12)
        _arrow(ax, (x, v_row), (x, u_row), VISIBLE)
    last = columns[-1]
    _arrow(ax, (last, u_row), (last + 1.6, u_row), STATE)
    middle = columns[1]
    label = {"fontsize": 10, "ha": "center", "va": "center"}
    white = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    ax.text((columns[0] + middle) / 2, u_row - 0.27, "Wuu", color=STATE, **label)
    ax.text((columns[0] + middle) / 2 + 0.3, 1.13, "Wuv", color=STATE, bbox=white, **label)
    ax.text((columns[0] + middle) / 2 - 0.15, 2.75, "Wuh", color=STATE, bbox=white, **label)
    ax.text(middle - 0.36, 1.45, "Wvu", color=VISIBLE, **label)
    ax.text(middle + 0.28, (v_row + h_row) / 2, "W", color=LINE, **label)
    ax.text(middle, h_row + 1.05, "the RBM of step t", color="#555555", **label)
    ax.set_xlim(-1.2, 11.2)
    ax.set_ylim(-0.7, 5.7)
    ax.axis("off")
    return figure


def _unit(ax, x, y, colour, name):
    ax.add_patch(Circle((x, y), 0.42, facecolor="white", edgecolor=colour, linewidth=1.8, zorder=3))
    ax.text(x, y, name, ha="center", va="center", fontsize=11, color=colour, zorder=4)


def _arrow(ax, start, end, colour, curve=0.0):
    """From the rim of one circle to that of another."""
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=11, color=colour, linewidth=1.2, shrinkA=17, shrinkB=17,
            connectionstyle=f"arc3,rad={curve}", zorder=2,
        )
    )  # fmt: skip
