"""Tests of the benchmark of Hessian-free optimisation: its task, clock and table. There is no long training here."""

import json

import numpy as np
import pytensor
import pytest
from oracles import AS_WRITTEN, finite_differences

from benchmarks.adding import adding_objective, parameters, sequences
from benchmarks.hessian_free import Log, best, main, read_runs, table
from rnnrbm_pt.training.gauss_newton import compiled_objective

ROWS = {
    "adding-hf": [(10, 2, 0.17), (20, 4, 0.03)],
    "adding-adam": [(5, 1, 0.2), (15, 9, 0.15), (30, 20, 0.14)],
}


@pytest.fixture
def folder(tmp_path):
    for name, rows in ROWS.items():
        lines = [json.dumps({"seconds": s, "passes": p, "value": v}) for s, p, v in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_sequence_has_two_marks_whose_numbers_it_adds_up():
    x, target = sequences(50, 3, 20, "float64")
    assert x.shape == (20, 50, 2) and (x[:, :, 1].sum(axis=0) == 2).all() and not x[10:, :, 1].any()
    np.testing.assert_allclose((x[:, :, 0] * x[:, :, 1]).sum(axis=0), target)
    again, _ = sequences(50, 3, 20, "float64")
    assert np.array_equal(x, again)


def test_its_products_are_those_of_the_last_outputs():
    """In the direction of by only the last output counts, so the product is the number of sequences."""
    params = parameters(0, n_hidden=3, dtype="float64")
    objective, batch = adding_objective(params)
    functions = compiled_objective(objective, params, batch, lambda i, o: pytensor.function(i, o, mode=AS_WRITTEN))
    values, data = [p.get_value() for p in params], sequences(4, 0, 20, "float64")
    vectors = [np.zeros_like(x) for x in values[:-1]] + [np.ones(1)]
    weight, *products = functions.product(*values, *vectors, np.asarray(0.0), *data)
    assert weight == 4 and products[-1] == pytest.approx([4])
    weight, cost, squares, *gradients = functions.gradient(*values, *data)
    slope = finite_differences(lambda by: functions.costs(*values[:-1], by, *data)[1], values[-1])
    assert gradients[-1] == pytest.approx(slope, abs=1e-7) and squares == pytest.approx(2 * cost)


def test_the_log_goes_on_where_it_was(tmp_path):
    path = tmp_path / "x.jsonl"
    log = Log(path, 100)
    log.passes = 2.5
    log.write(lambda: {"value": 1.0}, updates=1)
    log.write(lambda: {"value": 0.5}, updates=2)
    again = Log(path, 0.0, 1)  # the checkpoint was written at the first row
    assert again.passes == 2.5 and [row["updates"] for row in again.rows] == [1] and again.is_over
    assert len(path.read_text().splitlines()) == 1


def test_the_table_compares_at_equal_time_and_at_equal_passes(folder):
    runs = read_runs(folder)
    assert list(runs["adding"]) == ["hf", "adam"]
    assert best(runs["adding"]["adam"], "seconds", 20) == 0.15 and best(runs["adding"]["adam"], "passes", 0) is None
    assert table(runs).splitlines()[2:] == [
        "| adding | Hessian-free | 20 | 4.0 | 0.0300 | 0.0300 | 0.0300 |",
        "| adding | Adam | 30 | 20.0 | 0.1400 | 0.1500 | 0.2000 |",
    ]


def test_show_writes_the_figure(folder, capsys):
    main(["show", str(folder)])
    assert "best in equal time" in capsys.readouterr().out
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
