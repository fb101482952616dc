"""Tests of pictures: what is drawn where, and that no figures or temporary files remain."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from rnnrbm_pt.music import plot
from rnnrbm_pt.music.plot import (
    note_name,
    plot_piano_roll,
    plot_training_curve,
    save_piano_roll,
    save_training_curve,
)


@pytest.fixture
def ax():
    return Figure(figsize=(6, 4), dpi=100).add_subplot()


@pytest.fixture
def roll():
    roll = np.zeros((20, 88), dtype=np.uint8)
    roll[0:4, 60 - 21] = 1
    roll[19, 64 - 21] = 1
    return roll


@pytest.fixture(autouse=True)
def no_figures_left():
    assert pyplot.get_fignums() == []
    yield
    pyplot.close("all")


def colour_at(ax, x, y):
    """RGB colour of the figure at a point in data coordinates."""
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    column, row = ax.transData.transform((x, y))
    return pixels[pixels.shape[0] - 1 - int(row), int(column), :3] / 255


def is_note(ax, x, y):
    return np.allclose(colour_at(ax, x, y), to_rgb(plot.NOTE_COLOUR), atol=2 / 255)


# Piano-rolls


def test_axes_are_in_seconds_and_notes(ax, roll):
    assert plot_piano_roll(roll, (21, 109), 0.3, ax) is ax
    assert ax.get_xlim() == pytest.approx((0, 6))
    assert ax.get_ylim() == (20.5, 108.5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "MIDI note number")
    assert ax.get_title() == "generated piano-roll"
    assert list(ax.get_yticks()) == [24, 36, 48, 60, 72, 84, 96, 108]
    (image,) = ax.images
    assert image.get_extent() == pytest.approx((0, 6, 20.5, 108.5))
    assert np.array_equal(image.get_array()[..., 3], roll.T)
    assert pyplot.get_fignums() == []


def test_cells_are_drawn_where_and_when_they_sound(ax, roll):
    plot_piano_roll(roll, dt=0.5, ax=ax, crop=True)
    assert is_note(ax, 0.1, 60)
    assert is_note(ax, 1.9, 60.4)
    assert not is_note(ax, 2.1, 60)
    assert not is_note(ax, 1, 61)
    assert not is_note(ax, 1, 59)
    assert is_note(ax, 9.75, 64)
    assert not is_note(ax, 9.25, 64)


def test_probabilities_are_paler(ax):
    plot_piano_roll(np.array([[1, 0.5, 0]]), (62, 65), 1, ax)
    dark, mid, white = (colour_at(ax, 0.5, note).sum() for note in (62, 63, 64))
    assert dark < mid < white


def test_crop_leaves_three_semitones(ax, roll):
    plot_piano_roll(roll, ax=ax, crop=True)
    assert ax.get_ylim() == (56.5, 67.5)
    assert len(ax.get_yticks()) >= 3


def test_crop_stays_within_r_and_keeps_all_of_an_empty_roll(ax):
    plot_piano_roll(np.ones((2, 4)), (60, 64), ax=ax, crop=True)
    assert ax.get_ylim() == (59.5, 63.5)
    plot_piano_roll(np.zeros((2, 88)), ax=ax, crop=True)
    assert ax.get_ylim() == (20.5, 108.5)


def test_note_names(ax, roll):
    plot_piano_roll(roll, ax=ax, note_names=True, title="")
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"C{octave}" for octave in range(1, 9)]
    assert (ax.get_ylabel(), ax.get_title()) == ("note", "")
    plot_piano_roll(roll, ax=ax, note_names=True, crop=True)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["A3", "B3", "C4", "D4", "E4", "F4", "G4"]
    assert [note_name(note) for note in (0, 61, 69, 127)] == ["C-1", "C♯4", "A4", "G9"]


def test_without_axes_pyplot_makes_them(roll):
    axes = plot_piano_roll(roll), plot_training_curve([-2.0])
    assert [each.figure.number for each in axes] == pyplot.get_fignums()
    axes[0].figure.canvas.draw()


@pytest.mark.parametrize(
    "array, r, dt, said",
    [
        (np.zeros((3, 88)), (0, 128), 0.3, r"shape \(n_steps, 128\) for r=\(0, 128\), found \(3, 88\)"),
        (np.zeros(88), (21, 109), 0.3, r"found \(88,\)"),
        (np.zeros((0, 88)), (21, 109), 0.3, r"found \(0, 88\)"),
        (np.full((3, 88), 2), (21, 109), 0.3, "from 0 to 1, found 2.0 to 2.0"),
        (np.full((3, 88), np.nan), (21, 109), 0.3, "from 0 to 1, found nan"),
        (np.zeros((3, 88)), (21, 109), 0, "dt: expected a number of seconds above 0, found 0"),
        (np.zeros((3, 0)), (60, 60), 0.3, "low < high"),
    ],
)
def test_roll_that_cannot_be_drawn(ax, array, r, dt, said):
    with pytest.raises(ValueError, match=said):
        plot_piano_roll(array, r, dt, ax)


# Training curves


def test_curve_of_a_list_counts_epochs_from_one(ax):
    assert plot_training_curve([-15.0, -10.0, -8.0], ax) is ax
    (line,) = ax.lines
    assert line.get_xydata().tolist() == [[1, -15], [2, -10], [3, -8]]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "log pseudo-likelihood per frame (nats)")
    assert ax.get_legend() is None
    assert all(tick == int(tick) for tick in ax.get_xticks())


def test_curve_of_a_mapping_is_in_the_order_of_epochs(ax):
    plot_training_curve({10: -5.0, 2: -9.0}, ax, reference=[-15.0, -10.0], reference_label="Theano")
    assert ax.lines[0].get_xydata().tolist() == [[2, -9], [10, -5]]
    assert ax.lines[1].get_xydata().tolist() == [[1, -15], [2, -10]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "Theano"]


def test_epochs_that_are_not_finite_are_gaps_with_marks(ax):
    plot_training_curve([-15.0, -np.inf, -8.0, np.nan], ax)
    curve, marks = ax.lines
    assert np.isnan(curve.get_ydata()).tolist() == [False, True, False, True]
    assert marks.get_xdata().tolist() == [2, 4]
    assert -17 < ax.get_ylim()[0] < -15 and -8 < ax.get_ylim()[1] < -7
    ax.figure.canvas.draw()


def test_curve_with_nothing_finite(ax):
    plot_training_curve([-np.inf, -np.inf], ax)
    assert ax.lines[1].get_xdata().tolist() == [1, 2]
    assert list(ax.get_yticks()) == []
    ax.figure.canvas.draw()


def test_long_curve_has_dots_only_where_no_line_reaches(ax):
    values = np.full(100, -5.0)
    values[[9, 11, 98]] = np.nan
    plot_training_curve(values, ax)
    assert ax.lines[0].get_markevery() == [10, 99]


@pytest.mark.parametrize("log, reference, said", [([], None, "log: "), ([-1.0], {}, "reference: ")])
def test_curve_without_epochs(ax, log, reference, said):
    with pytest.raises(ValueError, match=f"^{said}expected the values of at least one epoch"):
        plot_training_curve(log, ax, reference=reference)


# Files


@pytest.mark.parametrize("suffix, start", [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_saved_pictures_are_what_their_suffix_says(tmp_path, roll, suffix, start):
    save_piano_roll(tmp_path / f"new/roll{suffix}", roll, crop=True)
    save_training_curve(str(tmp_path / f"curve{suffix}"), [-3.0, -2.0], reference=[-4.0])
    for name in (f"new/roll{suffix}", f"curve{suffix}"):
        assert (tmp_path / name).read_bytes().startswith(start)
    assert pyplot.get_fignums() == []
    assert len(list(tmp_path.rglob("*.*"))) == 2


@pytest.mark.parametrize("name", ["roll", "roll.xyz"])
def test_suffix_that_is_no_picture(tmp_path, roll, name):
    with pytest.raises(ValueError, match=rf"{name}: expected a file name that ends in \.png, \.svg, \.pdf"):
        save_piano_roll(tmp_path / name, roll)
    assert list(tmp_path.iterdir()) == []


def test_picture_that_fails_leaves_the_old_one(tmp_path, roll):
    (tmp_path / "a.png").write_bytes(b"old")
    with pytest.raises(ValueError, match="found 2.0"):
        save_piano_roll(tmp_path / "a.png", roll + 2)
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
