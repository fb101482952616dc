"""Annealed importance sampling: the partition function of an RBM, estimated, for many RBMs at once.

Between an RBM without weights, of which all is known, and the one that is asked for stand RBMs with a share b
of the weights, an inverse temperature, and the same biases:

    p_b(v) = exp(-F_b(v)) / Z_b,  F_b: the free energy with b W instead of W, 0 <= b <= 1,
    log Z_0 = sum_i softplus(bv_i) + sum_j softplus(bh_j)

A chain goes from b_0 = 0 to b_K = 1. At each beta it makes a Gibbs step, which leaves p_b as it is, and is weighted by
how the next beta changes the probability of its state:

    v_k ~ T_{b_k}(v_k | v_{k-1}),  log w = sum_k F_{b_k}(v_k) - F_{b_{k+1}}(v_k),  k = 0 ... K - 1

Then E[w] = Z_1 / Z_0, whatever the number of betas; the spread of w around it falls with that number. The step at
b_0 = 0 draws from p_0 exactly, since nothing there depends on where the chain stood. From b_0 = 1 down to
b_K = 0 the same chain, begun at a sample of p_1, has E[w] = Z_0 / Z_1. The logarithm of a mean errs downwards
(Jensen), so -log of the latter errs upwards: the two enclose log Z, up to chance.

Neal, Annealed importance sampling, Statistics and Computing 2001; Salakhutdinov and Murray, On the quantitative
analysis of deep belief networks, ICML 2008, whose base has biases of its own. With those of the step, which already
hold what an RNN knows of the frame, log Z_0 is as exact and there is nothing to be fitted.
"""

import math

import pytensor.tensor as pt
from pytensor import scan
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.rbm import draw_visible, mean_hidden, mean_visible
from rnnrbm_pt.graphs.types import Rngs, Updates
from rnnrbm_pt.streams.draw import bernoulli


def log_partition_of_base(bv: TensorVariable, bh: TensorVariable, visible: str = "binary") -> TensorVariable:
    """log Z of RBMs without weights.

    Parameters
    ----------
    bv, bh : matrices, shape (n_rows, n_visible) and (n_rows, n_hidden)
    visible : {"binary", "gaussian"}
        Of Gaussian units Z counts densities, and each gives it a factor of sqrt(2 pi).

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
    """F_{b_from}(v) - F_{b_to}(v), shape (n_rows,), of float64: the visible biases cancel, as each beta has them."""
    both = pt.stack([b_from, b_to])[:, None, None]
    # One softplus of both: Numba makes no vector instructions of a loop that holds two, and took six times as long.
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
    """Send a chain for each row of biases through RBMs at a sequence of inverse temperatures.

    Parameters
    ----------
    W : matrix, shape (n_visible, n_hidden)
    bv, bh : matrices, shape (n_rows, n_visible) and (n_rows, n_hidden)
        A row for each chain: several chains of one RBM are so many equal rows.
    betas : vector, shape (n_betas,)
        The shares b of the weights, in the order in which they are visited. From 0 to 1 it estimates Z_1 / Z_0, from 1
        to 0 the inverse of it. All ones it is a Gibbs chain of n_betas - 1 steps, and log w is 0.
    v : matrix, shape (n_rows, n_visible)
        Where the chains start. It does not matter where `betas` begins with 0; where it begins with 1, samples of
        the RBMs.
    rngs : sequence of random generators
        What h and v are drawn from; if there are more they are not used.
    visible : {"binary", "gaussian"}
    log_weights : vector of float64, shape (n_rows,), optional
        log w of chains that go on from the first of `betas`, where another call ended. Without it, 0.

    Returns
    -------
    log_weights : vector of float64, shape (n_rows,)
        log w of each chain.
    v : matrix like v
        Where the chains end: at the last beta but one.
    updates : dict {random generator: next random generator}
    """
    rng_h, rng_v, *_ = rngs
    if log_weights is None:
        log_weights = pt.zeros((bv.shape[0],), dtype="float64")

    def step(b, b_next, v, log_w, rng_h, rng_v, W, bv, bh):
        # b v and b h instead of b W, which PyTensor would work out for all betas before the first
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
