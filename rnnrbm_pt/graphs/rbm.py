"""The RBM layer: Gibbs sampling, free energy and contrastive divergence.

An RBM over binary units v and h has the energy E(v, h) = -bv.v - bh.h - v W h. In the RNN-RBM the biases differ from
frame to frame, so bv and bh are matrices with one row per frame. Each function below is one equation; `build_rbm`
combines them.
"""

import gc
import warnings
import weakref

import pytensor.tensor as pt
from pytensor import scan
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.gaussian import gaussian_free_energy, gaussian_log_density
from rnnrbm_pt.graphs.types import Count, Objective, Rngs
from rnnrbm_pt.ours import ours
from rnnrbm_pt.streams.draw import bernoulli, gaussian
from rnnrbm_pt.streams.srs import RandomStreams

VISIBLE = "binary", "gaussian"
"""Names of the kinds of visible units."""


def mean_hidden(v, W, bh):
    """E[h | v] = sigmoid(v W + bh), shape (..., n_hidden)."""
    return pt.sigmoid(pt.dot(v, W) + bh)


def visible_logit(h, W, bv):
    """Log-odds of the visible units: log [p(v_i = 1 | h) / p(v_i = 0 | h)] = (h W' + bv)_i, shape (..., n_visible)."""
    return pt.dot(h, W.T) + bv


def mean_visible(h, W, bv, visible="binary"):
    """E[v | h] = sigmoid(h W' + bv), shape (..., n_visible). For Gaussian units, h W' + bv."""
    return visible_logit(h, W, bv) if visible == "gaussian" else pt.sigmoid(visible_logit(h, W, bv))


def draw_visible(rng_v, mean_v, visible="binary"):
    """Draw visible units with the given means.

    Parameters
    ----------
    rng_v : random generator
    mean_v : tensor, shape (..., n_visible)
        E[v | h]; see `mean_visible`.
    visible : {"binary", "gaussian"}
        Kind of the visible units. Binary units are 0 or 1. Gaussian units are real numbers with variance 1.

    Returns
    -------
    next_rng_v : random generator
        The generator after the draw.
    v : tensor like mean_v
        The units.
    """
    return gaussian(rng_v, mean_v) if visible == "gaussian" else bernoulli(rng_v, mean_v)


def floored(v: TensorVariable, mean_v: TensorVariable, floor: TensorVariable) -> TensorVariable:
    """Remove very unlikely values from sampled binary units.

    Parameters
    ----------
    v : tensor
        Sampled units, each 0 or 1.
    mean_v : tensor like v
        The probability of 1 with which each unit was drawn.
    floor : scalar
        The smallest probability to trust, below 1/2.

    Returns
    -------
    tensor like v
        0 where `mean_v` is below `floor`, 1 where it is above 1 - floor, and v elsewhere.
    """
    return pt.switch(pt.lt(mean_v, floor), pt.zeros_like(v), pt.switch(pt.gt(mean_v, 1 - floor), pt.ones_like(v), v))


def gibbs_step(v, W, bv, bh, rng_h, rng_v, visible="binary"):
    """One step of block Gibbs sampling, v -> h -> v.

    Parameters
    ----------
    v : vector or matrix, shape (n_visible,) or (n_steps, n_visible)
        The current visible units.
    W : matrix, shape (n_visible, n_hidden)
        Weights.
    bv : vector or matrix, shape (n_visible,) or (n_steps, n_visible)
        Visible biases, shared by all frames (vector) or one row per frame (matrix).
    bh : vector or matrix, shape (n_hidden,) or (n_steps, n_hidden)
        Hidden biases, shared by all frames (vector) or one row per frame (matrix).
    rng_h, rng_v : random generators
        The generator that draws h, and the generator that draws v.
    visible : {"binary", "gaussian"}
        Kind of the visible units.

    Returns
    -------
    v : tensor like v
        The new visible units.
    next_rng_h, next_rng_v : random generators
        The generators after the draws.
    """
    next_rng_h, h = bernoulli(rng_h, mean_hidden(v, W, bh))
    next_rng_v, v = draw_visible(rng_v, mean_visible(h, W, bv, visible), visible)
    return v, next_rng_h, next_rng_v


