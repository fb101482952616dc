"""A layer of binary units, sampled from a stream of Philox."""

from rnnrbm_pt.compile.ops.layer import SampleUnits, mean_of_layer
from rnnrbm_pt.streams.philox4x32 import next_draw, uniforms


class PhiloxSampleUnits(SampleUnits):
    """`SampleUnits` that draws from a stream of Philox."""

    def perform(self, node, inputs, outputs):
        state, x, W, b = inputs
        outputs[0][0] = next_draw(state)
        outputs[1][0] = sample_by_numpy(state, x, W, b)


def sample_by_numpy(state, x, W, b):
    p = mean_of_layer(x, W, b)
    return (uniforms(state, p.shape, p.dtype.name) < p).astype(p.dtype)
