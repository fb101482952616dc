"""The code for a backend is imported only when a graph first needs it."""

import subprocess
import sys
from importlib import import_module

import pytest
from pytensor.link.numba.dispatch.basic import numba_funcify

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.ours import OurOp

OPS = ["bernoulli", "chain", "elementwise", "layer", "mrg", "philox", "products"]


def test_the_rewrites_import_neither_numba_nor_jax():
    program = "import pytensor, sys; before = set(sys.modules); import rnnrbm_pt.compile.rewriting; "
    program += "print(sorted({'numba', 'jax'} & set(sys.modules) - before), 'numba' in before)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed == "[] False\n"


def test_without_numba_there_is_nothing_to_register(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "rnnrbm_pt.compile.dispatch.numba", raising=False)
    register_numba.__wrapped__()
    assert "rnnrbm_pt.compile.dispatch.numba" not in sys.modules


@pytest.mark.parametrize("name", OPS)
def test_each_op_has_numba_code(name):
    register_numba()
    module = import_module(f"rnnrbm_pt.compile.ops.{name}")
    ops = [x for x in vars(module).values() if isinstance(x, type) and issubclass(x, OurOp) and x is not OurOp]
    assert ops
    for op in ops:
        assert numba_funcify.dispatch(op).__module__.startswith("rnnrbm_pt."), op
