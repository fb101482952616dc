"""The page about graphs: the operations that its tables name are in this library's graphs, and in Theano's."""

import os
import re
import subprocess

import pytensor
import pytest

from tutorial.build import TUTORIAL, blocks, execute

PAGE = TUTORIAL / "graphs.md"
BY_HAND = TUTORIAL.parent / "benchmarks" / "by_hand"

THEANO = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, theano, theano_step as program
for k in 1, 2:
    rng = program.random_streams("srs", 5)
    W, bv, bh = (program.shared(np.zeros(shape), name) for name, shape in (("W", (12, 8)), ("bv", 12), ("bh", 8)))
    v = theano.tensor.matrix("v")
    v_sample, cost, monitor, updates = program.build_rbm(v, W, bv, bh, k, rng)
    gradients = theano.grad(cost, [W, bv, bh], consider_constant=[v_sample])
    if k == 1:
        theano.printing.debugprint(theano.function([v], v_sample, updates=updates))
        print("the whole update")
    updates.update((p, p - 0.05 * g) for p, g in zip((W, bv, bh), gradients))
    update = theano.function([v], [monitor, cost], updates=updates)
    theano.printing.debugprint(update)
    print("products:", sum(str(node.op).startswith(("Dot22", "Gemm")) for node in update.maker.fgraph.toposort()))
"""


def text():
    return PAGE.read_text(encoding="utf-8")


def named(column):
    """The operations that a column of the two tables names."""
    rows = re.findall(r"^\|(.*)\|$", text(), re.MULTILINE)
    cells = [row.split("|")[column] for row in rows]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_the_operations_that_are_named_are_in_the_graphs():
    namespace = {"__name__": "graphs"}
    with pytensor.config.change_flags(floatX="float64"):
        for block in blocks(text()):
            if block.language == "python":
                execute(block.code, block.line, PAGE, namespace)
    printed = "".join(pytensor.dprint(namespace[name], file="str") for name in ("update", "longer"))
    names = named(-2)
    assert {"SampleUnits", "Product", "Cross_entropy"} <= names
    assert [name for name in sorted(names) if name not in printed] == []


def test_theanos_graphs_are_as_the_page_has_them(tmp_path):
    python = os.environ.get("RNNRBM_THEANO")
    if python is None:
        pytest.skip("needs a Python that has Theano 1.0.5, named by RNNRBM_THEANO")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    flags = f"compiledir={tmp_path},floatX=float64"
    command = [python, "-c", THEANO, str(BY_HAND)]
    result = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment | {"THEANO_FLAGS": flags}
    )
    assert result.returncode == 0, result.stderr
    chain, _, updates = result.stdout.partition("the whole update\n")
    shown = [block.code for block in blocks(text()) if block.language == "text"]
    assert chain in shown
    names = named(-1)
    assert {"Dot22", "Gemm{inplace}", "Subtensor{int64}"} <= names
    assert [name for name in sorted(names) if name not in updates] == []
    assert re.findall(r"^products: (\d+)", updates, re.MULTILINE) == ["6", "5"]  # the chain of two steps is in a loop
