"""`rnnrbm export`: the parameters of a model, in a file for other programs, which replaces nothing unless told."""

import numpy as np
import pytest

from rnnrbm_pt import RnnRbm
from rnnrbm_pt.cli.main import main

pytestmark = pytest.mark.usefixtures("as_written")


def test_parameters_go_to_numpy_and_matlab_and_back(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = RnnRbm(6, 4, r=(48, 72))
    model.save("model.npz")
    assert main(["export", "model.npz", "-o", "params.npz"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Wrote params.npz: W 24 x 6, bv 24, bh 6, Wuh 4 x 6, ")
    with np.load("params.npz") as found:
        assert list(found) == list(model.get_params())
        assert all(np.array_equal(found[name], array) for name, array in model.get_params().items())
    again = RnnRbm.from_arrays("params.npz", r=(48, 72))
    assert np.array_equal(again.sample(5, seed=1), model.sample(5, seed=1))
    assert main(["export", "model.npz", "-o", "params.mat"]) == 0

    before = (tmp_path / "model.npz").read_bytes()
    for output, message in (
        ("params.npz", "-o params.npz: the file exists; use --overwrite to replace it"),
        ("model.npz", "-o model.npz: the file exists"),
        ("params.h5", "-o params.h5: expected a file of parameters (.npz, .mat), found .h5; use -o params.npz"),
        ("params", "-o params: expected a file of parameters (.npz, .mat), found no suffix; use -o params.npz"),
    ):
        assert main(["export", "model.npz", "-o", output]) == 1
        assert message in capsys.readouterr().err
    assert main(["export", "model.npz", "-o", "model.npz", "--overwrite"]) == 1
    assert "-o model.npz: expected a file other than the model" in capsys.readouterr().err
    assert (tmp_path / "model.npz").read_bytes() == before
    assert main(["export", "model.npz", "-o", "params.npz", "--overwrite"]) == 0
