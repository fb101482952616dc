"""Sums over the devices that share the sequences of an update."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op

from rnnrbm_pt.ours import OurOp, Shapes


class SumOverDevices(OurOp, Op):
    """The sum of each input over all devices, in a single exchange. On one device, the sum is the input.

    All devices continue from equal sums. So the gradient with respect to one device's term is the gradient with respect
    to the sum.
    """

    __props__ = ()

    def make_node(self, *terms: Variable) -> Apply:
        return Apply(self, list(terms), [x.type() for x in terms])

    def infer_shape(self, *fgraph_node_shapes: Any) -> Shapes:
        return list(fgraph_node_shapes[-1])

    def perform(self, node: Apply, inputs: Sequence[Any], outputs: list[list[Any]]) -> None:
        for output, x in zip(outputs, inputs, strict=True):
            output[0] = np.array(x)

    def pullback(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], output_gradients: Sequence[Variable]
    ) -> list[Variable]:
        return list(output_gradients)


def sum_over_devices(*terms: Variable) -> list[Any]:
    """The sum of each variable over all devices; see `SumOverDevices`."""
    return list(SumOverDevices().make_node(*terms).outputs)
