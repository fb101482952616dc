"""The whole site: it is built without a warning, its links lead somewhere, and a browser shows every page."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra docs")

from docs.check_links import broken_links
from tutorial.build import pages

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://github.com/someone/something"
WIDER = """
[...document.querySelectorAll('.bd-article *:not(.headerlink)')].filter(element => {
  const right = element.getBoundingClientRect().right;
  for (let e = element; e && !e.matches('.bd-article'); e = e.parentElement) {
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX)) return false;
  }
  return right > innerWidth + 1;
}).slice(0, 3).map(element => element.outerHTML.slice(0, 120))
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Builds the site from a copy of its sources, in which Sphinx may write; returns the folder of the pages."""
    copy = tmp_path_factory.mktemp("site") / "repository"
    ignored = shutil.ignore_patterns(".*", "_build", "generated", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=ignored)

    def built(name, *options):
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", *options, ".", name]
        result = subprocess.run(command, cwd=copy, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return copy / name

    return built


@pytest.fixture(scope="module")
def site(build):
    return build("html")


def test_its_links_lead_somewhere(site):
    assert broken_links(site) == []


def test_it_has_a_notebook_of_each_chapter(site):
    assert {path.stem for path in (site / "notebooks").iterdir()} == {page.stem for page in pages()}
    page = (site / "tutorial" / "01_rbm.html").read_text(encoding="utf-8")
    assert 'href="../notebooks/01_rbm.ipynb"' in page and "colab" not in page.lower()


def test_pieces_are_played_and_sources_shown(site):
    assert (site / "docs" / "listen.html").read_text(encoding="utf-8").count('<section class="rp-piece"') == 38
    assert 'href="../_modules/tutorial/rnnrbm.html"' in (site / "docs" / "reference.html").read_text(encoding="utf-8")
    assert "build_rnnrbm" in (site / "_modules" / "tutorial" / "rnnrbm.html").read_text(encoding="utf-8")


def test_with_an_address_chapters_link_to_colab(build):
    site = build("with_address", "-D", f"repository={ADDRESS}")
    chapter = (site / "tutorial" / "01_rbm.html").read_text(encoding="utf-8")
    assert "github/someone/something/blob/gh-pages/notebooks/01_rbm.ipynb" in chapter


def test_a_browser_shows_every_page(site, browser):
    wrong = []
    for path in sorted(site.rglob("*.html")):
        if path.is_relative_to(site / "_static") or path == site / "index.html":  # a redirection
            continue
        browser.requests.clear()
        browser.complaints.clear()
        browser.look(width=400)
        browser.open(path)
        away = [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))]
        wrong += [f"{path.relative_to(site)}: {found}" for found in (*browser.complaints, *away, *browser.value(WIDER))]
        if browser.value("document.documentElement.scrollWidth") > 400:
            wrong.append(f"{path.relative_to(site)}: wider than the window")
    assert not wrong, "\n".join(wrong)


def test_a_piece_plays_on_a_page_of_results(site, browser):
    browser.look(width=1000, dark=True)
    browser.open(site / "docs" / "listen.html")
    ground = browser.value("getComputedStyle(document.querySelector('.rp-piece')).backgroundColor")
    assert max(map(int, ground[4:-1].split(","))) < 80
    browser.value("document.documentElement.dataset.theme = 'light'; 0")
    ground = browser.value("getComputedStyle(document.querySelector('.rp-piece')).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    browser.click(".rp-play")
    browser.wait_for("document.querySelectorAll('.rp-playing').length == 1")
    browser.wait_for("parseFloat(document.querySelector('.rp-cursor').style.left) > 0.5")


def test_equations_are_typeset(site, browser):
    browser.open(site / "tutorial" / "01_rbm.html")
    browser.wait_for("document.querySelectorAll('mjx-container').length > 10")
    assert browser.value("document.querySelectorAll('mjx-merror').length") == 0


def test_the_search_finds_a_function(site, browser):
    browser.open(site / "search.html")
    browser.value("location.search = '?q=build_rnnrbm'; 0")
    browser.wait_for("[...document.querySelectorAll('#search-results a')].some(a => a.href.includes('graphs.rnnrbm'))")
