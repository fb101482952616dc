"""Figures of the chapters that no block of theirs draws: each function makes one, of its own name."""

from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

STATE, VISIBLE, HIDDEN, LINE, MEMORY = "#c05a2b", "#1f4e79", "#5b8c5a", "#8895a3", "#8a6fae"
OTHER = "#555555"


def rbm_layers():
    """A small RBM: its two layers, and the connections between them."""
    figure = Figure(figsize=(7.5, 2.9), layout="constrained")
    ax = figure.add_subplot(aspect="equal")
    ax.set_xlim(-4.2, 8.4)
    ax.set_ylim(-1.3, 3.5)
    ax.axis("off")
    low, high = 0.0, 2.6
    visible, hidden = [0.0, 1.8, 3.6, 5.4], [0.9, 2.7, 4.5]
    for x in visible:
        for above in hidden:
            ax.plot([x, above], [low, high], color=LINE, linewidth=1.4, zorder=1)
    for j, x in enumerate(hidden, start=1):
        _unit(ax, x, high, HIDDEN, f"$h_{j}$")
    for i, (x, note) in enumerate(zip(visible, "CEGA", strict=True), start=1):
        _unit(ax, x, low, VISIBLE, f"$v_{i}$")
        ax.text(x, low - 0.85, note, ha="center", va="center", fontsize=11, color=VISIBLE)
    for y, text, colour in ((high, "hidden units h\nbiases bh", HIDDEN), (low, "visible units v\nbiases bv", VISIBLE)):
        ax.text(-1.0, y, text, ha="right", va="center", fontsize=11, color=colour)
    ax.text(5.6, (low + high) / 2, "weights W", ha="left", va="center", fontsize=11, color=OTHER)
    return figure


def rnnrbm_unrolled():
    """The RNN-RBM, three steps of it side by side."""
    figure, ax = _canvas(4.2)
    u_row, v_row, h_row = 0.0, 2.3, 4.3
    _state_row(ax, u_row, STATE, "u")
    for name, x, past in _steps():
        _box(ax, x, v_row, h_row)
        _rbm(ax, x, v_row, h_row, name)
        _arrow(ax, (past, u_row), (x, v_row), STATE)
        _arrow(ax, (past, u_row), (x, h_row), STATE, curve=-0.12)
        _arrow(ax, (x, v_row), (x, u_row), VISIBLE)
    x = COLUMNS["t"]
    _label(ax, (x - 1.6, u_row - 0.27), "Wuu", STATE)
    _label(ax, (x - 1.3, 1.13), "Wuv", STATE)
    _label(ax, (x - 1.75, 2.75), "Wuh", STATE)
    _label(ax, (x - 0.36, 1.0), "Wvu", VISIBLE, box=None)
    _label(ax, (x + 0.28, (v_row + h_row) / 2), "W", LINE, box=None)
    _label(ax, (x, h_row + 1.05), "the RBM of step t", OTHER)
    return figure


def _unit(ax, x, y, colour, name, size=11):
    ax.add_patch(Circle((x, y), 0.42, facecolor="white", edgecolor=colour, linewidth=1.8, zorder=3))
    ax.text(x, y, name, ha="center", va="center", fontsize=size, color=colour, zorder=4)


def _square(ax, place, name):
    """A sum that no unit stands for, such as a bias."""
    (x, y), half = place, 0.36
    ax.add_patch(
        FancyBboxPatch(
            (x - half - 0.1, y - half), 2 * half + 0.2, 2 * half, boxstyle="round,pad=0,rounding_size=0.1",
            facecolor="white", edgecolor=OTHER, linewidth=1.4, zorder=3,
        )
    )  # fmt: skip
    ax.text(x, y, name, ha="center", va="center", fontsize=10, color=OTHER, zorder=4)


def _arrow(ax, start, end, colour, curve=0.0):
    """From the rim of one circle to that of another."""
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=11, color=colour, linewidth=1.2, shrinkA=17, shrinkB=17,
            connectionstyle=f"arc3,rad={curve}", zorder=2,
        )
    )  # fmt: skip


COLUMNS = dict(zip(("t-1", "t", "t+1"), (3.0, 6.2, 9.4), strict=True))
BEFORE, WHITE = 0.2, {"facecolor": "white", "edgecolor": "none", "pad": 1}


def rtrbm_unrolled():
    """The RTRBM, three steps of it side by side."""
    figure, ax = _canvas(4.2)
    u_row, v_row, h_row = 0.0, 2.3, 4.3
    _state_row(ax, u_row, STATE, "u")
    for name, x, past in _steps():
        _box(ax, x, v_row, h_row)
        _rbm(ax, x, v_row, h_row, name)
        _arrow(ax, (past, u_row), (x, h_row), STATE, curve=-0.12)
        _arrow(ax, (x, v_row), (x, u_row), VISIBLE)
    x = COLUMNS["t"]
    _label(ax, (x - 1.6, u_row - 0.27), "Wuh", STATE)
    _label(ax, (x - 1.75, 2.75), "Wuh", STATE)
    _label(ax, (x - 0.25, 1.15), "W", VISIBLE)
    _label(ax, (x + 0.28, (v_row + h_row) / 2), "W", LINE)
    _label(ax, (x, h_row + 1.05), "the RBM of step t", OTHER)
    return figure


