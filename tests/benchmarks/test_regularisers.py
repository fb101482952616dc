"""Tests of the benchmark of regularisers: each run is done once, and the table."""

import json

import pytest

from benchmarks import regularisers
from benchmarks.regularisers import VARIANTS, main, table
from rnnrbm_pt.settings import names
from rnnrbm_pt.training.settings import Learning, Run

pytestmark = pytest.mark.usefixtures("as_written")


def test_variants_are_keywords_of_fit():
    for how in VARIANTS.values():
        assert set(how) - {"k"} <= {*names(Run), *names(Learning)}


def test_each_variant_is_run_once(toy_chorales, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(regularisers.EPOCHS, "jsb_chorales", 1)
    monkeypatch.setattr(regularisers, "SIZES", {"n_hidden": 3, "n_hidden_recurrent": 2, "k": 2, "k_generate": 2})
    monkeypatch.setattr(regularisers, "N_STEPS", 60)
    monkeypatch.setattr(regularisers, "N_PIECES", 2)
    where = ["run", "jsb_chorales", str(tmp_path), "--data", str(toy_chorales), "--only", "averages"]
    main(where)
    (row,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (row["variant"], row["seed"]) == ("averages", 1) and row["bracket"]["holds"]
    assert row["bracket"]["lower"] == pytest.approx(row["bracket"]["upper"], abs=0.01)
    main(where)
    assert not capsys.readouterr().out
    main(["show", str(tmp_path)])
    assert "| averages | 1 | " in capsys.readouterr().out


def test_the_table_has_means_over_seeds():
    row = {"variant": "dropout", "monitor": -9.0, "accuracy": 0.25, "accuracy_chains": {"agrees": True}, "seconds": 60}
    row |= {"bracket": {"lower": -6.0, "upper": -5.98, "holds": True}, "notes_per_frame": 4.0, "dissonance": None}
    other = row | {"bracket": {"lower": -6.2, "upper": -6.0, "holds": False}, "dissonance": 0.1}
    dials = {"with_dials": {"notes_per_frame": 3.5, "dissonance": 0.05, "outside": 0}}
    rows = [{**row, "seed": 1, "outside": 2, **dials}, {**other, "seed": 2, "outside": 0, **dials}]
    assert table(rows).splitlines()[2] == (
        "| dropout | 2 | -9.00 | -6.10 ± 0.14 | -5.99 ± 0.01 | 1 of 2 | 25.0 | 4.0 | 0.10 | 2 of 40 "
        "| 3.5 | 0.05 | 0 of 40 | 60 |"
    )
