"""Push products of a sequence and a non-sequence out of a Scan: a rewrite in PyTensor's terms, and what it brings.

    python push_out_products.py [--steps 200] [--batch 64] [--units 256] [--linker numba|cvm]

Needs PyTensor and NumPy alone. Importing this file registers nothing; `mode_with_rewrite` makes a mode.
"""

import argparse
import dataclasses
import timeit

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor import scan
from pytensor.compile.mode import Mode, get_mode
from pytensor.graph.replace import clone_replace
from pytensor.graph.rewriting.basic import copy_stack_trace, dfs_rewriter, node_rewriter
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan
from pytensor.scan.utils import ScanArgs
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.math import Dot


def inner_graph(op):
    """Inner inputs and outputs of a Scan that may be used in another graph."""
    if hasattr(op.fgraph, "unfreeze"):  # newer versions freeze it
        fgraph = op.fgraph.unfreeze()
        return list(fgraph.inputs), list(fgraph.outputs)
    return list(op.inner_inputs), list(op.inner_outputs)


def pushed_out(product, sequences, non_sequences):
    """The product of all steps at once, with an axis of time first; None where a factor depends on the state.

    Parameters
    ----------
    product : Apply
        A Dot of the inner graph: matrices, or a vector that DimShuffle made a matrix of one row.
    sequences, non_sequences : dict {inner variable: outer variable}
    """
    x, W = product.inputs
    if W not in non_sequences:
        return None
    if x in sequences:
        xs = sequences[x]  # (n_steps, n, d)
        n_steps, n, d = xs.shape[0], xs.shape[1], xs.shape[2]
        flat = pt.dot(xs.reshape((n_steps * n, d)), non_sequences[W])
        return flat.reshape((n_steps, n, flat.shape[1]))
    if x.owner is not None and isinstance(x.owner.op, DimShuffle) and x.owner.op.new_order == ("x", 0):
        if x.owner.inputs[0] in sequences:
            return pt.dot(sequences[x.owner.inputs[0]], non_sequences[W])[:, None]  # (n_steps, 1, m)
    return None


@node_rewriter([Scan])
def scan_push_out_seq_products(fgraph, node):
    """Make each product of a sequence and a non-sequence a sequence of its own: one product instead of n_steps.

    A complement of `scan_push_out_seq`, which moves Elemwise and DimShuffle only, and so leaves the input projection of
    a recurrent network in the loop.
    """
    op = node.op
    if op.info.as_while:  # the steps that are not run must not cost anything
        return None
    inputs, outputs = inner_graph(op)
    clone = {} if hasattr(op.fgraph, "unfreeze") else {"clone": False}
    args = ScanArgs(node.inputs, node.outputs, inputs, outputs, op.info, **clone)
    sequences = {
        x: pt.as_tensor(xs)[: args.n_steps] for x, xs in zip(args.inner_in_seqs, args.outer_in_seqs, strict=True)
    }
    non_sequences = dict(zip(args.inner_in_non_seqs, args.outer_in_non_seqs, strict=True))
    products = [x.owner for x in ancestors(outputs) if x.owner is not None and isinstance(x.owner.op, Dot)]
    found = {}
    for product in products:
        outer = pushed_out(product, sequences, non_sequences)
        if outer is not None:
            found[product.outputs[0]] = outer
    if not found:
        return None
    inner = [x.type() for x in found]
    new_outputs = clone_replace(outputs, dict(zip(found, inner, strict=True)), copy_inputs_over=True)
    settings = {name: getattr(op, name) for name in ("mode", "profile", "truncate_gradient", "name", "allow_gc")}
    info = dataclasses.replace(op.info, n_seqs=op.info.n_seqs + len(inner))
    new_op = Scan([*inner, *inputs], new_outputs, info, **settings)
    new_node = new_op.make_node(node.inputs[0], *found.values(), *node.inputs[1:])
    copy_stack_trace(node.outputs, new_node.outputs)
    return dict(zip(node.outputs, new_node.outputs, strict=True))


def mode_with_rewrite(linker):
    """A mode that runs the rewrite once scans are in their final form, before unused inputs are removed from them."""
    mode = get_mode(linker.upper()) if linker != "cvm" else Mode("cvm", RewriteDatabaseQuery(include=["fast_run"]))
    return mode.register((dfs_rewriter(scan_push_out_seq_products, ignore_newtrees=True), 1.602))


def plain_mode(linker):
    """The same mode without it."""
    return get_mode(linker.upper()) if linker != "cvm" else Mode("cvm", RewriteDatabaseQuery(include=["fast_run"]))


def build(mode, steps, batch, units, gradient):
    """A recurrent network, h_t = tanh(x_t W + h_tm1 U), or the gradient of its last state's sum."""
    rng = np.random.default_rng(0)
    floatX = pytensor.config.floatX
    W, U = (pytensor.shared(rng.normal(scale=units**-0.5, size=(units, units)).astype(floatX)) for _ in "WU")
    X = pt.tensor3("X")

    def step(x_t, h_tm1, W, U):
        return pt.tanh(pt.dot(x_t, W) + pt.dot(h_tm1, U))

    h0 = pt.zeros((X.shape[1], units), dtype=floatX)
    h = scan(step, sequences=[X], outputs_info=[h0], non_sequences=[W, U], return_updates=False)
    outputs = pt.grad(h[-1].sum(), [W, U]) if gradient else [h]
    return pytensor.function([X], outputs, mode=mode), rng.normal(size=(steps, batch, units)).astype(floatX)


def products_in_loops(function):
    """Numbers of products that remain in each Scan of a compiled function."""
    loops = [node.op for node in function.maker.fgraph.apply_nodes if isinstance(node.op, Scan)]
    return [sum(type(inner.op).__name__ in ("Dot", "Dot22", "Gemm") for inner in op.fgraph.apply_nodes) for op in loops]


def main():
    """Compile with and without the rewrite, compare, and time by turns."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--linker", choices=["numba", "cvm"], default="numba")
    options = parser.parse_args()
    print(f"PyTensor {pytensor.__version__}, {options.linker}, {pytensor.config.floatX}")
    for gradient in (False, True):
        found = []
        for name, make_mode in (("as it is", plain_mode), ("with the rewrite", mode_with_rewrite)):
            function, X = build(make_mode(options.linker), options.steps, options.batch, options.units, gradient)
            found.append((name, function, function(X)))
        for before, after in zip(found[0][2], found[1][2], strict=True):
            np.testing.assert_allclose(before, after, rtol=1e-6, atol=1e-8)
        times = {name: [] for name, *_ in found}
        for _ in range(15):
            for name, function, _ in found:
                times[name].append(timeit.timeit(lambda function=function, X=X: function(X), number=1))
        for name, function, _ in found:
            kind = "gradient" if gradient else "forward"
            print(
                f"{kind:8} {name:16} products in loops {products_in_loops(function)}, {1e3 * min(times[name]):.1f} ms"
            )


if __name__ == "__main__":
    main()
