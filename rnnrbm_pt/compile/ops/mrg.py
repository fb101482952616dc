"""A layer of binary units, sampled with an MRG31k3p stream."""

from collections.abc import Sequence
from typing import Any

from pytensor.graph.basic import Apply

from rnnrbm_pt.compile.ops.layer import SampleUnits, mean_of_layer
from rnnrbm_pt.streams.mrg31k3p import uniforms


class MRGSampleUnits(SampleUnits):
    """`SampleUnits` with an MRG31k3p stream."""

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        states, x, W, b = inputs
        if not self.inplace:
            states = states.copy()
        p = mean_of_layer(x, W, b)
        u = uniforms(states, p.size, p.dtype.name).reshape(p.shape)
        outputs[0][0] = states
        outputs[1][0] = (u < p).astype(p.dtype)
