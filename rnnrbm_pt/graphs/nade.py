"""NADE: a distribution over binary frames with exact probabilities, samples and gradients.

    p(v) = prod_i p(v_i | v_1, ..., v_{i-1}),  p(v_i = 1 | ...) = sigmoid(bv_i + V_i . sigmoid(a_i)),
    a_i  = bh + sum_{j<i} v_j W_j

sigmoid(a_i) are the hidden units for unit i, given the units before it. The units are in order of pitch. One pass over
the units carries a_i along, so a frame costs O(n_visible n_hidden) operations, like a Gibbs step of an RBM.

Larochelle and Murray, The neural autoregressive distribution estimator, AISTATS 2011.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytensor.tensor as pt
from pytensor import scan
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from rnnrbm_pt.graphs.rbm import floored, log_pseudo_likelihood, mean_hidden
from rnnrbm_pt.graphs.types import Count, Objective, SampleFrames
from rnnrbm_pt.ours import NADE_LOGITS, named_graph, ours
from rnnrbm_pt.streams.draw import bernoulli


def nade_logit(a_i, V_i, bv_i):
    """Log-odds of unit i, log [p(v_i = 1 | v_<i) / p(v_i = 0 | v_<i)], given a_i of shape (n_frames, n_hidden)."""
    return bv_i + pt.dot(pt.sigmoid(a_i), V_i)


def next_a(a_i, v_i, W_i):
    """a_{i+1} = a_i + v_i W_i, with v_i of shape (n_frames,)."""
    return a_i + v_i[:, None] * W_i


def _units_first(bv: TensorVariable, bh: TensorVariable, n_frames: Count) -> tuple[TensorVariable, TensorVariable]:
    """Broadcast biases to all frames: bv with one row per visible unit, to scan over, and bh with one row per frame."""
    bv, bh = (pt.zeros((n_frames, 1), dtype=b.dtype) + b for b in (bv, bh))
    return bv.T, bh  # (n_visible, n_frames), (n_frames, n_hidden)


def _frames(x: TensorVariable) -> TensorVariable:
    """Reshape biases to one frame per row; leave a vector, which all frames share, as it is."""
    return x.reshape((-1, x.shape[-1])) if x.type.ndim != 1 else x


def nade_logits(
    v: TensorVariable, W: TensorVariable, V: TensorVariable, bv: TensorVariable, bh: TensorVariable
) -> TensorVariable:
    """The logit of each unit, given the units before it in the same frame.

    Parameters
    ----------
    v : vector, matrix or tensor3, shape (n_visible,), (n_steps, n_visible) or (n_steps, n_sequences, n_visible)
        Binary frames, time first.
    W : matrix, shape (n_visible, n_hidden)
        Weights from the earlier units to the hidden units.
    V : matrix, shape (n_visible, n_hidden)
        Weights from the hidden units to each unit.
    bv, bh : vector, matrix or tensor3
        Visible and hidden biases: a vector that all frames share, or one row per frame, with as many axes as v.

    Returns
    -------
    tensor like v
        The log-odds log [p(v_i = 1 | v_<i) / p(v_i = 0 | v_<i)].
    """
    frames = v.reshape((-1, v.shape[-1]))
    bv, bh = (pt.zeros((frames.shape[0], 1), dtype=b.dtype) + _frames(b) for b in (bv, bh))
    return named_graph(NADE_LOGITS, [frames, W, V, bv, bh], pass_over_units).reshape(v.shape)


def pass_over_units(
    v: TensorVariable, W: TensorVariable, V: TensorVariable, bv: TensorVariable, bh: TensorVariable
) -> TensorVariable:
    """Compute the logits of `nade_logits` in one scan over the units. v, bv and bh have one row per frame."""
    logits, _ = scan(
        lambda v_i, W_i, V_i, bv_i, a_i: (nade_logit(a_i, V_i, bv_i), next_a(a_i, v_i, W_i)),
        sequences=[ours(v).T, W, V, bv.T],
        outputs_info=[None, bh],
        strict=True,
        return_updates=False,
        name="nade",
    )
    return logits.T


def sample_nade(
    rng: Variable,
    n_frames: Count,
    W: TensorVariable,
    V: TensorVariable,
    bv: TensorVariable,
    bh: TensorVariable,
    *,
    floor: TensorVariable | None = None,
) -> tuple[TensorVariable, TensorVariable, Variable]:
    """Draw exact samples of frames, in one pass over the units.

    Parameters
    ----------
    rng : random generator
    n_frames : int or integer scalar
        Number of frames to draw.
    W, V : matrices, shape (n_visible, n_hidden)
        See `nade_logits`.
    bv, bh : vectors or matrices
        Biases: vectors that all frames share, or matrices with one row per frame.
    floor : scalar, optional
        The smallest probability with which a unit may be 1, or 0; see `floored`. By default, any.

    Returns
    -------
    v : matrix, shape (n_frames, n_visible)
        Binary frames.
    mean_v : matrix like v
        The probability p(v_i = 1 | v_<i) with which each unit was drawn. Averaged over samples it estimates E[v], with
        less variance than the average of v.
    next_rng : random generator
    """
    bv, a_1 = _units_first(bv, bh, n_frames)

    def unit(W_i, V_i, bv_i, a_i, rng, *floor):
        p = pt.sigmoid(nade_logit(a_i, V_i, bv_i))
        next_rng, v_i = bernoulli(rng, p)
        v_i = floored(v_i, p, *floor) if floor else v_i
        return v_i, p, next_a(a_i, v_i, W_i), next_rng

    v, mean_v, _, next_rng = scan(
        unit,
        sequences=[W, V, bv],
        outputs_info=[None, None, a_1, rng],
        non_sequences=[] if floor is None else [floor],
        strict=True,
        return_updates=False,
        n_steps=W.shape[0],
        name="nade_sample",
    )
    return v.T, mean_v.T, next_rng


def build_nade(
    v: TensorVariable,
    W: TensorVariable,
    V: TensorVariable,
    bv: TensorVariable,
    bh: TensorVariable,
    *,
    weights: TensorVariable | None = None,
    logits_of: Callable[..., TensorVariable] = nade_logits,
) -> Objective:
    """Construct the exact negative log-likelihood of frames under a NADE, in the form of `build_rbm`.

    Parameters
    ----------
    v : vector, matrix or tensor3, shape (n_visible,), (n_steps, n_visible) or (n_steps, n_sequences, n_visible)
        Training frames.
    W, V : matrices, shape (n_visible, n_hidden)
        See `nade_logits`.
    bv, bh : vector, matrix or tensor3
        Visible and hidden biases: a vector that all frames share, or one row per frame, with as many axes as v.
    weights : tensor, shape v.shape[:-1], optional
        Weight of each frame: the cost and the monitor are weighted sums over frames. By default, they are averages.
    logits_of : callable
        Function that computes the logits, with the arguments of `nade_logits`.

    Returns
    -------
    v_sample : tensor like v
        The probability of each unit of v, given the units before it. It takes the place of an RBM's negative particles,
        which a NADE does not need. The cost does not depend on it, so holding it constant changes nothing.
    cost : scalar
        -log p(v) in nats, averaged over frames. Its gradient is exact.
    monitor : scalar
        log p(v) in nats, averaged over frames.
    updates : dict
        Empty, since nothing is drawn.
    """
    logits = logits_of(v, W, V, bv, bh)
    log_p = log_pseudo_likelihood(v, logits)  # exact here: each logit is conditioned on the units before it
    monitor = log_p.mean() if weights is None else (log_p * weights).sum()
    v_sample, cost = pt.sigmoid(logits), -monitor
    v_sample.name, cost.name, monitor.name = "v_sample", "cost", "monitor"
    return v_sample, cost, monitor, {}


class Conditionals(NamedTuple):
    """The functions that define a kind of NADE."""

    logits: Callable[..., TensorVariable] = nade_logits
    """The logit of each unit given the units before it; see `nade_logits`."""
    sample: SampleFrames = sample_nade
    """Draws frames; see `sample_nade`."""
    mean_h: Callable[..., TensorVariable] = mean_hidden
    """mean_h(v, W, bh) -> the hidden units for given frames."""


PLAIN = Conditionals()
"""The functions of the NADE of this module."""
