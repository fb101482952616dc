"""Scans whose steps run operation by operation in Python. PyTensor 3.0 compiles them by the C compiler otherwise."""

from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import NodeRewriter, dfs_rewriter, node_rewriter
from pytensor.scan.op import Scan

LAST = 1000
"""Position of the rewrite: after all others."""


def _set_mode(op: Scan) -> None:
    """Set the mode of a scan, and of the scans within its steps, to the one that compiles nothing."""
    op.mode = "FAST_COMPILE"
    for node in op.fgraph.apply_nodes:
        if isinstance(node.op, Scan):
            _set_mode(node.op)


@node_rewriter([Scan])
def local_scan_as_written(fgraph: FunctionGraph, node: Apply[Scan]) -> list[Variable] | None:
    """Have the steps of a scan run in Python. Later versions of PyTensor do so where the function around it does."""
    if hasattr(Scan, "link_mode") or node.op.mode == "FAST_COMPILE":
        return None
    op = node.op.clone()  # its inner graphs as well
    _set_mode(op)
    return op.make_node(*node.inputs).outputs


scans_as_written: NodeRewriter = dfs_rewriter(local_scan_as_written)
