"""Streams of Philox on Numba: a layer of units sampled in one pass, as in `layer`.

Importing this module registers its rewrite with PyTensor.
"""

from pytensor.graph.rewriting.basic import node_rewriter

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.compile.ops.philox import PhiloxSampleUnits
from rnnrbm_pt.compile.rewriting.layer import layer_of, sampled
from rnnrbm_pt.compile.rewriting.scope import register
from rnnrbm_pt.streams.philox4x32 import PhiloxBinomial


@node_rewriter([PhiloxBinomial])
def local_philox_sample_units(fgraph, node):
    """Replace philox_binomial(stream, sigmoid(x W + b)) by `PhiloxSampleUnits`."""
    register_numba()
    layer = layer_of(node.inputs[1])
    return None if layer is None else list(sampled(PhiloxSampleUnits(), node.inputs[0], layer, node.outputs[1]))


# At the position of its counterpart in `layer`.
register("philox_sample_units", local_philox_sample_units, "numba", position=48.6)