def lstm_rtrbm_unrolled():
    """The LSTM-RTRBM, three steps of it side by side: u and s meet in the hidden biases of the next step."""
    figure, ax = _canvas(5.4, bottom=-2.3)
    s_row, u_row, b_row, v_row, h_row = -1.6, 0.0, 1.5, 2.3, 4.3
    _arrow(ax, (BEFORE - 1.3, s_row), (BEFORE, s_row), MEMORY)
    for index, x in (("t-2", BEFORE), *COLUMNS.items()):
        _unit(ax, x, u_row, STATE, f"$u_{{{index}}}$")
        _unit(ax, x, s_row, MEMORY, f"$s_{{{index}}}$")
        _arrow(ax, (x, s_row), (x + (1.6 if index == "t+1" else 3.2 if index != "t-2" else 2.8), s_row), MEMORY)
    for name, x, past in _steps():
        at = (x - 1.65, b_row)
        _box(ax, x, v_row, h_row)
        _rbm(ax, x, v_row, h_row, name)
        _square(ax, at, f"$b_{{h,{name}}}$")
        _arrow(ax, (past, u_row), at, STATE)
        _arrow(ax, (past, s_row), at, MEMORY)
        _arrow(ax, at, (x, h_row), OTHER, curve=-0.12)
        _arrow(ax, at, (x, u_row), OTHER)
        _arrow(ax, (x, v_row), (x, u_row), VISIBLE)
        _arrow(ax, (x, v_row), (x, s_row), VISIBLE, curve=0.32)
    x = COLUMNS["t"]
    _label(ax, (x - 2.75, 1.0), "Wuh", STATE, box=None)
    _label(ax, (x - 1.95, -0.4), "Wsh", MEMORY, box=None)
    _label(ax, (x - 1.6, s_row - 0.3), "Ws, and the cells c", MEMORY)
    _label(ax, (x + 0.28, 1.15), "W", VISIBLE, box=None)
    _label(ax, (x + 0.28, (v_row + h_row) / 2), "W", LINE, box=None)
    _label(ax, (x - 0.85, -0.75), "Wv", VISIBLE, box=None)
    _label(ax, (x, h_row + 1.05), "the RBM of step t", OTHER)
    return figure


