"""The pages that quote recorded results have the numbers of the files next to them."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import ablation
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


def earlier(dataset):
    """{row: measurements} for the earlier tables of the page on likelihoods."""
    paths = sorted((RESULTS / "likelihoods" / dataset).glob("*/earlier.json"))
    return {path.parent.name: json.loads(text(path)) for path in paths}


@pytest.mark.parametrize("dataset", ["jsb_chorales", "nottingham"])
def test_the_earlier_tables_of_likelihoods(dataset):
    """The page has all recorded figures, and the README has the figures of its rows."""
    found, page = earlier(dataset), text(RESULTS / "likelihoods" / "README.md")
    assert len(found) == 6
    for row, result in found.items():
        value = f"{result['log_likelihood']['value']:.2f}"
        assert any(line.startswith(f"| {row} | {value}") for line in page.splitlines())


def test_the_table_of_the_best_likelihoods():
    """The README has the first table of the page, whose RNN-RBMs are those of the recorded results."""
    page = text(RESULTS / "likelihoods" / "README.md")
    (rows,) = (block for block in text(ROOT / "README.md").split("\n\n") if block.startswith("| set | biaxial"))
    assert rows in page
    cells = {row.split(" | ")[0].strip("| "): row.strip("| ").split(" | ") for row in rows.splitlines()[2:]}
    recorded = json.loads(text(RESULTS / "likelihoods" / "piano_midi" / "gru-rbm" / "result.json"))["1"]
    assert recorded["bracket"]["holds"] and cells["Piano-midi"][3] == f"{recorded['bracket']['lower']:.2f}"
    assert cells["JSB chorales"][3] == f"{earlier('jsb_chorales')['rnn-rbm']['log_likelihood']['value']:.2f}"


def test_estimates_that_do_not_enclose():
    """On the folk tunes all reverse estimates exceed the forward estimates, and the page states the gap."""
    page = text(RESULTS / "likelihoods" / "README.md")
    for name, found in earlier("nottingham").items():
        if name.endswith("nade"):
            continue
        score, up, down = (found[f"log_likelihood{suffix}"] for suffix in ("", "_forward", "_reverse"))
        assert down["value"] > up["value"]
        gap, share = down["value"] - up["value"], score["low_ess"] / score["frames"]
        assert f"| {name} | {gap:.2f} | {100 * share:.0f} % |" in page


@pytest.mark.parametrize("dataset", ["nottingham", "jsb_chorales"])
def test_the_table_of_the_ablation(dataset):
    """The page has the table that the benchmark prints, with ratios that include pretraining."""
    table = ablation.table(ablation.read_runs(RESULTS / "ablation" / dataset))
    assert table in text(RESULTS / "ablation" / "README.md")
    assert "1/200.0" not in table
