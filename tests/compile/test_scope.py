"""Importing this package leaves other people's graphs unchanged, and loads neither Numba nor JAX."""

import subprocess
import sys
from pathlib import Path

import pytensor
import pytensor.tensor as pt
import pytest
from oracles import MODES, names_of

from rnnrbm_pt.ours import ours

EVERYTHING = ["rnnrbm_pt.models.base", "rnnrbm_pt.models.siblings", "rnnrbm_pt.streams.philox", "rnnrbm_pt.streams.mrg"]


def printed(*modules):
    """The compiled graphs of `strangers.py`, printed in a new process that imports the given modules first."""
    script = Path(__file__).parents[1] / "oracles" / "strangers.py"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, script, *modules], capture_output=True, text=True, cwd=root, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_strangers_graphs_compile_as_without_the_import():
    pytest.importorskip("jax")
    without = printed()
    assert without.count("# ") == 42
    assert "p = [1.5, 0.5] ValueError" in without and "p = [-0.1, 0.5] ValueError" in without
    assert without.startswith("loads []")
    assert printed("rnnrbm_pt.graphs.rbm", *EVERYTHING) == without


def test_every_mark_is_taken_out_also_of_what_is_marked_twice():
    x = marked = pt.vector("x")
    for _ in range(20):  # many marks, since the order of the operations is arbitrary
        marked = ours(marked)
    function = pytensor.function([x], marked + 1, mode=MODES["python"])
    assert "Ours" not in names_of(function)
    assert function([1, 2]).tolist() == [2, 3]
