"""The numbers of the original, reading the logs of runs, and comparing them."""

import json
import math
import re
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

from rnnrbm_pt.cli.main import main
from rnnrbm_pt.cli.progress import EpochBar
from rnnrbm_pt.models import storage
from rnnrbm_pt.reference import (
    PUBLISHED,
    THEANO,
    THEANO_MRG,
    compare,
    compare_all,
    read_log,
    read_records,
)

INF = math.inf


def record(epoch, monitor):
    """A record like those of `run_epochs`."""
    return {
        "epoch": epoch,
        "monitor": monitor,
        "updates": 4,
        "frames": 300,
        "seconds": 1.5,
        "frames_per_second": 200.0,
    }


def json_lines(log):
    return "".join(json.dumps(record(epoch, monitor)) + "\n" for epoch, monitor in log.items())


@pytest.fixture
def write(tmp_path):
    def write(content, name="run.jsonl"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def model_file(tmp_path):
    """Write an archive with the JSON text of a model file, without building a model."""

    def write(log, name="model.npz", **about):
        about = {"format": storage.FORMAT, "version": storage.VERSION, "log": log, **about}
        np.savez_compressed(tmp_path / name, about=np.array(json.dumps(about)), W=np.zeros((3, 2)))
        return tmp_path / name

    return write


# The numbers


def test_numbers_are_those_recorded(theano_reference):
    recorded = json.loads((theano_reference / "nottingham_epochs.json").read_text())
    for name, numbers in (
        ("published_tutorial_log", PUBLISHED),
        ("theano_1.0.5_shared_randomstreams_float64", THEANO),
        ("theano_1.0.5_mrg_float64", THEANO_MRG),
    ):
        assert {int(epoch): float(value) for epoch, value in recorded[name].items()} == numbers


def test_numbers_cannot_be_changed():
    for numbers in (PUBLISHED, THEANO, THEANO_MRG):
        assert isinstance(numbers, MappingProxyType)
    assert len(PUBLISHED) == 21
    assert PUBLISHED[198] == -INF


# Reading logs


def test_json_lines(write):
    path = write(json_lines({1: -15.25, 2: -INF, 3: -10.5}))
    assert read_log(path) == {1: -15.25, 2: -INF, 3: -10.5}
    assert read_log(str(path)) == read_log(path)
    assert read_records(path)[0] == record(1, -15.25)


@pytest.mark.parametrize("written", ["{", '{"epoch": 3, "moni', '{"epoch": 3, "monitor": -10.', '{"epoch": 3}'])
def test_a_line_that_is_being_written_is_left_out(write, written):
    assert read_log(write(json_lines({1: -15.0, 2: -11.0}) + written)) == {1: -15.0, 2: -11.0}


def test_a_last_line_that_only_lacks_its_end_counts(write):
    assert read_log(write(json_lines({1: -15.0, 2: -11.0})[:-1])) == {1: -15.0, 2: -11.0}


def test_the_later_line_of_an_epoch_counts(write):
    path = write(json_lines({1: -15.0, 2: -11.0}) + json_lines({2: -10.0, 3: -9.0}))
    assert read_log(path) == {1: -15.0, 2: -10.0, 3: -9.0}
    assert list(read_log(write(json_lines({3: -9.0, 1: -15.0})))) == [1, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_output_of_the_tutorial(write, end):
    lines = ["Epoch 1/200", "-15.0308940028", "Epoch 2/200", "-10.4892606673", "", "...", "", "Epoch 198/200", "-inf"]
    assert read_log(write(end.join(lines) + end)) == {1: PUBLISHED[1], 2: PUBLISHED[2], 198: -INF}
    assert read_log(write("Epoch 1/200 -15.5" + end + "Epoch 2/200 nan" + end))[1] == -15.5


def test_output_that_stops_before_the_number(write):
    assert read_log(write("Epoch 1/200\n-15.5\nEpoch 2/200\n")) == {1: -15.5}
    assert read_log(write("Epoch 1/200\n-15.5\nEpoch 2/200\nInterrupted by user.\n")) == {1: -15.5}


def test_output_of_the_command(write, capsys):
    bar = EpochBar(200)
    bar.on_epoch(record(1, -15.0368148750))
    bar.on_epoch({**record(2, -INF), "seconds": 79.4, "frames_per_second": 1860.2})
    text = "Training set: 694 sequences.\nCompiling ...\n" + capsys.readouterr().out + "Wrote it.\n"
    path = write(text, "run.out")
    assert read_log(path) == {1: -15.0368148750, 2: -INF}
    assert read_records(path)[1] == {"epoch": 2, "monitor": -INF, "seconds": 79.4, "frames_per_second": 1860.0}


def test_model_files(model_file):
    assert read_log(model_file([record(1, -15.25), record(2, -INF)])) == {1: -15.25, 2: -INF}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "expected the log of at least one epoch, found an empty file"),
        ("Hello\n", "expected the log of at least one epoch, found other text"),
        (json_lines({1: -15.0}) + "{\n" + json_lines({3: -9.0}), "expected a JSON record of an epoch in line 2"),
        ('{"epoch": "1", "monitor": -15}\n', "in line 1, found"),
        ('{"epoch": 0, "monitor": -15}\n', "in line 1, found"),
        ('{"epoch": 1, "monitor": null}\n', "in line 1, found"),
        ('{"epoch": 1}\n', "in line 1, found"),
        (b"\xff\xfe\x00", "found neither text nor an archive"),
        (b"PK\x03\x04 not a zip file", "expected a log or a model file, found another archive"),
    ],
)
def test_files_that_are_not_logs(write, content, says):
    path = write(content)
    with pytest.raises(ValueError, match=re.escape(says)) as error:
        read_log(path)
    assert str(error.value).startswith(f"{path}: expected ")


