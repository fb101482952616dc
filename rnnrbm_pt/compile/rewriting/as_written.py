"""Rewrite that makes the steps of scans run in Python, one Op at a time. PyTensor would compile them to C."""

from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import NodeRewriter, dfs_rewriter, node_rewriter
from pytensor.scan.op import Scan

LAST = 1000
"""Position of the rewrite: after all other rewrites."""


def _set_mode(op: Scan) -> None:
    """Set the mode of a scan, and of the scans within its steps, to the mode that compiles nothing."""
    op.mode = "FAST_COMPILE"
    for node in op.fgraph.apply_nodes:
        if isinstance(node.op, Scan):
            _set_mode(node.op)


@node_rewriter([Scan])
def local_scan_as_written(fgraph: FunctionGraph, node: Apply[Scan]) -> list[Variable] | None:
    """Make the steps of a scan run in Python."""
    if node.op.mode == "FAST_COMPILE":
        return None
    op = node.op.clone()  # clones the inner graphs too
    _set_mode(op)
    return op.make_node(*node.inputs).outputs


scans_as_written: NodeRewriter = dfs_rewriter(local_scan_as_written)
