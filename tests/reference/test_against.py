"""Comparison of two runs, number by number, and the command for it."""

import json
import math
import re

import numpy as np
import pytest

from rnnrbm_pt.cli.main import main
from rnnrbm_pt.music.midi import midiwrite
from rnnrbm_pt.reference import Pair, read_recording, read_run
from rnnrbm_pt.reference.against import parted, ulps
from rnnrbm_pt.reference.runs import LoggedRun

INF = math.inf


def run(name, *epochs, floatX="float64"):
    """A run, given the monitors of the updates of each epoch."""
    records = tuple(
        {"epoch": i, "monitor": float(np.mean(monitors)), "monitors": list(monitors)}
        for i, monitors in enumerate(epochs, start=1)
    )
    return LoggedRun(name, records, {"floatX": floatX})


def test_ulps():
    one = np.nextafter(1.5, 2)
    assert ulps(1.5, one, "float64") == 1 and ulps(one, 1.5, "float64") == 1
    assert ulps(1.5, 1.5 + 2**-22, "float32") == 2
    assert list(ulps([0.0, -INF, INF, math.nan], [0.0, -INF, 1.0, math.nan], "float64")) == [0, 0, INF, 0]


def test_what_counts_as_more_than_rounding():
    found = parted([-10, -10, -10, -INF, -INF], [-10 - 1e-9, -10 - 2e-8, -10, -INF, -10], "float64")
    assert list(found) == [False, True, False, False, True]
    assert not parted(-10, -10.00005, "float32") and parted(-10, -10.0002, "float32")


def test_where_two_runs_part():
    a = run("a", [-9.0, -8.0], [-7.0, -6.0, -5.0], [-4.0])
    b = run("b", [-9.0, -8.0 + 1e-14], [-7.0, -6.1, -5.2], [-4.0])
    pair = Pair(a, b, with_updates=True)
    assert pair.parted_epoch == 2 and pair.parted_update == (2, 2)
    assert pair.largest_difference == pytest.approx(0.2)
    assert [(row.updates, row.equal, row.parted) for row in pair.update_rows] == [(2, 1, None), (3, 1, 2), (1, 1, None)]
    assert pair.update_rows[0].ulps == pytest.approx(5.6, abs=0.1)
    assert "first update that differs by more than rounding (1e-09)  2 of epoch 2" in str(pair)
    assert "first epoch that differs by more than rounding (1e-09)   2" in str(pair)
    assert pair._repr_html_().count("<table>") == 3
    found = json.loads(json.dumps(pair.to_json()))
    assert found["parted_update"] == [2, 2] and found["updates"][0]["differences"][0] == 0
    assert [row["epoch"] for row in found["epochs"]] == [1, 2, 3]


def test_the_coarser_float_type_counts():
    assert Pair(run("a", [-9.0], floatX="float32"), run("b", [-9.0])).floatX == "float32"
    assert Pair(run("a", [-9.0]), run("b", [-9.0])).floatX == "float64"


def test_numbers_that_are_not_finite():
    pair = Pair(run("a", [-9.0, -INF], [-8.0]), run("b", [-9.0, -INF], [-INF]), with_updates=True)
    assert pair.rows[0].difference is None and pair.rows[0].ulps == 0
    assert pair.largest_difference == INF and pair.parted_epoch == 2
    assert "inf" in str(pair)


def test_runs_with_nothing_in_common():
    with pytest.raises(ValueError, match="a: expected epochs in common with b, found none"):
        Pair(run("a", [-9.0]), LoggedRun("b", ({"epoch": 2, "monitor": -8.0},)))
    with pytest.raises(ValueError, match="b: expected the monitor of each update, found none"):
        Pair(run("a", [-9.0]), LoggedRun("b", ({"epoch": 1, "monitor": -8.0},)), with_updates=True)


# The command


@pytest.fixture
def recording(theano_reference):
    return theano_reference / "recording.npz"


@pytest.fixture
def trained(recording, tmp_path, monkeypatch, capsys):
    """A folder with m.npz and m.npz.jsonl, from a run of `rnnrbm train` on the sequences of the recording."""
    monkeypatch.chdir(tmp_path)
    found = read_recording(recording)
    for i, roll in enumerate(found.numbered("sequence")):
        midiwrite(tmp_path / "midi" / f"{i}.mid", roll, (21, 33), 0.3)
    options = "--hidden 4 --recurrent 3 --k 3 --r 21,33 --lr 0.05 --batch-size 20 --epochs 3 --log-updates".split()
    assert main(["train", "midi", "-o", "m.npz", *options]) == 0
    capsys.readouterr()
    return tmp_path


