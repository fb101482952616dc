"""Recorded results: a checkout contains them, and setup.py copies them into the wheel."""

import runpy
import shutil
from pathlib import Path

import pytest

from rnnrbm_pt.reference import read_log, results, results_folder

ROOT = Path(__file__).resolve().parents[2]
READ_BY_CHAPTERS = [
    "nottingham/log.jsonl",
    "nottingham/sample1.mid",
    "nottingham/sample2.mid",
    *(f"ablation/{dataset}/{name}.jsonl" for dataset in ("nottingham", "jsb_chorales") for name in ("adam", "fast")),
    "likelihoods/jsb_chorales/tried.jsonl",
    "speed/README.md",
]


def test_a_checkout_has_them():
    assert results_folder() == ROOT / "benchmarks" / "results"
    assert len(read_log(results_folder() / "nottingham" / "log.jsonl")) == 200


def test_a_wheel_has_what_chapters_read(tmp_path, monkeypatch):
    """Run the build step of setup.py on a copy of the recorded results and an empty package."""
    dist = pytest.importorskip("setuptools.dist")
    shutil.copytree(ROOT / "benchmarks" / "results", tmp_path / "benchmarks" / "results")
    monkeypatch.chdir(tmp_path)
    command = runpy.run_path(str(ROOT / "setup.py"))["BuildWithResults"](dist.Distribution({"packages": []}))
    command.ensure_finalized()
    command.build_lib = "built"
    command.run()
    data = tmp_path / "built" / "rnnrbm_pt" / "reference" / "data"
    assert [name for name in READ_BY_CHAPTERS if not (data / name).is_file()] == []
    assert sum(file.stat().st_size for file in data.rglob("*") if file.is_file()) < 500_000
    monkeypatch.setattr(results, "INSTALLED", data)
    assert results_folder() == data


def test_an_error_names_both_places(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "INSTALLED", tmp_path / "data")
    monkeypatch.setattr(results, "CHECKOUT", tmp_path / "results")
    with pytest.raises(FileNotFoundError, match="data.*results"):
        results_folder()
