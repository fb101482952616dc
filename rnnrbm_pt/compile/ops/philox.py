"""A layer of binary units, sampled with a Philox stream."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply

from rnnrbm_pt.compile.ops.layer import SampleUnits, mean_of_layer
from rnnrbm_pt.streams.philox4x32 import next_draw, uniforms


class PhiloxSampleUnits(SampleUnits):
    """`SampleUnits` with a Philox stream."""

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        state, x, W, b = inputs
        outputs[0][0] = next_draw(state)
        outputs[1][0] = sample_by_numpy(state, x, W, b)


def sample_by_numpy(state: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The bits of a layer, 0 or 1 in the float type of the inputs, from the current draw of a stream."""
    p = mean_of_layer(x, W, b)
    return (uniforms(state, p.shape, p.dtype.name) < p).astype(p.dtype)
