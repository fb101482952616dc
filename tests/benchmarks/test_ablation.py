"""Tests of reading and presenting the runs of the ablation. Nothing is trained here."""

import json

import pytest

from benchmarks.ablation import CONFIGURATIONS, first_at, main, read_runs, table

ROWS = {
    "tutorial": [(1, 10, -9.0, -8.0), (2, 20, -5.0, -6.0)],
    "adam": [(1, 10, -4.5, -7.0), (2, 20, -6.0, -6.5)],
    "u0": [(1, 10, -9.0, -9.5)],
    "rnn": [(1, 10, -4.9, -5.5), (2, 20, -4.5, -5.0)],
}


@pytest.fixture
def folder(tmp_path):
    names = "epoch", "updates", "monitor", "validation"
    for name, rows in ROWS.items():
        lines = [json.dumps(dict(zip(names, row, strict=True)) | {"seconds": 1.5 * row[0]}) for row in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join([*lines, json.dumps({"log_likelihood": -3.0})]) + "\n")
    return tmp_path


def test_the_goal_is_the_tutorials_last_monitor(folder):
    runs = read_runs(folder)
    assert list(runs) == ["tutorial", "rnn", "adam", "u0"] and all(name in CONFIGURATIONS for name in runs)
    assert first_at(runs["adam"], -5.0)["epoch"] == 1 and first_at(runs["u0"], -5.0) is None
    assert table(runs).splitlines()[2:] == [
        "| the tutorial as it is | 2 | -5.000 | -6.000 | 2 | 20 | 1/1.0 | 3 |",
        "| RNN pretrained | 2 | -4.500 | -5.000 | 2 | 10 | 1/0.1 | 2 |",  # 20 epochs of pretraining, 10 updates each
        "| Adam | 2 | -6.000 | -6.500 | 2 | 10 | 1/2.0 | 2 |",
        "| u0 learned | 1 | -9.000 | -9.500 | 1 |  | |  |",
    ]


def test_show_writes_the_figure(folder, capsys):
    main(["show", str(folder)])
    assert "updates to -5.000" in capsys.readouterr().out
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
