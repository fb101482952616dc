"""Functions have their own scans, and those that run as written compile not even their steps."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.traversal import ancestors
from pytensor.link.c.basic import CLinker
from pytensor.scan.op import Scan

from rnnrbm_pt.compile.modes import own_scans_mode
from rnnrbm_pt.compile.rewriting.own_scans import scans_as_written
from rnnrbm_pt.models.compiling import AS_WRITTEN


@pytest.fixture
def no_c_code(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("C code is asked for")

    monkeypatch.setattr(CLinker, "make_thunk", refuse)


def row(x):
    """Sums of the exponentials up to each entry, as a scan."""
    return pytensor.scan(
        lambda x_i, total: total + pt.exp(x_i), [x], [pt.constant(0.0, dtype="float64")], return_updates=False
    )


def modes(nodes):
    """The modes of all scans, those within scans too."""
    for node in nodes:
        if isinstance(node.op, Scan):
            yield node.op.mode
            yield from modes(node.op.fgraph.apply_nodes)


def test_scans_within_scans_run_in_python(no_c_code):
    x = pt.dmatrix("x")
    sums = pytensor.scan(row, [x], return_updates=False)
    gradient = pt.grad((sums**2).sum(), x)
    sums, gradient = pytensor.function([x], [sums, gradient], mode=AS_WRITTEN)(np.log([[1.0, 2, 3], [4, 5, 6]]))
    np.testing.assert_allclose(sums, [[1, 3, 6], [4, 9, 15]], rtol=1e-14)
    np.testing.assert_allclose(gradient, [[20, 36, 36], [224, 240, 180]], rtol=1e-14)


def test_scans_within_scans_get_the_mode_as_well():
    """Without other rewrites, which would change them too."""
    x = pt.dmatrix("x")
    sums = pytensor.scan(row, [x], return_updates=False)
    fgraph = FunctionGraph([x], [sums, pt.grad((sums**2).sum(), x)])
    assert set(modes(fgraph.apply_nodes)) == {None}
    scans_as_written.rewrite(fgraph)
    found = list(modes(fgraph.apply_nodes))
    assert len(found) == 5 and set(found) == {"FAST_COMPILE"}


def test_the_graph_itself_keeps_its_modes():
    x = pt.dmatrix("x")
    sums = pytensor.scan(row, [x], return_updates=False)
    nodes = [variable.owner for variable in ancestors([sums]) if variable.owner]
    before = list(modes(nodes))
    assert len(before) == 2 and "FAST_COMPILE" not in before
    pytensor.function([x], sums, mode=AS_WRITTEN)
    assert list(modes(nodes)) == before


def test_a_model_compiles_nothing(no_c_code, python_model, toy_rolls):
    model = python_model(backend="c").fit(toy_rolls[:1], 20, 1)
    assert model.sample(4, seed=1, primer=toy_rolls[0][:3]).shape == (4, 12)


@pytest.mark.parametrize("mode", [AS_WRITTEN, own_scans_mode()], ids=["as written", "c"])
def test_two_functions_share_no_scans(mode):
    """Two threads may run them at once, and a scan holds the compiled function of its steps."""

    def scans(nodes):
        for node in nodes:
            if isinstance(node.op, Scan):
                yield id(node.op)
                yield from scans(node.op.fgraph.apply_nodes)

    x = pt.dmatrix("x")
    sums = pytensor.scan(row, [x], return_updates=False)
    functions = [pytensor.function([x], sums, mode=mode) for _ in range(2)]
    one, other = (list(scans(function.maker.fgraph.apply_nodes)) for function in functions)
    assert len(one) == len(other) == 2 and not set(one) & set(other)
    for function in functions:
        np.testing.assert_allclose(function(np.log([[1.0, 2, 3]])), [[1, 3, 6]])
