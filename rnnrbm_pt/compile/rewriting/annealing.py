"""Rewrite of annealed importance sampling to one operation, for Philox streams on Numba.

`graphs.ais` writes the annealing as a scan over inverse temperatures. The operation runs a block of chains through all
temperatures before the next block, like the operation of `rewriting.chain`. It draws the same bits as the scan.
Importing this module registers the rewrite with PyTensor.
"""

from typing import NamedTuple

import pytensor.tensor as pt
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import copy_stack_trace, node_rewriter
from pytensor.scalar.basic import Add, Mul, Sub
from pytensor.scalar.math import Softplus
from pytensor.scan.op import Scan
from pytensor.tensor.basic import MakeVector, get_underlying_scalar_constant_value
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.math import Dot, Sum
from pytensor.tensor.subtensor import Subtensor, get_idx_list

from rnnrbm_pt.compile.dispatch import register_numba
from rnnrbm_pt.compile.ops.annealing import PhiloxAnnealing
from rnnrbm_pt.compile.rewriting.chain import drawn_layer
from rnnrbm_pt.compile.rewriting.layer import is_elemwise
from rnnrbm_pt.compile.rewriting.scope import register


class Annealing(NamedTuple):
    """The inner variables of a scan that `graphs.ais` wrote."""

    b_of_draws: Variable
    """b as a matrix with one element."""
    b: Variable
    b_next: Variable
    rng_h: Variable
    rng_v: Variable
    v: Variable
    log_w: Variable
    W: Variable
    bh: Variable
    W_back: Variable
    bv: Variable
    bh_of_weights: Variable
    """bh with a leading axis of length 1."""


def _other(variable: Variable, scalar_op: type, known: Variable | None) -> Variable | None:
    """The other operand of an elementwise operation on `known` and one more operand; None for other variables."""
    if not is_elemwise(variable, scalar_op) or len(variable.owner.inputs) != 2 or known not in variable.owner.inputs:
        return None
    one, other = variable.owner.inputs
    return other if one is known else one


def _reordered(variable: Variable | None, order: tuple) -> Variable | None:
    """The input of a `DimShuffle` with the given order; None for other variables."""
    if variable is None or variable.owner is None or not isinstance(variable.owner.op, DimShuffle):
        return None
    return variable.owner.inputs[0] if variable.owner.op.new_order == order else None


def _entry(variable: Variable, i: int) -> Variable | None:
    """The x if the variable is x[i]; None for other variables."""
    node = variable.owner
    if node is None or not isinstance(node.op, Subtensor) or len(node.inputs) != 2:
        return None
    x, place = node.inputs
    found = get_underlying_scalar_constant_value(place, raise_not_constant=False)
    return x if variable.type.ndim == x.type.ndim - 1 and found == i else None


def _sliced(variable: Variable, start: int) -> Variable:
    """The x if the variable is x[start:], x[start:][:n], x[start:-1] or the like; else the variable itself."""
    x, begins = variable, 0
    while x.owner is not None and isinstance(x.owner.op, Subtensor) and x.type.ndim == x.owner.inputs[0].type.ndim == 1:
        (index,) = get_idx_list(x.owner.inputs, x.owner.op.idx_list)
        first = (
            0 if index.start is None else get_underlying_scalar_constant_value(index.start, raise_not_constant=False)
        )
        if first not in (0, start) or index.step is not None:
            break
        begins += first
        x = x.owner.inputs[0]
    return x if begins == start else variable


def _temperatures(gain: Variable | None, v: Variable, W: Variable) -> tuple[Variable, Variable, Variable] | None:
    """b, b_next and bh if the gain is sum_j softplus(b_next v W + bh)_j - softplus(b v W + bh)_j; else None."""
    if gain is None or not is_elemwise(gain, Sub):
        return None
    sums, before = (_entry(x, i) for x, i in zip(gain.owner.inputs, (1, 0), strict=True))
    if sums is None or sums is not before or sums.owner is None or not isinstance(sums.owner.op, Sum):
        return None
    softplus = sums.owner.inputs[0]
    if sums.owner.op.axis != (2,) or sums.type.dtype != "float64" or not is_elemwise(softplus, Softplus):
        return None
    terms = softplus.owner.inputs[0]
    if not is_elemwise(terms, Add) or len(terms.owner.inputs) != 2:
        return None
    for scaled, bh in (terms.owner.inputs, terms.owner.inputs[::-1]):
        if not is_elemwise(scaled, Mul) or len(scaled.owner.inputs) != 2:
            continue
        for both, x in (scaled.owner.inputs, scaled.owner.inputs[::-1]):
            product, betas = _reordered(x, ("x", 0, 1)), _reordered(both, (0, "x", "x"))
            if product is None or product.owner is None or not isinstance(product.owner.op, Dot):
                continue
            if betas is None or betas.owner is None or not isinstance(betas.owner.op, MakeVector):
                continue
            if product.owner.inputs[0] is v and product.owner.inputs[1] is W and len(betas.owner.inputs) == 2:
                return *betas.owner.inputs, bh
    return None