def rnn_nade_unrolled():
    """The RNN-NADE, three steps of it side by side, with three notes in each."""
    figure, ax = _canvas(5.0)
    u_row, rows = 0.0, (2.2, 3.7, 5.2)
    _state_row(ax, u_row, STATE, "u")
    for name, x, past in _steps():
        _box(ax, x, rows[0], rows[-1])
        for i, row in enumerate(rows, start=1):
            _unit(ax, x, row, VISIBLE, f"$v_{{{name}}}^{{{i}}}$", size=9)
            _arrow(ax, (past, u_row), (x, row), STATE, curve=-0.05 * (i - 1))
        _arrow(ax, (x, rows[0]), (x, rows[1]), HIDDEN)
        _arrow(ax, (x, rows[1]), (x, rows[2]), HIDDEN)
        _arrow(ax, (x, rows[0]), (x, rows[2]), HIDDEN, curve=-0.55)
        ax.annotate(
            "", (x, u_row + 0.42), (x, rows[0] - 0.78),
            arrowprops={"arrowstyle": "-|>", "color": VISIBLE, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
    x = COLUMNS["t"]
    _label(ax, (x - 1.6, u_row - 0.27), "Wuu", STATE)
    _label(ax, (x - 1.6, 1.3), "Wuv, Wuh", STATE)
    _label(ax, (x + 0.4, 0.9), "Wvu", VISIBLE)
    _label(ax, (x + 1.25, rows[1]), "W, V", HIDDEN)
    _label(ax, (x, rows[-1] + 1.05), "the NADE of step t", OTHER)
    ax.set_ylim(-0.7, 6.6)
    return figure


def _canvas(height, bottom=-0.7):
    figure = Figure(figsize=(7.5, height), layout="constrained")
    ax = figure.add_subplot(aspect="equal")
    ax.set_xlim(-1.2, 11.2)
    ax.set_ylim(bottom, 5.7)
    ax.axis("off")
    return figure, ax


def _steps():
    """Name and place of each step, and the place of the state before it."""
    return [(name, x, past) for (name, x), past in zip(COLUMNS.items(), (BEFORE, *COLUMNS.values()), strict=False)]


def _state_row(ax, row, colour, name):
    """The states of a recurrence, from that before the first step to beyond the last."""
    _arrow(ax, (BEFORE - 1.3, row), (BEFORE, row), colour)
    for index, x in (("t-2", BEFORE), *COLUMNS.items()):
        _unit(ax, x, row, colour, f"${name}_{{{index}}}$")
        _arrow(ax, (x, row), (x + (1.6 if index == "t+1" else 3.2 if index != "t-2" else 2.8), row), colour)


def _box(ax, x, low, high):
    """What happens within a step."""
    ax.add_patch(
        FancyBboxPatch(
            (x - 0.85, low - 0.75), 1.7, high - low + 1.5, boxstyle="round,pad=0.05,rounding_size=0.3",
            facecolor="#f3f5f8", edgecolor="#b8c4d0", zorder=0,
        )
    )  # fmt: skip


def _rbm(ax, x, v_row, h_row, name):
    ax.plot([x, x], [v_row, h_row], color=LINE, linewidth=3, zorder=1)
    _unit(ax, x, h_row, HIDDEN, f"$h_{{{name}}}$")
    _unit(ax, x, v_row, VISIBLE, f"$v_{{{name}}}$")


def _label(ax, place, text, colour, box=WHITE):
    ax.text(*place, text, color=colour, fontsize=10, ha="center", va="center", bbox=box, zorder=2.5)


def update_graph():
    """The groups of operations in one update by CD-1, and what goes from one group to another."""
    figure = Figure(figsize=(7.5, 4.1), layout="constrained")
    ax = figure.add_subplot(aspect="equal")
    ax.set_xlim(-0.2, 14.1)
    ax.set_ylim(-0.2, 7.6)
    ax.axis("off")
    left, right, middle, last = 0.5, 9.3, 4.9, 12.6
    high, centre, low = 6.6, 3.7, 0.8

    _group(ax, (3.3, high), "draw h", "SampleUnits", HIDDEN)
    _group(ax, (6.5, high), "draw v", "SampleUnits", VISIBLE)
    _group(ax, (last, high), "draw h again", "SampleUnits", HIDDEN)
    _group(ax, (1.9, centre), "mean of h", "Product, sigmoid,\nsoftplus", HIDDEN)
    _group(ax, (7.9, centre), "mean of h", "Product, sigmoid,\nsoftplus", HIDDEN)
    _group(ax, (middle, centre), "cost", "Mul, Sum,\nComposite", OTHER)
    _group(ax, (middle, low), "gradient and step", "Product, Sum, Composite", OTHER, width=3.6)
    _group(ax, (last, centre), "monitor", "Product, Add,\nCross_entropy", OTHER)

    chain = (left + 0.42, 2.13), (4.45, 5.33), (7.65, right - 0.42), (right + 0.42, 11.43)
    for start, end in chain:
        _straight(ax, (start, high), (end, high))
    _straight(ax, (left + 0.15, high - 0.4), (1.2, centre + 0.75))
    _straight(ax, (right - 0.15, high - 0.4), (8.6, centre + 0.75))
    _straight(ax, (3.05, centre), (3.75, centre))
    _straight(ax, (6.75, centre), (6.05, centre))
    _straight(ax, (2.4, centre - 0.75), (3.6, low + 0.72))
    _straight(ax, (7.4, centre - 0.75), (6.2, low + 0.72))
    for x, end in ((left, 3.05), (right, 6.75)):
        ax.plot([x, x], [high - 0.42, low], color=LINE, linewidth=1.2, zorder=1, solid_capstyle="butt")
        _straight(ax, (x, low), (end, low))
    _straight(ax, (last, high - 0.72), (last, centre + 0.75))
    _straight(ax, (last, low + 0.42), (last, centre - 0.75))
    _unit(ax, left, high, VISIBLE, "$v$")
    _unit(ax, right, high, VISIBLE, r"$v^{\ast}$")
    _unit(ax, last, low, VISIBLE, "$v$")
    return figure


def _group(ax, place, name, operations, colour, width=2.3):
    """Some operations of a graph: what they compute, and their names."""
    (x, y), height = place, 1.4
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.25",
            facecolor="white", edgecolor=colour, linewidth=1.8, zorder=3,
        )
    )  # fmt: skip
    lines = operations.count("\n")
    ax.text(x, y + 0.24 + 0.1 * lines, name, ha="center", va="center", fontsize=10, color=colour, zorder=4)
    ax.text(x, y - 0.28, operations, ha="center", va="center", fontsize=7, color=OTHER, linespacing=1.1, zorder=4)


def _straight(ax, start, end):
    """An arrow from point to point."""
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=11, color=LINE, linewidth=1.2, shrinkA=0, shrinkB=0, zorder=2
        )
    )
