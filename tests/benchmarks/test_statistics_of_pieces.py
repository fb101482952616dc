"""Tests of the benchmark of pieces: its counts and its options."""

import json

import pytest

from benchmarks.pieces import main, parsed
from rnnrbm_pt import RnnRbm

pytestmark = pytest.mark.usefixtures("as_written")


def test_pieces_of_each_setting_beside_the_data(toy_rolls, tmp_path, capsys):
    model = RnnRbm(3, 2, r=(60, 72), k=1, k_generate=2, streams="philox")
    model.fit(toy_rolls, 50, 1)
    model.save(tmp_path / "toy.npz")
    file = str(tmp_path / "toy.npz")
    main([str(tmp_path / "out"), file, f"{file} floor=0.4", "--pieces", "2"])
    assert capsys.readouterr().out == (tmp_path / "out" / "pieces.md").read_text()
    lines = (tmp_path / "out" / "pieces.md").read_text().splitlines()
    assert lines[0] == "| | toy | its data | toy floor=0.4 | its data |"
    assert {line.count("|") for line in lines} == {6}
    found = json.loads((tmp_path / "out" / "pieces.json").read_text())
    assert found["toy"]["pieces"]["frames"] == 400 and found["toy floor=0.4"]["dials"] == {"floor": 0.4}
    assert found["toy"]["data"] == model.state.data.to_json()
    assert (tmp_path / "out" / "1.png").stat().st_size > 10_000 and (tmp_path / "out" / "2.png").exists()


def test_dials():
    assert parsed("a.npz start=previous floor=0.05") == ("a.npz", {"start": "previous", "floor": 0.05})
    with pytest.raises(TypeError, match="unexpected keyword argument 'flor'"):
        main(["x", "a.npz flor=1"])
