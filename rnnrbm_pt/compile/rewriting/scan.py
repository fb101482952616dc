"""Rewrites that move matrix products out of recurrences: one product for all steps instead of one per step.

A recurrence is written as in the tutorial, with all its equations in the step. But only the products that compute a
state from the previous state have to be in the loop. The rewrites of this module move two kinds of products out of it:

- A product of a sequence and a constant matrix, such as v_t Wvu, becomes a sequence itself.
- Some outputs depend on the previous state but do not enter the next state, such as bv_t = bv + u_tm1 Wuv. They are
  computed after the loop, from all states at once.

Importing this module registers the rewrites with PyTensor, for this package's graphs on every backend. They also apply
to the scan of the gradient.
"""

import dataclasses
from collections.abc import Sequence

import pytensor.tensor as pt
from pytensor.compile import optdb
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import clone_replace
from pytensor.graph.rewriting.basic import MergeOptimizer, copy_stack_trace, node_rewriter
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan
from pytensor.scan.rewriting.io import scan_merge_duplicate_inputs
from pytensor.scan.utils import ScanArgs
from pytensor.tensor.elemwise import DimShuffle, Elemwise
from pytensor.tensor.math import Dot
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.compile.rewriting.scope import InOurs, register, thawed, with_inner_graph

Lifted = list[tuple[TensorVariable, bool]]
"""Lifted variables, and whether each has a time axis."""


class Lift:
    """Turns variables of one step into variables of all steps, with a leading time axis.

    Parameters
    ----------
    args : ScanArgs
        The parts of the scan.
    with_states : bool
        Whether variables that depend on the previous state may be lifted too.
    """

    def __init__(self, args: ScanArgs, with_states: bool) -> None:
        inner, outer = list(args.inner_in_seqs), list(args.outer_in_seqs)
        if with_states:
            inner += args.inner_in_sit_sot
            outer += args.outer_out_sit_sot
        self.timed = {x: pt.as_tensor(xs)[: args.n_steps] for x, xs in zip(inner, outer, strict=True)}
        self.constant = dict(zip(args.inner_in_non_seqs, args.outer_in_non_seqs, strict=True))

    def __call__(self, x: Variable) -> tuple[Variable | None, bool]:
        """The lifted variable, and whether it has a time axis; (None, False) if it cannot be lifted."""
        if x in self.timed:
            return self.timed[x], True
        if x in self.constant or isinstance(x, Constant):
            return self.constant.get(x, x), False
        if x.owner is None or not isinstance(x.owner.op, (Dot, DimShuffle, Elemwise)):
            return None, False
        inputs = [self(y) for y in x.owner.inputs]
        if any(y is None for y, _ in inputs):
            return None, False
        if not any(timed for _, timed in inputs):
            return (x.owner.op.make_node(*[y for y, _ in inputs]).out, False)
        lifted = getattr(self, f"_{type(x.owner.op).__name__.lower()}")(x.owner, inputs)
        if lifted is not None:
            self.timed[x] = lifted
        return lifted, lifted is not None

    @staticmethod
    def _elemwise(node: Apply[Elemwise], inputs: Lifted) -> Variable | None:
        if len(node.outputs) != 1:
            return None
        ndim = node.outputs[0].type.ndim
        # Inputs without a time axis get one of length 1, which broadcasts.
        return node.op.make_node(*[y if timed or ndim == 0 else pt.expand_dims(y, 0) for y, timed in inputs]).out

    @staticmethod
    def _dimshuffle(node: Apply[DimShuffle], inputs: Lifted) -> Variable | None:
        (x, _), order = inputs[0], node.op.new_order
        return x.dimshuffle(0, *(axis if axis == "x" else axis + 1 for axis in order))

    @staticmethod
    def _dot(node: Apply[Dot], inputs: Lifted) -> Variable | None:
        (x, timed), (W, W_timed) = inputs
        if not timed or W_timed or W.type.ndim != 2:
            return None
        if x.type.ndim == 2:
            return pt.dot(x, W)  # (n_steps, m)
        if x.type.broadcastable[1]:
            return pt.expand_dims(pt.dot(x.squeeze(1), W), 1)
        n_steps, n = x.shape[0], x.shape[1]
        return pt.dot(x.reshape((n_steps * n, x.shape[2])), W).reshape((n_steps, n, W.shape[1]))


def _args(node: Apply[Scan], inner_inputs: Sequence[Variable], inner_outputs: Sequence[Variable]) -> ScanArgs:
    """The parts of a scan, with the given inner variables instead of copies."""
    clone = {} if hasattr(node.op.fgraph, "unfreeze") else {"clone": False}  # PyTensor 3.3 never clones
    return ScanArgs(node.inputs, node.outputs, inner_inputs, inner_outputs, node.op.info, **clone)


def _products(outputs: Sequence[Variable]) -> list[Apply[Dot]]:
    return [x.owner for x in ancestors(outputs) if x.owner is not None and isinstance(x.owner.op, Dot)]


@node_rewriter([Scan])
def local_products_of_sequences(fgraph: FunctionGraph, node: Apply[Scan]) -> dict[Variable, Variable] | None:
    """Move products of a sequence and a constant matrix out of a scan. They become sequences."""
    op = node.op
    if op.info.as_while:
        return None
    inner_inputs, inner_outputs = thawed(op)
    args = _args(node, inner_inputs, inner_outputs)
    lift = Lift(args, with_states=False)
    found = {}
    for product in _products(inner_outputs):
        lifted, timed = lift(product.outputs[0])
        if timed:
            found[product.outputs[0]] = lifted
    if not found:
        return None
    inner = [product.type(name=product.name) for product in found]
    new_outputs = clone_replace(inner_outputs, dict(zip(found, inner, strict=True)), copy_inputs_over=True)
    info = dataclasses.replace(op.info, n_seqs=op.info.n_seqs + len(inner))
    scan = with_inner_graph(op, [*inner, *inner_inputs], new_outputs, info)
    outputs = scan.make_node(node.inputs[0], *found.values(), *node.inputs[1:]).outputs
    copy_stack_trace(node.outputs, outputs)
    return dict(zip(node.outputs, outputs, strict=True))


@node_rewriter([Scan])
def local_outputs_of_states(fgraph: FunctionGraph, node: Apply[Scan]) -> dict[Variable, Variable] | None:
    """Compute outputs that contain a product, but do not enter the next state, after the scan."""
    op = node.op
    if op.info.as_while or not op.info.n_nit_sot:
        return None
    args = _args(node, op.inner_inputs, op.inner_outputs)
    lift = Lift(args, with_states=True)
    replacements = {}
    for inner, outer in zip(args.inner_out_nit_sot, args.outer_out_nit_sot, strict=True):
        if fgraph.clients.get(outer) and _products([inner]):
            lifted, timed = lift(inner)
            if lifted is not None and timed:
                replacements[outer] = lifted
    return replacements or None


# After the scans are in their final form (1.6), and before the removal of their unused parts (1.605).
register("products_of_sequences", local_products_of_sequences, "fast_run", "scan", position=1.602)
register("outputs_of_states", local_outputs_of_states, "fast_run", "scan", position=1.603)
# A product in several equations of a step has become several equal sequences: merge them.
optdb.register("rnnrbm_merge", InOurs(MergeOptimizer()), "fast_run", "scan", position=1.6031)
register("merge_sequences", scan_merge_duplicate_inputs, "fast_run", "scan", position=1.6032)
