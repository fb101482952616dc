"""The RBM layer: Gibbs sampling, free energy, contrastive divergence.

An RBM over binary v and h has E(v, h) = -bv.v - bh.h - v W h. Its biases may differ from frame to frame: then bv
and bh are matrices, as the RNN-RBM's are. Each function is one equation; `build_rbm` puts them together.
"""

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
"""Kinds of visible units."""


def mean_hidden(v, W, bh):
    """E[h | v] = sigmoid(v W + bh), shape (..., n_hidden)."""
    return pt.sigmoid(pt.dot(v, W) + bh)


def visible_logit(h, W, bv):
    """log p(v_i = 1 | h) / p(v_i = 0 | h) = (h W' + bv)_i, shape (..., n_visible)."""
    return pt.dot(h, W.T) + bv


def mean_visible(h, W, bv, visible="binary"):
    """E[v | h] = sigmoid(h W' + bv), shape (..., n_visible); of Gaussian units h W' + bv itself."""
    return visible_logit(h, W, bv) if visible == "gaussian" else pt.sigmoid(visible_logit(h, W, bv))


def draw_visible(rng_v, mean_v, visible="binary"):
    """Draw v given its mean: the next random generator, and 0 or 1, or real numbers of variance 1."""
    return gaussian(rng_v, mean_v) if visible == "gaussian" else bernoulli(rng_v, mean_v)


def floored(v: TensorVariable, mean_v: TensorVariable, floor: TensorVariable) -> TensorVariable:
    """Drawn units without those that were very unlikely.

    Parameters
    ----------
    v, mean_v : tensors of one shape
        Units of 0 and 1, and the probabilities of 1 with which they were drawn.
    floor : scalar
        Below 1/2.

    Returns
    -------
    tensor like v
        0 where the probability is below `floor`, 1 where it is above 1 - floor.
    """
    return pt.switch(pt.lt(mean_v, floor), pt.zeros_like(v), pt.switch(pt.gt(mean_v, 1 - floor), pt.ones_like(v), v))


def gibbs_step(v, W, bv, bh, rng_h, rng_v, visible="binary"):
    """One step of block Gibbs sampling, v -> h -> v.

    Parameters
    ----------
    v : vector or matrix, shape (n_visible,) or (n_steps, n_visible)
    W : matrix, shape (n_visible, n_hidden)
    bv, bh : vector or matrix, shape (n_visible,) or (n_steps, n_visible), and the same of n_hidden
    rng_h, rng_v : random generators
    visible : {"binary", "gaussian"}

    Returns
    -------
    v : like v
        A sample of v given a sample of h given v.
    next_rng_h, next_rng_v : random generators
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
        Binary frames, time first.
    W : matrix, shape (n_visible, n_hidden)
    bv, bh : vector or matrix, shape (n_visible,) or (n_steps, n_visible), and the same of n_hidden
    visible : {"binary", "gaussian"}
        For Gaussian units see `graphs.gaussian`.

    Returns
    -------
    scalar or vector, shape v.shape[:-1]
        In nats, one a frame: not summed, not averaged.

    Notes
    -----
    The tutorial writes log(1 + exp(x)), which overflows where x > 709 (88 in float32). softplus does not.
    """
    if visible == "gaussian":
        return gaussian_free_energy(v, W, bv, bh)
    return -(v * bv).sum(axis=-1) - pt.softplus(pt.dot(v, W) + bh).sum(axis=-1)


def log_pseudo_likelihood(v, logit):
    """Log-probability of v under independent units, sum_i log p(v_i) where p(v_i = 1) = sigmoid(logit_i).

    The name is the tutorial's. The pseudo-likelihood proper conditions each unit on all others; here the logits say
    what is known, such as one reconstruction of v.

    Parameters
    ----------
    v, logit : vector or matrix, shape (n_visible,) or (n_steps, n_visible)

    Returns
    -------
    scalar or vector, shape v.shape[:-1]
        In nats, one a frame.

    Notes
    -----
    The tutorial writes v log(mean_v) + (1 - v) log(1 - mean_v), which is -inf as soon as one mean rounds to 1 (for
    logit > 19 in Theano) under a v of 0: so did epoch 198 of its published log. log sigmoid(x) = -softplus(-x) is
    the same number wherever that one is finite, and never infinite.
    """
    return -(v * pt.softplus(-logit) + (1 - v) * pt.softplus(logit)).sum(axis=-1)


