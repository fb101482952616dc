"""Estimates of E[v]: the frame that a model expects, given the biases of an RBM or a NADE.

The exact mean under an RBM is a sum over all its states, so it is estimated from Gibbs chains. The mean under a NADE is
estimated from its samples. Both estimates average the probabilities of the units instead of the sampled bits. The
probabilities have the same expectation and less variance.
"""

from pytensor import scan
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.nade import sample_nade
from rnnrbm_pt.graphs.rbm import draw_visible, mean_hidden, mean_visible
from rnnrbm_pt.graphs.types import Rngs, SampleFrames, Updates
from rnnrbm_pt.streams.draw import bernoulli


def expected_visible_of_rbm(
    W: TensorVariable,
    bv: TensorVariable,
    bh: TensorVariable,
    weights: TensorVariable,
    v: TensorVariable,
    total: TensorVariable,
    rngs: Rngs,
    visible: str = "binary",
) -> tuple[TensorVariable, TensorVariable, Updates]:
    """Estimate E[v] under the RBM of each row of biases, by a Gibbs chain.

    Parameters
    ----------
    W : matrix, shape (n_visible, n_hidden)
    bv, bh : matrices, shape (n_rows, n_visible) and (n_rows, n_hidden)
        One row per RBM.
    weights : vector, shape (n_steps,)
        Weight of each step of the chain: 0 during the burn-in, then 1 / (number of steps after the burn-in).
    v : matrix, shape (n_rows, n_visible)
        Where the chains start: at zeros, or where an earlier call ended.
    total : matrix, shape (n_rows, n_visible)
        The sums so far: zeros, or the result of an earlier call.
    rngs : sequence of random generators
        The first draws h and the second draws v. Any others are ignored.
    visible : {"binary", "gaussian"}
        Kind of the visible units.

    Returns
    -------
    total : matrix, shape (n_rows, n_visible)
        The given `total` plus the weighted sum of E[v | h] over the steps.
    v : matrix, shape (n_rows, n_visible)
        Where the chains end.
    updates : dict {random generator: next random generator}
    """
    rng_h, rng_v, *_ = rngs

    def step(weight, v, total, rng_h, rng_v, W, bv, bh):
        next_rng_h, h = bernoulli(rng_h, mean_hidden(v, W, bh))
        mean_v = mean_visible(h, W, bv, visible)
        next_rng_v, v = draw_visible(rng_v, mean_v, visible)
        return v, total + weight * mean_v, next_rng_h, next_rng_v

    vs, totals, next_rng_h, next_rng_v = scan(
        step,
        sequences=weights,
        outputs_info=[v, total, rng_h, rng_v],
        non_sequences=[W, bv, bh],
        strict=True,
        return_updates=False,
        name="expectation",
    )
    return totals[-1], vs[-1], {rng_h: next_rng_h, rng_v: next_rng_v}


def expected_visible_of_nade(
    W: TensorVariable,
    V: TensorVariable,
    bv: TensorVariable,
    bh: TensorVariable,
    weights: TensorVariable,
    v: TensorVariable,
    total: TensorVariable,
    rngs: Rngs,
    sample: SampleFrames = sample_nade,
) -> tuple[TensorVariable, TensorVariable, Updates]:
    """Estimate E[v] under the NADE of each row of biases, by one exact sample per row.

    Parameters
    ----------
    W, V : matrices, shape (n_visible, n_hidden)
    bv, bh : matrices, shape (n_rows, n_visible) and (n_rows, n_hidden)
        One row per NADE.
    weights : vector
        See `expected_visible_of_rbm`. Only their sum is used, since an exact sample needs no burn-in.
    v : matrix, shape (n_rows, n_visible)
        Returned unchanged: a sample does not depend on it.
    total : matrix, shape (n_rows, n_visible)
        The sums so far.
    rngs : sequence of random generators
        The first draws v. Any others are ignored.
    sample : callable
        Function that draws frames, with the arguments and results of `sample_nade`.

    Returns
    -------
    total : matrix, shape (n_rows, n_visible)
        The given `total` plus p(v_i = 1 | v_<i) of each unit of the sample, times the sum of the weights.
    v : matrix, shape (n_rows, n_visible)
        The given v.
    updates : dict {random generator: next random generator}
    """
    _, mean_v, next_rng = sample(rngs[0], bv.shape[0], W, V, bv, bh)
    return total + weights.sum() * mean_v, v, {rngs[0]: next_rng}
