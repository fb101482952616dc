"""Rewrite of a whole Gibbs chain to one operation, for Philox streams on Numba.

The rows of a layer are independent chains. So the operation runs a block of rows through all steps before the next
block. A block stays in the first-level cache, and several cores can share the blocks. The operation draws the same bits
as the scan. Importing this module registers the rewrite with PyTensor.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import graph_replace
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.compile.ops.chain import PhiloxGibbsChain
from rnnrbm_pt.compile.rewriting.layer import layer_of, vector_of
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.streams.philox4x32 import PhiloxBinomial, PhiloxType


def drawn_layer(bits: Variable) -> tuple[Apply, Variable, Variable, Variable, bool] | None:
    """The draw of the bits of a layer, and the parts that `layer_of` finds; None for other variables."""
    if bits.owner is None or not isinstance(bits.owner.op, PhiloxBinomial):
        return None
    layer = layer_of(bits.owner.inputs[1])
    return None if layer is None else (bits.owner, *layer)


class Chain(NamedTuple):
    """A scan that is a Gibbs chain: the positions of its states, and the inner variables of its layers."""

    h_stream: int
    v_stream: int
    v: int
    h: int | None
    """The position of the last hidden bits, if the scan keeps them."""
    layers: list[Variable]
    """W, bh, W_back, bv."""
    is_row: bool
    """Whether v is a vector, so that there is one chain."""


def _chain_of(op: Scan) -> Chain | None:
    """The `Chain` of a scan that samples two layers in turn and keeps only the last bits; None for other scans."""
    states = op.inner_untraced_sit_sot(op.inner_inputs)
    kept = [i for i, state in enumerate(states) if not isinstance(state.type, PhiloxType)]
    others = len(op.inner_inputs) - len(states) - op.info.n_non_seqs
    if len(states) not in (3, 4) or len(states) != 2 + len(kept) or others or op.info.as_while:
        return None
    chains = (_chain_to(v, [i for i in kept if i != v], states, op.inner_outputs) for v in kept)
    return next((chain for chain in chains if chain is not None), None)


def _chain_to(v: int, kept_h: list[int], states: Sequence[Variable], after: Sequence[Variable]) -> Chain | None:
    """The `Chain` with the state `v` as its visible bits, and the states `kept_h`, if any, as its hidden bits."""
    drawn_v = drawn_layer(vector_of(after[v]))
    if drawn_v is None:
        return None
    drawn_h = drawn_layer(vector_of(drawn_v[1]))
    if drawn_h is None or vector_of(drawn_h[1]) is not states[v]:
        return None
    (draw_v, _, W_back, bv, is_row), (draw_h, _, W, bh, _) = drawn_v, drawn_h
    streams = draw_h.inputs[0], draw_v.inputs[0]
    layers = [W, bh, W_back, bv]
    if not set(streams) <= set(states) or set(states) & set(ancestors(layers)):
        return None
    h_stream, v_stream = (states.index(stream) for stream in streams)
    if after[h_stream] is not draw_h.outputs[0] or after[v_stream] is not draw_v.outputs[0]:
        return None
    if any(vector_of(after[h]) is not vector_of(drawn_v[1]) for h in kept_h):
        return None
    return Chain(h_stream, v_stream, v, kept_h[0] if kept_h else None, layers, is_row)


@node_rewriter([Scan])
def local_philox_gibbs_chain(fgraph: FunctionGraph, node: Apply[Scan]) -> list[Variable] | None:
    """Replace a scan that is a Gibbs chain by `PhiloxGibbsChain`."""
    op, chain = node.op, _chain_of(node.op)
    if chain is None:
        return None
    register_numba()
    outer = dict(zip(op.inner_non_seqs(op.inner_inputs), op.outer_non_seqs(node.inputs), strict=True))
    # Replace inner inputs by new variables first. PyTensor's scans share their inner inputs i0, i1, and so on. If this
    # scan is inside another scan, the replacement of one input may contain another input, which would be replaced too.
    new = {inner: inner.type() for inner in outer}
    layers = graph_replace(chain.layers, new, strict=False)
    layers = graph_replace(layers, {new[inner]: x for inner, x in outer.items()}, strict=False)
    first = op.outer_untraced_sit_sot(node.inputs)
    v = pt.expand_dims(first[chain.v], 0) if chain.is_row else first[chain.v]
    k, rng_h, rng_v = node.inputs[0], first[chain.h_stream], first[chain.v_stream]
    made = PhiloxGibbsChain(with_h=chain.h is not None).make_node(k, rng_h, rng_v, v, *layers).outputs
    after_h, after_v, *last = made
    if chain.is_row:
        last = [pt.as_tensor(bits)[0] for bits in last]
    after = {chain.h_stream: after_h, chain.v_stream: after_v, chain.v: last[0]}
    copy_stack_trace(node.outputs[chain.v], last[0])
    if chain.h is not None:
        after[chain.h] = pt.switch(pt.gt(k, 0), last[1], first[chain.h])
        copy_stack_trace(node.outputs[chain.h], after[chain.h])
    return [after[i] for i in range(len(after))]


# Before the rewrites of layers (48.6), which apply to the remaining scans.
register("philox_gibbs_chain", local_philox_gibbs_chain, "numba", position=48.4)
