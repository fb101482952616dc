"""Independent results to compare graphs with: NumPy's draws, sums over all states, and finite differences."""

import copy
import itertools

import numpy as np
from pytensor.compile.mode import Mode, get_mode
from pytensor.graph.op import HasInnerGraph

from rnnrbm_pt.models.compiling import AS_WRITTEN as AS_WRITTEN

MODES = {
    "numba": "NUMBA",
    "unfused": get_mode("NUMBA").excluding("rnnrbm_sample_units", "rnnrbm_vectorised", "rnnrbm_cross_entropy"),
    "c": "CVM",
    "python": Mode("py", "fast_run"),
}

# Runs each operation in NumPy, for models so small that compilation would take longer. On PyTensor 3.0 the steps of
# scans are C code, so long chains are fast.
STEP_BY_STEP = Mode("py", "fast_run").excluding("fusion", "local_binomial_single_trial")


def same_state(one, other):
    """Whether two MT19937 generators will yield the same numbers."""
    one, other = one.bit_generator.state["state"], other.bit_generator.state["state"]
    return one["pos"] == other["pos"] and np.array_equal(one["key"], other["key"])


def doubles_ahead(generator, shape):
    """The next doubles of a generator, without advancing it."""
    return copy.deepcopy(generator).random(shape)


def bit_of(u, p):
    """The bit that NumPy draws with probability p from a uniform number u, up to rounding of u."""
    return np.where(p > 0.5, u <= p, u > 1 - p)


def ulps(x, steps):
    """The floating-point number that many steps above x, or below x if negative."""
    for _ in range(abs(steps)):
        x = np.nextafter(x, x.dtype.type(np.inf if steps > 0 else -np.inf))
    return x


def ops_of(function):
    """The operations of a compiled function, including those of its inner graphs."""

    def ops(fgraph):
        for node in fgraph.toposort():
            yield node.op
            if isinstance(node.op, HasInnerGraph):
                yield from ops(node.op.fgraph)

    return list(ops(function.maker.fgraph))


def names_of(function):
    return {type(op).__name__ for op in ops_of(function)}


def states(n):
    """All 2^n binary vectors, one per row; row i is i in binary."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def counts_of(samples):
    """Number of occurrences of each of the 2^n states among samples, in the order of `states`."""
    n = samples.shape[1]
    return np.bincount((samples @ 2.0 ** np.arange(n - 1, -1, -1)).astype(int), minlength=2**n)


def free_energy_by_sum(v, W, bv, bh):
    """-log sum_h exp(-E(v, h)) for one v."""
    h = states(len(bh))
    return -np.logaddexp.reduce(v @ bv + h @ bh + h @ (v @ W))


def distribution(W, bv, bh):
    """p(v) of an RBM for all 2^n states v, by summing over all v and h."""
    log_p = np.array([-free_energy_by_sum(v, W, bv, bh) for v in states(len(bv))])
    return np.exp(log_p - np.logaddexp.reduce(log_p))


def finite_differences(f, x, step=1e-6):
    """The gradient of f at the array x by central differences. The error is about step^2 + 1e-16 / step."""
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        gradient[i] = (f(up) - f(down)) / (2 * step)
    return gradient


def put_normal(model, scale):
    """Set the parameters of a model to normal draws. The same shapes get the same values."""
    values = np.random.default_rng(1)
    for param in model.params:
        param.set_value(values.normal(scale=scale, size=param.get_value().shape).astype(model.floatX))
    return model
