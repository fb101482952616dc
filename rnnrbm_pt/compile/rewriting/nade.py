"""Rewrites of the logits of a NADE, their gradient and their tangent to one operation each, on Numba and JAX.

The C backend runs the scan.
"""

from collections.abc import Callable
from typing import Any

import pytensor.tensor as pt
from pytensor.compile import optdb
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.basic import Apply, Variable, clone_get_equiv
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import NodeRewriter, copy_stack_trace, dfs_rewriter, node_rewriter

from rnnrbm_pt.compile.dispatch import register_jax, register_numba
from rnnrbm_pt.compile.ops.nade import NadeGradient, NadeLogits, NadeTangent
from rnnrbm_pt.ours import GRADIENT, MANY_THREADS, NADE_LOGITS, TANGENT


def nade_operations(fgraph: FunctionGraph, node: Apply[OpFromGraph], parallel: bool) -> list[Variable] | None:
    """The replacement for the named graph of the logits, or for the graph of a derivative that PyTensor made of it."""
    if node.op.name == NADE_LOGITS:
        replacement = NadeLogits(parallel).make_node(*node.inputs).outputs
    elif node.op.name == NADE_LOGITS + TANGENT:
        replacement = NadeTangent(parallel).make_node(*node.inputs).outputs
    elif node.op.name == NADE_LOGITS + GRADIENT:
        of_v = node.outputs[0]
        if fgraph.clients[of_v]:  # the frames are data, so their gradient is not needed
            return None
        v, W, V, bv, bh, _, g = node.inputs
        dW, dV, dbh = NadeGradient(parallel).make_node(v, W, V, bv, bh, g).outputs
        replacement = [pt.zeros_like(v), dW, dV, g, dbh]
    else:
        return None
    copy_stack_trace(node.outputs, replacement)
    return replacement


def local_nade(register: Callable[[], None], parallel: bool = False) -> NodeRewriter:
    """Make the rewriter that uses the operations. It calls `register` for a backend only if it uses them."""

    @node_rewriter([OpFromGraph])
    def rewriter(fgraph: FunctionGraph, node: Apply[OpFromGraph]) -> list[Variable] | None:
        replacement = nade_operations(fgraph, node, parallel)
        if replacement is not None:
            register()
        return replacement

    return rewriter


@node_rewriter([OpFromGraph])
def local_inner_graph(fgraph: FunctionGraph, node: Apply[OpFromGraph]) -> list[Variable] | None:
    """Replace a named graph by a copy of its inner graph.

    PyTensor would insert the inner graph itself. Backends change the inner graphs of the scans that they compile, which
    would prevent other functions and gradients of the same graph. From PyTensor 3.3.8 on, inner graphs are frozen:
    their nodes are not `Apply`, and PyTensor copies them itself.
    """
    if node.op.name not in (NADE_LOGITS, NADE_LOGITS + GRADIENT, NADE_LOGITS + TANGENT):
        return None
    inner_inputs, inner_outputs = node.op.inner_inputs, node.op.inner_outputs
    if not isinstance(inner_outputs[0].owner, Apply):
        return None
    memo = dict(zip(inner_inputs, node.inputs, strict=True))
    copies = clone_get_equiv(inner_inputs, inner_outputs, False, False, memo, clone_inner_graphs=True)
    replacement: list[Any] = [copies[output] for output in inner_outputs]
    copy_stack_trace(node.outputs, replacement)
    return replacement


# Before PyTensor replaces named graphs by their inner graphs (-0.01).
for name, register in (("numba", register_numba), ("jax", register_jax)):
    optdb.register(
        f"rnnrbm_nade_{name}", dfs_rewriter(local_nade(register), ignore_newtrees=True), name, position=-0.03
    )
optdb.register(
    "rnnrbm_nade_threads",
    dfs_rewriter(local_nade(register_numba, parallel=True), ignore_newtrees=True),
    MANY_THREADS,
    position=-0.031,
)
optdb.register(
    "rnnrbm_inner_graph",
    dfs_rewriter(local_inner_graph, ignore_newtrees=True),
    "fast_run",
    "fast_compile",
    position=-0.02,
)
