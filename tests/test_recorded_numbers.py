"""The pages that quote recorded results: their numbers are those of the files beside them."""

import json
import re
from pathlib import Path

from rnnrbm_pt.reference import LATE, PUBLISHED, compare

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def text(path):
    """The text of a page."""
    return path.read_text(encoding="utf-8")


def test_late_epochs_are_compared_over_the_same_epochs():
    """The published log is infinite in epoch 198, so the mean of the run leaves epoch 198 out as well."""
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
    """Chapter 7: 100 frames, 15 steps of 150 + 88 units, and the 150 hidden units of the monitor's step."""
    page = text(ROOT / "tutorial" / "07_backends.md")
    assert f"draws {100 * (15 * (150 + 88) + 150):,} bits" in page