def _states_of(op: Scan) -> tuple[list[Variable], list[Variable]] | None:
    """The four states before and after a step, if the scan has three sequences and keeps only the last states."""
    states, info = op.inner_untraced_sit_sot(op.inner_inputs), op.info
    others = len(op.inner_inputs) - info.n_seqs - len(states) - info.n_non_seqs
    if info.n_seqs != 3 or len(states) != 4 or others or info.as_while or len(op.inner_outputs) != 4:
        return None
    return states, op.inner_outputs


def _annealing_of(op: Scan) -> Annealing | None:
    """The `Annealing` of a scan that `graphs.ais` wrote; None for other scans."""
    if (found := _states_of(op)) is None:
        return None
    after = dict(zip(*found, strict=True))
    numbers = [state for state in after if isinstance(state.type, pt.TensorType)]
    if sorted(state.type.ndim for state in numbers) != [1, 2]:
        return None
    log_w, v = sorted(numbers, key=lambda state: state.type.ndim)
    if (drawn_v := drawn_layer(after[v])) is None:
        return None
    draw_v, scaled_h, W_back, bv, _ = drawn_v
    for b, h in (scaled_h.owner.inputs, scaled_h.owner.inputs[::-1]) if is_elemwise(scaled_h, Mul) else ():
        if (drawn_h := drawn_layer(h)) is None:
            continue
        draw_h, scaled_v, W, bh, _ = drawn_h
        temperatures = _temperatures(_other(after[log_w], Add, log_w), after[v], W)
        if _other(scaled_v, Mul, b) is not v or temperatures is None:
            continue
        rng_h, rng_v = draw_h.inputs[0], draw_v.inputs[0]
        if after.get(rng_h) is not draw_h.outputs[0] or after.get(rng_v) is not draw_v.outputs[0]:
            continue
        return Annealing(b, *temperatures[:2], rng_h, rng_v, v, log_w, W, bh, W_back, bv, temperatures[2])
    return None


@node_rewriter([Scan])
def local_philox_annealing(fgraph: FunctionGraph, node: Apply[Scan]) -> list[Variable] | None:
    """Replace the scan of `graphs.ais` by `PhiloxAnnealing`."""
    op = node.op
    if (found := _annealing_of(op)) is None:
        return None
    outer = dict(zip(op.inner_inputs, node.inputs[1:], strict=True))
    if not set(found) <= set(outer):
        return None
    given = Annealing(*(outer[x] for x in found))
    if _reordered(given.b_of_draws, (0, "x", "x")) is not given.b:
        return None
    if _reordered(given.bh_of_weights, ("x", 0, 1)) is not given.bh:
        return None
    betas = _sliced(given.b, 0)
    if _sliced(given.b_next, 1) is not betas:
        return None
    n_steps, inputs = node.inputs[0], given[3:-1]
    floats = {x.type.dtype for x in (betas, given.v, given.W, given.bh, given.W_back, given.bv)}
    if len(floats) > 1 or given.log_w.type.dtype != "float64":
        return None
    register_numba()
    outputs = PhiloxAnnealing().make_node(pt.as_tensor(betas)[: pt.as_tensor(n_steps) + 1], *inputs).outputs
    copy_stack_trace(node.outputs, outputs)
    after = dict(zip((found.rng_h, found.rng_v, found.v, found.log_w), outputs, strict=True))
    return [after[state] for state in op.inner_untraced_sit_sot(op.inner_inputs)]


# At the position of the Gibbs chain (48.4).
register("philox_annealing", local_philox_annealing, "numba", position=48.4)
