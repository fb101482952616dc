"""The player: its HTML is whole, stands for itself, and has the notes."""

import base64
import json

import numpy as np
import pytest
from oracles.html_pages import Page, check_alone

from rnnrbm_pt.report import Piece, player
from rnnrbm_pt.report.roll_svg import clock, labels, ticks
from rnnrbm_pt.report.widget import file_name

R = (60, 72)
HOSTILE = '"><script>alert(1)</script><img src=x onerror="alert(2)">'


@pytest.fixture
def roll():
    roll = np.zeros((6, 12), np.uint8)
    roll[0:3, 0] = roll[2:6, 4] = 1
    return roll


def test_it_stands_for_itself(roll):
    page = check_alone(player([roll, roll], R, 0.5, titles=["a", "b"]).html())
    assert len(page.of("rp-piece")) == 2 and len(page.tags("script")) == 1
    assert [found["data-notes"] for found in page.of("rp-piece")] == ["0 150 60 100 200 64"] * 2
    assert page.of("rp-piece")[0]["data-seconds"] == "3.000"


def test_a_notebook_shows_it(roll):
    shown = player(roll, R, 0.5)
    assert shown._repr_html_() == shown.html() and repr(shown) == "<Player: 1 piece, 3 s>"
    assert repr(player([roll, roll], R)) == "<Player: 2 pieces, 4 s>"


def test_the_picture_has_a_line_for_each_note(roll):
    (path,) = Page(player(roll, R, 0.5).html()).of("rp-notes")
    assert path["d"] == "M0 10h150M100 6h200"  # of rows from 70 down: a few notes get room


def test_the_midi_file_is_a_download(roll):
    (link,) = Page(player(roll, R, 0.5, titles="A piece").html()).of("rp-save")
    kind, _, data = link["href"].partition(",")
    assert (kind, link["download"]) == ("data:audio/midi;base64", "a-piece.mid")
    assert base64.b64decode(data) == Piece.from_roll(roll, R, 0.5).midi


def test_the_timbre_is_that_of_the_instrument(roll):
    timbres = [json.loads(Page(player(roll, R, patch=p).html()).of("rp-piece")[0]["data-timbre"]) for p in (0, 19)]
    assert timbres[0]["decay"] == 1.6 and timbres[1]["decay"] is None
    assert timbres[0]["partials"][:2] == [1, 0.3536]


def test_hostile_titles_are_words(roll):
    page = check_alone(player(roll, R, titles=HOSTILE).html())
    assert len(page.tags("script")) == 1 and HOSTILE in page.words
    assert page.of("rp-save")[0]["download"] == "script-alert-1-script-img-src-x-onerror-alert-2.mid"


def test_controls_have_names_and_wait_for_the_script(roll):
    page = Page(player(roll, R, titles="Song").html())
    names = [found["aria-label"] for tag in ("button", "input", "a") for found in page.tags(tag)]
    assert names == ["Play Song", "Stop Song", "Position in Song", "Volume of Song", "Download Song as a MIDI file"]
    assert "hidden" in page.of("rp-controls")[0]


def test_silence_and_nothing():
    page = check_alone(player(np.zeros((4, 12)), R).html())
    assert page.of("rp-piece")[0]["data-notes"] == "" and "without notes" in page.of("rp-scroll")[0]["aria-label"]
    assert check_alone(player(np.zeros((0, 12)), R).html()).of("rp-piece")[0]["data-seconds"] == "0.000"


def test_labels_and_ticks(roll):
    few = Piece.from_roll(roll, R)
    assert [name for name, _ in labels(few)] == ["G3", "A3", "B3", "C4", "D4", "E4", "F4", "G4", "A4"]
    many = Piece.from_roll(np.ones((2, 88)))
    assert [name for name, _ in labels(many)] == [f"C{i}" for i in range(1, 9)]
    assert all(0 <= at <= 1 for _, at in labels(few) + labels(many))
    assert ticks(60.0)[:2] == [("0:00", 0), ("0:10", pytest.approx(1 / 6))]
    assert (clock(0), clock(65.9), clock(3600)) == ("0:00", "1:05", "60:00")


def test_names_of_files():
    assert [file_name(title) for title in ("", "Piece of seed 7", "a b.mid", "../../etc", "é")] == [
        "piece.mid",
        "piece-of-seed-7.mid",
        "a-b.mid",
        "etc.mid",
        "piece.mid",
    ]


def test_errors(roll):
    with pytest.raises(ValueError, match="titles: expected 1, one per roll, found 2"):
        player(roll, R, titles=["a", "b"])
    with pytest.raises(ValueError, match="piano-roll: expected shape"):
        player(roll, (60, 70))