def free_energy(v, W, bv, bh, visible="binary"):
    """Free energy of visible configurations under an RBM.

    F(v) = -v.bv - sum_j softplus((v W + bh)_j), so that p(v) = exp(-F(v)) / Z.

    Parameters
    ----------
    v : vector or matrix, shape (n_visible,) or (n_steps, n_visible)
        Frames, time first.
    W : matrix, shape (n_visible, n_hidden)
        Weights.
    bv : vector or matrix, shape (n_visible,) or (n_steps, n_visible)
        Visible biases, shared by all frames (vector) or one row per frame (matrix).
    bh : vector or matrix, shape (n_hidden,) or (n_steps, n_hidden)
        Hidden biases, shared by all frames (vector) or one row per frame (matrix).
    visible : {"binary", "gaussian"}
        Kind of the visible units. `graphs.gaussian` has the equation for Gaussian units.

    Returns
    -------
    scalar or vector, shape v.shape[:-1]
        Free energy per frame, in nats: neither summed nor averaged over frames.

    Notes
    -----
    The tutorial writes log(1 + exp(x)), which overflows for x > 709 (x > 88 in float32). softplus does not overflow.
    """
    if visible == "gaussian":
        return gaussian_free_energy(v, W, bv, bh)
    return -(v * bv).sum(axis=-1) - pt.softplus(pt.dot(v, W) + bh).sum(axis=-1)


def log_pseudo_likelihood(v, logit):
    """Log-probability of v under independent units: sum_i log p(v_i), with p(v_i = 1) = sigmoid(logit_i).

    The name is the tutorial's. A true pseudo-likelihood conditions each unit on all the others. Here the logits may
    come from anything, such as one reconstruction of v.

    Parameters
    ----------
    v : vector or matrix, shape (n_visible,) or (n_steps, n_visible)
        Binary frames, time first.
    logit : tensor like v
        Log-odds of each unit.

    Returns
    -------
    scalar or vector, shape v.shape[:-1]
        Log-probability per frame, in nats.

    Notes
    -----
    The tutorial writes v log(mean_v) + (1 - v) log(1 - mean_v). This is -inf when v_i = 0 and the mean of v_i rounds
    to 1, which Theano's sigmoid does for logit > 19. It happened in epoch 198 of the tutorial's published log.
    log sigmoid(x) = -softplus(-x) gives the same number wherever the tutorial's expression is finite, and is never
    infinite.
    """
    return -(v * pt.softplus(-logit) + (1 - v) * pt.softplus(logit)).sum(axis=-1)


def _frames(x: TensorVariable) -> TensorVariable:
    """Reshape several sequences, a tensor3, to a matrix with one frame per row; leave anything else as it is."""
    return x.reshape((-1, x.shape[-1])) if x.type.ndim == 3 else x


_given_out: weakref.WeakSet[SharedVariable] = weakref.WeakSet()


def _default_rngs() -> Rngs:
    """Four new streams for a `build_rbm` without `rngs`. Warn if the streams of such a call are still in use."""
    if len(_given_out):
        gc.collect()  # a graph that is no longer in use refers to itself, so Python keeps it for a while
    if len(_given_out):
        warnings.warn(
            "build_rbm: two calls without rngs draw the same numbers. Make one `rng = RandomStreams()` for the whole "
            "program, and give each call four of its streams: rngs=rng.rbm()",
            stacklevel=3,
        )
    rngs = RandomStreams().rbm()
    _given_out.add(rngs[0])
    return rngs


