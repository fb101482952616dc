"""Rewrites of draws from MRG31k3p and Philox streams: a layer in one operation on Numba, and draws in place.

Importing this module registers the rewrites with PyTensor. `rewriting.layer` has the counterpart for NumPy's streams.
"""

from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import NodeRewriter, node_rewriter

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.compile.ops.layer import SampleUnits
from rnnrbm_pt.compile.ops.mrg import MRGSampleUnits
from rnnrbm_pt.compile.ops.philox import PhiloxSampleUnits
from rnnrbm_pt.compile.rewriting.layer import layer_of, sampled
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.streams.mrg31k3p import MRGBinomial
from rnnrbm_pt.streams.philox4x32 import PhiloxBinomial
from rnnrbm_pt.streams.stream_type import StreamBinomial


def sampling(draw: type[StreamBinomial], sample: type[SampleUnits]) -> NodeRewriter:
    """Make the rewriter that replaces draw(stream, sigmoid(x W + b)) by sample(stream, x, W, b)."""

    @node_rewriter([draw])
    def local_stream_sample_units(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
        register_numba()
        layer = layer_of(node.inputs[1])
        return None if layer is None else sampled(sample(), node.inputs[0], layer, node.outputs[1])

    return local_stream_sample_units


@node_rewriter([SampleUnits, MRGBinomial])
def local_inplace(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
    """Advance the state of the stream in place instead of in a copy."""
    if node.op.inplace:
        return None
    return type(node.op)(inplace=True).make_node(*node.inputs).outputs


# At the position of their counterpart in `rewriting.layer`.
register("mrg_sample_units", sampling(MRGBinomial, MRGSampleUnits), "numba", position=48.6)
register("philox_sample_units", sampling(PhiloxBinomial, PhiloxSampleUnits), "numba", position=48.6)
register("inplace", local_inplace, "fast_run", "inplace", position=50.9)
