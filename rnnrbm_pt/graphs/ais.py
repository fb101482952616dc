"""Annealed importance sampling (AIS): estimates of the partition functions of many RBMs at once.

AIS goes from a base RBM without weights, whose partition function is known, to the RBM of interest. The RBMs between
them have the same biases, and b times the weights, where b is an inverse temperature:

    p_b(v) = exp(-F_b(v)) / Z_b,  F_b: the free energy with b W instead of W, 0 <= b <= 1,
    log Z_0 = sum_i softplus(bv_i) + sum_j softplus(bh_j)

A chain goes from b_0 = 0 to b_K = 1. At each beta it takes a Gibbs step, which leaves p_b invariant. Its weight w
accumulates how much the next beta changes the unnormalised probability of its state:

    v_k ~ T_{b_k}(v_k | v_{k-1}),  log w = sum_k F_{b_k}(v_k) - F_{b_{k+1}}(v_k),  k = 0 ... K - 1

Then E[w] = Z_1 / Z_0 for any number of betas, and more betas reduce the spread of w. The step at b_0 = 0 draws exactly
from p_0, because without weights the new state does not depend on the old one.

The reverse chain goes from b_0 = 1 to b_K = 0, starts at a sample of p_1, and has E[w] = Z_0 / Z_1. By Jensen's
inequality the logarithm of a mean of weights is biased downwards. So the forward estimate of log Z is biased downwards
and the reverse estimate upwards: together they bracket log Z, up to chance.

Neal, Annealed importance sampling, Statistics and Computing 2001; Salakhutdinov and Murray, On the quantitative
analysis of deep belief networks, ICML 2008. The base RBM of Salakhutdinov and Murray has biases of its own. Here it has
the biases of the time step, which already contain what the RNN knows about the frame. Its log Z_0 is just as exact, and
no biases have to be fitted.
"""

import math

import pytensor.tensor as pt
from pytensor import scan
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.rbm import draw_visible, mean_hidden, mean_visible
from rnnrbm_pt.graphs.types import Rngs, Updates
from rnnrbm_pt.streams.draw import bernoulli


def log_partition_of_base(bv: TensorVariable, bh: TensorVariable, visible: str = "binary") -> TensorVariable:
    """log Z of RBMs without weights, one per row of biases.

    Parameters
    ----------
    bv, bh : matrices, shape (n_rows, n_visible) and (n_rows, n_hidden)
    visible : {"binary", "gaussian"}
        Kind of the visible units. Each Gaussian unit contributes a factor of sqrt(2 pi) to Z.

    Returns
    -------
    vector of float64, shape (n_rows,)
        In nats.
    """
    hidden = pt.softplus(bh).sum(axis=-1, dtype="float64")
    if visible == "gaussian":
        return hidden + bv.shape[-1] * (math.log(2 * math.pi) / 2)
    return hidden + pt.softplus(bv).sum(axis=-1, dtype="float64")


def log_ratio(
    v: TensorVariable, W: TensorVariable, bh: TensorVariable, b_from: TensorVariable, b_to: TensorVariable
) -> TensorVariable:
    """F_{b_from}(v) - F_{b_to}(v) in float64, shape (n_rows,). The terms of the visible biases cancel."""
    both = pt.stack([b_from, b_to])[:, None, None]
    # One softplus for both: Numba cannot vectorise a loop with two of them, and took six times as long.
    x = pt.softplus(both * pt.dot(v, W) + bh)  # (2, n_rows, n_hidden)
    log_sums = x.sum(axis=-1, dtype="float64")
    return log_sums[1] - log_sums[0]


def annealed_importance(
    W: TensorVariable,
    bv: TensorVariable,
    bh: TensorVariable,
    betas: TensorVariable,
    v: TensorVariable,
    rngs: Rngs,
    visible: str = "binary",
    log_weights: TensorVariable | None = None,
) -> tuple[TensorVariable, TensorVariable, Updates]:
    """Run one annealing chain per row of biases.

    Parameters
    ----------
    W : matrix, shape (n_visible, n_hidden)
    bv, bh : matrices, shape (n_rows, n_visible) and (n_rows, n_hidden)
        One row per chain. Repeat a row to run several chains of one RBM.
    betas : vector, shape (n_betas,)
        The inverse temperatures b, in the order of the chain. From 0 to 1 they estimate Z_1 / Z_0, and from 1 to 0 they
        estimate Z_0 / Z_1. If all are 1, this is a Gibbs chain of n_betas - 1 steps, with log w = 0.
    v : matrix, shape (n_rows, n_visible)
        Where the chains start. If `betas` starts with 0, any values will do. If it starts with 1, give samples of the
        RBMs.
    rngs : sequence of random generators
        The first draws h and the second draws v. Any others are ignored.
    visible : {"binary", "gaussian"}
        Kind of the visible units.
    log_weights : vector of float64, shape (n_rows,), optional
        log w so far, for chains that continue from an earlier call, which ended at the first of `betas`. By default, 0.

    Returns
    -------
    log_weights : vector of float64, shape (n_rows,)
        log w of each chain.
    v : matrix like v
        Where the chains end. These states were drawn at the last beta but one.
    updates : dict {random generator: next random generator}
    """
    rng_h, rng_v, *_ = rngs
    if log_weights is None:
        log_weights = pt.zeros((bv.shape[0],), dtype="float64")

    def step(b, b_next, v, log_w, rng_h, rng_v, W, bv, bh):
        # b v and b h, not b W: PyTensor would compute b W for all betas before the scan.
        next_rng_h, h = bernoulli(rng_h, mean_hidden(b * v, W, bh))
        next_rng_v, v = draw_visible(rng_v, mean_visible(b * h, W, bv, visible), visible)
        return v, log_w + log_ratio(v, W, bh, b, b_next), next_rng_h, next_rng_v

    v, log_weights, next_rng_h, next_rng_v = scan(
        step,
        sequences=[betas[:-1], betas[1:]],
        outputs_info=[v, log_weights, rng_h, rng_v],
        non_sequences=[W, bv, bh],
        strict=True,
        return_updates=False,
        name="annealing",
    )
    return log_weights[-1], v[-1], {rng_h: next_rng_h, rng_v: next_rng_v}
