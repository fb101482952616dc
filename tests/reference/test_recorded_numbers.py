"""The pages that quote recorded results have the numbers of the files next to them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import ablation
from benchmarks.likelihoods import ROWS, likelihood_cells, results, table, table_of_tried
from rnnrbm_pt.evaluation.paper import SETS
from rnnrbm_pt.reference import LATE, PUBLISHED, compare

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def text(path):
    """Read the text of a page."""
    return path.read_text(encoding="utf-8")


def test_late_epochs_are_compared_over_the_same_epochs():
    """The published log is infinite in epoch 198, so the mean of the run also leaves out epoch 198."""
    records = map(json.loads, text(RESULTS / "nottingham" / "log.jsonl").splitlines())
    log = {record["epoch"]: record["monitor"] for record in records if "epoch" in record}
    both = [epoch for epoch in LATE if epoch != 198]
    means = [f"{sum(found[epoch] for epoch in both) / 10:.4f}" for found in (log, PUBLISHED)]
    assert means == ["-4.7367", "-4.7319"]
    (row,) = (line for line in text(ROOT / "README.md").splitlines() if line.startswith("| mean"))
    assert re.findall(r"-\d\.\d{4}", row) == means and "10 epochs" in row
    line = f"mean of epochs 190 to 200       yours {means[0]}, published {means[1]}, 10 epochs in common"
    assert line in str(compare(log))
    for page in ("README.md", "comparison.txt"):
        assert line in text(RESULTS / "nottingham" / page)
        assert "-4.7320" not in text(RESULTS / "nottingham" / page)


def test_bits_of_an_update():
    """The page on how the graphs run: 100 frames, 15 steps of 150 + 88 units, and 150 hidden units for the monitor."""
    page = text(ROOT / "tutorial" / "how_it_runs.md")
    assert f"draws {100 * (15 * (150 + 88) + 150):,} bits" in page


def likelihoods_of(dataset):
    """{row: {seed: result}} of the benchmark of likelihoods."""
    return {row: found for row in ROWS if (found := results(RESULTS / "likelihoods" / dataset / row))}


@pytest.mark.parametrize("dataset", SETS)
def test_the_tables_of_likelihoods(dataset):
    """The page has the tables that the benchmark prints, of what was measured and of what was tried."""
    page, found = text(RESULTS / "likelihoods" / "README.md"), likelihoods_of(dataset)
    assert len(found) >= 3 and table(dataset, found) in page
    tried = RESULTS / "likelihoods" / dataset / "tried.jsonl"
    if (together := RESULTS / "likelihoods" / dataset / "ensemble.json").exists():
        assert f"has {json.loads(text(together))['log_likelihood']:.2f} nats per frame" in page
    if tried.exists():
        rows = [json.loads(line) for line in text(tried).splitlines()]
        assert table_of_tried(rows) in page


def test_the_table_of_the_best_likelihoods():
    """The README has the first table of the page, which has the best exact model and the best enclosed RNN-RBM."""
    page = text(RESULTS / "likelihoods" / "README.md")
    (rows,) = (block for block in text(ROOT / "README.md").split("\n\n") if block.startswith("| set | biaxial"))
    assert rows in page
    for dataset, row in zip(SETS, rows.splitlines()[2:], strict=True):
        cells, best = row.strip("| ").split(" | "), {}
        for name, seeds in likelihoods_of(dataset).items():
            value, kind, _ = likelihood_cells(list(seeds.values()))
            if kind == "exact" or (kind == "bound" and ROWS[name][2] == "RNN-RBM"):
                best[kind] = max(best.get(kind, (-np.inf, "")), (float(value.split()[0]), name))
        assert best["exact"] == (float(cells[1]), "biaxial-rnn")
        assert best["bound"][0] == float(cells[3])
        assert float(cells[1]) > float(cells[2]) and float(cells[3]) > float(cells[4])


@pytest.mark.parametrize("dataset", ["nottingham", "jsb_chorales"])
def test_the_table_of_the_ablation(dataset):
    """The page has the table that the benchmark prints, with ratios that include pretraining."""
    table = ablation.table(ablation.read_runs(RESULTS / "ablation" / dataset))
    assert table in text(RESULTS / "ablation" / "README.md")
    assert "1/200.0" not in table
