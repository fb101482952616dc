"""A layer of binary units, sampled from a stream of Philox."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply

from rnnrbm_pt.compile.ops.layer import SampleUnits, mean_of_layer
from rnnrbm_pt.streams.philox4x32 import next_draw, uniforms


class PhiloxSampleUnits(SampleUnits):
    """`SampleUnits` that draws from a stream of Philox."""

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        state, x, W, b = inputs
        outputs[0][0] = next_draw(state)
        outputs[1][0] = sample_by_numpy(state, x, W, b)


def sample_by_numpy(state: np.ndarray, x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Bits of a layer, from the draw that the state of a stream counts; 0 or 1 of the type of the floats."""
    p = mean_of_layer(x, W, b)
    return (uniforms(state, p.shape, p.dtype.name) < p).astype(p.dtype)