def test_a_run_of_the_command_equals_theanos(trained, recording, capsys):
    command = ["compare", "m.npz.jsonl", "--against", str(recording), "--updates", "--tolerance", "1e-12"]
    outputs = ["--plot", "a.png", "--html", "a.html", "--json", "a.json"]
    assert main([*command, *outputs]) == 0
    said = capsys.readouterr().out
    assert said.split()[:3] == ["epoch", "m", "recording"]
    assert "m has the settings of recording." in said
    assert "first update that differs by more than rounding (1e-09)  none" in said
    (one,) = json.loads((trained / "a.json").read_text())["runs"]
    assert one["largest_difference"] < 1e-12 and one["parted_update"] is None and len(one["updates"]) == 3
    page = (trained / "a.html").read_text()
    assert page.count("<table>") == 3 and "data:image/png;base64," in page and "http" not in page
    assert (trained / "a.png").stat().st_size > 10_000
    # The model file contains the same log and settings, and a page can compare two runs.
    assert read_run("m.npz").settings == read_run("m.npz.jsonl").settings
    assert main(["compare", "m.npz", "m.npz.jsonl", "--against", str(recording), "--html", "b.html"]) == 0
    assert (trained / "b.html").read_text().count("<h2>") == 2


def test_a_run_beside_the_original_says_what_differs(trained, capsys):
    assert main(["compare", "m.npz.jsonl", "--html", "a.html", "--json", "a.json"]) == 0
    said = capsys.readouterr().out
    differs = "because these settings differ: n_hidden 4 (150), n_hidden_recurrent 3 (100), k 3 (15), lr 0.05 (0.001)"
    assert differs in said and differs in (trained / "a.html").read_text()
    (one,) = json.loads((trained / "a.json").read_text())["runs"]
    assert one["against"] == "Theano 1.0.5" and len(one["epochs"]) == 3


def test_the_exit_status_by_a_tolerance(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("Epoch 1/2\n-15.0368148750\n")
    (tmp_path / "b.txt").write_text("Epoch 1/2\n-15.0368148751\n")
    (tmp_path / "late.txt").write_text("Epoch 100/200\n-5.0\n")
    assert main(["compare", "a.txt", "--tolerance", "1e-9"]) == 0
    assert main(["compare", "a.txt", "--against", "b.txt", "--tolerance", "1e-9"]) == 0
    capsys.readouterr()
    assert main(["compare", "a.txt", "--against", "b.txt", "--tolerance", "1e-11"]) == 1
    assert "expected a.txt and b.txt to differ by at most 1e-11 nats, found 1e-10" in capsys.readouterr().err
    assert main(["compare", "late.txt", "--tolerance", "1"]) == 1
    assert "expected yours and Theano 1.0.5 to have epochs in common, found none" in capsys.readouterr().err
    assert main(["compare", "a.txt", "--updates"]) == 1
    assert "--updates: expected --against" in capsys.readouterr().err
    assert main(["compare", "a.txt", "b.txt", "--against", "late.txt", "--plot", "a.png"]) == 1
    assert "--plot: expected one LOG" in capsys.readouterr().err


def test_runs_of_different_streams_side_by_side(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for streams in ("srs", "mrg"):
        line = {"epoch": 1, "monitor": -15.0, "run": {"streams": streams}}
        (tmp_path / f"{streams}.jsonl").write_text(json.dumps(line) + "\n")
    assert main(["compare", "srs.jsonl", "mrg.jsonl"]) == 0
    header, first = capsys.readouterr().out.splitlines()[:2]
    assert re.split(" {2,}", header)[-3:] == ["Theano 1.0.5", "Theano 1.0.5, mrg", "published"]
    assert "-15.0368148750" in first and "-15.0357665717" in first
    for option in ("--plot=a.png", "--html=a.html"):  # a picture has the curve of one recorded run
        assert main(["compare", "srs.jsonl", "mrg.jsonl", option]) == 1
        assert "expected runs with the same random streams, found srs and mrg" in capsys.readouterr().err


def test_the_numbers_are_json_for_every_program(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("Epoch 198/200\n-4.7\n")  # its published number is not finite
    assert main(["compare", "a.txt", "--json", "a.json"]) == 0
    (one,) = json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)["runs"]
    assert [row["epoch"] for row in one["epochs"]] == [198]