def _frames(x: TensorVariable) -> TensorVariable:
    """One frame a row, where there are several sequences of them; else the variable itself."""
    return x.reshape((-1, x.shape[-1])) if x.type.ndim == 3 else x


_given_out: weakref.WeakSet[SharedVariable] = weakref.WeakSet()


def _default_rngs() -> Rngs:
    """The four streams of a `build_rbm` that was given none; a warning if another one still draws from such streams."""
    if len(_given_out):
        warnings.warn(
            "build_rbm: two calls without rngs draw the same numbers. Make one `rng = RandomStreams()` for the whole "
            "program, and give each call four streams of it: rngs=rng.rbm()",
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
    """Construct a k-step Gibbs chain that starts at v, and the contrastive divergence of its end.

    Parameters
    ----------
    v : vector, matrix or tensor3, shape (n_visible,), (n_steps, n_visible) or (n_steps, n_sequences, n_visible)
        Where the chain starts: a training frame, or several, each of which starts a chain of its own.
    W : matrix, shape (n_visible, n_hidden)
    bv, bh : vector, matrix or tensor3
        Biases, shared by all frames (vector) or one row a frame (of as many axes as v).
    k : int or integer scalar
        Number of Gibbs steps.
    weights : tensor, shape v.shape[:-1], optional
        Of each frame in the cost and the monitor, which are then weighted sums. Without them, averages.
    rngs : sequence of four random generators, optional
        What the chain draws h and v from, then what the monitor's additional step draws h and v from. Without them,
        the first four of a new `RandomStreams()`: the same numbers in each call, so a second call warns. A program with
        several RBMs makes one ``rng = RandomStreams()`` and gives each of them ``rngs=rng.rbm()``, as the tutorial.
    visible : {"binary", "gaussian"}
        Kind of the visible units: 0 or 1, or real numbers of variance 1 given h; see `graphs.gaussian`.
    particles : tensor like v, optional
        Where the chain starts, instead of v: the ends of earlier chains, for persistent contrastive divergence
        (Tieleman, ICML 2008). Then the monitor is of v and a chain that did not start at v.

    Returns
    -------
    v_sample : like v, one frame a row
        The end of the chain: the negative particles. Not to be differentiated:
        ``pt.grad(cost, params, consider_constant=[v_sample])``.
    cost : scalar
        F(v) - F(v_sample), averaged over frames. Its gradient is the CD-k estimate of that of the negative
        log-likelihood (Hinton 2002).
    monitor : scalar
        Log-probability of v under the reconstruction by one more Gibbs step from v_sample, in nats, averaged over
        frames: rises as the model learns, but is no likelihood. The tutorial calls it the log pseudo-likelihood. For
        Gaussian units the log density of v under what that step reconstructs, log Normal(v; bv + h W', 1).
    updates : dict {random generator: next random generator}
        For `pytensor.function`. The chain's come first.

    Notes
    -----
    The averages are over the rows of a matrix. A vector is one frame, and is not divided by anything.
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
    # A chain is known by its draws. What follows may have none: where v_sample is given, to differentiate the cost. The
    # chain itself has no mark, since PyTensor moves that of a constant v, as in generation, out of its scan too late.
    v = ours(v)

    # The tutorial's additional step draws a v as well, which nothing uses: its stream is never advanced.
    next_rng_h_monitor, h = bernoulli(rng_h_monitor, mean_hidden(v_sample, W, bh))
    monitor = average(log_p(v, visible_logit(h, W, bv)))

    cost = average(free_energy(v, W, bv, bh, visible) - free_energy(v_sample, W, bv, bh, visible))

    v_sample.name, cost.name, monitor.name = "v_sample", "cost", "monitor"

    updates = {rng_h: next_rng_h, rng_v: next_rng_v, rng_h_monitor: next_rng_h_monitor}
    return v_sample, cost, monitor, updates
