"""The scope of the rewrites: they only change graphs that contain an Op of this package.

Some rewrites match plain PyTensor Ops, such as a matrix product. But other people's graphs must compile as if this
package had never been imported. So rewrites are registered with `register`. They do nothing unless `FindOurs`, which
runs first, has found an Op of this package in the graph.

Draws are Ops of this package. A graph without draws, such as the graph of a likelihood, is marked with `ours` where it
is written. PyTensor rewrites the inner graph of a scan separately, and the step of an RNN contains only plain Ops.
`local_mark_scan` puts an `Ours` into each such inner graph, so `FindOurs` recognises it.
"""

from typing import Any

from pytensor.compile import optdb
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.features import Feature
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import HasInnerGraph
from pytensor.graph.replace import clone_replace
from pytensor.graph.rewriting.basic import GraphRewriter, NodeRewriter, dfs_rewriter, node_rewriter
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan, ScanInfo

from rnnrbm_pt.ours import OurOp, Ours, ours


def is_ours(node: Apply) -> bool:
    """Whether a node is an Op of this package, or contains one in its inner graph."""
    op = node.op
    if isinstance(op, OurOp) or isinstance(getattr(op, "scalar_op", None), OurOp):
        return True
    return isinstance(op, HasInnerGraph) and any(map(is_ours, op.fgraph.apply_nodes))


def unmarked(x: Variable) -> Variable:
    """The variable without its marks, if it has any."""
    while x.owner is not None and isinstance(x.owner.op, Ours):
        x = x.owner.inputs[0]
    return x


class HoldsOurs(Feature):
    """The feature that `FindOurs` attaches to a graph with an Op of this package."""


def holds_ours(fgraph: FunctionGraph) -> bool:
    """Whether `FindOurs` has found an Op of this package in a graph."""
    return any(isinstance(feature, HoldsOurs) for feature in fgraph._features)


class FindOurs(GraphRewriter):
    """Attach `HoldsOurs` to graphs with an Op of this package, and remove the marks."""

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        pass

    def apply(self, fgraph: FunctionGraph) -> None:
        found = [node for node in fgraph.apply_nodes if is_ours(node)]
        if found and not holds_ours(fgraph):
            fgraph.attach_feature(HoldsOurs())
        marks = [(node.outputs[0], unmarked(node.outputs[0])) for node in found if isinstance(node.op, Ours)]
        fgraph.replace_all(marks, reason="rnnrbm_find_ours")


class InOurs(GraphRewriter):
    """Applies a rewriter to graphs of this package only."""

    def __init__(self, rewriter: GraphRewriter) -> None:
        self.rewriter = rewriter

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        self.rewriter.add_requirements(fgraph)

    def apply(self, fgraph: FunctionGraph, *args: Any, **kwargs: Any) -> Any:
        if holds_ours(fgraph):
            return self.rewriter.apply(fgraph, *args, **kwargs)
        return None


def register(name: str, rewriter: NodeRewriter, *tags: str, position: float) -> None:
    """Register a node rewriter with PyTensor, for graphs of this package only.

    Parameters
    ----------
    name : str
        Name of the rewrite, without the prefix "rnnrbm_".
    rewriter : NodeRewriter
        The rewriter. It is applied once to each node of a graph.
    *tags : str
        Tags of the modes that use the rewrite: "fast_run" for all modes, "numba", "jax".
    position : float
        Position among PyTensor's own rewrites.
    """
    optdb.register(f"rnnrbm_{name}", InOurs(dfs_rewriter(rewriter, ignore_newtrees=True)), *tags, position=position)


@node_rewriter([Scan])
def local_mark_scan(fgraph: FunctionGraph, node: Apply[Scan]) -> list[Variable] | None:
    """Put a mark into the inner graph of a scan without Ops of this package."""
    op = node.op
    if is_ours(node):
        return None
    inner_inputs, inner_outputs = thawed(op)
    used = set(ancestors(inner_outputs))
    x = next((x for x in inner_inputs if x in used), None)  # a sequence, else a state, else a constant
    if x is None:
        return None
    marked = clone_replace(inner_outputs, {x: ours.make_node(x).out}, copy_inputs_over=True)
    return with_inner_graph(op, inner_inputs, marked).make_node(*node.inputs).outputs


def with_inner_graph(op: Scan, inputs: list[Variable], outputs: list[Variable], info: ScanInfo | None = None) -> Scan:
    """A scan with the settings of `op` and a new inner graph. Give `info` if the kinds of inner inputs differ."""
    settings = {name: getattr(op, name) for name in ("mode", "profile", "truncate_gradient", "name", "allow_gc")}
    return Scan(inputs, outputs, info or op.info, **settings)


def thawed(op: Scan) -> tuple[list[Variable], list[Variable]]:
    """The inner inputs and outputs of a scan, in a form that may be changed."""
    if hasattr(op.fgraph, "unfreeze"):  # PyTensor 3.3
        graph = op.fgraph.unfreeze()
        return list(graph.inputs), list(graph.outputs)
    return list(op.inner_inputs), list(op.inner_outputs)


# Before all other rewrites of a graph.
optdb.register("rnnrbm_find_ours", FindOurs(), "fast_run", "fast_compile", position=0.01)
# Again after the scans are in their final form (1.6): PyTensor may have moved marks of constants out of scans.
optdb.register("rnnrbm_find_ours_again", InOurs(FindOurs()), "fast_run", position=1.63)
register("mark_scan", local_mark_scan, "fast_run", "scan", position=1.604)