def build_rbm(
    v: TensorVariable,
    W: TensorVariable,
    bv: TensorVariable,
    bh: TensorVariable,
    k: Count,
    *,
    rngs: Rngs | None = None,
    weights: TensorVariable | None = None,
    visible: str = "binary",
    particles: TensorVariable | None = None,
) -> Objective:
    """Construct the graph of CD-k training: a k-step Gibbs chain, the cost and the monitor.

    CD-k is contrastive divergence with a chain of k steps (Hinton, Neural Computation 14, 2002).

    Parameters
    ----------
    v : vector, matrix or tensor3, shape (n_visible,), (n_steps, n_visible) or (n_steps, n_sequences, n_visible)
        Training frames. A chain starts at each of them.
    W : matrix, shape (n_visible, n_hidden)
        Weights.
    bv, bh : vector, matrix or tensor3
        Visible and hidden biases: a vector that all frames share, or one row per frame, with as many axes as v.
    k : int or integer scalar
        Number of Gibbs steps.
    rngs : sequence of four random generators, optional
        The chain draws h from the first and v from the second. The monitor's extra step draws h from the third and v
        from the fourth. By default, the first four streams of a new `RandomStreams()`. Every call without `rngs` draws
        the same numbers, so the second such call warns. A program with several RBMs makes one
        ``rng = RandomStreams()``, as the tutorial does, and passes ``rngs=rng.rbm()`` to each of them.
    weights : tensor, shape v.shape[:-1], optional
        Weight of each frame: the cost and the monitor are weighted sums over frames. By default, they are averages.
    visible : {"binary", "gaussian"}
        Kind of the visible units: 0 or 1, or real numbers with variance 1 given h; see `graphs.gaussian`.
    particles : tensor like v, optional
        Where the chains start, if not at v. For persistent contrastive divergence (Tieleman, ICML 2008) these are the
        ends of earlier chains. The monitor then compares v with a chain that did not start at v.

    Returns
    -------
    v_sample : vector or matrix, one frame per row
        The end of the chain: the negative particles. Hold it constant in the gradient:
        ``pt.grad(cost, params, consider_constant=[v_sample])``.
    cost : scalar
        F(v) - F(v_sample), averaged over frames. Its gradient is the CD-k estimate of the gradient of the negative
        log-likelihood.
    monitor : scalar
        Log-probability of v under a reconstruction by one more Gibbs step from v_sample, in nats, averaged over
        frames. It rises as the model learns, but it is not a likelihood. The tutorial calls it the log
        pseudo-likelihood. For Gaussian units it is the log density log Normal(v; bv + h W', 1).
    updates : dict {random generator: next random generator}
        Pass them to `pytensor.function`. The chain's two generators come first.

    Notes
    -----
    Averages are over the rows of a matrix. A vector is a single frame, so nothing is averaged.
    """
    if visible not in VISIBLE:
        raise ValueError(f"visible: expected one of {', '.join(VISIBLE)}, found {visible!r}")
    log_p = gaussian_log_density if visible == "gaussian" else log_pseudo_likelihood
    rng_h, rng_v, rng_h_monitor, rng_v_monitor = _default_rngs() if rngs is None else rngs
    v, bv, bh = _frames(v), _frames(bv), _frames(bh)
    start = v if particles is None else _frames(particles)

    def average(x):
        return x.mean() if weights is None else (x * weights.flatten()).sum()

    chain, next_rng_h, next_rng_v = scan(
        lambda v, rng_h, rng_v, W, bv, bh: gibbs_step(v, W, bv, bh, rng_h, rng_v, visible),
        outputs_info=[start, rng_h, rng_v],
        non_sequences=[W, bv, bh],
        n_steps=k,
        strict=True,
        return_updates=False,
        name="gibbs_chain",
    )
    v_sample = chain[-1]
    # `ours` marks the graph below for the rewrites of this package, which otherwise recognise its draws. The graph may
    # have no draws, if v_sample is given. The chain has draws, so it gets no mark: for a constant v, as in generation,
    # PyTensor would move the mark out of the scan too late.
    v = ours(v)

    # The tutorial's extra step draws v as well, but nothing uses that v. So its stream never advances.
    next_rng_h_monitor, h = bernoulli(rng_h_monitor, mean_hidden(v_sample, W, bh))
    monitor = average(log_p(v, visible_logit(h, W, bv)))

    cost = average(free_energy(v, W, bv, bh, visible) - free_energy(v_sample, W, bv, bh, visible))

    v_sample.name, cost.name, monitor.name = "v_sample", "cost", "monitor"

    updates = {rng_h: next_rng_h, rng_v: next_rng_v, rng_h_monitor: next_rng_h_monitor}
    return v_sample, cost, monitor, updates
