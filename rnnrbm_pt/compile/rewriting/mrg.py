"""Streams of MRG31k3p: draws in place, and on Numba a layer of units sampled in one pass, as in `layer`.

Importing this module registers its rewrites with PyTensor.
"""

from pytensor.graph.rewriting.basic import node_rewriter

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.compile.ops.mrg import MRGSampleUnits
from rnnrbm_pt.compile.rewriting.layer import layer_of, sampled
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.streams.mrg31k3p import MRGBinomial


@node_rewriter([MRGBinomial])
def local_mrg_sample_units(fgraph, node):
    """Replace mrg_binomial(states, sigmoid(x W + b)) by `MRGSampleUnits`."""
    register_numba()
    layer = layer_of(node.inputs[1])
    return None if layer is None else list(sampled(MRGSampleUnits(), node.inputs[0], layer, node.outputs[1]))


@node_rewriter([MRGBinomial])
def local_mrg_inplace(fgraph, node):
    """Let the states advance where they are, instead of in a copy."""
    if node.op.inplace:
        return None
    return MRGBinomial(inplace=True)(*node.inputs)


# At the positions of their counterparts in `layer`, whose `local_sample_units_inplace` takes `MRGSampleUnits` too.
register("mrg_sample_units", local_mrg_sample_units, "numba", position=48.6)
register("mrg_inplace", local_mrg_inplace, "fast_run", "inplace", position=50.9)
