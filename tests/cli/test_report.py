"""`rnnrbm report`: the page that it writes, and what it refuses."""

import re

import pytest
from oracles.html_pages import check_alone

from rnnrbm_pt import RnnRbm, midiwrite
from rnnrbm_pt.cli.main import main
from rnnrbm_pt.models.compiling import AS_WRITTEN

pytestmark = pytest.mark.usefixtures("as_written")

R = (48, 60)


@pytest.fixture
def here(tmp_path, toy_rolls, monkeypatch):
    """The current folder, with a trained model and a MIDI file in it: model.npz, a.mid."""
    monkeypatch.chdir(tmp_path)
    RnnRbm(4, 3, r=R, streams="philox", k=2, k_generate=2, mode=AS_WRITTEN).fit(toy_rolls, 50, 1).save("model.npz")
    midiwrite("a.mid", toy_rolls[0], R, 0.3)
    return tmp_path


def test_it_writes_a_page(here, capsys):
    assert main(["report", "model.npz", "-o", "page.html", "-n", "2", "--steps", "20", "--patch", "flute"]) == 0
    assert capsys.readouterr().out.startswith("Wrote page.html: 2 pieces, ")
    page = check_alone((here / "page.html").read_text(encoding="utf-8"))
    assert [found["aria-label"] for found in page.of("rp-piece")] == ["Piece of seed 1", "Piece of seed 2"]
    assert "rnnrbm report model.npz -o page.html -n 2 --steps 20 --seed 1 --patch flute" in page.words
    assert sorted(path.name for path in here.iterdir()) == ["a.mid", "model.npz", "page.html"]


def test_pieces_are_generated_by_the_options_of_sampling(here):
    """The page shows the pieces that `sample` gives with these settings, and a command that makes them again."""
    how = ["--density", "1.5", "--start", "previous", "--floor", "0.2", "--temperature", "0.5", "--k", "3"]
    assert main(["report", "model.npz", "-o", "page.html", "-n", "1", "--steps", "20", *how]) == 0
    page = check_alone((here / "page.html").read_text(encoding="utf-8"))
    assert "--seed 1 --k 3 --start previous --floor 0.2 --temperature 0.5 --density 1.5" in page.words
    model = RnnRbm.load("model.npz", mode=AS_WRITTEN)
    dials = {"density": 1.5, "start": "previous", "floor": 0.2, "temperature": 0.5, "k": 3}
    notes = model.sample(20, seed=1, **dials).sum() / 20
    assert f"{notes:.1f} notes per frame" in page.words
    assert notes != model.sample(20, seed=1).sum() / 20
    assert main(["play", "model.npz", "-o", "a.html", "--no-browser", "--steps", "20", "--seed", "1", *how]) == 0
    assert f"{notes:.1f} notes per frame" in check_alone((here / "a.html").read_text(encoding="utf-8")).words


def test_it_compares_with_files(here):
    assert main(["report", "model.npz", "-o", "page.html", "-n", "1", "--steps", "20", "--data", "a.mid"]) == 0
    words = check_alone((here / "page.html").read_text(encoding="utf-8")).words
    assert "log-likelihood of 45 frames of a.mid" in words and "known frames" in words
    (here / "folder").mkdir()
    (here / "a.mid").rename(here / "folder" / "a.mid")
    assert main(["report", "model.npz", "-o", "b.html", "-n", "1", "--data", "folder/a.mid", "--strict"]) == 0
    words = check_alone((here / "b.html").read_text(encoding="utf-8")).words
    assert "-n 1 --steps 200 --seed 1 --data a.mid --strict" in words


def test_hostile_names_of_files_are_words(here):
    name = "<script>alert(1)<.npz"  # and one that is no UTF-8
    (here / "a.mid").rename(here / "\udcff.mid")
    assert main(["play", "\udcff.mid", "-o", "a.html", "--no-browser"]) == 0
    assert "?.mid" in check_alone((here / "a.html").read_text(encoding="utf-8")).words
    (here / "model.npz").rename(here / name)
    assert main(["report", name, "-o", "page.html", "-n", "1", "--steps", "5"]) == 0
    page = check_alone((here / "page.html").read_text(encoding="utf-8"))
    assert len(page.tags("script")) == 1 and name in page.words


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["-o", "page.pdf"], "-o page.pdf: expected a page (.html, .htm), found .pdf; use -o page.html"),
        (["-o", "a.html", "--patch", "kazoo"], "--patch kazoo: expected 0 to 127 or a name, found 'kazoo'"),
        (["-o", "a.html", "--kind", "midi"], "--kind and --folder: expected a data set in --data"),
        (["-o", "a.html", "--data", "none.mid"], "none.mid"),
    ],
)
def test_errors(here, capsys, arguments, message):
    assert main(["report", "model.npz", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not list(here.glob("*.html"))


def test_real_numbers_are_no_notes(here, capsys):
    RnnRbm(4, 3, visible="gaussian", n_visible=5, mode=AS_WRITTEN).save("real.npz")
    for command in (
        ["report", "real.npz", "-o", "a.html"],
        ["play", "real.npz", "-o", "a.html", "--no-browser"],
        ["generate", "real.npz", "-o", "b.mid"],
    ):
        assert main(command) == 1
        assert (
            "real.npz: expected a model of notes, found a model with Gaussian visible units" in capsys.readouterr().err
        )


def test_play_writes_a_piece_by_a_model(here, capsys):
    assert main(["play", "model.npz", "-o", "a.html", "--no-browser", "--steps", "20"]) == 0
    said = capsys.readouterr().out
    seed = re.search(r"--seed (\d+)", said)[1]
    assert said.endswith("Wrote a.html; open it in a browser.\n")
    assert main(["play", "model.npz", "-o", "b.html", "--no-browser", "--steps", "20", "--seed", seed]) == 0
    assert (here / "a.html").read_bytes() == (here / "b.html").read_bytes()


def test_play_opens_a_page_with_a_midi_file(here, capsys, monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["play", "a.mid", "--patch", "19"]) == 0
    (path,) = tmp_path.glob("rnnrbm-*.html")
    assert opened == [path.as_uri()] and capsys.readouterr().out == f"Wrote {path} and opened it.\n"
    page = check_alone(path.read_text(encoding="utf-8"))
    assert page.of("rp-piece")[0]["aria-label"] == "a.mid" and "Listen to a.mid" in page.words


def test_play_without_a_browser_says_what_to_do(here, capsys, monkeypatch):
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert main(["play", "a.mid", "-o", "a.html"]) == 0
    assert capsys.readouterr().out == "Wrote a.html; open it in a browser.\n"


def test_play_names_what_it_cannot_read(here, capsys):
    assert main(["play", "none.mid"]) == 1
    assert "none.mid: expected a MIDI file, found no such file" in capsys.readouterr().err
