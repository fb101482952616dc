"""Tests of taking and presenting times. No timing is checked here."""

import json
import re

import pytest

from benchmarks import cold, scaling, table
from benchmarks.programs import Program, Sizes, chosen, programs, stand_ready, this_project
from benchmarks.timing import Run, measure, summary


def failing(error):
    def make(sizes):
        raise error

    return make


def test_programs_take_turns_and_the_first_rounds_are_not_counted():
    calls = []
    runs = {name: Run(lambda name=name: calls.append(name)) for name in "abc"}
    times = measure(runs, rounds=5, warm_up=2)
    assert [len(times[name]) for name in "abc"] == [5, 5, 5]
    assert [set(calls[i : i + 3]) for i in range(0, 21, 3)] == [set("abc")] * 7
    assert len({tuple(calls[i : i + 3]) for i in range(0, 21, 3)}) > 1


def test_time_that_is_up_ends_it_after_three_rounds():
    assert len(measure({"a": Run(lambda: None)}, rounds=50, seconds=0)["a"]) == 3


def test_a_summary_is_of_the_times():
    found = summary([(0.001, 0.001), (0.002, 0.004), (0.006, 0.004)])
    assert found["median_ms"] == 2.0
    assert found["minimum_ms"] == 1.0
    assert found["cores"] == pytest.approx(1.0)
    assert found["updates"] == 3


def test_what_cannot_be_had_is_told_and_the_rest_measured():
    rows = [
        Program("there", lambda sizes: Run(lambda: None)),
        Program("missing", failing(ImportError("no module"))),
        Program("refused", failing(ValueError("one sequence\nat a place"))),
    ]
    runs, absent = stand_ready(rows, Sizes(), say=lambda line: None)
    assert list(runs) == ["there"]
    assert absent == {"missing": "not installed: no module", "refused": "not supported: one sequence"}


def test_programs_are_chosen_by_a_pattern_in_any_case():
    rows = programs()
    assert len({row.name for row in rows}) == len(rows)
    assert chosen(rows, None) == rows
    assert [row.name for row in chosen(rows, "jax by HAND, float64")] == [
        "JAX by hand, float64",
        "LSTM-RTRBM, JAX by hand, float64",
        "RNN-NADE, JAX by hand, float64",
    ]
    with pytest.raises(
        ValueError, match="--only: expected a pattern that matches one of rnnrbm_pt numba.*'tensorflow'"
    ):
        chosen(rows, "tensorflow")


def test_the_figure_of_growing_sizes_has_the_tutorials_model_alone():
    names = [row.name for row in chosen(programs(), scaling.DEFAULT)]
    assert {"rnnrbm_pt numba, srs, float64", "NumPy by hand, float64", "PyTorch by hand, float32"} <= set(names)
    assert not [name for name in names if re.search("rtrbm|nade|compiled|floor", name, re.IGNORECASE)]


def test_the_floor_and_numpys_programs_run():
    small = Sizes(n_visible=5, n_hidden=4, n_hidden_recurrent=3, k=2, n_steps=6)
    runs, absent = stand_ready(chosen(programs(), "floor|numpy"), small, say=lambda line: None)
    assert not absent
    assert len(runs) == 8


def test_a_model_is_given_the_sizes_and_updates():
    """Uses the same settings as other tests, so that the code is compiled only once."""
    small = Sizes(n_visible=12, n_hidden=8, n_hidden_recurrent=6, n_steps=20, lr=0.05)
    run = this_project(small, backend="numba", floatX="float64", streams="srs")
    assert run.model.settings["n_hidden"] == 8
    assert run.model.settings["k"] == 15
    assert run.model.r == (0, 12)
    before = run.model.params[0].get_value()
    assert all(seconds > 0 for seconds in run.timed())
    assert (run.model.params[0].get_value() != before).any()


def test_ratios_are_to_the_row_that_was_chosen():
    row = {"quartiles_ms": [1.0, 3.0], "cores": 1.0}
    rows = {"one": {"median_ms": 2.0, **row}, "other": {"median_ms": 4.0, **row}}
    text = table.markdown(rows, {"third": "not installed"}, "other", "an update", ["A machine."])
    assert text.splitlines() == [
        "A machine.",
        "",
        "| an update | median | quartiles | ratio | cores |",
        "|---|--:|--:|--:|--:|",
        "| one | 2.00 ms | 1.00 to 3.00 | 0.50 | 1.00 |",
        "| other | 4.00 ms | 1.00 to 3.00 | 1.00 | 1.00 |",
        "| third | not installed | | | |",
    ]


def test_the_table_is_written_to_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.machine.bound_threads", lambda n: None)
    files = {name: tmp_path / f"t.{name}" for name in ("json", "markdown")}
    options = [f"--{name}={path}" for name, path in files.items()]
    table.main(["--only=floor", "--rounds=2", *options])
    assert files["markdown"].read_text(encoding="utf-8") == capsys.readouterr().out
    found = json.loads(files["json"].read_text(encoding="utf-8"))
    assert list(found["results"]) == ["floor, float64", "floor, float32"]
    assert len(found["seconds"]["floor, float64"]) == 2
    assert found["machine"]["cpu"]


def test_the_figure_is_drawn_of_runs_on_several_machines(tmp_path):
    machine = {"accelerator": None, "cpu": "A CPU", "threads": 1}
    curve = [[50, 1.0, 0.9, 1.1], [100, 2.0, 1.9, 2.1]]
    for name, accelerator in (("cpu", None), ("gpu", "A GPU")):
        content = {
            "machine": {**machine, "accelerator": accelerator},
            "panels": {"n_hidden": {"JAX, float32": curve}, "k": {"JAX, float32": curve}, "n_steps": {}},
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    sources = [str(tmp_path / f"{name}.json") for name in ("cpu", "gpu")]
    panels, _ = scaling.read([tmp_path / "cpu.json", tmp_path / "gpu.json"])
    assert list(panels["k"]) == ["JAX, float32", "JAX, float32, A GPU"]
    scaling.main(["--from", *sources, "--figure", str(tmp_path / "both.png")])
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")


def test_scaling_says_what_it_needs():
    with pytest.raises(SystemExit, match="expected --json FILE, --figure FILE or both, found neither"):
        scaling.main([])


def test_cold_starts_are_told_beside_warm_ones():
    first, second = {"first update": 40.0, "machine": {}}, {"first update": 4.0}
    generated = {"first generation": 20.0, "generation": 0.5}
    results = {
        "a": [{**first, **generated}, {**second, **generated}],
        "b": [first, second],
        "c": [{"absent": "not installed"}],
    }
    assert cold.markdown(results, []).splitlines()[3:] == [
        "| a | 40.00 | 4.00 | 20.00 | 20.00 | 0.500 |",
        "| b | 40.00 | 4.00 |  |  |  |",
        "| c | not installed | | | | |",
    ]


def test_a_cold_start_compiles_into_the_folder_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTENSOR_FLAGS", "cxx=")
    found = cold.caches_in(tmp_path)
    assert found["PYTENSOR_FLAGS"] == f"cxx=,base_compiledir={tmp_path / 'pytensor_flags'}"
    assert all(str(tmp_path) in value for value in found.values())


def test_a_process_of_a_cold_start_prints_what_it_measured(capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.machine.bound_threads", lambda n: None)
    cold.main(["--child", "floor, float32"])
    found = json.loads(capsys.readouterr().out)
    assert 0 <= found["made"] <= found["first update"]
    assert "generation" not in found
