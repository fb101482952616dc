"""Rewrite that makes the steps of scans run in Python, one Op at a time. PyTensor would compile them to C."""

from typing import Any

from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import NodeRewriter, dfs_rewriter, node_rewriter
from pytensor.scan.op import Scan

LAST = 1000
"""Position of the rewrite: after all other rewrites."""


def _as_written(op: Scan) -> Scan:
    """Copy a scan, with the scans within its steps, into one whose mode compiles nothing."""
    if hasattr(op, "clone_with_inner_graph"):  # PyTensor 3.3, where `clone` returns the op itself
        op = op.clone_with_inner_graph(_inner_as_written(op.fgraph))
    else:
        op = op.clone()  # copies the inner graph, and the scans in it
        for node in op.fgraph.apply_nodes:
            if isinstance(node.op, Scan):
                node.op = _as_written(node.op)
    op.mode = "FAST_COMPILE"
    # PyTensor 3.3 keeps one copy of equal nodes in frozen graphs. Equality covers the name, but not the mode.
    op.name = f"{op.name or 'scan'}, as written"
    return op


def _inner_as_written(fgraph: Any) -> Any:
    """Replace the scans of a frozen graph. Without scans it is the same graph."""
    if not any(isinstance(node.op, Scan) for node in fgraph.apply_nodes):
        return fgraph
    copied = fgraph.unfreeze()
    for node in copied.toposort():
        if isinstance(node.op, Scan):
            outputs = _as_written(node.op).make_node(*node.inputs).outputs
            copied.replace_all(list(zip(node.outputs, outputs, strict=True)))
    return copied


@node_rewriter([Scan])
def local_scan_as_written(fgraph: FunctionGraph, node: Apply[Scan]) -> list[Variable] | None:
    """Make the steps of a scan run in Python. The scan itself, which other graphs may have, stays as it is."""
    if node.op.mode == "FAST_COMPILE":
        return None
    return _as_written(node.op).make_node(*node.inputs).outputs


scans_as_written: NodeRewriter = dfs_rewriter(local_scan_as_written)
