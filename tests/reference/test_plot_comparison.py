"""Plots of runs with the numbers of the original."""

import math

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from rnnrbm_pt.reference import PUBLISHED, THEANO, plot_comparison, save_comparison

INF = math.inf
LOG = {1: THEANO[1] + 0.5, 2: THEANO[2] - 0.25, 9: PUBLISHED[9], 50: -6.0, 190: -4.5, 195: -INF, 198: -4.75}


@pytest.fixture
def ax():
    return Figure().add_subplot()


def drawn(ax, label):
    """{epoch: value} of the curve whose label starts with the given text, without its gaps."""
    (line,) = [line for line in ax.lines if line.get_label().startswith(label)]
    epochs, values = line.get_data()
    return dict(zip(epochs[np.isfinite(values)].astype(int).tolist(), values[np.isfinite(values)], strict=True))


def finite(log):
    return {epoch: value for epoch, value in log.items() if math.isfinite(value)}


def test_curves(ax):
    assert plot_comparison(LOG, ax) is ax
    (inset,) = ax.child_axes
    for axes in (ax, inset):
        assert drawn(axes, "yours (7 epochs)") == finite(LOG)
        assert drawn(axes, "Theano 1.0.5, recorded (epochs 1 to 8)") == THEANO
        assert drawn(axes, "published log (epochs 1 to 10 and 190 to 200)") == finite(PUBLISHED)
        crosses = [
            line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "x" and len(line.get_xdata())
        ]
        assert crosses == [[195], [198]]
    assert inset.get_xlim() == (189.5, 200.5)
    assert inset.get_ylim()[0] < -4.7556 and inset.get_ylim()[1] > -4.5
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[0] == "yours (7 epochs)" and len(labels) == 4
    assert pyplot.get_fignums() == []


def test_the_published_curve_does_not_cross_what_it_leaves_out(ax):
    plot_comparison([-15.0], ax)
    (line,) = [line for line in ax.lines if line.get_label().startswith("published")]
    epochs = line.get_xdata().tolist()
    assert math.isnan(epochs[epochs.index(10) + 1]) and epochs[epochs.index(10) + 2] == 190
    assert drawn(ax, "yours (1 epoch)") == {1: -15.0}


def test_several_runs_in_a_picture(ax):
    plot_comparison({"float64": THEANO, "float32": [-15.0, -INF, -10.0]}, ax)
    assert drawn(ax, "float64 (8 epochs)") == THEANO
    assert drawn(ax, "float32 (3 epochs)") == {1: -15.0, 3: -10.0}


def test_runs_longer_than_the_original(ax):
    plot_comparison({1: -15.0, 600: -4.0}, ax)
    assert ax.get_xlim()[1] > 600
    assert ax.get_xticks().tolist()[-1] == 500


def test_without_axes_a_figure_of_pyplot_is_made():
    try:
        ax = plot_comparison(LOG)
        assert pyplot.gcf() is ax.figure
    finally:
        pyplot.close("all")


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_pictures_are_written_whole(tmp_path, suffix, start):
    path = tmp_path / "new" / f"comparison{suffix}"
    save_comparison(path, LOG)
    assert path.read_bytes().startswith(start)
    assert list(path.parent.iterdir()) == [path]
    assert pyplot.get_fignums() == []
