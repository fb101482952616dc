"""A page in a browser: a click plays, the cursor moves, keys work, and nothing is asked of the network."""

import numpy as np
import pytest

from rnnrbm_pt.report import Piece, player, player_page

COUNTING = """
window.started = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (time) {
  window.started.push([this.frequency.value, time - window.rnnrbmAudio.context.currentTime]);
  return start.call(this, time);
};
0
"""
LISTENING = """
const { context, limiter } = window.rnnrbmAudio;
const analyser = limiter.connect(context.createAnalyser());
const samples = new Float32Array(analyser.fftSize);
window.loudest = () => {
  analyser.getFloatTimeDomainData(samples);
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
};
0
"""
LEFT = "parseFloat(document.querySelector('.rp-cursor').style.left)"
PLAYING = "document.querySelectorAll('.rp-playing').length"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Two pieces of 21 seconds: A4 at once, C5 after a second, and so on."""
    roll = np.zeros((21, 88), np.uint8)
    for step in range(21):
        roll[step, 48 + 3 * (step % 4)] = 1
    patches = {"<b>a</b>": 0, "<b>b</b>": 19}
    pieces = [Piece.from_roll(roll, dt=1.0, title=title, patch=patch) for title, patch in patches.items()]
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(player_page(pieces, "Two <pieces>"), encoding="utf-8")
    return path


@pytest.fixture
def shown(browser, page):
    browser.look(width=1000)
    browser.open(page)
    browser.value(COUNTING)
    yield browser
    assert browser.complaints == []
    assert browser.requests == [page.as_uri()]


def test_a_click_plays_and_the_cursor_moves(shown):
    assert shown.value("document.querySelector('h1').textContent") == "Two <pieces>"
    assert shown.value("document.querySelector('.rp-controls').hidden") is False
    assert shown.value(PLAYING) == 0
    shown.click(".rp-play")
    shown.wait_for("window.started.length >= 2")
    (first, soon), (second, later) = shown.value("window.started")[:2]
    assert (first, second) == pytest.approx((440, 523.25), abs=0.01)
    assert 0 <= soon < 0.2 and 0.9 < later < 1.2
    assert shown.value("document.querySelector('.rp-play').getAttribute('aria-label')") == "Pause <b>a</b>"
    shown.wait_for(f"{LEFT} > 1")  # of 100: 0.2 seconds
    assert shown.value("window.rnnrbmAudio.context.state") == "running"
    shown.value(LISTENING)
    shown.wait_for("window.loudest() > 0.01")


def test_pause_keeps_the_place_and_stop_goes_back(shown):
    shown.click(".rp-play")
    shown.wait_for(f"{LEFT} > 1")
    shown.click(".rp-play")
    at = shown.value(LEFT)
    assert at > 1 and shown.value(PLAYING) == 0
    assert shown.value(LEFT) == at
    shown.click(".rp-play")
    shown.wait_for(f"{LEFT} > {at + 0.5}")
    shown.click(".rp-stop")
    assert shown.value(LEFT) == 0 and shown.value(PLAYING) == 0


def test_the_keyboard_does_it_all(shown):
    shown.value("document.querySelector('.rp-play').focus()")
    shown.press(" ", 32)
    shown.wait_for(f"{PLAYING} == 1")
    shown.press("Enter", 13)
    assert shown.value(PLAYING) == 0
    shown.value("document.querySelector('.rp-at').focus()")
    shown.press("End", 35)
    assert shown.value("document.querySelector('.rp-clock').textContent") == "0:21 / 0:21"
    assert shown.value("document.querySelector('.rp-at').getAttribute('aria-valuetext')") == "0:21 of 0:21"


def test_one_piece_plays_at_a_time(shown):
    shown.click(".rp-play")
    shown.wait_for(f"{PLAYING} == 1")
    shown.click(".rp-piece:last-of-type .rp-play")
    assert shown.value("document.querySelector('.rp-playing').getAttribute('aria-label')") == "<b>b</b>"


def test_a_click_on_the_roll_goes_there(shown):
    shown.click(".rp-view")
    assert shown.value(LEFT) == pytest.approx(50, abs=0.5)
    shown.click(".rp-play")
    shown.wait_for("window.started.length >= 1")
    assert shown.value("window.started[0][0]") == pytest.approx(440 * 2 ** (6 / 12), abs=0.1)  # the third of four


def test_a_piece_ends_by_itself(shown):
    shown.value("const at = document.querySelector('.rp-at'); at.value = 20.9; at.dispatchEvent(new Event('input')); 0")
    shown.click(".rp-play")
    shown.wait_for(f"{PLAYING} == 1")
    shown.wait_for(f"{PLAYING} == 0")
    assert shown.value(LEFT) == 0


@pytest.mark.parametrize("width, dark", [(1200, False), (1200, True), (340, False), (340, True)])
def test_it_fits_the_window_in_light_and_dark(shown, width, dark):
    shown.look(width=width, dark=dark)
    assert shown.value("document.documentElement.scrollWidth") <= width
    ground = shown.value("getComputedStyle(document.querySelector('.rp-piece')).backgroundColor")
    assert (max(map(int, ground[4:-1].split(","))) < 80) is dark
    hidden = "[...document.querySelectorAll('.rp-bar *')].filter(e => e.getBoundingClientRect().right > innerWidth)"
    assert shown.value(f"{hidden}.length") == 0


def test_a_player_that_is_shown_twice_is_set_up_once(browser, tmp_path):
    """As in a notebook, whose cells each bring the script."""
    html = player(np.eye(12), (60, 72), 0.2).html()
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8>{html}{html}", encoding="utf-8")
    browser.open(path)
    assert browser.value("document.querySelectorAll('.rp-done').length") == 2
    browser.click(".rp-play")
    browser.wait_for(f"{PLAYING} == 1")
    assert browser.complaints == []
