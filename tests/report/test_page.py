"""The report of a model: what it says, its size, and what hostile names and damaged logs do to it."""

import dataclasses
import fnmatch
import math
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest
from oracles.html_pages import check_alone

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.models.compiling import AS_WRITTEN
from rnnrbm_pt.music.statistics import statistics
from rnnrbm_pt.report import Piece, player_page, report_on, report_page
from rnnrbm_pt.report.charts import bar_chart, curve_chart, round_ticks
from rnnrbm_pt.report.page import curve_of

R = (21, 33)
HOSTILE = '</title></script><script>alert("<&\'")</script>'


@pytest.fixture
def trained(python_model, toy_rolls):
    return python_model().fit(toy_rolls[:2], 20, 3, sample_every=1, validation=toy_rolls[2:3])


def test_it_says_what_the_model_knows(trained, toy_rolls):
    report = report_on(trained, "model.npz", n=2, n_steps=60, seed=5, data=toy_rolls[3:], data_name="test pieces")
    page = check_alone(report_page(report))
    titles = [found["aria-label"] for found in page.of("rp-piece")]
    assert titles == ["Piece of seed 5", "Piece of seed 6"]
    for words in (
        "RnnRbm, 8 and 6 hidden units, notes A0 to G♯1, 3 epochs of training on 2 pieces of 93 frames.",
        "training data",
        "test pieces",
        "log-likelihood of 111 frames of test pieces",
        "best validation, of epoch",
        "n_hidden_recurrent",
    ):
        assert words in page.words
    assert len(page.of("line-0")) == 2 and len(page.of("line-1")) == 1 and len(page.of("bar-1")) == 2
    assert report.data["training data"] == trained.state.data
    assert report.together == statistics([trained.sample(60, seed=s) for s in (5, 6)], R, data=known(toy_rolls[3:]))


def known(rolls):
    from rnnrbm_pt.music.statistics import frames_of

    return frames_of(rolls)


def test_equal_models_give_equal_pages(trained):
    assert report_page(report_on(trained, "a", n=1)) == report_page(report_on(trained, "a", n=1))


def test_a_runaway_is_pointed_out(trained, toy_rolls):
    trained.set_params({**trained.get_params(), "bv": np.full(12, 9.0)})
    report = report_on(trained, "a", n=1, n_steps=60)
    assert len(report.warnings) == 1
    assert report.warnings[0].startswith("The piece of seed 1 is outside the range of the data: a passage has 1")
    assert report.warnings[0] in check_alone(report_page(report)).words


def test_a_model_that_has_learned_nothing(python_model):
    page = check_alone(report_page(report_on(python_model(), "new", n=1, n_steps=20)))
    assert "The model's log is empty." in page.words
    assert "does not describe its training data" in page.words


def test_real_numbers_are_no_notes():
    model = RnnRbm(4, 3, visible="gaussian", n_visible=5, mode=AS_WRITTEN)
    with pytest.raises(ValueError, match="expected a model of notes, found one of 5 real numbers per frame"):
        report_on(model, "a")


def test_hostile_names_are_words(trained):
    report = report_on(trained, HOSTILE, n=1, n_steps=20, command=HOSTILE, data_name=HOSTILE)
    hostile = {HOSTILE: HOSTILE}
    piece = dataclasses.replace(report.pieces[0], title=HOSTILE, remark=HOSTILE)
    log = [{"epoch": 1, "monitor": -1.0, "validation": HOSTILE, "sample": HOSTILE, HOSTILE: HOSTILE}]
    changes = {"pieces": [piece], "settings": {HOSTILE: hostile}, "scores": hostile, "warnings": [HOSTILE], "log": log}
    data = {HOSTILE: report.together}
    page = check_alone(report_page(dataclasses.replace(report, lead=HOSTILE, data=data, **changes)))
    assert len(page.tags("script")) == 1 and len(page.tags("title")) == 1
    assert page.words.count(HOSTILE) >= 12


def test_four_pieces_like_music_take_less_than_300_kB(python_model):
    model = python_model(r=(21, 109), n_hidden=2, n_hidden_recurrent=2)
    report = report_on(model, "a", n=1, n_steps=2)
    random = np.random.RandomState(1)
    roll = np.zeros((200, 88), np.uint8)
    for voice in range(6):
        for start in range(0, 200, 2):
            roll[start : start + 2, 20 + 6 * voice + random.randint(8)] = 1
    pieces = [Piece.from_roll(roll, title=f"Piece {i}") for i in range(4)]
    log = [{"epoch": i, "monitor": -math.pi, "validation": -math.e} for i in range(1, 30_001)]
    text = report_page(dataclasses.replace(report, pieces=pieces, log=log))
    assert 50_000 < len(text.encode()) < 300_000


def test_monitors_that_are_not_finite_leave_gaps():
    values = [-3.0, -2.0, -math.inf, -1.0]
    chart = curve_chart({"monitor": list(enumerate(values, 1))}, "nats")
    assert chart.count('class="line line-0"') == 2 and "inf" not in chart and "nan" not in chart
    assert "No epoch has a finite value." in curve_chart({"monitor": [(1, math.nan)]}, "nats")
    assert "h0" in curve_chart({"monitor": [(7, -1.0)]}, "nats")


def test_bars_are_as_high_as_their_shares():
    chart = bar_chart(["C", "D"], {"pieces": [0.5, 0.25], "data": None}, "notes")
    assert "v-925.9h" in chart and "v-463.0h" in chart and "bar-1" not in chart


@pytest.mark.parametrize(
    "low, high, expected",
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-8.4, -4.3, [-8, -7, -6, -5]), (1, 8, [2, 4, 6, 8]), (3, 3, [3])],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert round_ticks(low, high) == pytest.approx(expected)


def test_a_long_curve_keeps_its_last_point():
    log = [{"epoch": i, "monitor": 0.0} for i in range(1, 30_001)]
    assert 300 < len(curve_of(log, "monitor")) <= 400 and curve_of(log, "monitor")[-1] == (30_000, 0)
    assert curve_of(log[:5], "monitor") == [(i, 0) for i in range(1, 6)]
    assert curve_of([], "monitor") == []


def test_what_is_no_number_of_a_run_is_left_out():
    values = [1, "2", None, [3], 10**400, -math.inf, 4.5]
    log = [{"epoch": i, "monitor": value} for i, value in enumerate(values, 1)]
    assert curve_of([*log, {"epoch": 10**400, "monitor": 1.0}], "monitor") == [(1, 1), (6, -math.inf), (7, 4.5)]


def test_a_page_with_a_player_only():
    page = check_alone(player_page([Piece.from_roll(np.eye(12), R, title="x")], HOSTILE, "lead"))
    assert HOSTILE in page.words and len(page.of("rp-piece")) == 1


def test_an_installed_package_has_the_parts_of_a_page():
    root = Path(__file__).resolve().parents[2]
    setup = ConfigParser()
    setup.read(root / "setup.cfg", encoding="utf-8")
    patterns = setup["options.package_data"]["rnnrbm_pt.report"].replace(" ", "").split(",")
    parts = [path.name for path in (root / "rnnrbm_pt" / "report").iterdir() if path.suffix not in ("", ".py")]
    assert sorted(parts) == ["page.css", "player.css", "player.js"]
    assert all(any(fnmatch.fnmatch(part, pattern) for pattern in patterns) for part in parts)
