"""Rewrites that give each compiled function its own copies of scans, which run in Python or stay as they are.

PyTensor 3.3 keeps equal nodes of the graphs within scans only once in a process. But a scan holds the compiled function
of its steps, and two threads cannot run that at once. So two models of the same kind cannot share the scans within
their scans. Equality covers the name of a scan, but not its mode.
"""

from itertools import count
from typing import Any

from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import NodeRewriter, dfs_rewriter, node_rewriter
from pytensor.scan.op import Scan

LAST = 1000
"""Position of the rewrites: after all other rewrites."""

PYTHON = "FAST_COMPILE"
"""Mode of a scan whose steps run in Python, one Op at a time. By default PyTensor compiles them to C."""

COPY = ", copy "
"""In the names of copies, before their number."""

_numbers = count()


def own_copy(op: Scan, mode: str | None = None) -> Scan:
    """Copy a scan, with the scans within its steps. Nothing else shares the copies.

    Parameters
    ----------
    op : Scan
    mode : str, optional
        Mode of the copies. By default, that of the originals.

    Returns
    -------
    Scan
    """
    if hasattr(op, "clone_with_inner_graph"):  # PyTensor 3.3, where `clone` returns the op itself
        op = op.clone_with_inner_graph(_with_own_copies(op.fgraph, mode))
    else:
        op = op.clone()  # copies the inner graph, and the scans in it
        for node in op.fgraph.apply_nodes:
            if isinstance(node.op, Scan):
                node.op = own_copy(node.op, mode)
    if mode is not None:
        op.mode = mode
    op.name = f"{(op.name or 'scan').partition(COPY)[0]}{COPY}{next(_numbers)}"
    return op


def _with_own_copies(fgraph: Any, mode: str | None) -> Any:
    """Replace the scans of a frozen graph by copies. Without scans it is the same graph."""
    if not has_scans(fgraph):
        return fgraph
    copied = fgraph.unfreeze()
    for node in copied.toposort():
        if isinstance(node.op, Scan):
            outputs = own_copy(node.op, mode).make_node(*node.inputs).outputs
            copied.replace_all(list(zip(node.outputs, outputs, strict=True)))
    return copied


def has_scans(fgraph: Any) -> bool:
    """Whether a graph has scans."""
    return any(isinstance(node.op, Scan) for node in fgraph.apply_nodes)


@node_rewriter([Scan])
def local_scan_as_written(fgraph: FunctionGraph, node: Apply[Scan]) -> list[Variable] | None:
    """Make the steps of a scan run in Python. The scan itself, which other graphs may have, stays as it is."""
    if node.op.mode == PYTHON:
        return None
    return own_copy(node.op, PYTHON).make_node(*node.inputs).outputs


@node_rewriter([Scan])
def local_own_scans(fgraph: FunctionGraph, node: Apply[Scan]) -> list[Variable] | None:
    """Give a function its own copies of the scans within a scan."""
    if COPY in (node.op.name or "") or not has_scans(node.op.fgraph):
        return None
    return own_copy(node.op).make_node(*node.inputs).outputs


scans_as_written: NodeRewriter = dfs_rewriter(local_scan_as_written)
own_scans: NodeRewriter = dfs_rewriter(local_own_scans)