def test_archives_that_are_not_logs(model_file, tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "objects.npz", about=np.array([{}], dtype=object))
    for path in (
        tmp_path / "other.npz",
        tmp_path / "objects.npz",
        model_file([record(1, -1.0)], "format.npz", format="another"),
        model_file([{"epoch": 1}], "records.npz"),
        model_file(None, "none.npz"),
    ):
        with pytest.raises(ValueError, match="expected a log or a model file, found another archive"):
            read_log(path)
    with pytest.raises(ValueError, match="expected a model trained for at least one epoch"):
        read_log(model_file([]))


def test_places_without_a_log(tmp_path):
    with pytest.raises(ValueError, match="found a folder"):
        read_log(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_log(tmp_path / "absent")


# Comparing

# Known differences: 0.5 above Theano in epoch 1, 0.25 below in epoch 2. Only the published log has 9, 190 and 198.
LOG = {1: THEANO[1] + 0.5, 2: THEANO[2] - 0.25, 9: PUBLISHED[9], 50: -6.0, 190: -4.5, 195: -INF, 198: -4.75}


def test_what_a_log_may_be(write, model_file):
    log = {1: -15.0, 2: -10.0}
    records = [record(epoch, monitor) for epoch, monitor in log.items()]
    for source in (
        write(json_lines(log)),
        str(write(json_lines(log))),
        model_file(records),
        log,
        MappingProxyType({2: -10.0, 1: np.float64(-15)}),
        {np.int64(1): -15, 2: -10},
        [-15.0, -10.0],
        np.array([-15.0, -10.0]),
        records,
        SimpleNamespace(log=records),
    ):
        assert compare(source).log == log
    assert list(compare({2: -10.0, 1: -15.0}).log) == [1, 2]


@pytest.mark.parametrize("log", [{}, [], 5, None, {"1": -15.0}, {0: -15.0}, {True: -15.0}, ["-15"], [None], [{}]])
def test_what_a_log_may_not_be(log):
    with pytest.raises(ValueError, match="^log: expected"):
        compare(log)


def test_rows():
    rows = {row.epoch: row for row in compare(LOG).rows}
    assert list(rows) == [1, 2, 9, 190, 195, 198]
    assert rows[1][:4] == (1, LOG[1], THEANO[1], PUBLISHED[1])
    assert rows[1].minus_theano == pytest.approx(0.5)
    assert rows[2].minus_theano == pytest.approx(-0.25)
    assert rows[2].minus_published == pytest.approx(THEANO[2] - 0.25 - PUBLISHED[2])
    assert rows[9].theano is None and rows[9].minus_theano is None
    assert rows[9].minus_published == 0
    assert rows[195].minus_published == -INF
    assert rows[198].published == -INF and rows[198].minus_published is None


def test_all_epochs():
    rows = compare(LOG, all_epochs=True).rows
    assert [row.epoch for row in rows] == list(LOG)
    assert rows[3] == (50, -6.0, None, None, None, None)


def test_summary_numbers():
    one = compare({1: THEANO[1] + 0.5, 2: THEANO[2] - 0.75, 190: -4.5, 191: -INF, 198: -5.0, 200: -4.75})
    assert one.largest_difference_to_theano == pytest.approx(0.75)
    assert one.late_epochs == (190, 200)  # the run is infinite in epoch 191, and the published log in epoch 198
    assert one.late_mean == pytest.approx((-4.5 - 4.75) / 2)
    assert one.published_late_mean == pytest.approx((PUBLISHED[190] + PUBLISHED[200]) / 2)
    assert one.not_finite == (191,)
    assert one.sum_of_differences_to_published == INF
    one = compare({1: PUBLISHED[1] + 0.5, 9: PUBLISHED[9] - 0.25, 198: -4.0})
    assert one.sum_of_differences_to_published == pytest.approx(0.75)


def test_a_run_beside_the_references():
    one = compare({50: -6.0})
    assert one.rows == ()
    assert one.largest_difference_to_theano is None
    assert one.sum_of_differences_to_published is None
    assert one.late_mean is None and one.late_epochs == ()
    assert one.published_late_mean == pytest.approx(-4.731927589483, abs=1e-12)
    assert str(one).count("none in common") == 2
    assert "not there yet" in str(one)
    assert "50" in str(compare({50: -6.0}, all_epochs=True)).splitlines()[1]


def test_theano_itself_and_its_other_streams():
    assert compare(THEANO).largest_difference_to_theano == 0
    assert compare(THEANO_MRG, theano=THEANO_MRG).largest_difference_to_theano == 0
    assert compare(THEANO_MRG).largest_difference_to_theano == pytest.approx(1.0483e-3, rel=1e-4)


def test_an_infinite_epoch_is_not_hidden():
    assert compare({1: -INF, 2: THEANO[2]}).largest_difference_to_theano == INF
    assert math.isnan(compare({1: math.nan, 2: THEANO[2]}).largest_difference_to_theano)


def test_the_table():
    table, summary = str(compare(LOG)).split("\n\n")
    assert table == "\n".join(
        [
            "epoch           yours    Theano 1.0.5       published  yours - Theano  yours - published",
            "    1  -14.5368148750  -15.0368148750  -15.0308940028        +5.0e-01            +0.4941",
            "    2  -10.7339562820  -10.4839562820  -10.4892606673        -2.5e-01            -0.2447",
            "    9   -8.2120899154                   -8.2120899154                            +0.0000",
            "  190   -4.5000000000                   -4.7479917999                            +0.2480",
            "  195            -inf                   -4.7187263491                               -inf",
            "  198   -4.7500000000                            -inf",
        ]
    )
    assert summary.splitlines() == [
        "epochs of yours                 7, the last 198 with -4.7500000000",
        "largest |yours - Theano 1.0.5|  5.0e-01, 2 epochs in common",
        "sum of |yours - published|      inf, 5 epochs in common",
        "mean of epochs 190 to 200       yours -4.5000, published -4.7480, 1 epoch in common",
        "epochs not finite               yours 1 (195), published 1 (198)",
    ]


def test_the_table_of_a_notebook():
    text = compare(LOG, name="<mine>")._repr_html_()
    assert "&lt;mine&gt;" in text and "<mine>" not in text
    assert text.count("<tr>") == 1 + 6 + 5
    assert text.count("<table>") == text.count("</table>") == 2


def test_runs_side_by_side():
    runs = compare_all({"float64": THEANO, "float32": {1: THEANO[1] + 1e-6, 190: -4.5}})
    values, summary = str(runs).split("\n\n")
    lines = values.splitlines()
    assert lines[0].split("  ")[0] == "epoch"
    assert lines[1] == "    1  -15.0368148750  -15.0368138750  -15.0368148750  -15.0308940028"
    assert lines[-1].split() == ["190", "-4.5000000000", "-4.7479917999"]
    assert lines[-1].index("-4.5") == lines[1].index("-15.0368138750") + 1
    assert [line.split()[:3] for line in summary.splitlines()[1:]] == [
        ["float64", "8", "0"],
        ["float32", "2", "1.0e-06"],
        ["published", "21", "-4.7319"],
    ]
    assert runs._repr_html_().count("<table>") == 2
    with pytest.raises(ValueError, match="expected at least one run"):
        compare_all({})


# The command


def test_command(write, tmp_path, capsys):
    path = write(json_lines(LOG), "run.npz.jsonl")
    unknown = "The settings of run are unknown, so they are not compared.\n"
    assert main(["compare", str(path)]) == 0
    assert capsys.readouterr().out == f"{compare(path)}\n\n{unknown}"
    assert main(["compare", str(path), "--all", "--plot", str(tmp_path / "a.png")]) == 0
    assert capsys.readouterr().out == f"{compare(path, all_epochs=True)}\n\n{unknown}Wrote {tmp_path / 'a.png'}.\n"
    assert (tmp_path / "a.png").exists()


def test_command_with_several_logs(write, tmp_path, capsys):
    paths = [write(json_lines(LOG), "long.npz.jsonl"), write("Epoch 1/2\n-15.5\n", "printed.out")]
    assert main(["compare", *map(str, paths), "--plot", str(tmp_path / "a.svg")]) == 0
    text = capsys.readouterr().out
    assert text.startswith(str(compare_all({"long": LOG, "printed.out": {1: -15.5}})))
    # If two files have the same name, the paths are the names of the runs.
    (tmp_path / "b").mkdir()
    paths = [write(json_lines(LOG), "run.jsonl"), write(json_lines(LOG), "b/run.jsonl")]
    assert main(["compare", *map(str, paths)]) == 0
    assert str(paths[1]) in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["absent.jsonl"], "absent.jsonl: no such file"),
        (["text"], "text: expected the log of at least one epoch, found other text"),
        (["good", "text"], "text: expected the log of at least one epoch, found other text"),
        (
            ["good", "--plot", "a.gif"],
            "--plot a.gif: expected a picture (.png, .svg, .pdf), found .gif; use --plot a.png",
        ),
    ],
)
def test_command_errors(write, tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    write(json_lines(LOG), "good")
    write("nothing\n", "text")
    assert main(["compare", *arguments]) == 1
    assert capsys.readouterr().err == f"rnnrbm: error: {says}\n"


def test_command_without_logs(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["compare"])
    assert exit.value.code == 2
    assert "LOG" in capsys.readouterr().err


def test_monitors_whose_sum_is_no_float():
    found = compare({1: 1e308, 2: 1e308, 190: -1e308, 191: -1e308})
    assert found.sum_of_differences_to_published == math.inf and "inf" in str(found)
