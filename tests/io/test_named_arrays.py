"""Named arrays as files of other programs."""

import numpy as np
import pytest

from rnnrbm_pt.io.named_arrays import write_named_arrays


def test_a_file_for_matlab(tmp_path):
    loadmat = pytest.importorskip("scipy.io").loadmat
    arrays = {"W": np.arange(6.0).reshape(2, 3), "bv": np.ones(2)}
    write_named_arrays(tmp_path / "a.mat", arrays)
    found = loadmat(tmp_path / "a.mat")
    np.testing.assert_array_equal(found["W"], arrays["W"])
    np.testing.assert_array_equal(found["bv"], [[1, 1]])
