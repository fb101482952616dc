"""What a model expects of a frame that it has not seen: the mean of the visible units under given biases, estimated.

The mean under an RBM is a sum over all its states, so it is estimated from Gibbs chains; that under a NADE from its own
samples. Of each draw the probabilities are taken instead of the bits: they have the same expectation and less variance.
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
    weights : vector, shape (n_steps,)
        Of the steps of the chain: 0 while it forgets where it started, then 1 / (how many steps count).
    v, total : matrices, shape (n_rows, n_visible)
        Where the chains and the sums start: at zeros, or where another call ended.
    rngs : sequence of random generators
        What h and v are drawn from; if there are more they are not used.
    visible : {"binary", "gaussian"}

    Returns
    -------
    total : matrix, shape (n_rows, n_visible)
        `total` plus the weighted sum of E[v | h] over the steps.
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
    """Estimate E[v] under the NADE of each row of biases, by one exact sample of each.

    Parameters
    ----------
    W, V : matrices, shape (n_visible, n_hidden)
    bv, bh : matrices, shape (n_rows, n_visible) and (n_rows, n_hidden)
    weights : vector
        As for an RBM: they sum to 1. A sample is exact, so none of it has to be forgotten.
    v, total : matrices, shape (n_rows, n_visible)
        As for an RBM. The sample does not depend on v.
    rngs : sequence of random generators
        The first is what v is drawn from.
    sample : callable
        How frames are drawn: `sample_nade`, or what takes and gives the same.

    Returns
    -------
    total : matrix, shape (n_rows, n_visible)
        `total` plus p(v_i = 1 | v_<i) of each unit, given those of the sample.
    v : matrix, shape (n_rows, n_visible)
        As it was given.
    updates : dict {random generator: next random generator}
    """
    _, mean_v, next_rng = sample(rngs[0], bv.shape[0], W, V, bv, bh)
    return total + weights.sum() * mean_v, v, {rngs[0]: next_rng}
